"""P16 in the simulation: one run of a job a period, whoever has it, and what wrong clocks make of that."""

from __future__ import annotations

from itertools import pairwise

import pytest

from incumbent.core.elector import Elector
from incumbent.testing import Simulation
from incumbent.testing.profile import MILLISECOND, Profile
from incumbent.testing.properties import hold_is_kept, violations
from incumbent.testing.properties.coverage import sightings
from incumbent.testing.simulation.participants import MILLION

SECOND = 1000 * MILLISECOND
PERIOD = 60


HELD = Profile(code=(("return", MILLION),), hold=PERIOD * SECOND, wind_down=2 * SECOND)


def job(candidates=3, *, profile=HELD, **timing):
    """Candidates whose work is a short job: it comes back at once or soon, and holds the lease back."""
    settings = {"lease_duration": 6.0, "renew_deadline": 4.0, "retry_period": 1.0, "request_timeout": 2.0}
    return Simulation(candidates, profile=profile, seed=3, jitter=0.0, **(settings | timing))


def begun(simulation):
    return [term.start / SECOND for term in simulation.history.terms()]


@pytest.mark.parametrize("takeover_delay", [0.0, 2.0])
def test_a_job_runs_once_a_period(takeover_delay):
    """From one beginning to the next it takes a period, and a look at the record."""
    simulation = job(takeover_delay=takeover_delay)
    simulation.run_for(20 * PERIOD)
    gaps = [later - earlier for earlier, later in pairwise(begun(simulation))]
    assert len(gaps) >= 18
    assert all(PERIOD - 0.1 < gap < PERIOD + 1.2 for gap in gaps)
    assert not violations(simulation.history)
    assert sightings(simulation.history)["claim after a hold"] == len(gaps)


def test_without_a_hold_it_runs_again_and_again():
    """Or the test above would show nothing."""
    simulation = job(profile=Profile(code=(("return", MILLION),)))
    simulation.run_for(2 * PERIOD)
    assert len(begun(simulation)) > 6


def test_a_crash_holds_nobody_back():
    """The work did not come to its end: another one takes over as ever."""
    simulation = job(profile=Profile(hold=PERIOD * SECOND))
    simulation.run_for(3)
    simulation.crash("leader")
    simulation.run_for(9)
    assert len(begun(simulation)) == 2


@pytest.mark.parametrize(("seconds", "runs"), [(-7200, [0, 60, 120, 180]), (30, [0, 30])])
def test_a_wrong_clock_costs_runs_and_never_exclusion(seconds, runs):
    """One that is behind never has its turn; one that is ahead has it early, and holds for longer."""
    simulation = job(2)
    simulation.step_wall_clock("b", seconds)
    simulation.run_for(200)
    found = begun(simulation)
    assert [round(at, -1) for at in found[: len(runs)]] == runs
    assert not violations(simulation.history)


def test_a_claim_before_its_time_is_found(monkeypatch):
    """E19, by the checker."""
    monkeypatch.setattr(Elector, "_held_back_until", lambda _: None)
    simulation = job()
    simulation.run_for(PERIOD)
    assert list(hold_is_kept(simulation.history))
