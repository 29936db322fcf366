"""Predicates shared by the invariants and the promises."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from specs.proof.logic import every, no, some
from specs.proof.state import State
from specs.proof.system import System


class Part(NamedTuple):
    """One conjunct: for all of the kinds in `about`, `body`."""

    name: str
    because: str
    about: str
    body: Callable[..., Any]


class Words:
    """Predicates about one state of a system."""

    def __init__(self, system: System, state: State) -> None:
        self.c = system.constants
        self.s = state

    def exists(self, v: Any) -> Any:
        """Whether that version was reached."""
        return every(v >= 0, v <= self.s.latest)

    def is_held(self, v: Any) -> Any:
        """Whether somebody holds the lease by that version."""
        return every(no(self.s.missing(v)), no(self.c.releases(self.s.source(v))))

    def is_of(self, v: Any, e: Any, number: Any) -> Any:
        """Whether that version was written by that candidacy."""
        write = self.s.source(v)
        return every(no(self.s.missing(v)), self.c.by(write) == e, self.c.candidacy(write) == number)

    def carried(self, v: Any) -> Any:
        """The token of that version."""
        return self.c.carries(self.s.source(v))

    def lasts(self, w: Any) -> Any:
        """Until when, at most, that write can make its sender believe."""
        return self.c.sent(w) + self.c.deadline(self.c.by(w))

    def is_live(self, w: Any) -> Any:
        """Whether it took effect, and its candidacy goes on, so that it may still be led by."""
        e = self.c.by(w)
        current = every(self.s.alive(e), self.c.candidacy(w) == self.s.number(e))
        return every(self.s.landed(w), current, no(self.c.releases(w)))

    def is_open(self, w: Any) -> Any:
        """Whether it took effect, and nothing of its candidacy was released."""
        freed = self.s.freed(self.c.by(w), self.c.candidacy(w))
        return every(self.s.landed(w), no(self.c.releases(w)), no(freed))

    def is_renewal(self, w: Any, v: Any) -> Any:
        """P2: it continues what its own candidacy wrote."""
        own = self.is_of(v, self.c.by(w), self.c.candidacy(w))
        return every(self.is_held(v), own, self.c.carries(w) == self.carried(v))

    def is_relic(self, v: Any) -> Any:
        """Whether it was written in an earlier epoch, and came back (P15)."""
        return self.s.epoch(v) != self.s.epoch(self.s.at(self.s.source(v)))

    def is_undisturbed(self, v: Any, z: Any) -> Any:
        """Whether that write is no other candidacy's between the write of its content and that version."""
        c, s, write = self.c, self.s, self.s.source(v)
        same = every(c.by(z) == c.by(write), c.candidacy(z) == c.candidacy(write))
        own = every(same, c.carries(z) == c.carries(write))
        return some(no(s.landed(z)), s.at(z) <= s.at(write), s.at(z) > v, own)

    def was_awaited(self, w: Any, v: Any) -> Any:
        """P4, P5: when it was sent, that version was vacant, or had been there for long enough."""
        c, s = self.c, self.s
        held_for = c.duration(s.source(v))
        is_free = every(c.releases(s.source(v)), no(self.is_relic(v)))
        if_there = some(is_free, c.sent(w) >= s.begun(v) + held_for)
        if_missing = some(v == 0, c.sent(w) >= s.written(v) + c.knew(w))
        return some(every(s.missing(v), if_missing), every(no(s.missing(v)), if_there))
