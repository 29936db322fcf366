"""Orphans that were given to this process, as PID 1 of a container or by `adopt_orphans`, are reaped."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from typing import Final

from incumbent.cli import tree

PATIENCE: Final = 1.0
"""Seconds after which a dead child is taken for an orphan: whoever started it waits for it sooner."""


class Reaper:
    """Reaps those dead children that nobody in this process waits for.

    Clients of stores start programs as well (such as plugins for credentials), and wait for them: what such a
    program ended with must not be taken from them.
    """

    def __init__(self) -> None:
        self._dead: set[int] = set()
        self._next_look = 0.0

    def look(self) -> float | None:
        """Reap what was dead at the last look, too; return in how many seconds to look again, if at all."""
        if not _has_dead_child():
            self._dead.clear()
            return None
        now = time.monotonic()
        if now >= self._next_look:
            dead = {process.pid for process in tree.descendants() if process.is_dead_child}
            for pid in dead & self._dead:
                tree.reap(pid)
            self._dead = dead - self._dead
            self._next_look = now + PATIENCE
        return self._next_look - now


def _has_dead_child() -> bool:
    if sys.platform == "linux":
        with suppress(ChildProcessError):
            return os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    return False
