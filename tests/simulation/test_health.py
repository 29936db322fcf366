"""What probes are told in virtual time: by each process, on its own clock, whatever is done to it."""

from __future__ import annotations

from random import Random

import pytest

from incumbent.testing import Simulation
from incumbent.testing.simulation.swarm import STRUCK_FOR, draw


def health_of(simulation, name):
    [participant] = [one for one in simulation.participants if one.name == name]
    return participant.host.driver.health()


def test_who_is_cut_off_is_live_and_not_ready_and_who_is_paused_is_not_even_live():
    simulation = Simulation(candidates=3, seed=7)
    simulation.run_for(10)
    assert [health_of(simulation, name)[:2] for name in "abc"] == [(True, True)] * 3
    [follower, other] = set("abc") - {simulation.leader}
    simulation.partition(follower)
    simulation.pause(other)
    simulation.run_for(20)
    assert health_of(simulation, follower)[:2] == (True, False)
    assert "the store has not answered for" in health_of(simulation, follower).reason
    assert health_of(simulation, other)[:2] == (False, False)
    assert "nothing was done for" in health_of(simulation, other).reason
    simulation.recover()
    simulation.run_for(10)
    assert [health_of(simulation, name)[:2] for name in "abc"] == [(True, True)] * 3


@pytest.mark.parametrize("seed", range(40))
def test_whatever_goes_wrong_who_runs_is_live_and_in_peace_ready(seed):
    """Neither the store, nor the network, nor the user's code costs anybody a restart."""
    simulation, random = draw(seed), Random(seed)
    lease = max(config.lease_ns for config in simulation.history.configs.values())
    while simulation.now < STRUCK_FOR * lease:
        simulation.run_until(simulation.now + random.randrange(lease))
        for participant in simulation.participants:
            if participant.host is not None and not participant.paused:
                health = participant.host.driver.health()
                elector, now = participant.elector, participant.host.now()
                assert health.is_live, (participant.name, health)
                assert health.is_leader == elector.is_leader(now)
                assert health.is_leader == (health.time_left > 0)
    simulation.recover()
    simulation.run_until(simulation.now + 40 * lease)  # a back-off is 16 at most
    told = [one.host.driver.health() for one in simulation.participants if one.host is not None]
    assert [health for health in told if health.state != "stopped" and not health.is_ready] == []
