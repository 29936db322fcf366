"""A term of office as its work sees it."""

from __future__ import annotations

from incumbent.lease import NANOSECONDS
from incumbent.runtime.handle import TermHandle


class Leadership:
    """The argument of `on_started_leading`: tells whether the term is still valid, and when it ends.

    Any thread may ask. The answer is the clock's (P3): no store, no timer and no other thread is involved.

    Attributes:
        identity: Whose term it is.
        token: The fencing token: larger than that of every earlier term, and constant in this one (P11).
            Send it along with each write, and have the written-to resource refuse smaller ones.
    """

    def __init__(self, term: TermHandle) -> None:
        self.identity: str = term.identity
        self.token: int = term.token
        self._term = term

    @property
    def reason(self) -> str | None:
        """Why it is over, or is to be; None while it simply goes on."""
        return self._term.reason

    @property
    def deadline(self) -> float:
        """When this term ends unless it is renewed, in seconds on the campaign's clock."""
        return self._term.deadline_ns / NANOSECONDS

    def is_valid(self) -> bool:
        """Whether this term goes on, at this instant."""
        return self._term.is_valid()

    def check(self) -> None:
        """Do nothing while this term goes on. Call it before each step that must be the leader's.

        Raises:
            LeadershipLost: The term is over.
        """
        self._term.check()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the work is to end: the term was lost, or resigned, or the campaign is stopping.

        Args:
            timeout: Seconds on the campaign's clock; None waits for as long as the term goes on.

        Returns:
            True when the work is to end, False when the time has passed and the term goes on.

        Raises:
            ConfigurationError: `timeout` is no number of seconds.
        """
        return self._term.wait(timeout)

    def __repr__(self) -> str:
        return f"<Leadership of {self.identity!r} by token {self.token}: {self.reason or 'it goes on'}>"
