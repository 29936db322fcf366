"""P12d in the simulation: who is told of the leader's renewals does not read them, and takes over as soon."""

import pytest

from incumbent.core.messages import GetLease
from incumbent.lease import NANOSECONDS, StoreGuarantees
from incumbent.testing.history import Executed, Hinted, Led
from incumbent.testing.profile import ANSWER_TROUBLES, Profile
from incumbent.testing.properties import check
from incumbent.testing.recorded import explain
from incumbent.testing.recorded.history import Builder
from incumbent.testing.simulation.participants import MILLION
from incumbent.testing.simulation.verbs import Simulation
from support.simulation.recorded import elected

WATCHED = StoreGuarantees(durable=True, can_watch=True)


def led(profile=None, seed=0, **settings):
    simulation = Simulation(3, seed=seed, profile=profile or Profile(), guarantees=WATCHED, **settings)
    simulation.run_for(20)
    assert simulation.leader is not None
    return simulation


def reads(simulation, since):
    return sum(
        isinstance(record.request, GetLease)
        for record in simulation.history.of(Executed)
        if record.at >= since
    )


def test_followers_that_are_told_read_nothing():
    simulation = led()
    since = simulation.now
    simulation.run_for(100)
    hints = [hint for hint in simulation.history.of(Hinted) if hint.at >= since]
    assert len(hints) >= 2 * 40
    assert all(hint.received for hint in hints)
    assert reads(simulation, since) == 0


def test_followers_of_a_watch_that_is_mute_read_each_renewal():
    simulation = led(Profile(watches=(("mute", MILLION),)))
    since = simulation.now
    simulation.run_for(100)
    assert simulation.history.of(Hinted) == []
    assert reads(simulation, since) >= 2 * 40


@pytest.mark.parametrize("watches", [(), (("mute", MILLION),)], ids=["told", "mute"])
def test_a_crash_is_noticed_a_lease_after_the_last_renewal(watches):
    """The count began with the hint: nobody had to look before it could begin."""
    simulation = led(Profile(watches=watches), lease_duration=15.0, takeover_delay=0.0)
    simulation.run_for(7)
    leader = simulation.leader
    last = max(record.at for record in simulation.history.of(Led))
    simulation.crash(leader)
    simulation.run_for(20)
    follow = min(record.at for record in simulation.history.of(Led) if record.who.partition("-")[0] != leader)
    assert 15 <= (follow - last) / NANOSECONDS < 15.1
    check(simulation.history)


@pytest.mark.parametrize("seed", range(3))
def test_hints_that_are_lost_late_or_old_elect_nobody_else(seed):
    """S1 and all else, under messages of every kind of trouble."""
    troubles = tuple((trouble, MILLION // 5) for trouble in ANSWER_TROUBLES)
    profile = Profile(delay=(0, NANOSECONDS), answers=troubles)
    simulation = Simulation(3, seed=seed, profile=profile, guarantees=WATCHED)
    simulation.run_for(300)
    assert {hint.received for hint in simulation.history.of(Hinted)} == {True, False}
    check(simulation.history)


def test_what_is_told_stands_in_a_trace(traces):
    """As a trace of a real process has it, so that what is drawn of it is what each candidate knew."""
    simulation = elected(guarantees=WATCHED)
    simulation.run_for(20)
    explanation = explain([traces])
    assert explanation.breaches == []
    history = Builder(explanation._facts, explanation._axis, explanation._cast).history()
    hints = {(hint.who, hint.stored.version): hint.received for hint in simulation.history.of(Hinted)}
    assert len(hints) > 10
    assert {(hint.who, hint.stored.version): hint.received for hint in history.of(Hinted)} == hints
