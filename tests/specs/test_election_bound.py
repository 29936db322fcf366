"""L1 with a number in it (`specs/protocol.md`, 6): no election takes longer, and some take nearly as long."""

from __future__ import annotations

import math
import sys

import pytest

from incumbent.config import ElectorConfig
from incumbent.core.messages import GetLease, UpdateLease
from incumbent.lease import NANOSECONDS
from incumbent.testing.exploration import SmallWorld, explore
from incumbent.testing.exploration.world import STEP
from incumbent.testing.history import Executed
from incumbent.testing.profile import Profile
from incumbent.testing.simulation.participants import MILLION
from incumbent.testing.simulation.verbs import Simulation

TIMES, ROUNDS, NEARLY = 5, 12, 0.95
DELAY = NANOSECONDS // 20
"""Each way, so that the store answers within twice that."""

SETTINGS = {
    "the defaults": {},
    "polling without jitter": {"jitter": 0.0},
    "a lease that is hardly longer than a look": {
        "lease_duration": 4.0,
        "renew_deadline": 3.9,
        "retry_period": 1.9,
        "request_timeout": 1.9,
        "jitter": 0.0,
        "clock_drift": 0.01,
    },
    "a delay": {"takeover_delay": 5.0, "clock_drift": 0.1},
}


def bound(config, *, answered_within):
    """L1, in nanoseconds of real time; the record lasts as long as one's own lease."""
    jitter = config.retry_ns * config.jitter
    waits = config.request_timeout_ns + config.retry_ns + config.lease_ns + config.takeover_delay_ns
    return (waits + 3 * answered_within + 2 * jitter) / (1 - config.clock_drift)


def struck(seed, timing):
    """A leader, and one other, whose answers come only just in time and whose clock is as slow as allowed."""
    simulation = Simulation(2, seed=seed, profile=Profile(delay=(DELAY, DELAY)), **timing)
    config = simulation.history.config("a-1")
    simulation.run_for(config.lease_duration)
    leader = next(term.who[0] for term in simulation.history.terms() if term.end > simulation.now)
    other = "b" if leader == "a" else "a"
    simulation.drift(other, -int(config.clock_drift * MILLION))
    simulation.delay(other, config.request_timeout - 4 * DELAY / NANOSECONDS, "answers")
    return simulation, leader, other


def worst_moment(simulation, leader, other):
    """When the leader wrote soonest after the other had looked: that look will show what is past."""
    looked, worst, moment = -math.inf, math.inf, 0
    for done in simulation.history.of(Executed):
        if done.who[0] == other and isinstance(done.request, GetLease):
            looked = done.at
        elif done.who[0] == leader and isinstance(done.request, UpdateLease) and done.at - looked < worst:
            worst, moment = done.at - looked, done.at
    return moment


def takeover(seed, timing):
    """How long nobody leads, from a moment on at which all is well again, and which could not be worse."""
    simulation, leader, other = struck(seed, timing)
    simulation.run_for(ROUNDS * simulation.history.config("a-1").lease_duration)
    moment = worst_moment(simulation, leader, other)
    simulation, leader, other = struck(seed, timing)
    simulation.run_until(moment)
    simulation.crash(leader)
    simulation.heal(other)
    config = simulation.history.config("a-1")
    simulation.run_until(moment + int(bound(config, answered_within=2 * DELAY)) + 1)
    terms = [term for term in simulation.history.terms() if term.who[0] == other and term.start > moment]
    return min((term.start - moment for term in terms), default=math.inf)


@pytest.mark.parametrize("name", SETTINGS)
def test_no_simulated_election_takes_longer_and_some_nearly_as_long(name):
    """Where all is as bad as L1 allows; how near they come is a line in the protocol's page."""
    timing = SETTINGS[name]
    most = bound(ElectorConfig("a", **timing), answered_within=2 * DELAY)
    least, *_, longest = sorted(takeover(seed, timing) / most for seed in range(TIMES))
    sys.stdout.write(f"{name}: {least:.3f} to {longest:.3f} of {most / NANOSECONDS:.2f} s\n")
    assert longest <= 1
    assert longest >= NEARLY


@pytest.mark.parametrize("delay", [0, 1])
def test_no_explored_election_takes_longer(delay):
    """From every state that is met; a wait that ends between two ticks of the grid ends at the second."""
    troubles = {"crashes": True, "errors": True, "in_flight": 2}
    world = SmallWorld(1, lease_duration=2, skew=0, takeover_delay=delay, **troubles)
    result = explore(world, depth=12)
    result.check()
    most = math.ceil(bound(world.config, answered_within=0) / STEP)
    sys.stdout.write(f"{result}; L1: {most}\n")
    assert most - 1 <= result.slowest_election <= most
