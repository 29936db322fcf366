"""The term's machine on arbitrary values: in every phase, on every input, what it orders and owes.

A term is told by its elector when it leads, and tells it what to wish in return. So what may be assumed of
its inputs is what the elector does: it leads only while it contends, and says in turn that it leads and that
it leads no more. Three things are remembered beside the term: whether the elector leads, whether it contends,
and whether the term was told to end and has not said `Ended` yet.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

from incumbent.core.messages import (
    Abstain,
    Ended,
    ResignRequested,
    Start,
    StartedLeading,
    Stop,
    StoppedLeading,
    TimerFired,
)
from incumbent.core.states import (
    ABANDONED,
    BACKING_OFF,
    ENDING,
    IDLE,
    PHASES,
    SERVING,
    WINDING_DOWN,
)
from incumbent.core.term import LONGEST_BACK_OFF, Term, TermConfig
from incumbent.core.term_messages import (
    AskedToResign,
    AskedToStop,
    TellingEnded,
    TermEffects,
    TermInput,
    WorkEnded,
)
from specs.code.invariant import Clause
from specs.code.sources import Terms, Values
from specs.proof.logic import every, implies, no, some

INPUTS = (
    *("StartedLeading", "StoppedLeading", "ResignRequested", "AskedToResign"),
    *("AskedToStop", "WorkEnded", "TellingEnded", "TimerFired"),
)


class Shape(NamedTuple):
    """The finite part of a term: its phase, which of its two instants are set; and the kind of an input."""

    event: str
    phase: str
    backs_off: bool
    waits: bool


class Beside(NamedTuple):
    """A term, and what is so of its elector."""

    term: Term
    leads: Any  # it said so last
    contends: Any  # it was told to start, and not to abstain or stop since
    owes: Any  # the term was told to end, and has not said `Ended`


class Moment(NamedTuple):
    """A term, an input, and the reading of its clock; and what may be assumed of these."""

    beside: Beside
    event: TermInput
    now: Any
    facts: list[Any]


def shapes() -> Iterator[Shape]:
    """All of them: what is impossible the invariant excludes."""
    yield from itertools.starmap(Shape, itertools.product(INPUTS, PHASES, (False, True), (False, True)))


def moment(source: Terms | Values, shape: Shape) -> Moment:
    """All of that shape, with the values of `source`."""
    config = TermConfig(
        source.number("lease_ns"),
        source.number("stop_timeout_ns"),
        *(source.truth(name) for name in ("has_work", "tells", "once", "release")),
        source.number("hold_ns"),
    )
    term = Term(
        config,
        shape.phase,
        *(source.truth(name) for name in ("working", "telling", "stopping")),
        failures=source.number("failures"),
        not_before=source.number("not_before") if shape.backs_off else None,
        began_at=source.number("began_at"),
        patience_until=source.number("patience_until") if shape.waits else None,
        successor=source.text("successor"),
        now=source.number("handled"),
    )
    beside = Beside(term, *(source.truth(name) for name in ("leads", "contends", "owes")))
    event, now = _event(source, shape.event), source.number("now")
    facts = [config.lease_ns >= 1, config.stop_timeout_ns >= 0, config.hold_ns >= 0]
    facts += may_come(event, beside)
    return Moment(beside, event, now, facts)


def _event(source: Terms | Values, kind: str) -> TermInput:
    made: dict[str, Any] = {
        "StartedLeading": lambda: StartedLeading(source.number("token")),
        "StoppedLeading": lambda: StoppedLeading(source.number("token"), "why"),
        "ResignRequested": lambda: ResignRequested("somebody"),
        "AskedToResign": lambda: AskedToResign("why", source.text("event.successor")),
        "AskedToStop": lambda: AskedToStop(source.number("patience")),
        "WorkEnded": lambda: WorkEnded(source.truth("failed")),
        "TellingEnded": TellingEnded,
        "TimerFired": TimerFired,
    }
    event: TermInput = made[kind]()
    return event


def may_come(event: TermInput, beside: Beside) -> Iterator[Any]:
    """An elector leads only while it contends, and says in turn that it does and that it does no more.

    A wish to stop may be on its way to it while it begins to lead. Not so one to abstain: that is given when
    it has led, and to lead once more takes two answers of the store.
    """
    if isinstance(event, StartedLeading):
        yield every(no(beside.leads), some(beside.contends, beside.term.state == IDLE))
    elif isinstance(event, StoppedLeading):
        yield beside.leads
    elif isinstance(event, AskedToStop):
        yield event.patience >= 0


def follow(before: Beside, event: TermInput, effects: TermEffects) -> Beside:
    """What is so of the elector after that; `before.term` is the one that has handled the input."""
    _term, leads, contends, owes = before
    if isinstance(event, StartedLeading):
        leads = True
    elif isinstance(event, StoppedLeading):
        leads, owes = False, True
    for wish in effects.inputs:
        if isinstance(wish, Start):
            contends = True
        elif isinstance(wish, (Abstain, Stop)):
            contends = False
        elif isinstance(wish, Ended):
            owes = False
    return Beside(before.term, leads, contends, owes)


# What is true after every input.

PROMISED = {
    "a back-off is bounded",
    "at rest it contends, or stops",
    "who has ended owes it to the elector to say so",
    "who is left behind stops",
    "who stops does not back off",
}
"""The clauses that are there for their own sake: on each of the others another one rests, or a promise."""


def invariant(beside: Beside) -> Iterator[Clause]:
    """All of it, each clause with the reason why."""
    term, state = beside.term, beside.term.state
    runs = some(term.working, term.telling)
    backs_off, waits = term.not_before is not None, term.patience_until is not None
    yield Clause("failures are counted", "from 0", term.failures >= 0)
    yield Clause("a term began in the past", "at a reading that was handled", term.began_at <= term.now)
    if term.not_before is not None:
        longest = term.now + LONGEST_BACK_OFF * term.config.lease_ns
        yield Clause("a back-off is bounded", "it doubles to so much at most", term.not_before <= longest)
    yield Clause(
        "nothing waits for patience but an end",
        "who is asked to end, or ends",
        implies(waits, state in (WINDING_DOWN, ENDING)),
    )
    leading = state in (SERVING, WINDING_DOWN)
    if state != ABANDONED:
        yield Clause(
            "a term is what the elector says", "it begins and ends with its leading", beside.leads == leading
        )
        yield Clause(
            "who has ended owes it to the elector to say so",
            "P9: a release waits for that",
            beside.owes == (state == ENDING),
        )
    if state == IDLE:
        yield Clause("at rest nothing runs", "all has ended", no(runs))
        yield Clause(
            "at rest it contends, or stops", "it was told to start", some(beside.contends, term.stopping)
        )
    elif leading:
        yield Clause("in office nothing is told of an end", "there was none", no(term.telling))
    elif state == ENDING:
        yield Clause("something is waited for", "else it would have closed", runs)
        yield Clause("who ends does not contend", "no work beside work", no(beside.contends))
    elif state == BACKING_OFF:
        yield Clause("who backs off runs nothing", "all has ended", no(runs))
        yield Clause("who backs off knows until when", "else it would wait for ever", backs_off)
        yield Clause("who backs off does not contend", "no term hurries after another", no(beside.contends))
        yield Clause("who stops does not back off", "there is no next term", no(term.stopping))
    else:
        yield Clause("who is left behind stops", "who resigns waits for the end", term.stopping)
        yield Clause("who is left behind does not contend", "the end is not known", no(beside.contends))
