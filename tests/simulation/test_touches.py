"""P15 in the simulation: whoever touches the record deposes no leader, and keeps no dead one in office."""

from __future__ import annotations

from incumbent.testing import Simulation
from incumbent.testing.profile import MILLISECOND, Profile
from incumbent.testing.properties.coverage import sightings


def elected():
    """Two candidates in a perfect world, one of which leads."""
    timing = {"lease_duration": 6.0, "renew_deadline": 4.0, "retry_period": 1.0, "request_timeout": 2.0}
    profile = Profile(delay=(10 * MILLISECOND, 10 * MILLISECOND), offsets=0)
    simulation = Simulation(2, profile=profile, jitter=0.0, **timing)
    simulation.run_for(3)
    return simulation


def test_touches_depose_nobody():
    """Whoever labels the record, again and again: the first term goes on (L4)."""
    simulation = elected()
    first = simulation.leader
    simulation.mark("no churn", 60_000 * MILLISECOND)
    for _ in range(200):
        simulation.touch()
        simulation.run_for(0.31)
    assert simulation.leader == first
    simulation.check()
    assert sightings(simulation.history)["renewal over a touch"] > 30


def test_a_dead_leaders_record_is_taken_over_while_it_is_touched():
    """A lease duration and a look after its last write, however often it is touched."""
    simulation = elected()
    simulation.crash("leader")
    for _ in range(72):
        simulation.touch()
        simulation.run_for(0.1)
    assert simulation.leader is not None
    simulation.check()
    assert sightings(simulation.history)["takeover of a touched record"] == 1


def test_a_touch_of_what_is_vacant_or_missing_is_no_release():
    """E5: nor anything else that somebody would have to answer for."""
    simulation = elected()
    for name in ("a", "b"):
        simulation.stop(name)
    simulation.run_for(3)
    simulation.touch()
    simulation.delete_lease()
    simulation.touch()
    simulation.check()
    assert simulation.store.stored is None
