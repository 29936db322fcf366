"""Elector and term, joined (`core/candidate.py`): any term, beside any elector that does what is proved.

The term is the shipped one, with arbitrary values in each phase (`terms.py`). In place of the elector is one
of which nothing is known but what the proof of its steps shows: it leads, and leads no more, in turn, once in
a step; it begins to lead on an answer only, and while it contends; who is told to resign or to stop
leads no more. Whatever else it says, the shipped `Candidate.handle` passes on: all of it, once, in order. And
what the proof of the term assumes of its inputs is true of those that it is given.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

from incumbent.core.candidate import Candidate, Handled
from incumbent.core.messages import (
    Abstain,
    Effects,
    GetLease,
    Input,
    NewLeader,
    Notice,
    Resign,
    ResignRequested,
    Start,
    StartedLeading,
    Stop,
    StoppedLeading,
    StoreChanged,
    TimerFired,
    Written,
)
from incumbent.core.states import PHASES
from incumbent.core.term_messages import TermEffects, TermInput
from specs.code import terms
from specs.code.owed import obligations
from specs.code.paths import Paths
from specs.code.sources import Terms, Values
from specs.code.steps import Plain, Subject, Verdict, walk
from specs.code.terms import Beside, follow, invariant, may_come
from specs.proof.logic import every

OF_ELECTORS = (Written, StoreChanged)
"""An answer, and what is none: all that a driver gives and that is the elector's alone."""

EVENTS = (
    "Written",
    "StoreChanged",
    "AskedToResign",
    "AskedToStop",
    "WorkEnded",
    "TellingEnded",
    "TimerFired",
)


class Shape(NamedTuple):
    """The finite part of a term, and the kind of an input that comes from outside."""

    event: str
    phase: str
    backs_off: bool
    waits: bool


def shapes() -> Iterator[Shape]:
    """All of them."""
    yield from itertools.starmap(Shape, itertools.product(EVENTS, PHASES, (False, True), (False, True)))


class AnyElector:
    """Says whatever an elector may say."""

    def __init__(self, source: Terms | Values, *, leads: Any, contends: Any) -> None:
        self.source, self.leads, self.contends = source, leads, contends
        self.steps: list[tuple[Input, Effects]] = []

    def handle(self, event: Input, _now: Any) -> Effects:
        """Take an input, and note down what was said to it."""
        if isinstance(event, (Start, Abstain, Stop)):
            self.contends = isinstance(event, Start)
        notices = (NewLeader(None), *self._leadership(event))
        request = GetLease(len(self.steps), 0, 0) if self.source.truth("it sends something") else None
        effects = Effects(notices=notices, moves=(), request=request, wake_at=None)
        self.steps.append((event, effects))
        return effects

    def _leadership(self, event: Input) -> Iterator[Notice]:
        is_told = isinstance(event, (Resign, Stop))
        if self.leads:
            if is_told or self._may("end"):
                self.leads = False
                yield StoppedLeading(1, "why")
            elif isinstance(event, Written) and self._may("be asked"):
                yield ResignRequested("somebody")
        elif isinstance(event, Written) and self.contends and self._may("begin"):
            self.leads = True
            yield StartedLeading(1)

    def _may(self, what: str) -> bool:
        return bool(self.source.truth(f"may {what} in step {len(self.steps)}"))


class WatchedTerm:
    """The shipped term; of each of its steps it is noted down what is owed, and what was assumed."""

    def __init__(self, beside: Beside) -> None:
        self.beside = beside
        self.steps: list[tuple[TermInput, TermEffects]] = []
        self.claims: list[tuple[str, Any]] = []

    def handle(self, event: TermInput, now: Any) -> TermEffects:
        """Let the term handle it."""
        term = self.beside.term
        self.claims.append(("what a term is given may come", every(*may_come(event, self.beside))))
        before = term.copy()
        effects = term.handle(event, now)
        self.claims += obligations(before, event, now, effects, term)
        self.beside = follow(self.beside, event, effects)
        self.steps.append((event, effects))
        return effects


