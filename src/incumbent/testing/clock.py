"""A clock that stands still until it is told to move, for tests of anything that waits."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Final

from incumbent.errors import ConfigurationError
from incumbent.lease import NANOSECONDS, to_ns
from incumbent.runtime import pools, scheduler

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)
_GRACE_S: Final = 1.0
"""Real seconds granted to a woken thread that neither waits on the clock again nor ends, and to a store."""

_MOST_ROUNDS: Final = 100
"""Tasks that ask threads for something again and again are left behind after so many."""


class _Waiter:
    """One wait on the clock: until when, how to end it, and on what condition, if a thread waits."""

    __slots__ = ("condition", "due_ns", "thread", "wake")

    def __init__(
        self, due_ns: int | None, wake: Callable[[], object], condition: threading.Condition | None = None
    ) -> None:
        self.due_ns = due_ns
        self.wake = wake
        self.condition = condition
        self.thread = threading.current_thread()


class FakeClock:
    """Time that passes only in `advance` and `jump`. Nothing sleeps for real.

    Hand it to whatever takes a `Clock`, and to your own code under test::

        clock = FakeClock()
        thread = threading.Thread(target=retry_with_pauses, args=(clock,))
        thread.start()
        clock.wait_for_waiters(1)      # it has reached its first clock.sleep(5)
        clock.advance(5)               # it wakes, reads 5.0, and waits again or ends

    Args:
        start: The first reading, in seconds.
        rate: How many seconds it reads per second advanced: 1.01 is a clock that runs fast by 1 %.

    All readings are whole nanoseconds, so exact comparisons are safe.
    """

    def __init__(self, start: float = 0.0, *, rate: float = 1.0) -> None:
        self._now_ns = to_ns(start)
        self._changed = threading.Condition()
        self._waiters: list[_Waiter] = []
        self._enlisted = 0  # so many ever were
        self._running: dict[threading.Thread, float] = {}
        self.rate = rate

    @property
    def rate(self) -> float:
        """Seconds read per second advanced; may be set at any time."""
        return self._rate

    @rate.setter
    def rate(self, rate: float) -> None:
        if not rate > 0:
            raise ConfigurationError(
                f"rate is {rate!r}: give a number above 0; to stop a clock, do not advance it"
            )
        self._rate = rate

    def now(self) -> float:
        """The reading, in seconds."""
        return self._now_ns / NANOSECONDS

    def utcnow(self) -> datetime:
        """The reading as a time of day, on 1 January 1970."""
        return _EPOCH + timedelta(microseconds=self._now_ns // 1000)

    def advance(self, seconds: float) -> None:
        """Let time pass, waking every waiter at its own instant and in order.

        A woken thread has read its own instant, and waits on this clock again or has ended, before time
        moves on; so has a thread whose wait was ended by a notification. One that does neither is left
        behind after a second of real time. So is a campaign's call to its store: it is answered before time
        moves on, unless it hangs.

        Raises:
            ConfigurationError: `seconds` is negative. Time passes forwards; a clock that does not is `jump`.
        """
        if seconds < 0:
            raise ConfigurationError(
                f"advance({seconds!r}): time passes forwards; to set a clock back, use jump"
            )
        target_ns = self._now_ns + to_ns(seconds * self._rate)
        while True:
            self._settle()
            with self._changed:
                due = self._due_by(target_ns)
                if not due:
                    self._now_ns = max(self._now_ns, target_ns)
                    return
                first = min(due, key=_due)
                self._now_ns = max(self._now_ns, _due(first))
                self._wakes(first)
            first.wake()

    def jump(self, seconds: float) -> None:
        """Set the reading forwards or back at once, as a suspended machine or a broken clock does.

        Whoever is due by then wakes, all at the new reading; if it goes back, everybody does.
        """
        with self._changed:
            self._now_ns += to_ns(seconds)
            due = self._due_by(self._now_ns) if seconds >= 0 else list(self._waiters)
            for waiter in due:
                self._wakes(waiter)
        for waiter in due:
            waiter.wake()
        self._settle()

    def wait(self, condition: threading.Condition, timeout: float | None) -> None:
        """Release `condition`, which the caller holds, until it is notified or the time has come.

        May return early, like any wait on a condition: look again.
        """

        def wake() -> None:
            with condition:
                condition.notify_all()

        due_ns = None if timeout is None else self._now_ns + to_ns(timeout)
        if due_ns is not None and due_ns <= self._now_ns:
            return
        waiter = self._enlist(_Waiter(due_ns, wake, condition))
        try:
            condition.wait()
        finally:
            self._leave(waiter)

    def sleep(self, seconds: float) -> None:
        """Block this thread until `seconds` have been advanced."""
        woken = threading.Condition()
        until_ns = self._now_ns + to_ns(seconds)
        with woken:
            while self._now_ns < until_ns:
                self.wait(woken, (until_ns - self._now_ns) / NANOSECONDS)

    async def sleep_async(self, seconds: float) -> None:
        """Suspend this task until `seconds` have been advanced, by `advance_async` or from another thread."""
        until_ns = self._now_ns + to_ns(seconds)
        loop = asyncio.get_running_loop()
        while self._now_ns < until_ns:
            woken = asyncio.Event()
            waiter = self._enlist(_Waiter(until_ns, partial(loop.call_soon_threadsafe, woken.set)))
            try:
                await woken.wait()
            finally:
                self._leave(waiter)

    async def advance_async(self, seconds: float) -> None:
        """`advance` for tests inside an event loop: tasks woken on the way run at their own instants."""
        if seconds < 0:
            raise ConfigurationError(f"advance_async({seconds!r}): time passes forwards")
        target_ns = self._now_ns + to_ns(seconds * self._rate)
        while True:
            await self._settle_tasks()
            with self._changed:
                dues = [_due(waiter) for waiter in self._due_by(target_ns)]
            step_ns = min(dues, default=target_ns)
            await asyncio.to_thread(self.advance, (step_ns - self._now_ns) / NANOSECONDS / self._rate)
            if not dues:
                await self._settle_tasks()
                return

    async def _settle_tasks(self) -> None:
        """Let tasks run until they wait again, and threads until they have done what the tasks asked of them.

        A task that waits by a campaign's clock asks the campaign's thread for that, which wakes it, too.
        """
        enlisted = -1
        for _ in range(_MOST_ROUNDS):
            if enlisted == self._enlisted:
                return
            enlisted = self._enlisted
            for _ in range(10):
                await asyncio.sleep(0)
            await asyncio.to_thread(self._settle)

    def wait_for_waiters(self, n: int, timeout: float = 5.0) -> None:
        """Block, in real time, until at least `n` threads or tasks wait on this clock.

        Raises:
            TimeoutError: They did not within `timeout` real seconds.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._waiters) >= n, timeout):
                raise TimeoutError(
                    f"{len(self._waiters)} of {n} waiters came within {timeout} s of real time: {self!r}"
                )

    def _due_by(self, instant_ns: int) -> list[_Waiter]:
        return [
            waiter for waiter in self._waiters if waiter.due_ns is not None and waiter.due_ns <= instant_ns
        ]

    def _enlist(self, waiter: _Waiter) -> _Waiter:
        with self._changed:
            self._running.pop(waiter.thread, None)
            self._waiters.append(waiter)
            self._enlisted += 1
            self._changed.notify_all()
        return waiter

    def _leave(self, waiter: _Waiter) -> None:
        with self._changed:
            if waiter in self._waiters:  # it was notified, not woken by the clock
                self._wakes(waiter)

    def _wakes(self, waiter: _Waiter) -> None:
        self._waiters.remove(waiter)
        if waiter.condition is not None:
            self._running[waiter.thread] = time.monotonic() + _GRACE_S

    def _settle(self) -> None:
        """Wait, in real time, until every thread that left a wait waits again, ended, or used up its grace.

        So that time overtakes nobody: neither a thread that the clock woke, nor one that was notified, nor
        a campaign that begins, nor its store.
        """
        me = threading.current_thread()
        with self._changed:
            campaigns = scheduler.shared.thread_of(self)
            if campaigns is not None and all(waiter.thread is not campaigns for waiter in self._waiters):
                self._running.setdefault(campaigns, time.monotonic() + _GRACE_S)
            while True:
                now = time.monotonic()
                for thread, until in list(self._running.items()):
                    if thread is me or not thread.is_alive() or now >= until:
                        del self._running[thread]
                # The pools first: a store's answer notifies a waiter before its call has ended.
                is_at_rest = not pools.shared.is_busy(_GRACE_S) and not self._running
                if is_at_rest and not any(_was_notified(waiter) for waiter in self._waiters):
                    return
                self._changed.wait(0.001)

    def __repr__(self) -> str:
        return f"<FakeClock at {self.now()} s, {len(self._waiters)} waiting>"


def _was_notified(waiter: _Waiter) -> bool:
    """Whether the thread is on its way into or out of its wait. The standard library keeps this to itself."""
    return waiter.condition is not None and not getattr(waiter.condition, "_waiters", True)


def _due(waiter: _Waiter) -> int:
    assert waiter.due_ns is not None  # noqa: S101  # asked only of waiters that have one
    return waiter.due_ns
