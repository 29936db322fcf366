"""The folder of `incumbent run --trace`, in which each process has a file. It never costs an election."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from incumbent.errors import ConfigurationError
from incumbent.shown import typed

log: Final = logging.getLogger("incumbent.run")


def folder(given: str | None) -> Path | None:
    """Make the folder, if need be; None, and a line in the log, if that is impossible.

    Raises:
        ConfigurationError: It is a file.
    """
    if given is None:
        return None
    place = Path(given)
    if given == "" or place.is_file():
        raise ConfigurationError(
            f"trace {typed(given)} is no folder: give one, each process has a file in it"
        )
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:  # such as a full disk: an election goes on without
        log.error("no trace is written: %s", error)  # noqa: TRY400  # where it came from is no news
        return None
    return place
