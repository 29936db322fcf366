"""A record of all that an elector was told and answered, as NDJSON: to be looked at, or held to the protocol.

A recorded run can be checked step by step against the proof's actions (`specs/conformance.py`), whatever
store and machine it came from.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from os import PathLike
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol, get_args, runtime_checkable

from incumbent.config import ElectorConfig
from incumbent.core import messages
from incumbent.core.elector import Elector
from incumbent.core.messages import Effects, Input
from incumbent.lease import StoredLease, StoreGuarantees
from incumbent.runtime.codec import decode, line

logger: Final = logging.getLogger("incumbent")


class Began(NamedTuple):
    """A run begins: whose, and by which settings."""

    session: str
    config: ElectorConfig


class Handled(NamedTuple):
    """One input and all that it brought about; `now` is in nanoseconds."""

    now: int
    event: Input
    effects: Effects


_VALUES: Final[tuple[type[Any], ...]] = (
    *(ElectorConfig, StoreGuarantees, StoredLease, messages.Transition, messages.Effects),
    *(*get_args(messages.Input), *get_args(messages.Request), *get_args(messages.Notice)),
)
_MAKERS: Final[dict[str, Callable[..., Any]]] = {kind.__name__: kind for kind in (*_VALUES, Began, Handled)}


@runtime_checkable
class Trace(Protocol):
    """Receives each step of a driver's elector, at once, on the thread that keeps the time.

    So each method returns soon. What it raises is a line in the log (P13).
    """

    def began(self, elector: Elector) -> None:
        """A run begins."""

    def handled(self, event: Input, now: int, effects: Effects) -> None:
        """An input was handled; nothing of it was carried out yet."""

    def close(self) -> None:
        """The run is over."""


class TraceWriter:
    """Appends runs to a file, line by line: a process that is killed leaves all but its last.

    A file that cannot be written to any more costs the rest of the trace, and a line in the log.

    Raises:
        OSError: The file cannot be opened.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self._lock = threading.Lock()
        self._file = Path(path).open("a", encoding="utf-8", buffering=1)  # noqa: SIM115  # see close
        self._is_open = True

    def began(self, elector: Elector) -> None:
        """A run begins."""
        self._write(Began(elector.session, elector.config))

    def handled(self, event: Input, now: int, effects: Effects) -> None:
        """An input was handled."""
        self._write(Handled(now, event, effects))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        self._is_open = False
        with suppress(OSError):  # what could not be written is not written now
            self._file.close()

    def _write(self, record: Began | Handled) -> None:
        with self._lock:
            if not self._is_open:
                return
            try:
                self._file.write(line(record))
            except OSError as error:
                self._end()
                with suppress(Exception):
                    logger.error("the trace ends here: %s", error)  # noqa: TRY400  # where it came from is no news


class _Guarded:
    """Another's trace: what that raises costs nobody the lease (P13)."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace

    def began(self, elector: Elector) -> None:
        self._tell(self._trace.began, elector)

    def handled(self, event: Input, now: int, effects: Effects) -> None:
        self._tell(self._trace.handled, event, now, effects)

    def close(self) -> None:
        self._tell(self._trace.close)

    def _tell(self, method: Callable[..., None], *arguments: object) -> None:
        try:
            method(*arguments)
        except Exception:
            with suppress(Exception):
                logger.exception("a trace failed")


def opened(trace: str | PathLike[str] | Trace | None) -> Trace | None:
    """What a campaign tells its steps to: a file of that name, or what it was given.

    Raises:
        OSError: The file cannot be opened.
    """
    if trace is None:
        return None
    return _Guarded(trace) if isinstance(trace, Trace) else TraceWriter(trace)


def read_trace(path: str | PathLike[str]) -> Iterator[tuple[Began, list[Handled]]]:
    """The runs in a file, in order; a last line that a killed process left unfinished is passed over.

    Raises:
        ValueError: The file is no trace.
    """
    began: Began | None = None
    steps: list[Handled] = []
    for written in Path(path).read_text("utf-8").splitlines(keepends=True):
        if not written.endswith("\n"):
            break
        record = decode(json.loads(written), _MAKERS)
        if isinstance(record, Began):
            if began is not None:
                yield began, steps
            began, steps = record, []
        elif isinstance(record, Handled) and began is not None:
            steps.append(record)
        else:
            raise ValueError(f"{path} is no trace: it has {record!r} where a run should begin")
    if began is not None:
        yield began, steps
