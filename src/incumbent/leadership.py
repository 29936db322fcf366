"""A term of office as its work sees it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from incumbent.clock import Clock
from incumbent.core.elector import Office
from incumbent.errors import LeadershipLost
from incumbent.lease import NANOSECONDS, to_ns


class Leadership:
    """What `on_started_leading` is given: is it still true, and when must the work end?

    Any thread may ask. The answer is the clock's (P3): no store, no timer and no other thread is involved.

    Attributes:
        identity: Whose term it is.
        token: The fencing token: larger than that of every earlier term, and constant in this one (P11).
            Send it along with each write, and have the written-to resource refuse smaller ones.
    """

    def __init__(self, identity: str, token: int, clock: Clock, office: Callable[[], Office | None]) -> None:
        self.identity = identity
        self.token = token
        self._clock = clock
        self._office = office
        self._until = 0
        self._changed = threading.Condition()
        self._asked_because: str | None = None
        self._over_because: str | None = None
        self._term()

    @property
    def reason(self) -> str | None:
        """Why it is over, or is to be; None while it simply goes on."""
        return self._over_because or self._asked_because

    @property
    def deadline(self) -> float:
        """The reading of the campaign's clock, in seconds, at which it ends unless it is renewed before."""
        self._term()
        return self._until / NANOSECONDS

    def is_valid(self) -> bool:
        """Whether this term goes on, at this instant."""
        office = self._term()  # before the clock is read: see Office.covers
        return office is not None and office.covers(to_ns(self._clock.now()))

    def check(self) -> None:
        """Do nothing while this term goes on. Call it before each step that must be the leader's.

        Raises:
            LeadershipLost: The term is over.
        """
        if not self.is_valid():
            reason = self._over_because or "the renew deadline passed"
            raise LeadershipLost(
                f"{self.identity!r} no longer leads by token {self.token}: {reason}; stop the work"
            )

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the work is to end: the term was lost, or resigned, or the campaign is stopping.

        Args:
            timeout: Seconds on the campaign's clock; None waits for as long as the term goes on.

        Returns:
            True when the work is to end, False when the time has passed and the term goes on.
        """
        until = None if timeout is None else self._clock.now() + timeout
        self._wait_or(lambda: until is not None and self._clock.now() >= until, until)
        return self._is_to_end()

    def _wait_or(self, is_enough: Callable[[], bool], until: float | None = None) -> None:
        """Wait until the work is to end, or `is_enough` at a `_nudge` or at the instant `until`."""
        if self._is_to_end():
            return  # in a forked child the lock may be held by a thread that stayed with the parent
        with self._changed:
            while not self._is_to_end() and not is_enough():
                ends = self.deadline if until is None else min(self.deadline, until)
                self._clock.wait(self._changed, ends - self._clock.now())

    def _is_to_end(self) -> bool:
        return self._asked_because is not None or self._over_because is not None or not self.is_valid()

    def _term(self) -> Office | None:
        office = self._office()
        if office is None or office.token != self.token:
            return None
        self._until = office.until
        return office

    # For the campaign.

    def _nudge(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _ask_to_end(self, reason: str) -> None:
        with self._changed:
            self._asked_because = self._asked_because or reason
            self._changed.notify_all()

    def _end(self, reason: str) -> None:
        with self._changed:
            self._over_because = reason
            self._changed.notify_all()

    def __repr__(self) -> str:
        return f"<Leadership of {self.identity!r} by token {self.token}: {self.reason or 'it goes on'}>"
