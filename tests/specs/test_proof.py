"""The proof closes, it is about something, and it is lost as soon as any rule is broken."""

from __future__ import annotations

import pytest

pytest.importorskip("z3", reason="the proof needs z3: pip install z3-solver")

from specs.proof import prove, variants, witnesses
from specs.proof.state import Universe
from specs.proof.system import System

ACTIONS = [action.name for action in System(Universe()).actions]
VARIANTS = {f"{v.rule}: {v.broken_so}": v for v in variants.VARIANTS}


@pytest.mark.parametrize("theory", [prove.SAFETY, prove.TOKENS], ids=["safety", "tokens"])
def test_the_proof_closes(theory):
    """The invariant starts true, no action breaks a part of it, and it implies the promises S1 to S7."""
    obligations = list(prove.obligations(theory))
    still_open = [f"{o.kind}, {o.of}: {o.part} ({o.verdict})" for o in obligations if o.verdict != "unsat"]

    assert not still_open
    assert {o.of for o in obligations if o.kind == "step"} == set(ACTIONS)


def test_the_timing_rule_is_the_lemma():
    """P6 as `incumbent.config.tolerates` checks it is what the proof needs, for every drift below 1."""
    assert prove.prove_drift_lemma() == "unsat"


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_can_happen(action):
    """A guard that is never true would prove nothing."""
    assert witnesses.is_possible(action)


def test_the_states_that_matter_exist():
    """Takeovers, stale claims, requests to resign, lost records: the invariant excludes none of them."""
    assert witnesses.missing_witnesses() == []


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS.keys())
def test_a_broken_rule_loses_the_proof(variant):
    """P1 to P11, P14, P15 and the assumptions: each is needed, and z3 shows where the argument fails."""
    loss = next(variants.losses(variant), None)

    assert loss is not None
    assert f"-> {variant.at}" in loss.story


def test_no_rule_of_safety_is_left_unbroken():
    """P12 and P13 are about progress; all other rules have a variant here."""
    assert {v.rule for v in variants.VARIANTS if v.rule[0] == "P"} == {
        f"P{number}" for number in range(1, 16) if number not in (12, 13)
    }
