"""One step of the term's machine on terms of z3: walk all its paths, as `steps.py` does of the elector."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

from incumbent.core.term import Term, TermConfig
from incumbent.core.term_messages import TermEffects
from specs.code.owed import obligations
from specs.code.paths import Paths
from specs.code.sources import Terms, Values
from specs.code.steps import Plain, Subject, Verdict, walk
from specs.code.terms import Beside, Shape, follow, invariant, moment


class Outcome(NamedTuple):
    """One path: what is so afterwards, what the input brought about, its orders, and what is promised."""

    beside: Beside
    effects: TermEffects
    actions: list[str]
    promised: list[tuple[str, Any]]


def take(shape: Shape, source: Terms | Values, *, assume: bool) -> Outcome:
    """Let the term handle its input."""
    beside, event, now, facts = moment(source, shape)
    if assume:
        Paths.current.assume([*facts, *(clause.holds for clause in invariant(beside))])
    before = beside.term.copy()
    effects = beside.term.handle(event, now)
    promised = list(obligations(before, event, now, effects, beside.term))
    orders = [type(order).__name__ for order in effects.orders]
    return Outcome(follow(beside, event, effects), effects, orders, promised)


def claims(outcome: Outcome) -> Iterator[tuple[str, Any]]:
    """What must be true at the end of each path."""
    for clause in invariant(outcome.beside):
        yield clause.name, clause.holds
    yield from outcome.promised


def prove_term(shape: Shape, *, replay: bool = False) -> Verdict:
    """Of any term of that shape for which the invariant holds."""
    subject = Subject(partial(take, shape), claims, _plain, partial(_story, shape))
    verdict = Verdict(f"term {shape.phase}", shape.event)
    return walk(subject, verdict, assume=True, replay=replay)


def prove_beginning() -> Verdict:
    """A term that has not begun, beside an elector that contends."""
    term = Term(TermConfig(Terms().number("lease_ns"), Terms().number("stop_timeout_ns")))
    beside = Beside(term, leads=False, contends=True, owes=False)
    broken = [clause.name for clause in invariant(beside) if not clause.holds]
    return Verdict("term", "start", paths=1, obligations=1, failure=", ".join(broken))


def _plain(outcome: Outcome, values: Values) -> Plain:
    return values.of(outcome.effects), (), {"term": values.of(outcome.beside.term)}


def _story(shape: Shape, model: Any) -> str:
    beside, event, now, _facts = moment(Values(model), shape)
    return f"    {beside}\n    and then {event} at {now}"