class Outcome(NamedTuple):
    """One path: the two machines afterwards, and what came out."""

    event: Any
    elector: AnyElector
    term: WatchedTerm
    outputs: list[Any]
    actions: list[str]


def take(shape: Shape, source: Terms | Values, *, assume: bool) -> Outcome:
    """Give a candidate its input, and carry nothing out."""
    own = {"Written": Written(1, 1), "StoreChanged": StoreChanged()}.get(shape.event)
    kind = shape.event if own is None else "TimerFired"
    beside, event, now, facts = terms.moment(source, terms.Shape(kind, *shape[1:]))
    event = event if own is None else own
    if assume:
        Paths.current.assume([*facts, *(clause.holds for clause in invariant(beside))])
    elector = AnyElector(source, leads=bool(beside.leads), contends=bool(beside.contends))
    term = WatchedTerm(beside)
    candidate: Any = Candidate(elector, term)  # type: ignore[arg-type]
    return Outcome(event, elector, term, list(candidate.handle(event, now)), [])


def claims(outcome: Outcome) -> Iterator[tuple[str, Any]]:
    """What must be true at the end of each path."""
    _, elector, term, outputs, _ = outcome
    yield from term.claims
    for clause in invariant(term.beside):
        yield clause.name, clause.holds
    yield "the elector leads as its term was told", term.beside.leads == elector.leads
    yield "the elector contends as its term wished", term.beside.contends == elector.contends
    yield "what came out is all that was said, in order", _are_same(outputs, list(_said(outcome)))
    given = [what for what, _ in elector.steps]
    yield "the elector is given what its term wishes, once and in order", _are_same(given, _wished(outcome))


def _said(outcome: Outcome) -> Iterator[Any]:
    """What each step said, after the step itself; what a term orders comes before the request."""
    event, elector, term, _, _ = outcome
    of_term = iter(term.steps)
    if not isinstance(event, OF_ELECTORS):
        yield from next(of_term)[1].orders
    for given, effects in elector.steps:
        yield Handled(given, effects)
        for notice in effects.notices:
            if isinstance(notice, (StartedLeading, StoppedLeading, ResignRequested)):
                told, what = next(of_term)
                yield from what.orders if told is notice else ["another notice"]
        if effects.request is not None:
            yield effects.request
    yield from of_term


def _wished(outcome: Outcome) -> list[Input]:
    """What the elector is to be given: the input itself, behind what the term makes of it."""
    event, _, term, _, _ = outcome
    wishes = [list(effects.inputs) for _, effects in term.steps]
    first = 0 if isinstance(event, OF_ELECTORS) else 1
    itself = [event] if isinstance(event, (*OF_ELECTORS, TimerFired)) else []
    return [*itertools.chain(*wishes[:first]), *itself, *itertools.chain(*wishes[first:])]


def _are_same(some: list[Any], others: list[Any]) -> bool:
    return len(some) == len(others) and all(_is_same(*pair) for pair in zip(some, others, strict=True))


def _is_same(one: Any, other: Any) -> bool:
    if isinstance(one, Handled) and isinstance(other, Handled):
        return one.event is other.event and one.effects is other.effects
    return one is other


def prove_joined(shape: Shape, *, replay: bool = False) -> Verdict:
    """Of any term of that shape for which the invariant holds, beside any elector."""
    subject = Subject(partial(take, shape), claims, _plain, partial(_story, shape))
    verdict = Verdict(f"joined {shape.phase}", shape.event)
    return walk(subject, verdict, assume=True, replay=replay)


def _plain(outcome: Outcome, values: Values) -> Plain:
    state = {"term": values.of(outcome.term.beside.term), "leads": values.of(outcome.elector.leads)}
    return values.of([output for output in outcome.outputs if not isinstance(output, Handled)]), (), state


def _story(shape: Shape, model: Any) -> str:
    outcome = take(shape, Values(model), assume=False)
    steps = [*outcome.term.steps, *outcome.elector.steps]
    return "\n".join(f"    {step}" for step in (outcome.event, *steps, outcome.term.beside))
