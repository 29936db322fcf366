"""The trace of `incumbent run`: a file of each process in one folder. It never costs an election."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Final

from incumbent.clock import SYSTEM_CLOCK
from incumbent.core.elector import Elector
from incumbent.core.messages import Effects, Input
from incumbent.errors import ConfigurationError
from incumbent.shown import typed
from incumbent.store import LeaseStore

if TYPE_CHECKING:
    from incumbent.runtime.trace import Trace

log: Final = logging.getLogger("incumbent.run")


class FolderTrace:
    """A trace in a folder, which is made when the run begins.

    If that is impossible, as on a full disk, there is none, and a line in the log.

    Raises:
        ConfigurationError: The folder is a file.
    """

    def __init__(self, folder: str, store: LeaseStore) -> None:
        self._folder = Path(folder)
        if folder == "" or self._folder.is_file():
            raise ConfigurationError(
                f"trace {typed(folder)} is no folder: give one, each process has a file in it"
            )
        self._store = store
        self._trace: Trace | None = None

    def began(self, elector: Elector) -> None:
        """A run begins."""
        from incumbent.runtime.trace import opened  # noqa: PLC0415 - only who wants a trace needs it

        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._trace = opened(self._folder, self._store, elector.config.identity, SYSTEM_CLOCK)
        except OSError as error:
            log.error("no trace is written: %s", error)  # noqa: TRY400  # where it came from is no news
        if self._trace is not None:
            self._trace.began(elector)

    def handled(self, event: Input, now: int, effects: Effects) -> None:
        """An input was handled."""
        if self._trace is not None:
            self._trace.handled(event, now, effects)

    def close(self) -> None:
        """The run is over."""
        if self._trace is not None:
            self._trace.close()


def traces_of(arguments: argparse.Namespace, store: LeaseStore, lease: str) -> list[Trace]:
    """What is told each step of a contender: a record in a folder, and metrics, as far as they are asked for.

    Raises:
        ConfigurationError: The folder is a file, or a package is missing.
    """
    traces: list[Trace] = []
    if arguments.trace is not None:
        traces.append(FolderTrace(arguments.trace, store))
    if arguments.metrics:
        try:
            from incumbent.prometheus import Metrics  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise ConfigurationError(
                "--metrics needs prometheus-client: pip install 'incumbent[prometheus]'"
            ) from error
        traces.append(Metrics(lease))
    return traces
