"""Measure a campaign by what its driver tells of each step: what all kinds of metrics have in common."""

from __future__ import annotations

from typing import Final, Protocol

from incumbent.clock import Clock
from incumbent.core.elector import Elector
from incumbent.core.messages import (
    Effects,
    Found,
    GetLease,
    Input,
    Missing,
    Refused,
    Request,
    Unavailable,
    Written,
)
from incumbent.core.states import LEADER
from incumbent.lease import NANOSECONDS, to_ns

KINDS: Final = ("read", "claim", "renew", "release")
"""Of requests."""

BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds from a request to its answer."""

_REPLIES: Final = (Found, Missing, Refused, Unavailable, Written)


class Counts(Protocol):
    """Where it is counted."""

    def term_began(self) -> None:
        """A term of office began."""

    def term_ended(self, cause: str) -> None:
        """A term of office ended: stopped, resigned, deadline, record or clock."""

    def answered(self, kind: str, seconds: float) -> None:
        """A request of that kind got its answer, after `seconds`."""

    def failed(self, kind: str) -> None:
        """A request of that kind had no usable answer in time."""

    def took_slow_path(self) -> None:
        """A renewal was refused, or is of unknown outcome: the record is read back (P7)."""


class Measured:
    """One campaign: a `Trace` that counts, and the answers to what is asked at each scrape.

    Args:
        counts: Where what happens is counted.
        clock: The campaign's clock.
    """

    def __init__(self, counts: Counts, clock: Clock) -> None:
        self._counts, self._clock = counts, clock
        self._elector: Elector | None = None
        self._pending: tuple[Request, str] | None = None

    def began(self, elector: Elector) -> None:
        """A run begins."""
        self._elector = elector

    def handled(self, event: Input, now: int, effects: Effects) -> None:
        """An input was handled."""
        if self._pending is not None:
            request, kind = self._pending
            if isinstance(event, _REPLIES) and event.id == request.id:
                self._answered(request, kind, event, now)
            elif now >= request.expires_at:  # no answer in time, or one that nobody waits for (P10)
                self._failed(kind)
        for move in effects.moves:
            if move.dest == LEADER:
                self._counts.term_began()
            elif move.source == LEADER:
                self._counts.term_ended(_cause(move.trigger, move.reason))
        if effects.request is not None:
            self._pending = effects.request, self._kind(effects.request)

    def close(self) -> None:
        """The run is over."""
        self._elector = self._pending = None

    def time_left(self) -> float:
        """Seconds until this term ends unless it is renewed; 0.0: it does not lead (P3)."""
        office = None if self._elector is None else self._elector.office
        now = to_ns(self._clock.now())
        return (office.until - now) / NANOSECONDS if office is not None and office.covers(now) else 0.0

    def knows_a_leader(self) -> bool:
        """Whether somebody leads, for all that this candidate knows (P4)."""
        if self._elector is None:
            return False
        return self._elector.observation.leader_at(to_ns(self._clock.now())) is not None

    def _answered(self, request: Request, kind: str, reply: Input, now: int) -> None:
        self._pending = None
        self._counts.answered(kind, (now - request.sent_at) / NANOSECONDS)
        if isinstance(reply, Unavailable):
            self._failed(kind)
        elif isinstance(reply, Refused) and kind == "renew":
            self._counts.took_slow_path()

    def _failed(self, kind: str) -> None:
        self._pending = None
        self._counts.failed(kind)
        if kind == "renew":  # its outcome is unknown: the record is read back (P7)
            self._counts.took_slow_path()

    def _kind(self, request: Request) -> str:
        if isinstance(request, GetLease):
            return "read"
        if request.lease.is_vacant:
            return "release"
        return "renew" if self._elector is not None and self._elector.state == LEADER else "claim"


def _cause(trigger: str, reason: str) -> str:
    """One of a few words: a reason names people, and a label must not have many values."""
    if trigger == "stop":
        return "stopped"
    if reason == "resigned":
        return "resigned"
    if reason == "the renew deadline passed":
        return "deadline"
    return "clock" if reason.startswith("the clock went backwards") else "record"
