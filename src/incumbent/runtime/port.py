"""The port: all that a driver needs of the world around it.

Threads stand behind it in production (`threaded.py`), virtual time in a simulation. Everything that a driver
asks to be called back is called one after the other, never beside another call: a driver needs no lock.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from incumbent.clock import Clock
from incumbent.core.messages import Reply, Request
from incumbent.store import StoredLease, Watch


class Timer(Protocol):
    """A call to come."""

    def cancel(self) -> None:
        """Forget it."""


class Runtime(Protocol):
    """Time, chance, the store, and the places where the user's code runs."""

    @property
    def clock(self) -> Clock:
        """The clock that user code is shown."""

    def now(self) -> int:
        """The clock's reading, in nanoseconds."""

    def epoch(self) -> datetime:
        """The UTC time at which the clock read 0: for records and logs only."""

    def random(self) -> float:
        """A number from 0 up to 1, which the jitter is drawn by (P12)."""

    def post(self, action: Callable[[], None]) -> None:
        """Call `action` soon. May be called from anywhere."""

    def call_at(self, at: int, action: Callable[[], None]) -> Timer:
        """Call `action` at the instant `at`, or as soon after it as possible."""

    def when_clock_goes_back(self, action: Callable[[], None] | None) -> None:
        """Call `action` whenever the clock is found to have gone backwards; None: no more."""

    def ask(self, request: Request, answered: Callable[[Request, Reply], None]) -> None:
        """Ask the store, and call `answered` with what came of it, perhaps before this returns (P10)."""

    def watch(self, changed: Callable[[StoredLease | None], None]) -> Watch:
        """Call `changed` when the record may have changed, with the record if that is told (P12).

        It is called until the watch is closed.

        Raises:
            Exception: Whatever the store raises.
        """

    def spawn(
        self,
        name: str,
        call: Callable[[], object],
        ended: Callable[[BaseException | None], None],
        *,
        or_here: bool = False,
    ) -> None:
        """Run code of the user's that may take long, then call `ended` with what it raised, or None.

        If there is no place for it, `ended` gets the RuntimeError. With `or_here`, `call` then holds up all
        else instead; use that only for short calls that must not be lost.
        """

    def tell(self, call: Callable[[], object]) -> None:
        """Run code of the user's that returns soon, after what was told before."""
