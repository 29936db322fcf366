"""Elector and term are joined as each of their proofs assumes: a part of it, and that it would notice."""

from __future__ import annotations

import pytest

pytest.importorskip("z3", reason="the proof needs z3: pip install z3-solver")

from specs.code import joined

from incumbent.core.candidate import Candidate
from incumbent.core.messages import Ended
from incumbent.core.states import ENDING, PHASES, SERVING

SHAPES = list(joined.shapes())
PART = 7


def failures(event, phase):
    """What is not proved of these."""
    shapes = [shape for shape in SHAPES if (shape.event, shape.phase) == (event, phase)]
    return "\n".join(joined.prove_joined(shape).failure for shape in shapes)


def test_a_part_of_the_proof_closes():
    """All is passed on, once and in order, and nothing comes to a term that its proof excludes."""
    verdicts = [joined.prove_joined(shape, replay=True) for shape in SHAPES[::PART]]

    assert [verdict.failure for verdict in verdicts if verdict.failure] == []
    assert sum(verdict.replayed for verdict in verdicts) == sum(verdict.paths for verdict in verdicts) > 200
    assert {verdict.state for verdict in verdicts} == {f"joined {phase}" for phase in PHASES}


# Candidates that are wrong in one respect.

STEP, STEP_TERM = Candidate._step_elector, Candidate._step_term


def asks_first(candidate, event, now, inputs):
    yield from reversed(list(STEP(candidate, event, now, inputs)))


def keeps_the_end_to_itself(candidate, event, now, inputs):
    yield from STEP_TERM(candidate, event, now, inputs)
    inputs.extend([inputs.popleft() for _ in list(inputs) if not isinstance(inputs[0], Ended)])
    if inputs and isinstance(inputs[0], Ended):
        inputs.popleft()


def hears_the_last_wish_first(candidate, event, now, inputs):
    yield from STEP_TERM(candidate, event, now, inputs)
    inputs.reverse()


def orders_nothing(candidate, event, now, inputs):
    list(STEP_TERM(candidate, event, now, inputs))
    yield from ()


def hears_of_the_timer_twice(candidate, event, now, inputs):
    yield from STEP_TERM(candidate, event, now, inputs)
    yield from STEP(candidate, event, now, inputs)


SAID, GIVEN = "what came out is all that was said, in order", "the elector is given what its term wishes"
WRONG = [
    ("_step_elector", asks_first, ("Written", SERVING), SAID),
    ("_step_term", orders_nothing, ("AskedToStop", SERVING), SAID),
    ("_step_term", keeps_the_end_to_itself, ("TellingEnded", ENDING), GIVEN),
    ("_step_term", hears_the_last_wish_first, ("TellingEnded", ENDING), GIVEN),
    ("_step_term", hears_of_the_timer_twice, ("TimerFired", SERVING), GIVEN),
]


@pytest.mark.parametrize(("method", "wrong", "at", "found"), WRONG)
def test_a_candidate_that_joins_them_wrong_is_found(monkeypatch, method, wrong, at, found):
    monkeypatch.setattr(Candidate, method, wrong)

    assert found in failures(*at)
