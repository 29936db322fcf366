"""Waiting on an event loop for what threads do, and by a campaign's clock, without a thread for each wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from incumbent.lease import to_ns
from incumbent.runtime.callables import check_timeout
from incumbent.runtime.listeners import Listeners
from incumbent.runtime.scheduler import Scheduler, Timer


class Timeout:
    """Passes once, by the clock of a scheduler, which may be a fake one.

    Attributes:
        has_passed: That it has.
    """

    def __init__(self, waits: Scheduler, seconds: float) -> None:
        self.has_passed: bool = seconds <= 0
        self._waits = waits
        self._at = waits.now() + to_ns(seconds)
        self._timer: Timer | None = None

    def start(self, then: Callable[[], object]) -> None:
        """Call `then` when it has passed, unless it was cancelled."""
        self._waits.post(partial(self._set, then))

    def cancel(self) -> None:
        """Leave nothing behind."""
        self._waits.post(self._forget)

    def _set(self, then: Callable[[], object]) -> None:
        self._timer = self._waits.call_at(self._at, partial(self._pass, then))

    def _pass(self, then: Callable[[], object]) -> None:
        self.has_passed = True
        then()

    def _forget(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


def timeout_of(waits: Scheduler, seconds: Any) -> Timeout | None:
    """Make a timeout of what a user gave; None: there is none.

    Raises:
        ConfigurationError: It is no number of seconds.
    """
    if seconds is None:
        return None
    check_timeout(seconds)
    return Timeout(waits, max(seconds, 0.0))


async def until(is_enough: Callable[[], bool], changes: Listeners, timeout: Timeout | None = None) -> None:
    """Wait until `is_enough`, which is asked at each of `changes`, or until the timeout has passed.

    Takes no thread. Cancelled or not, it leaves nothing behind.
    """
    woken = asyncio.Event()
    loop = asyncio.get_running_loop()

    def wake() -> None:
        tell(loop, woken.set)

    changes.add(wake)
    if timeout is not None:
        timeout.start(wake)
    try:
        while not is_enough() and not (timeout is not None and timeout.has_passed):
            await woken.wait()
            woken.clear()
    finally:
        changes.remove(wake)
        if timeout is not None:
            timeout.cancel()


def tell(loop: asyncio.AbstractEventLoop, action: Callable[[], object]) -> bool:
    """Have the loop run `action` soon, from any thread; False if it is closed and will not."""
    try:
        loop.call_soon_threadsafe(action)
    except RuntimeError:
        return False
    return True
