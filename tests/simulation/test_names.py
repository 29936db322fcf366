"""P17 in the simulation: the lease goes to whom the release names; without that one it goes on."""

from __future__ import annotations

import pytest

from incumbent.core.observation import Observation
from incumbent.testing import Simulation
from incumbent.testing.profile import MILLISECOND, Profile
from incumbent.testing.properties import successor_comes_first, violations
from incumbent.testing.properties.coverage import sightings

SECOND = 1000 * MILLISECOND
RETRY = 1.0


def office(**settings):
    """Three candidates whose leader has been leading for a while."""
    timing = {"lease_duration": 6.0, "renew_deadline": 4.0, "retry_period": RETRY, "request_timeout": 2.0}
    profile = settings.pop("profile", Profile())
    simulation = Simulation(3, profile=profile, seed=3, jitter=0.0, **(timing | settings))
    simulation.run_for(10)
    return simulation


def leader(simulation):
    return simulation.history.terms()[-1].who.partition("-")[0]


def others(simulation):
    return sorted({one.name for one in simulation.participants} - {leader(simulation)})


@pytest.mark.parametrize("takeover_delay", [0.0, 2.0])
@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("verb", ["resign", "request_resign"])
def test_the_one_that_is_named_leads_next(verb, which, takeover_delay):
    """Whoever looks first; and it does not stand back."""
    simulation = office(takeover_delay=takeover_delay)
    named = others(simulation)[which]
    if verb == "resign":
        simulation.resign("leader", named)
    else:
        simulation.request_resign(to=named)
    simulation.run_for(3 * RETRY)
    assert leader(simulation) == named
    assert not violations(simulation.history)
    assert sightings(simulation.history)["claim by the one that is named"] == 1


@pytest.mark.parametrize("successor", ["nobody who is here", "crashed"])
def test_without_the_one_that_is_named_somebody_leads_two_retry_periods_later(successor):
    """L3: and one look."""
    simulation = office()
    first, other = leader(simulation), others(simulation)[0]
    if successor == "crashed":
        simulation.crash(other)
        successor = other
    began = simulation.now
    simulation.resign(first, successor)
    simulation.run_for(10)
    after = simulation.history.terms()[-1]
    assert after.who.partition("-")[0] not in {first, successor}
    assert 2 * RETRY <= (after.start - began) / SECOND <= 3 * RETRY + 0.1
    assert not violations(simulation.history)


def test_what_is_held_back_is_claimed_by_nobody_and_then_by_anybody():
    """P16 comes first, and the successor's time goes by meanwhile."""
    simulation = office(profile=Profile(hold=SECOND))  # so that the time of day is the true one
    first = leader(simulation)
    simulation.request_resign(to="nobody who is here", hold=20.0)
    began = simulation.now
    simulation.run_for(40)
    after = simulation.history.terms()[-1]
    assert after.who.partition("-")[0] != first
    assert 20 <= (after.start - began) / SECOND <= 20 + RETRY + 0.1
    assert sightings(simulation.history)["hold of what is meant for somebody"]


def test_a_claim_of_what_is_meant_for_another_is_found(monkeypatch):
    """E20, by the checker."""
    saw = Observation.claimable_at
    monkeypatch.setattr(
        Observation,
        "claimable_at",
        lambda view, config: view.since if view.stored and view.stored.lease.is_vacant else saw(view, config),
    )
    simulation = office()
    simulation.resign("leader", "nobody who is here")
    simulation.run_for(3)
    assert list(successor_comes_first(simulation.history))
