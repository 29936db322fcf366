"""The finite part of an elector: its state, what it waits for, which parts of it are None.

All else is data: instants, durations, tokens, texts, versions, of which nothing is known but what
`invariant.py` says.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

from incumbent.core.elector import Elector
from incumbent.core.messages import CreateLease, GetLease, UpdateLease
from incumbent.core.states import CANDIDATE, FOLLOWER, LEADER, STATES, STOPPED
from specs.code.sources import names_nobody

WISHES = ("Start", "TimerFired", "StoreChanged", "Abstain", "Resign", "Stop", "Ended")
REPLIES = ("Found", "Written", "Refused", "Missing", "Unavailable")
TOLD = "StoreChanged, told"
"""A hint that carries the record."""
INPUTS = (*WISHES, TOLD, *REPLIES)

LEFT = {
    "work": ("",),
    "pause": ("",),
    "pause, for a claim": ("",),
    "look": ("get",),
    "search": ("get",),
    "search, for a claim": ("get",),
    "renewal": ("update",),
    "claim": ("create", "update"),
    "release": ("update",),
    "given up": ("create", "update"),
}
"""What a release that is owed waits for, with what may be in flight then (P9).

The end of the work; a while until the record is looked for, and that search; a look that was under way at the
end of the term, or a renewal, or a claim; the release itself. Last: a write of a former candidacy is under
way, and no release is owed any more.
"""

UNHELD = ("claim", "pause, for a claim", "search, for a claim", "given up")
"""Here no write is known to have taken effect."""

DEPARTURES = ("Abstain", "Resign", "Stop")
MOST_DOUBTS = 3


class Shape(NamedTuple):
    """An elector but for its values, and the kind of an input.

    Attributes:
        event: The name of the input's class, or `TOLD`.
        state: One of `STATES`.
        pending: What is in flight: "", "get", "create" or "update".
        leaving: What is left of a term that is over: "", or a key of `LEFT`.
        seen: What was last seen: "" before the first look, "missing" or "record".
        doubts: How many writes are of unknown outcome, of the candidacy that is left if one is; see
            `doubts.py` on why 1 stands for any number, or 3 where a candidate leaves.
        creates: Whether the write held by, or the doubted ones where none is held, would create the record;
            false of a candidacy that is left, where it is not asked (`doubts.Either`).
    """

    event: str
    state: str
    pending: str
    leaving: str
    seen: str
    doubts: int
    creates: bool


def shapes(doubts: int = 1) -> Iterator[Shape]:
    """All that `is_possible` allows, with so many doubts."""
    parts = (
        INPUTS,
        STATES,
        ("", "get", "create", "update"),
        ("", *LEFT),
        ("", "missing", "record"),
        range(max(doubts, MOST_DOUBTS) + 1),
        (False, True),
    )
    for shape in itertools.starmap(Shape, itertools.product(*parts)):
        departs = shape.state == CANDIDATE and shape.event in DEPARTURES and shape.pending in ("", "get")
        if is_possible(shape) and (departs or shape.doubts <= doubts):
            yield shape


def is_possible(shape: Shape) -> bool:
    """What the invariant says of shapes."""
    s = shape
    if s.leaving:
        return _may_leave(s)
    if s.state == FOLLOWER and s.pending in ("create", "update"):
        return False
    if s.state == LEADER and (s.pending == "create" or s.seen != "record"):
        return False
    if s.state == STOPPED and (s.pending not in ("", "get") or s.doubts):
        return False
    if s.creates and s.state != LEADER and not s.doubts:
        return False
    return not (s.seen == "" and (s.doubts or s.state == CANDIDATE))


def _may_leave(s: Shape) -> bool:
    if s.state not in (FOLLOWER, STOPPED) or s.seen == "" or s.pending not in LEFT[s.leaving]:
        return False
    if s.leaving == "given up" and s.doubts:
        return False
    if s.leaving in ("pause, for a claim", "search, for a claim") and not s.doubts:
        return False
    return not s.creates


def shape_of(elector: Elector, event: str = "TimerFired") -> Shape:
    """The shape that an elector has."""
    kinds = {type(None): "", GetLease: "get", CreateLease: "create", UpdateLease: "update"}
    view, pending, candidacy = elector.observation, elector.pending, elector.candidacy
    if elector.leaving is not None:
        candidacy = elector.leaving.former
    seen = "" if view.since is None else "missing" if view.stored is None else "record"
    writes = (candidacy.held,) if candidacy.held is not None else candidacy.unknown_writes
    creates = elector.leaving is None and any(isinstance(write, CreateLease) for write in writes)
    doubts = len(candidacy.unknown_writes)
    return Shape(event, elector.state, kinds[type(pending)], left_by(elector), seen, doubts, creates)


def left_by(elector: Elector) -> str:
    """What a release that is owed waits for: a key of `LEFT`, or nothing."""
    pending, leaving = elector.pending, elector.leaving
    is_write = isinstance(pending, (CreateLease, UpdateLease))
    if leaving is None:
        return "given up" if is_write and elector.state in (FOLLOWER, STOPPED) else ""
    is_claim = leaving.former.held is None
    if is_write:
        if isinstance(pending, UpdateLease) and names_nobody(pending.lease):
            return "release"
        return "claim" if is_claim else "renewal"
    if pending is None:
        name = "pause" if leaving.ended else "work"
    else:
        name = "search" if leaving.was_read else "look"
    return f"{name}, for a claim" if is_claim else name
