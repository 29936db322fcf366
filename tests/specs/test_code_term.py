"""The term's machine is proved: all of it here, and that the proof would notice."""

from __future__ import annotations

import pytest

pytest.importorskip("z3", reason="the proof needs z3: pip install z3-solver")

from specs.code import term_steps, terms
from specs.code.sources import Terms

from incumbent.core import term as term_module
from incumbent.core.messages import Ended, Resign
from incumbent.core.states import BACKING_OFF, ENDING, SERVING, WINDING_DOWN
from incumbent.core.term import Term
from support.sizes import sample

SHAPES = list(terms.shapes())


def clauses():
    """The names of all, in every phase."""
    besides = [terms.moment(Terms(), shape).beside for shape in SHAPES]
    return sorted({clause.name for beside in besides for clause in terms.invariant(beside)})


def failures(shapes=SHAPES):
    """What is not proved, of the first shape in which something is not."""
    verdicts = (term_steps.prove_term(shape) for shape in shapes)
    return next((verdict.failure for verdict in verdicts if verdict.failure), "")


def test_every_step_is_proved():
    """In each phase, on every input: moves are legal, what is owed is given once, nothing is raised."""
    verdicts = [term_steps.prove_term(shape, replay=True) for shape in SHAPES]

    assert [verdict.failure for verdict in verdicts if verdict.failure] == []
    assert {verdict.state for verdict in verdicts if verdict.paths} == {
        f"term {phase}" for phase in terms.PHASES
    }
    assert sum(verdict.replayed for verdict in verdicts) == sum(verdict.paths for verdict in verdicts) > 1000


def test_a_new_term_is_what_the_invariant_says():
    assert term_steps.prove_beginning().failure == ""


@pytest.mark.parametrize("name", sample(clauses(), few=6, some=3))
def test_each_clause_is_needed(monkeypatch, name):
    """Without it another one is lost, or a promise, or an exception escapes; or it is a promise itself."""
    whole = terms.invariant
    monkeypatch.setattr(
        term_steps,
        "invariant",
        lambda beside: (clause for clause in whole(beside) if clause.name != name),
    )

    assert bool(failures()) != (name in terms.PROMISED)


# A term that is wrong in one respect, and what is said of it.


def of(phase, event):
    return [shape for shape in SHAPES if (shape.phase, shape.event) == (phase, event)]


def test_an_end_that_is_said_too_early_is_found(monkeypatch):
    """P9: the lease would be released while `on_stopped_leading` runs."""
    right = Term._close_if_over

    def close(term, now):
        telling, term.telling = term.telling, False
        right(term, now)
        term.telling = telling

    monkeypatch.setattr(Term, "_close_if_over", close)

    assert "AssertionError in _check" in failures(of(ENDING, "WorkEnded"))


def test_an_end_that_is_said_twice_is_found(monkeypatch):
    right = Term._contend_again

    def contend(term, move):
        term._inputs.append(Ended())
        right(term, move)

    monkeypatch.setattr(Term, "_contend_again", contend)

    assert "its end is said once at most" in failures(of(SERVING, "StoppedLeading"))


def test_a_lease_that_is_released_though_work_runs_on_is_found(monkeypatch):
    """What is left behind may go on: nothing of it may be given to another at once."""
    right = Term._lose_patience

    def lose(term):
        right(term)
        term._inputs[-1] = Resign()

    monkeypatch.setattr(Term, "_lose_patience", lose)

    assert "is left to expire" in failures(of(WINDING_DOWN, "TimerFired"))


def test_a_back_off_that_is_too_long_is_found(monkeypatch):
    """By one doubling."""
    monkeypatch.setattr(term_module, "LONGEST_BACK_OFF", 32)

    assert "a back-off is bounded" in failures(of(SERVING, "WorkEnded"))


def test_a_candidate_that_contends_while_it_backs_off_is_found(monkeypatch):
    right = Term._move

    def move(term, trigger):
        right(term, trigger)
        if term.state == BACKING_OFF:
            term._inputs.append(term_module.Start())

    monkeypatch.setattr(Term, "_move", move)

    assert "who backs off does not contend" in failures(of(ENDING, "WorkEnded"))
