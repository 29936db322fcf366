"""Clocks that time an election: never the wall clock."""

from __future__ import annotations

import sys
import threading
import time
from datetime import datetime, timezone
from typing import Final, Protocol, runtime_checkable


@runtime_checkable
class Clock(Protocol):
    """A clock that never goes backwards and goes on while the machine sleeps.

    Three methods, so that one's own code under test can use it too: `incumbent.testing.FakeClock` is one.
    """

    def now(self) -> float:
        """Seconds since an arbitrary moment."""
        ...

    def utcnow(self) -> datetime:
        """The time of day as aware UTC. Used only in records and logs."""
        ...

    def wait(self, condition: threading.Condition, timeout: float | None) -> None:
        """Release `condition`, which the caller holds, until it is notified or `timeout` seconds passed.

        May return early. A fake clock wakes its waiters here.
        """
        ...


def _boottime() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class SystemClock:
    """`CLOCK_BOOTTIME` where the system has it, else `time.monotonic()`.

    The monotonic clock of Linux stops while the machine is suspended: a leader that slept for an hour would
    wake up believing. The boot clock goes on.
    """

    if sys.platform == "linux":
        _read = staticmethod(_boottime)
    else:
        _read = staticmethod(time.monotonic)

    def now(self) -> float:
        """Seconds since the machine started."""
        return self._read()

    def utcnow(self) -> datetime:
        """The system's time of day."""
        return datetime.now(timezone.utc)

    def wait(self, condition: threading.Condition, timeout: float | None) -> None:
        """Wait in real time."""
        condition.wait(None if timeout is None else min(timeout, threading.TIMEOUT_MAX))


SYSTEM_CLOCK: Final = SystemClock()
