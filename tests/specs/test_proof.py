"""The proof closes, it is about something, and it is lost as soon as any rule is broken."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("z3", reason="the proof needs z3: pip install z3-solver")

from specs.proof import guards, parts, prove, runs, variants, witnesses
from specs.proof.actions import ACTIONS, BY_ELECTORS
from specs.proof.logic import every, implies, no
from specs.proof.state import Universe
from specs.proof.system import System
from specs.proof.words import Part

from support.sizes import sample

SPECS = Path(__file__).parents[2] / "specs"
VARIANTS = {f"{v.rule}: {v.broken_so}": v for v in variants.VARIANTS}


@pytest.mark.parametrize("theory", [prove.SAFETY, prove.TOKENS], ids=["safety", "tokens"])
def test_the_proof_closes(theory):
    """The invariant starts true, no action breaks a part of it, and it implies the promises S1 to S7."""
    obligations = list(prove.obligations(theory))
    still_open = [f"{o.kind}, {o.of}: {o.part} ({o.verdict})" for o in obligations if o.verdict != "unsat"]

    assert not still_open
    assert {o.of for o in obligations if o.kind == "step"} == set(ACTIONS)


def test_what_is_proved_is_the_list_of_actions():
    """No action can be left out of the system, the specification's page or what electors are held to."""
    page = (SPECS / "README.md").read_text("utf-8")
    conformance = (SPECS / "conformance.py").read_text("utf-8")
    held_to = set(re.findall(r'_(?:take|write_took_effect)\("([^"]+)"', conformance)) | {
        "claim",
        "renew",
        "release",
    }

    assert {action.name for action in System(Universe()).actions} == set(ACTIONS)
    assert len(ACTIONS) == len(set(ACTIONS)) == int(re.search(r"has (\d+) actions", page).group(1))
    assert [action for action in ACTIONS if f"`{action}`" not in page] == []
    assert held_to == set(BY_ELECTORS) - {"no answer"}  # which changes nothing that an elector knows


def test_the_timing_rule_is_the_lemma():
    """P6 as `incumbent.config.tolerates` checks it is what the proof needs, for every drift below 1."""
    assert prove.prove_drift_lemma() == "unsat"


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_can_happen(action):
    """A guard that is never true would prove nothing."""
    assert witnesses.is_possible(action)


@pytest.mark.parametrize("run", runs.RUNS)
def test_a_run_from_the_first_state_can_happen(run):
    """A world that forbids too much would prove everything."""
    assert runs.is_possible(runs.RUNS[run])


def test_every_action_is_taken_from_the_first_state():
    """Together, the runs are made of all of them."""
    assert runs.taken() == set(ACTIONS)


class NeverStale(System):
    """A world too good: what is read is always the latest."""

    def _read(self, s, e, v):
        guard, after = super()._read(s, e, v)
        return every(guard, v == s.latest), after


class StandingStill(System):
    """A world too good: no time passes while anybody leads."""

    def _tick(self, s):
        guard, after = super()._tick(s)
        return every(guard, self.universe.forall("elector", lambda e: no(s.leads(e)))), after


class InTime(System):
    """A world too good: a write arrives while its sender waits for it, or never."""

    def _land(self, s, w):
        guard, after = super()._land(s, w)
        return every(guard, s.waiting(self.constants.by(w)), s.pending(self.constants.by(w)) == w), after


@pytest.mark.parametrize(
    ("world", "run"),
    [
        (NeverStale, "a read that is stale"),
        (StandingStill, "a term, renewed, and released"),
        (InTime, "an answer that is lost"),
    ],
)
def test_a_world_that_is_too_good_is_noticed(world, run):
    """There the proof would close, and be about less."""
    system = world(Universe(electors=2, writes=3, versions=5))
    assert not runs.is_possible(runs.RUNS[run], system)


def test_the_states_that_matter_exist():
    """Takeovers, stale claims, requests to resign, lost records: the invariant excludes none of them."""
    assert witnesses.missing_witnesses() == []


@pytest.mark.parametrize("name", sample(VARIANTS, few=20, some=5))
def test_a_broken_rule_loses_the_proof(name):
    """P1 to P11, P14 to P17 and the assumptions: each is needed, and z3 shows where the argument fails."""
    variant = VARIANTS[name]
    loss = next(variants.losses(variant), None)

    assert loss is not None
    assert f"-> {variant.at}" in loss.story


PARTS = [(theory, name) for theory in parts.THEORIES for name in parts.names(theory)]


@pytest.mark.parametrize(
    ("theory", "name"), sample(PARTS, few=80, some=20), ids=lambda given: getattr(given, "name", given)
)
def test_each_part_of_the_invariant_is_needed(theory, name):
    """Without it another part, or a promise, is not shown any more; or it is wanted for its own sake."""
    assert (parts.lost_without(theory, name) is None) == (name in parts.PROMISED)


def test_a_part_that_is_good_for_nothing_is_noticed():
    """The others imply it, so that nothing is lost without it."""
    spare = Part("time is counted", "from no beginning", "version", lambda v: implies(v > 0, v > -1))
    theory = prove.TOKENS._replace(invariant=lambda *of: [*prove.TOKENS.invariant(*of), spare])

    assert parts.lost_without(theory, spare.name) is None


def test_what_is_wanted_for_its_own_sake_is_said():
    """So that it cannot go unnoticed, either."""
    assert {name for _theory, name in PARTS} > parts.PROMISED


@pytest.mark.parametrize(("rule", "call", "place", "condition"), sample(guards.conditions(), few=30, some=5))
def test_each_condition_of_a_guard_is_needed(rule, call, place, condition):
    """Or it is said why not, and shown; a reason that is none any more is noticed, too."""
    if (rule, condition) in guards.SPARE:
        assert guards.is_spare(rule, call, place)
    else:
        assert guards.is_needed(rule, call, place)


def test_no_rule_of_safety_is_left_unbroken():
    """P12 and P13 are about progress; all other rules have a variant here."""
    assert {v.rule for v in variants.VARIANTS if v.rule[0] == "P"} == {
        f"P{number}" for number in range(1, 18) if number not in (12, 13)
    }
