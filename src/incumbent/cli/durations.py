"""Durations as people write them: `90`, `1.5`, `200ms`, `15s`, `2m`, `1h`; times of day; fractions: `1%`;
addresses: `:8008`.
"""

from __future__ import annotations

import argparse
import re
from datetime import datetime, timezone
from typing import Final

_UNITS: Final = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION: Final = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,15})?)(ms|s|m|h|)")
_FRACTION: Final = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,15})?)(%|ppm|)")
_ADDRESS: Final = re.compile(r"([\w.-]*|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})", re.ASCII)
_LAST_PORT: Final = 65535
_PARTS: Final = {"": 1.0, "%": 0.01, "ppm": 1e-6}
_LONGEST: Final = 1e9
"""Seconds: thirty years, as everywhere in this library."""

LOOPBACK: Final = "127.0.0.1"
"""Where no host is given: what is told there needs no password, so nobody else hears it by default."""

_LAST_YEAR: Final = 8998
"""Of all that records hold (`incumbent.lease.LATEST_TIME`)."""


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


def time_to_come(text: str) -> datetime:
    """A time in ISO 8601, of this machine's time zone unless it says another; in UTC.

    Raises:
        argparse.ArgumentTypeError: It is none, or over by this machine's clock.
    """
    try:
        time = datetime.fromisoformat(re.sub("[Zz]$", "+00:00", text)).astimezone(timezone.utc)
    except (ArithmeticError, ValueError, OSError):
        time = datetime.min.replace(tzinfo=timezone.utc)
    if not datetime.now(timezone.utc) < time or time.year > _LAST_YEAR:
        from incumbent.shown import shown  # noqa: PLC0415 - only a mistake needs it

        raise argparse.ArgumentTypeError(
            f"{shown(text)} is no time to come: give one such as 2030-12-31T06:00 or 2030-12-31T06:00+01:00"
        )
    return time


def fraction(text: str) -> float:
    """Read the number below 1 that `0.01`, `1%` and `10000ppm` all write.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    found = _FRACTION.fullmatch(text)
    value = float(found[1]) * _PARTS[found[2]] if found else 1.0
    if value >= 1:
        from incumbent.shown import shown  # noqa: PLC0415 - only a mistake needs it

        raise argparse.ArgumentTypeError(
            f"{shown(text)} is no fraction below 1: give one such as 0.01, 1% or 200ppm"
        )
    return value


def address(text: str) -> tuple[str, int]:
    """Read the host and the port of `[HOST]:PORT`; without a host it is of this machine alone.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    found = _ADDRESS.fullmatch(text)
    port = int(found[2]) if found else _LAST_PORT + 1
    if found is None or port > _LAST_PORT:
        from incumbent.shown import typed  # noqa: PLC0415 - only a mistake needs it

        raise argparse.ArgumentTypeError(
            f"{typed(text)} is no address: give one such as :8008, 0.0.0.0:8008 or [::]:8008"
        )
    return found[1].strip("[]") or LOOPBACK, port
