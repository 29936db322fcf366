"""One thread per clock, shared by all campaigns of the process: it alone handles electors.

Whatever happens elsewhere (a store's answer, the end of some work, a wish) is posted to it as an action, so
no elector needs a lock.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from incumbent.clock import Clock
from incumbent.lease import NANOSECONDS, to_ns
from incumbent.runtime import threads

logger: Final = logging.getLogger("incumbent")

_FEW: Final = 64
"""Timers, cancelled ones among them, that are not worth looking through, nor worth one wake-up for many."""

_SHORTEST_WAIT_S: Final = 0.001
"""Where there are more timers than a few: those that come due within it are served by one wake-up, which
costs as much as a renewal does."""


class Timer:
    """An action to come, unless it is cancelled."""

    __slots__ = ("action", "at")

    def __init__(self, at: int, action: Callable[[], None]) -> None:
        self.at: int = at
        self.action: Callable[[], None] | None = action

    def cancel(self) -> None:
        """Forget the action. To be called on the scheduler's thread."""
        self.action = None


class Scheduler:
    """Runs actions one after the other: posted ones as they come, timed ones at their instant.

    Args:
        clock: What it keeps time by.

    Attributes:
        thread: Handles, or waits on the clock.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed = threads.condition()
        self._inbox: deque[Callable[[], None]] = deque()
        self._timers: list[tuple[int, int, Timer]] = []
        self._sequence = itertools.count()
        self._crowded = _FEW
        self._closing = False
        self._latest = self.now()
        self._epoch: datetime | None = None
        self._backwards: dict[Callable[[], None], None] = {}
        self.thread: threading.Thread = threads.thread("scheduler", self._run)

    def start(self) -> None:
        """Start the thread."""
        self.thread.start()

    def close(self) -> None:
        """Run what was posted, then end the thread, and wait for that."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if threads.current() is not self.thread:
            self.thread.join()

    def now(self) -> int:
        """The clock's reading in nanoseconds."""
        return to_ns(self._clock.now())

    def epoch(self) -> datetime:
        """The UTC time at which the clock read 0, as it was when the scheduler's thread last woke."""
        epoch = self._epoch
        if epoch is None:
            epoch = self._epoch = self._clock.utcnow() - timedelta(seconds=self._clock.now())
        return epoch

    def post(self, action: Callable[[], None]) -> None:
        """Have the scheduler's thread run `action` soon; nothing happens after `close`. From any thread."""
        self._take(action)

    def _take(self, action: Callable[[], None]) -> bool:
        with self._changed:
            if self._closing:
                return False
            self._inbox.append(action)
            self._changed.notify_all()
            return True

    def call(self, action: Callable[[], None]) -> None:
        """Have the scheduler's thread run `action` and wait until it has. From any other thread."""
        done = threads.event()

        def run() -> None:
            try:
                action()
            finally:
                done.set()

        if self._take(run):
            done.wait()

    def call_at(self, at: int, action: Callable[[], None]) -> Timer:
        """Run `action` at the instant `at` or as soon after it as possible. On the scheduler's thread."""
        if len(self._timers) >= self._crowded:
            self._timers = [entry for entry in self._timers if entry[2].action is not None]
            heapq.heapify(self._timers)
            self._crowded = max(_FEW, 2 * len(self._timers))
        timer = Timer(at, action)
        heapq.heappush(self._timers, (at, next(self._sequence), timer))
        return timer

    def when_clock_goes_back(self, action: Callable[[], None], *, forget: bool = False) -> None:
        """Run `action` when the clock is found to have gone backwards. On the scheduler's thread."""
        if forget:
            self._backwards.pop(action, None)
        else:
            self._backwards[action] = None

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._inbox and not self._closing and not self._is_due() and not self._is_back():
                    self._clock.wait(self._changed, self._time_left())
                if self._closing and not self._inbox:
                    return
                inbox, self._inbox = self._inbox, deque()
            went_back, self._latest, self._epoch = self._is_back(), self.now(), None
            for action in (*(self._backwards if went_back else ()), *inbox):
                _run_guarded(action)
            # Not what comes due meanwhile: on a busy machine that may be always, and the posted would starve.
            due_by = self._latest
            while self._is_due(due_by):
                action_due = heapq.heappop(self._timers)[2].action
                if action_due is not None:
                    _run_guarded(action_due)

    def _is_due(self, by: int | None = None) -> bool:
        while self._timers and self._timers[0][2].action is None:
            heapq.heappop(self._timers)
        return bool(self._timers) and self._timers[0][0] <= (self.now() if by is None else by)

    def _is_back(self) -> bool:
        return self.now() < self._latest

    def _time_left(self) -> float | None:
        if not self._timers:
            return None
        left = (self._timers[0][0] - self.now()) / NANOSECONDS
        return left if len(self._timers) <= _FEW else max(left, _SHORTEST_WAIT_S)


def _run_guarded(action: Callable[[], None]) -> None:
    try:
        action()
    except Exception:
        # P13: nothing ends this thread. Drivers guard themselves, so this is a defect; others go on.
        with suppress(Exception):
            logger.exception("an action of the scheduler failed")


class _Shared:
    """The scheduler of each clock, as long as somebody uses it."""

    def __init__(self) -> None:
        self._lock = threads.lock()
        self._users: dict[int, tuple[Clock, Scheduler, int]] = {}

    def acquire(self, clock: Clock) -> Scheduler:
        with self._lock:
            entry = self._users.get(id(clock))
            if entry is None:
                scheduler = Scheduler(clock)
                scheduler.start()
            else:
                scheduler = entry[1]
            self._users[id(clock)] = (clock, scheduler, 1 if entry is None else entry[2] + 1)
            return scheduler

    def release(self, clock: Clock) -> None:
        with self._lock:
            _, scheduler, users = self._users[id(clock)]
            if users > 1:
                self._users[id(clock)] = (clock, scheduler, users - 1)
                return
            del self._users[id(clock)]
        scheduler.close()

    def thread_of(self, clock: Clock) -> threading.Thread | None:
        """The thread that handles what is timed by `clock`, if there is one."""
        with self._lock:
            entry = self._users.get(id(clock))
        return None if entry is None else entry[1].thread


shared: Final = _Shared()
waits: Final = _Shared()
"""Keeps the time of waits that have no thread, apart: a store that hangs delays none of them."""


def forget_all() -> None:
    """In a forked child: the threads stayed with the parent, and so do their locks."""
    for each in (shared, waits):
        each.__init__()  # type: ignore[misc]  # a new lock and an empty table, in place
