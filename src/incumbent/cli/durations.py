"""Durations as people write them: `90`, `1.5`, `200ms`, `15s`, `2m`, `1h`."""

from __future__ import annotations

import argparse
import re
from typing import Final

_UNITS: Final = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION: Final = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,15})?)(ms|s|m|h|)")
_LONGEST: Final = 1e9
"""Seconds: thirty years, as everywhere in this library."""


def duration(text: str) -> float:
    """The number of seconds.

    Raises:
        argparse.ArgumentTypeError: It is no duration.
    """
    found = _DURATION.fullmatch(text)
    seconds = float(found[1]) * _UNITS[found[2]] if found else _LONGEST + 1
    if seconds > _LONGEST:
        from incumbent.shown import typed  # noqa: PLC0415 - only a mistake needs it

        raise argparse.ArgumentTypeError(
            f"{typed(text)} is no duration: give 0 or more, such as 90, 90s, 10m, 1h or 500ms"
        )
    return seconds


def positive_duration(text: str) -> float:
    """The same, above 0."""
    seconds = duration(text)
    if seconds == 0:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time at all: give more than 0, such as 90, 90s, 10m, 1h or 500ms"
        )
    return seconds
