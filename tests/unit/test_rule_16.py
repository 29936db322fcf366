"""P16 in sentences: a released record may say until when it should not be claimed, by the time of day."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from incumbent.core.elector import EPOCH
from incumbent.core.messages import GetLease, Resign, StartedLeading, Stop, StoreChanged, UpdateLease
from incumbent.core.term_messages import AskedToResign, AskedToStop, WorkEnded
from incumbent.lease import EARLIEST_TIME, LATEST_TIME, StoredLease
from support.elector.bench import Bench, record, touched
from support.elector.stages import leader_renewing, leader_waiting
from support.elector.term import TermBench

HOUR = 3600
DAWN = EPOCH + timedelta(days=2)
"""What the time of day is when a bench's clock reads 0."""


def bench_at_dawn(**changes):
    bench = Bench(**changes)
    bench.elector.epoch = DAWN
    return bench.start()


def held_back(seconds, holder=""):
    """Bob's record, released or not, that is not to be claimed for so long from `DAWN`."""
    stored = record("v1", holder)
    return replace(stored, lease=replace(stored.lease, not_before=DAWN + timedelta(seconds=seconds)))


class TestACandidate:
    def test_it_claims_at_that_time_of_day_and_not_before(self):
        bench = bench_at_dawn().found(held_back(5))
        assert bench.state == "follower"
        assert bench.at(4).wake().found(held_back(5)).wake_at == 5
        assert bench.at(5).wake().found(held_back(5)).state == "candidate"
        assert bench.pending.lease.renew_time == DAWN + timedelta(seconds=5)

    def test_what_it_claims_is_not_held_back(self):
        bench = bench_at_dawn().found(held_back(-1))
        assert bench.pending.lease.not_before == EARLIEST_TIME

    def test_it_is_judged_by_the_time_that_the_claim_would_carry(self):
        """Its stamps do not go back with the time of day (P7c), so nor does this."""
        bench = bench_at_dawn()
        bench.elector.last_renew_time = DAWN + timedelta(seconds=9)
        assert bench.found(held_back(9)).state == "candidate"

    @pytest.mark.parametrize("by", [-HOUR, HOUR])
    def test_a_wrong_clock_claims_too_late_or_too_early(self, by):
        """That costs a run too many or too few; the claim is a compare-and-swap like any other."""
        bench = bench_at_dawn()
        bench.elector.epoch += timedelta(seconds=by)
        bench.found(held_back(60))
        assert bench.state == ("candidate" if by > 0 else "follower")

    def test_a_store_that_tells_of_changes_wakes_it_then(self):
        bench = bench_at_dawn(can_watch=True).found(held_back(5))
        assert bench.wake_at == 5

    def test_a_far_off_time_is_looked_at_once_a_lease(self):
        """The time of day may be set, and a machine that sleeps counts no time."""
        bench = bench_at_dawn(can_watch=True).found(held_back(HOUR))
        assert bench.wake_at == 15
        bench.elector.epoch += timedelta(seconds=HOUR)
        assert bench.at(15).wake().found(held_back(HOUR)).state == "candidate"

    def test_whoever_ends_the_hold_is_heard_of(self):
        """An operator takes it off the record, which is a touch (P15)."""
        bench = bench_at_dawn(can_watch=True).found(held_back(HOUR))
        bench.at(3).give(StoreChanged()).found(record("v1", ""))
        assert bench.state == "candidate"

    def test_a_held_record_is_waited_for_by_ones_own_clock_only(self):
        """P4: the time of day decides nothing there, whether it has come or not."""
        for seconds in (-HOUR, HOUR):
            bench = bench_at_dawn().found(held_back(seconds, "bob"))
            assert bench.at(14.9).give(StoreChanged()).found(held_back(seconds, "bob")).state == "follower"
            assert bench.at(15).give(StoreChanged()).found(held_back(seconds, "bob")).state == "candidate"

    def test_the_takeover_delay_counts_from_the_release(self):
        """It is long over when the hold is."""
        bench = bench_at_dawn(takeover_delay=4).found(held_back(5))
        assert bench.at(5).give(StoreChanged()).found(held_back(5)).state == "candidate"


class TestARelease:
    @pytest.mark.parametrize("goodbye", [Resign, Stop])
    def test_it_says_how_long_from_the_beginning_of_the_term(self, goodbye):
        bench = leader_waiting()
        begun = bench.elector.candidacy.held.lease.acquire_time
        bench.leave(goodbye(hold_ns=HOUR * 10**9))
        assert bench.pending.lease.is_vacant
        assert bench.pending.lease.not_before == begun + timedelta(seconds=HOUR)

    def test_it_says_nothing_by_default(self):
        assert leader_waiting().leave(Stop()).pending.lease.not_before == EARLIEST_TIME

    def test_it_says_so_also_of_a_record_that_had_to_be_found(self):
        """P9b: a renewal under way, a touch, and the release once more."""
        bench = leader_renewing().leave(Stop(hold_ns=10**9))
        renewed = bench.stored("v8")
        bench.written("v8").refused().found(touched(renewed, "v9"))
        releases = [each.lease for each in bench.requests if getattr(each, "version", None) in ("v8", "v9")]
        assert [lease.not_before for lease in releases] == [EPOCH + timedelta(seconds=1)] * 2

    def test_the_calendar_does_not_end(self):
        bench = leader_waiting()
        held = bench.elector.candidacy.held
        late = replace(held, lease=replace(held.lease, acquire_time=LATEST_TIME))
        bench.elector.candidacy = bench.elector.candidacy._replace(held=late)
        assert bench.leave(Stop(hold_ns=10**18)).pending.lease.not_before == LATEST_TIME

    def test_a_lease_that_is_left_to_expire_is_not_held_back(self):
        bench = leader_waiting().leave(Stop(release=False, hold_ns=10**9))
        assert bench.pending is None
        assert not [each for each in bench.requests if isinstance(each, UpdateLease) and each.lease.is_vacant]

    def test_who_released_waits_as_well(self):
        """Its own work is not to run again either."""
        bench = leader_waiting().leave(Resign(hold_ns=60 * 10**9)).written("v2")
        vacant = StoredLease(bench.requests[-1].lease, "v2")
        bench.at(20).wake().found(vacant)
        assert (bench.state, isinstance(bench.pending, GetLease)) == ("follower", False)
        assert bench.at(60).give(StoreChanged()).found(vacant).state == "candidate"


class TestTheTerm:
    def goodbyes(self, *events, once=False):
        bench = TermBench(tells=False, hold_ns=7, once=once).give(StartedLeading(1))
        for event in events:
            bench.give(event)
        return [each for each in bench.inputs if isinstance(each, (Resign, Stop))]

    @pytest.mark.parametrize(("once", "goodbye"), [(False, Resign), (True, Stop)])
    def test_work_that_ended_well_by_itself_holds_the_lease_back(self, once, goodbye):
        assert self.goodbyes(WorkEnded(), once=once) == [goodbye(hold_ns=7)]

    @pytest.mark.parametrize("once", [False, True])
    def test_work_that_failed_does_not(self, once):
        """Somebody else is to try it."""
        (goodbye,) = self.goodbyes(WorkEnded(failed=True), once=once)
        assert goodbye.hold_ns == 0

    @pytest.mark.parametrize("asked", [AskedToResign("tired"), AskedToStop(10**9)])
    def test_nor_does_work_that_was_asked_to_end(self, asked):
        """It may have left off in the middle."""
        (goodbye,) = self.goodbyes(asked, WorkEnded())
        assert goodbye.hold_ns == 0
