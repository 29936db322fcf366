"""Every step that the shipped elector takes, wherever it is driven, is made of the proof's actions.

In the simulation and under Hypothesis a whole run is followed from its beginning; in the exploration each
step is judged by itself, from its two states, so that every transition of the closed small world is held to
the proof. `handle` is wrapped for that: nothing of the package knows of the specification.
"""

import os
from collections import Counter

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from specs.conformance import Nonconformance, Shadow

from incumbent.elector import Elector, Office
from incumbent.testing import swarm
from incumbent.testing.exploration import SmallWorld, explore
from incumbent.testing.machine import ElectionMachine

SEEDS = int(os.environ.get("INCUMBENT_SEEDS", "40"))
# What a run is empty without; a candidate that never resigns leaves no office.
ELECTING = {"read", "claim", "renew", "answer: written", "read own write", "candidacy ends"}
LEAVING = {"leave office", "release", "release settled"}


@pytest.fixture
def actions(monkeypatch):
    """Counts the proof's actions that the steps were made of; each step is judged by itself.

    Not compared is what the elector remembers of a record: the exploration forgets what no longer matters.
    """
    counted, handle = Counter(), Elector.handle

    def judged(self, event, now):
        shadow = Shadow.of(self)
        effects = handle(self, event, now)
        counted.update(shadow.step(event, now, effects))
        expected = (shadow.state, shadow.pending, shadow.node.leads)
        if expected != (self.state, self.pending, self.is_leader(now)):
            raise Nonconformance(f"{expected} was expected of {self!r} after {event}")
        if self.office is not None and self.office.until != shadow.node.base + shadow.timing.deadline:
            raise Nonconformance(f"its office ends at {self.office.until} (P3)")
        return effects

    monkeypatch.setattr(Elector, "handle", judged)
    return counted


@pytest.fixture
def followed(monkeypatch):
    """The same, along each elector's whole life: what came before is remembered, not read off its state."""
    counted, shadows = Counter(), {}
    begin, handle = Elector.__init__, Elector.handle

    def born(self, *args, **kwargs):
        begin(self, *args, **kwargs)
        shadows[id(self)] = self, Shadow.beside(self.config, self.session)

    def stepped(self, event, now):
        effects = handle(self, event, now)
        counted.update(shadows[id(self)][1].step(event, now, effects))
        return effects

    monkeypatch.setattr(Elector, "__init__", born)
    monkeypatch.setattr(Elector, "handle", stepped)
    return counted


def test_every_simulated_step_is_the_proofs(followed):
    for seed in range(SEEDS):
        swarm.run(seed)
    assert set(followed) >= ELECTING | LEAVING


def test_every_step_under_hypothesis_is_the_proofs(followed):
    budget = settings(
        max_examples=15,
        stateful_step_count=30,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(ElectionMachine, settings=budget)
    assert set(followed) >= ELECTING | LEAVING


def test_every_explored_transition_is_the_proofs(actions):
    """Two candidates with loss, delay and pause: all that their electors can do, to the last state."""
    is_large = os.environ.get("INCUMBENT_EXPLORE") == "large"
    result = explore(SmallWorld(crashes=True) if is_large else SmallWorld(lease_duration=2, skew=0))
    result.check()
    assert result.is_closed
    assert set(actions) >= ELECTING


def later_office(self, now, renew_deadline_ns):
    held = self.held
    return None if held is None else Office(held.lease.leader_transitions, now, now + renew_deadline_ns)


def test_a_wrong_elector_does_not_get_far(actions, monkeypatch):
    """Validity that counts from the answer, not from the send (P3), is no action of the proof."""
    monkeypatch.setattr("incumbent.candidacy.Candidacy.office", later_office)
    with pytest.raises(Nonconformance, match="P3"):
        swarm.run(0)
