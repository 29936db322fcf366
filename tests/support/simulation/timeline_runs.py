"""Runs that timelines are drawn of."""

from __future__ import annotations

from incumbent.core.messages import UpdateLease
from incumbent.testing.profile import Profile
from incumbent.testing.simulation.participants import SimulatedStore
from incumbent.testing.simulation.swarm import draw
from incumbent.testing.simulation.verbs import Simulation

SECOND = 10**9
ALIKE = Profile(delay=(SECOND // 200, SECOND // 200), offsets=0)


def scripted():
    """A leader is cut off, and the next one paused."""
    timing = {"lease_duration": 9.0, "renew_deadline": 6.0, "retry_period": 1.5, "request_timeout": 1.5}
    simulation = Simulation(2, seed=5, profile=ALIKE, jitter=0.0, clock_drift=0.0, **timing)
    simulation.run_for(5)
    simulation.partition("leader", seconds=12)
    simulation.run_for(20)
    simulation.pause("leader", 11)
    simulation.run_for(30)
    return simulation


class Careless(SimulatedStore):
    """Replaces whatever version there is: no compare-and-swap."""

    def execute(self, request):
        if isinstance(request, UpdateLease) and self.stored is not None:
            return self._write(request)
        return super().execute(request)


def two_leaders():
    """Two claims at once, and a store that takes both."""
    simulation = Simulation(3, seed=3, store=Careless(), profile=ALIKE, jitter=0.0)
    simulation.run_for(20)
    simulation.crash("leader")
    simulation.delay("all", 1.9, "requests")
    simulation.run_for(40)
    return simulation


def swarm(seed):
    """Two minutes of a drawn world."""
    simulation = draw(seed)
    simulation.run_until(120 * SECOND)
    return simulation
