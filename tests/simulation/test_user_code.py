"""What a verb has users' code do, it does: at once where it runs, as soon as it can where it does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from incumbent.testing.history import Asked, Finished, Ran
from incumbent.testing.profile import MILLISECOND, Profile
from incumbent.testing.properties.liveness import election_bound
from incumbent.testing.simulation.verbs import Simulation

SECOND = 1000 * MILLISECOND
PROFILE = Profile(delay=(10 * MILLISECOND, 10 * MILLISECOND), offsets=0)


@pytest.fixture
def simulation():
    """Somebody leads, and his work runs on until it is asked to end."""
    simulation = Simulation(2, profile=PROFILE, jitter=0.0)
    simulation.run_for(5)
    return simulation


def ran(simulation, code="work", since=5 * SECOND):
    """What became of it, after the verb."""
    return [one.what for one in simulation.history.of(Ran) if one.code == code and one.at >= since]


def wishes(simulation):
    return [(one.who, one.wish) for one in simulation.history.of(Asked)]


@pytest.mark.parametrize(("what", "end"), [("return", "returns"), ("raise", "raises")])
def test_work_ends_by_itself(simulation, what, end):
    """At once, and then its term does."""
    leader = simulation.leader
    simulation.urge(leader, what)
    simulation.run_for(1)
    assert ran(simulation)[0] == end
    assert ran(simulation, "told") == ["begins", "returns"]
    assert leader != simulation.leader
    simulation.check()


@pytest.mark.parametrize("wish", ["stop", "resign"])
def test_work_asks_for_the_end_from_inside(simulation, wish):
    leader = simulation.leader
    simulation.urge(leader, wish)
    simulation.run_for(1)
    assert wishes(simulation) == [(f"{leader}-1", wish)]
    assert ran(simulation)[:2] == ["is asked to end", "returns"]
    simulation.check()


def test_work_that_hangs_is_left_behind(simulation):
    """And whatever it is urged to later goes on from there."""
    leader = simulation.leader
    simulation.urge(leader, "hang")
    simulation.run_for(1)
    assert ran(simulation) == []
    simulation.stop(leader, 2)
    simulation.run_for(5)
    assert ran(simulation) == ["is asked to end"]
    assert "work" in simulation.history.of(Finished)[0].left
    simulation.urge(leader, "raise")
    simulation.run_for(1)
    assert ran(simulation)[1] == "raises"
    simulation.check()


def test_who_does_not_lead_does_it_when_he_does(simulation):
    """The code that runs next of his is the work of his next term."""
    (other,) = {"a", "b"} - {simulation.leader}
    simulation.urge(other, "return")
    simulation.resign("leader")
    simulation.run_for(60)
    work = [one for one in simulation.history.of(Ran) if one.code == "work"]
    assert [one.what for one in work if one.who == f"{other}-1"][:2] == ["begins", "returns"]


def test_all_is_well_once_all_faults_have_ended(simulation):
    """What hung goes on, and nothing is urged any more."""
    leader = simulation.leader
    simulation.urge(leader, "hang")
    simulation.resign(leader)
    simulation.run_for(5)
    assert ran(simulation) == ["is asked to end"]
    simulation.recover()
    simulation.run_for(1)
    assert ran(simulation)[1] == "returns"
    simulation.check()


def test_an_election_may_take_as_long_as_work_that_was_urged_to_fail_backs_off():
    """The swarm demands a leader after that: sixteen lease durations, after the fifth failure in a row."""
    profile = replace(PROFILE, strikes=("urge",))
    simulation = Simulation(1, profile=profile, jitter=0.0, lease_duration=3.0, retry_period=0.5)
    for _ in range(5):
        simulation.run_for(17 * 3)
        simulation.urge("leader", "raise")
    simulation.run_for(1)
    simulation.recover()
    within = election_bound(simulation.history.configs.values(), profile)
    simulation.mark("leader", within)
    simulation.run_for(15 * 3)
    assert simulation.leader is None
    simulation.run_until(simulation.now + within)
    simulation.check()
