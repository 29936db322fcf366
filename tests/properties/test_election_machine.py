"""Hypothesis breaks running elections: at most one leader, a token that only grows, and a leader afterwards.

More examples: INCUMBENT_EXAMPLES=5000 pytest tests/properties --hypothesis-show-statistics
"""

from __future__ import annotations

import os
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from transitions import MachineError

from incumbent.core import Abstain, Ended, Term
from incumbent.core.observation import Observation
from incumbent.testing.machine import ElectionMachine
from incumbent.testing.properties import PropertyViolated
from incumbent.testing.properties.coverage import SIGHTINGS, sightings, unseen

EXAMPLES = int(os.environ.get("INCUMBENT_EXAMPLES", "50"))

BUDGET = settings(
    max_examples=EXAMPLES,
    stateful_step_count=100,  # what hangs comes to light late
    deadline=None,
    derandomize=True,  # the same examples in every run; raise their number to look further
    database=None,
    suppress_health_check=list(HealthCheck),
)

# These rules have no clock that jumps, no work that writes, no holds; one turn of events is rare.
NOT_EXPECTED = (
    *("clock that went backwards", "stale token fenced off", "won write with its validity over"),
    *("follower held back", "claim after a hold", "hold of what is meant for somebody"),
)
# Once in twenty programs, or less: what Hypothesis draws depends on what else was imported.
RARE = ("loss seen by reading", "unknown write that had not landed", "callback left behind")
EXPECTED = set(SIGHTINGS) - {*NOT_EXPECTED, *(RARE if EXAMPLES < 150 else ())}


class CountedMachine(ElectionMachine):
    """Counts what really happened, over all examples."""

    seen: Counter[str]

    def teardown(self):
        super().teardown()
        self.seen.update(sightings(self.simulation.history))


@pytest.mark.timeout(600)
def test_no_program_of_faults_elects_two_leaders():
    """S1 and S5 after every fault, all properties at the end; and nothing that matters never happened."""
    CountedMachine.seen = Counter()
    run_state_machine_as_test(CountedMachine, settings=BUDGET)
    assert EXPECTED.intersection(unseen([CountedMachine.seen])) == set()


def releases_at_once(self, reason, until):
    WIND_DOWN(self, reason, until)
    self._give_up_office()
    self._inputs.append(Ended())


def contends_on(self, event, now):
    END(self, event, now)
    self._inputs = [each for each in self._inputs if not isinstance(each, Abstain)]


def waits_for_ever(self):
    self.patience_until = None


WIND_DOWN, END = Term._wind_down, Term._end
WRONG = {
    "the lease is let go beside the work": ("_wind_down", releases_at_once, "release_waits_for_all"),
    "it contends while its work runs": ("_end", contends_on, "Can't trigger event begin|failure_backs_off"),
    "what hangs is waited for": ("_lose_patience", waits_for_ever, "stop_is_in_time"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_term_is_found(name, monkeypatch):
    """User code that returns, raises and hangs when Hypothesis likes brings it to light."""
    attribute, wrong, rule = WRONG[name]
    monkeypatch.setattr(Term, attribute, wrong)
    with pytest.raises((PropertyViolated, MachineError), match=rule):
        run_state_machine_as_test(ElectionMachine, settings=settings(BUDGET, phases=[Phase.generate]))


def for_whoever_reads(self, config):
    if self.stored is not None and self.stored.lease.is_vacant:
        return self.since
    return CLAIMABLE_AT(self, config)


CLAIMABLE_AT = Observation.claimable_at


def test_an_elector_that_takes_what_is_meant_for_another_is_found(monkeypatch):
    """P17: a release that names somebody is left to that one; the rules name somebody often enough."""
    monkeypatch.setattr(Observation, "claimable_at", for_whoever_reads)
    with pytest.raises(PropertyViolated, match="successor_comes_first"):
        run_state_machine_as_test(ElectionMachine, settings=settings(BUDGET, phases=[Phase.generate]))
