"""Every verb does what its name says, to whom it names, for as long as it says."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incumbent.errors import ConfigurationError
from incumbent.testing.history import Answered, Executed, Invoked, Led, Struck, Turned
from incumbent.testing.profile import MILLISECOND, Profile, sizes
from incumbent.testing.simulation.participants import NEVER, DriftingClock, SimulatedStore
from incumbent.testing.simulation.verbs import Simulation

EXACT = Profile(delay=(10 * MILLISECOND, 10 * MILLISECOND), offsets=0)
TIMING = {"lease_duration": 6.0, "renew_deadline": 4.0, "retry_period": 1.0, "request_timeout": 2.0}


def elected(candidates=2, profile=EXACT, **timing):
    """A world in which somebody leads."""
    simulation = Simulation(candidates, profile=profile, **{**TIMING, "jitter": 0.0, **timing})
    simulation.run_for(3)
    assert simulation.leader is not None
    return simulation


def of(simulation, kind, since=0):
    return [record for record in simulation.history.of(kind) if record.at >= since]


@pytest.mark.parametrize("direction", ["both", "requests", "answers"])
def test_partition_cuts_one_way_or_both_until_healed(direction):
    simulation = elected(1)
    since = simulation.now + 500 * MILLISECOND
    simulation.run_until(since)
    simulation.partition("a", direction, 3)
    simulation.run_for(3)
    assert bool(of(simulation, Executed, since)) == (direction == "answers")
    assert of(simulation, Answered, since) == []
    simulation.run_for(10)
    assert of(simulation, Answered, since)


def test_an_isolated_leader_steps_down_and_another_takes_over():
    simulation = elected()
    first = simulation.leader
    simulation.partition("leader")
    simulation.run_for(4)
    assert simulation.leader is None
    simulation.run_for(6)
    assert simulation.leader not in {None, first}
    simulation.check()


def test_delay_makes_every_message_slower():
    simulation = elected(1)
    since = simulation.now
    simulation.delay("a", 0.5, "requests")
    simulation.run_for(2)
    sent, arrived = of(simulation, Invoked, since)[0], of(simulation, Executed, since)[0]
    assert arrived.at - sent.at == 510 * MILLISECOND


def test_drop_loses_as_many_messages_as_it_says():
    simulation = elected(1)
    since = simulation.now
    simulation.drop("a", "answers", 1)
    simulation.run_for(5)
    executed, answered = len(of(simulation, Executed, since)), len(of(simulation, Answered, since))
    assert executed == answered + 1


def test_duplicate_delivers_again_and_it_is_ignored():
    simulation = elected(1)
    since = simulation.now
    simulation.duplicate("a", "answers", 1)
    simulation.run_for(30)
    assert [one.heard for one in of(simulation, Answered, since)].count(False) == 1
    simulation.check()


def test_a_paused_leader_still_leads_by_its_clock_until_its_deadline():
    """The interval is computed: nobody asked the paused elector."""
    simulation = elected()
    first = simulation.leader
    simulation.pause("leader", 20)
    last = of(simulation, Led)[-1]
    simulation.run_until(last.until - 1)
    assert simulation.leader == first
    simulation.run_until(last.until)
    assert simulation.leader is None
    simulation.run_for(20)
    assert [turn.reason for turn in of(simulation, Turned) if turn.trigger == "step_down"] == [
        "the renew deadline passed"
    ]
    simulation.check()


def test_crash_ends_a_term_at_once_and_restart_is_a_new_process():
    simulation = elected()
    first = simulation.leader
    simulation.crash("leader")
    assert simulation.leader is None
    simulation.restart(first)
    simulation.run_for(10)
    assert {one.who for one in of(simulation, Invoked) if one.who.startswith(first)} == {
        f"{first}-1",
        f"{first}-2",
    }
    simulation.check()


def test_twin_has_the_identity_but_not_the_session():
    simulation = elected(1)
    simulation.twin("a")
    simulation.run_for(30)
    assert [one.config.identity for one in simulation.participants] == ["a", "a"]
    assert {led.who for led in of(simulation, Led)} == {"a-1"}
    simulation.check()


def test_resign_hands_over_and_stop_is_for_good():
    simulation = elected()
    first = simulation.leader
    simulation.resign("leader")
    simulation.run_for(3)
    assert simulation.leader not in {None, first}
    simulation.stop("leader")
    simulation.run_for(10)
    assert (simulation.leader, simulation.alive) == (first, 1)
    simulation.check()


def test_request_resign_is_obeyed_when_the_work_has_ended():
    """P14: the leader is told at its next renewal, and gives office up after its wind-down."""
    simulation = elected(profile=Profile(delay=EXACT.delay, wind_down=1000 * MILLISECOND))
    first = simulation.leader
    simulation.request_resign()
    simulation.run_for(5)
    assert simulation.leader not in {None, first}
    simulation.check()


def test_stall_store_answers_all_at_once():
    simulation = elected(3)
    since = simulation.now
    simulation.stall_store(3)
    simulation.run_for(5)
    assert of(simulation, Executed, since)[0].at == since + 3000 * MILLISECOND
    simulation.check()


def test_delete_lease_and_restore_backup_change_the_record():
    simulation = elected()
    old = simulation.store.version
    simulation.run_for(3)
    simulation.restore_backup()
    assert simulation.store.version < old
    simulation.delete_lease()
    assert simulation.store.stored is None
    assert [one.outside for one in of(simulation, Struck)[-2:]] == [True, True]


def test_drift_beyond_what_is_declared_is_outside_the_promise():
    simulation = elected(2, clock_drift=0.01)
    simulation.drift("all", 10_000)
    simulation.drift("all", 10_001)
    assert [one.outside for one in of(simulation, Struck)[-4:]] == [False, False, True, True]


def test_a_leader_whose_clock_jumps_forward_has_lost_its_term():
    simulation = elected()
    simulation.jump("leader", 5)
    assert simulation.leader is None


def test_a_leader_whose_clock_stands_still_leads_on():
    """Which is why that is outside the promise."""
    simulation = elected()
    first = simulation.leader
    simulation.drift("leader", -1_000_000)
    simulation.run_for(30)
    frozen, other = simulation.history.terms()
    assert (frozen.who, frozen.end) == (f"{first}-1", NEVER)
    assert other.start < simulation.now < other.end
    simulation.check()


def test_a_wall_clock_may_stand_still_or_go_back():
    """It is in the records, and decides nothing: renewals go on, each with a time of its own."""
    simulation = elected()
    first = simulation.leader
    simulation.step_wall_clock("leader", -3600)
    simulation.stop_wall_clock("leader")
    simulation.step_wall_clock("leader", -3600)
    simulation.run_for(20)
    mine = [one for one in of(simulation, Invoked) if one.who.startswith(first)]
    times = [one.request.lease.renew_time for one in mine if hasattr(one.request, "lease")]
    assert simulation.leader == first
    assert max(times) - min(times) < timedelta(seconds=10)
    assert len({*times}) == len(times) > 20
    simulation.check()


def test_recover_ends_everything():
    simulation = elected(3)
    for break_it in (simulation.partition, simulation.pause, simulation.crash):
        break_it("any")
    simulation.drift("all", 500_000)
    simulation.recover()
    simulation.run_for(30)
    assert (simulation.leader is None, simulation.alive) == (False, 3)
    simulation.check()


def test_targets_are_found_by_their_part():
    simulation = elected(3)
    leader = simulation.leader
    assert [one.name for one in simulation.targets("leader")] == [leader]
    assert simulation.targets("challenger")[0].name != leader
    assert [one.name for one in simulation.targets("all")] == ["a", "b", "c"]
    assert [one.name for one in simulation.targets("b")] == ["b"]
    simulation.crash("leader")
    assert simulation.targets("leader") == []


def test_a_wrong_direction_is_refused():
    simulation = Simulation(1)
    with pytest.raises(
        ConfigurationError, match="direction is 'sideways': give one of requests, answers, both"
    ):
        simulation.partition("a", "sideways")


@pytest.mark.parametrize("candidates", [0, 27])
def test_a_world_has_one_to_twenty_six_candidates(candidates):
    with pytest.raises(ConfigurationError, match="from 1 to 26"):
        Simulation(candidates)


def test_a_store_that_breaks_its_word_is_caught():
    """The harness checks the store too: with a write that is not conditional nothing is owed to anyone."""

    class Careless(SimulatedStore):
        def execute(self, request):
            if getattr(request, "version", None) is not None and self.stored is not None:
                return self._write(request)
            return super().execute(request)

    simulation = Simulation(3, profile=EXACT, store=Careless(), **TIMING)
    simulation.run_for(3)
    simulation.delay("leader", 7, "requests", 2)
    simulation.run_for(60)
    with pytest.raises(AssertionError, match="one_history"):
        simulation.check()


@given(
    start=st.integers(-(10**18), 10**18),
    turns=st.lists(st.tuples(st.integers(0, 10**12), st.integers(-500_000, 500_000)), max_size=4),
    reading=st.integers(0, 10**13),
)
def test_when_is_the_first_moment_of_a_reading(start, turns, reading):
    """Exactly: a nanosecond earlier the clock reads less, whatever rates it has run at."""
    clock = DriftingClock(start, 0)
    at = 0
    for lasts, ppm in turns:
        at += lasts
        clock.run_at(at, ppm)
    when = clock.when(clock.read(at) + 1 + reading)
    assert clock.read(when) >= clock.read(at) + 1 + reading > clock.read(when - 1)


def test_sizes_hold_every_unit_and_the_neighbours_of_every_threshold():
    """Lease 6, deadline 4, timeout 2: all whole numbers up to 8, and one nanosecond around each of those."""
    config = Simulation(1, **TIMING).participants[0].config
    second = 1000 * MILLISECOND
    found = sizes(config, second)
    assert [size // second for size in found if size % second == 0] == list(range(9))
    assert [size for size in found if size % second] == [
        at * second + step for at in (2, 4, 6) for step in (-1, 1)
    ]
