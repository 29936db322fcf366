"""True time, and all that is to happen in it."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any


class EventQueue:
    """Events by their true times, in nanoseconds.

    Args:
        mix: Decides the order of simultaneous events.

    Attributes:
        now: The true time, which nobody in the world knows.
        happened: How many events have happened.
    """

    __slots__ = ("_heap", "_mix", "_rank", "happened", "now")

    def __init__(self, mix: int) -> None:
        self.now: int = 0
        self.happened: int = 0
        self._heap: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._rank = 0
        self._mix = mix

    def push(self, at: int, action: Callable[..., None], given: tuple[Any, ...] = ()) -> None:
        """Have `action(*given)` done at the true time `at`."""
        self._rank += 1
        heappush(self._heap, (at, self._rank ^ self._mix, action, given))

    def run_until(self, at: int) -> None:
        """Let everything happen that is due by the true time `at`."""
        heap = self._heap
        while heap and heap[0][0] <= at:
            self.now, _, action, given = heappop(heap)
            self.happened += 1
            action(*given)
        self.now = max(self.now, at)
