"""What each clause of the elector's invariant is for: without it the proof is lost.

A clause is dropped where it is assumed, and where it is claimed. It is *needed* if, in some shape, an elector
of which all the others are true and it is not takes a step in which another one is lost, or an action of the
proof, or an assertion. Only such electors are walked: the others are those of the proof.

A clause that no built elector can break says how electors are built (`electors.py`): it is claimed so that
the electors after a step are again of those that are walked. Without it the induction would have a hole that
nobody sees. A few are there for their own sake (`PROMISED`). All that is none of these has no place in the
invariant.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import cache
from typing import Any
from unittest.mock import patch

from specs.code import steps
from specs.code.disguise import disguise
from specs.code.electors import Moment, Source, moment
from specs.code.invariant import Clause, invariant
from specs.code.paths import Paths
from specs.code.shapes import INPUTS, REPLIES, Shape, shapes
from specs.code.sources import Terms
from specs.proof.logic import every, no

PROMISED = {
    "it has not ended": "P3: whenever it has handled an input, a leader's time is not over",
    "the count has begun": "P4: a wait counts from a receipt, so not from the future",
    "its token counts": "P11: a claim carries more than the record that it replaces",
    "its duration counts": "P5c: a missing record is waited for as long as any that was seen",
    "a doubted write has no token beyond the next": "P11: nobody skips a token",
    "ids are given once": "P10b: the reply to an older request is not taken for the answer",
    "it is not overdue": "P10a: what is pending may still be answered",
    "over its own version": "P1: a renewal replaces nobody else's record",
    "with its token": "P11: a renewal keeps it",
    "no holder is named": "whom `leader` names is named in the record last seen",
    "candidacies are counted": "P2: each number from 0 on has a session of its own",
}
"""What the invariant says for its own sake, whether or not anything else rests on it."""

EVENTS = ("TimerFired", "Resign", "Written", "Refused", "Found", "Unavailable", "Stop", "Abstain", "Missing")
"""The inputs that tell most."""

STRIDE = 7

ANSWERS = {
    "": (),
    "get": ("Found", "Missing", "Unavailable"),
    "create": ("Written", "Refused", "Unavailable"),
    "update": ("Written", "Refused", "Missing", "Unavailable"),
}


@cache
def clauses() -> dict[str, list[Shape]]:
    """The names of all, each with the shapes of which it speaks."""
    found: dict[str, list[Shape]] = {}
    with disguise():
        for shape in shapes():
            if shape.event == EVENTS[0]:
                elector = moment(Terms(), shape).elector
                for name in dict.fromkeys(clause.name for clause in invariant(elector)):
                    found.setdefault(name, []).append(shape)
    return found


def is_built_in(name: str) -> bool:
    """Whether no elector that is built, in any shape, can break it."""
    return not any(_is_possible(shape, name) for shape in clauses()[name])


def _is_possible(shape: Shape, name: str) -> bool:
    def run() -> None:
        elector, _event, _now, facts = moment(Terms(), shape)
        broken = no(every(*(clause.holds for clause in invariant(elector) if clause.name == name)))
        Paths.current.assume([*facts, broken])
        Paths.current.model()

    with disguise():
        return next(Paths().explore(lambda: run() or True), False)


def lost_without(name: str) -> str:
    """What is lost first, and where; nothing if it is not needed."""
    for shape in _in_order(clauses()[name]):
        failure = without(name, shape)
        if failure:
            return f"{tuple(shape)}: {failure}"
    return ""


def _in_order(of: list[Shape]) -> Iterator[Shape]:
    """One of each input in turn; what takes long, or tells little, last."""
    mixed = [shape for first in range(STRIDE) for shape in of[first::STRIDE]]  # neighbours are much alike
    every_one = [shape._replace(event=event) for event in INPUTS for shape in mixed]
    first = [[shape for shape in every_one if shape.event == event and _tells(shape)] for event in EVENTS]
    yield from filter(None, itertools.chain.from_iterable(itertools.zip_longest(*first)))
    yield from (shape for shape in every_one if shape.event not in EVENTS or not _tells(shape))


def _tells(shape: Shape) -> bool:
    return is_heard(shape) and not (shape.event == "Found" and shape.leaving)


def is_heard(shape: Shape) -> bool:
    """Whether it is no answer to what was not asked."""
    return shape.event not in REPLIES or shape.event in ANSWERS[shape.pending]


def without(name: str, shape: Shape) -> str:
    """What is lost in one shape, of electors that break that clause alone."""
    is_after = False

    def fewer(elector: Any) -> Iterator[Clause]:
        dropped = [clause for clause in invariant(elector) if clause.name == name]
        yield from (clause for clause in invariant(elector) if clause.name != name)
        if not is_after:
            yield Clause("the clause is broken", "", no(every(*(clause.holds for clause in dropped))))

    def make(source: Source) -> Moment:
        nonlocal is_after
        is_after = False
        return moment(source, shape)

    def go_on() -> None:
        nonlocal is_after
        is_after = True
        ask_anew()

    ask_anew = steps.ask_anew
    with patch.object(steps, "invariant", fewer), patch.object(steps, "ask_anew", go_on):
        verdict = steps.prove(shape.state, shape.event, make, assume=True, replay=False)
    return verdict.failure
