"""Each clause of the elector's invariant is needed: some here, INCUMBENT_CLAUSES=all tries all of them."""

from __future__ import annotations

import pytest

pytest.importorskip("z3", reason="the proof needs z3: pip install z3-solver")

from specs.code import clauses
from specs.code.invariant import Clause
from specs.code.shapes import Shape

from support.sizes import CLAUSES

NAMES = sorted(clauses.clauses().keys() - clauses.PROMISED)
BUILT_IN = ("a release names no session", "a write under way is waited for", "it has a deadline")
LOST = ("a candidate waits for something", "a leader has written", "durations are positive")
"""A few that take no long."""

FOLLOWING = Shape("TimerFired", "follower", "", "", "record", 0, creates=False)


@pytest.mark.parametrize("name", NAMES if CLAUSES == "all" else [*BUILT_IN, *LOST])
@pytest.mark.timeout(1200)
def test_a_clause_is_needed(name):
    """It says how electors are built, or without it something named is lost."""
    assert clauses.is_built_in(name) or clauses.lost_without(name)


def test_what_is_promised_is_said():
    """The other clauses are promises, by name."""
    assert set(clauses.PROMISED) < set(clauses.clauses())


@pytest.mark.parametrize("name", LOST)
def test_what_is_lost_is_named(name):
    """With the shape of an elector in which it is."""
    lost = clauses.lost_without(name)
    assert lost.startswith("('")
    assert "Error in " in lost or "not true any more: " in lost or "Nonconformance in " in lost


def test_a_clause_that_is_good_for_nothing_is_noticed(monkeypatch):
    """Other clauses imply it, and electors need not be built so."""
    right, name = clauses.invariant, "an id is no less than 0"

    def invariant(elector):
        yield from right(elector)
        yield Clause(name, "it is one at least", elector.next_request_id >= 0)

    monkeypatch.setattr(clauses, "invariant", invariant)
    monkeypatch.setattr(clauses, "clauses", lambda: {name: [FOLLOWING]})

    assert not clauses.is_built_in(name)
    assert clauses.lost_without(name) == ""
