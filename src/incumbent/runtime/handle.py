"""A term of office as the runtime holds it; `incumbent.Leadership` is the user's view of one."""

from __future__ import annotations

from collections.abc import Callable

from incumbent.clock import Clock
from incumbent.core.candidacy import Validity
from incumbent.errors import LeadershipLost
from incumbent.lease import NANOSECONDS, to_ns
from incumbent.runtime.callables import check_timeout
from incumbent.runtime.change import Change
from incumbent.runtime.listeners import Listeners


class TermHandle:
    """One term: whether it goes on, and how the runtime ends it. For any thread.

    Attributes:
        identity: The leader's name.
        token: The fencing token (P11).
        listeners: Called when the term is asked to end, and when it is over. A term that the clock alone
            ends calls nobody: a listener looks at `deadline`, too.
    """

    def __init__(
        self, identity: str, token: int, clock: Clock, office: Callable[[], Validity | None]
    ) -> None:
        self.identity = identity
        self.token = token
        self.listeners: Listeners = Listeners()
        self._clock = clock
        self._office = office
        self._until = 0
        self._changed = Change()
        self._asked_because: str | None = None
        self._over_because: str | None = None
        self._term()

    @property
    def reason(self) -> str | None:
        """Why it is over, or was asked to end; None while it simply goes on."""
        return self._over_because or self._asked_because

    @property
    def deadline_ns(self) -> int:
        """When it ends unless it is renewed, in nanoseconds on the campaign's clock."""
        self._term()
        return self._until

    def is_valid(self) -> bool:
        """Whether this term goes on, at this instant."""
        office = self._term()  # before the clock is read: see Validity.covers
        return office is not None and office.covers(to_ns(self._clock.now()))

    def is_to_end(self) -> bool:
        """Whether the work is to end: the term was asked to end, or is over."""
        return self._asked_because is not None or self._over_because is not None or not self.is_valid()

    def check(self) -> None:
        """Do nothing while this term goes on.

        Raises:
            LeadershipLost: The term is over.
        """
        if not self.is_valid():
            reason = self._over_because or "the renew deadline passed"
            raise LeadershipLost(
                f"{self.identity!r} no longer leads by token {self.token}: {reason}; stop the work"
            )

    def wait(self, timeout: float | None) -> bool:
        """Block until the work is to end (True), or for `timeout` seconds on the clock (False).

        Raises:
            ConfigurationError: `timeout` is no number of seconds.
        """
        if timeout is not None:
            check_timeout(timeout)
        if self.is_to_end():
            return True  # in a forked child the lock may be held by a thread that stayed with the parent
        until = None if timeout is None else self._clock.now() + timeout
        with (changed := self._changed.condition):
            while not self.is_to_end():
                now, ends = self._clock.now(), self.deadline_ns / NANOSECONDS
                if until is not None and now >= until:
                    return False
                self._clock.wait(changed, (ends if until is None else min(ends, until)) - now)
        return True

    def ask_to_end(self, reason: str) -> None:
        """Have the work end; the term goes on until it has."""
        self._asked_because = self._asked_because or reason
        self._notify()

    def end(self, reason: str) -> None:
        """Say that the term is over."""
        self._over_because = reason
        self._notify()

    def _term(self) -> Validity | None:
        office = self._office()
        if office is None or office.token != self.token:
            return None
        self._until = office.until
        return office

    def _notify(self) -> None:
        self._changed.tell()
        self.listeners.call()
