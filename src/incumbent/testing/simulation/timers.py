"""Calls at a reading of a process's clock, which may change its pace, jump or stand still meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from incumbent.testing.simulation.runtime import Process

GONE: Final = -1


class SimulatedTimer:
    """A call at a reading of the process's clock.

    Attributes:
        stamp: Counts how often its true time was found; `GONE` when it has fired or is cancelled.
    """

    __slots__ = ("_process", "action", "at", "stamp")

    def __init__(self, process: Process, at: int, action: Callable[[], None]) -> None:
        self._process = process
        self.at: int = at
        self.action: Callable[[], None] = action
        self.stamp: int = 0

    def cancel(self) -> None:
        """Forget it."""
        self.stamp = GONE
        self._process.timers.pop(self, None)

    def ring(self, stamp: int) -> None:
        """Fire, unless it was cancelled, or its time was found anew."""
        process = self._process
        if self.stamp == stamp and process is process.participant.host:
            process.enter(self.fire)
        else:
            process.world.queue.happened -= 1  # nothing happened

    def fire(self) -> None:
        """Call it, unless it was cancelled while the process was paused."""
        if self._process.timers.pop(self, self) is None:
            self.stamp = GONE
            self.action()


def is_timer(action: Callable[[], None]) -> bool:
    """Whether it is a timer that fires."""
    return isinstance(getattr(action, "__self__", None), SimulatedTimer)
