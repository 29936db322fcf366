"""File descriptors: standard input, output and error are there, and others are passed on to the command."""

from __future__ import annotations

import os
import sys
from typing import Final

FIRST: Final = 3
"""Those below are standard input, output and error."""


def open_missing_streams() -> None:
    """Open the null device in place of each standard stream that is closed, also for the command.

    Else a pipe or a file that is opened next would be taken for it.
    """
    for descriptor in range(FIRST):
        if _is_closed(descriptor):
            opened = os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free
            os.set_inheritable(opened, True)
    sys.stdin = sys.stdin or open(0, closefd=False)  # noqa: SIM115 - for as long as this process lives
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115 - the same
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115 - the same


def inherited() -> list[int]:
    """List those from 3 on that this process was started with: what Python opens is not inheritable."""
    listed = os.listdir("/proc/self/fd" if sys.platform == "linux" else "/dev/fd")  # noqa: PTH208 - `--help` does without pathlib
    return [each for each in sorted(map(int, listed)) if each >= FIRST and _is_inheritable(each)]


def listening() -> list[int]:
    """List the sockets that systemd has passed to this process; see sd_listen_fds(3)."""
    count = os.environ.get("LISTEN_FDS", "")
    if os.environ.get("LISTEN_PID") != str(os.getpid()) or not count.isdecimal():
        return []
    return [each for each in inherited() if each < FIRST + int(count)]


def _is_closed(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return True
    return False


def _is_inheritable(descriptor: int) -> bool:
    return not _is_closed(descriptor) and os.get_inheritable(descriptor)
