"""P8 to P11: loss, release, one request at a time, the token."""

from __future__ import annotations

from datetime import timedelta

import pytest

from incumbent.core.elector import EPOCH
from incumbent.core.messages import (
    Ended,
    GetLease,
    NewLeader,
    Resign,
    Start,
    StartedLeading,
    Stop,
    StoppedLeading,
    StoreChanged,
    TimerFired,
    UpdateLease,
    Written,
)
from incumbent.lease import StoredLease
from support.elector.bench import Bench, Record, record, run
from support.elector.stages import (
    STAGES,
    candidate_reading_back,
    candidate_writing,
    follower_releasing,
    follower_waiting,
    leader_renewing,
    leader_waiting,
)


class TestP8LossIsNow:
    @pytest.mark.parametrize(
        ("stored", "reason"),
        [
            (record("v9"), "the lease is held by 'bob'"),
            (record("v9", "ann", session="X"), "the lease is held by 'ann'"),
            (record("v9", ""), "the lease was released by another"),
        ],
        ids=["other", "namesake", "released"],
    )
    def test_another_version_while_leading(self, stored, reason):
        """Peer bugs K6, R2: not at the deadline, and told once."""
        bench = leader_renewing().refused().found(stored)
        assert bench.told(StoppedLeading) == [StoppedLeading(1, reason)]
        assert not bench.leads(2.5)
        assert bench.elector.leader == (stored.lease.holder_identity or None)

    def test_no_record_while_reading(self):
        bench = leader_renewing().refused().missing()
        assert bench.told(StoppedLeading) == [StoppedLeading(1, "the record is missing")]

    def test_no_record_to_renew(self):
        bench = leader_renewing().missing()
        assert bench.told(StoppedLeading) == [StoppedLeading(1, "the record is missing")]
        assert bench.told(NewLeader)[-1] == NewLeader(None)
        assert bench.state == "follower"


class TestP9ReleaseIsConditionalAndLast:
    @pytest.mark.parametrize("goodbye", [Resign(), Stop()])
    def test_a_release_waits_for_the_end_of_all_that_the_term_runs(self, goodbye):
        """No successor before the end was told, and what was told of it has ended (C7)."""
        bench = leader_waiting().give(goodbye)
        assert [type(notice) for notice in bench.last.notices] == [StoppedLeading]
        assert bench.last.request is None
        assert not bench.leads(1)
        bench.at(14).wake()
        assert bench.pending is None
        assert bench.give(Ended()).last.request.lease.is_vacant

    @pytest.mark.parametrize("goodbye", [Resign(), Stop()])
    def test_a_lease_that_may_be_anothers_is_not_released(self, goodbye):
        """P9e: after a lease duration without a word it is left to expire, and a resigned one looks again."""
        bench = leader_waiting().give(goodbye).at(15).wake()
        assert not any(isinstance(request, UpdateLease) for request in bench.requests)
        assert bench.elector.is_finished == (bench.state == "stopped")
        assert isinstance(bench.pending, GetLease) == (bench.state == "follower")
        bench.give(Ended())
        assert not any(isinstance(request, UpdateLease) for request in bench.requests)

    @pytest.mark.parametrize("goodbye", [Resign(release=False), Stop(release=False)])
    def test_a_release_that_waits_can_be_given_up(self, goodbye):
        """For a callback that does not return: the lease is left to expire."""
        bench = leader_waiting().give(Resign()).at(3).give(goodbye).give(Ended())
        assert not any(isinstance(request, UpdateLease) for request in bench.requests)

    @pytest.mark.parametrize("goodbye", [Resign(release=False), Stop(release=False)])
    def test_a_release_under_way_is_not_given_up(self, goodbye):
        """It was sent when nothing ran any more."""
        bench = leader_waiting().leave(Resign()).give(goodbye)
        assert bench.pending.lease.is_vacant

    @pytest.mark.parametrize("answer", ["written", "refused", "missing"])
    def test_a_renewal_of_a_release_that_was_given_up_is_heard_before_the_next_look(self, answer):
        """P10: one request after the other; what it shows is seen."""
        bench = leader_renewing().give(Resign()).give(Resign(release=False)).at(3)
        assert bench.last.request is None
        bench.written("v2") if answer == "written" else getattr(bench, answer)()
        assert isinstance(bench.pending, GetLease)
        assert (bench.elector.observation.stored.version == "v2") == (answer == "written")

    def test_ended_is_heard_once_a_renewal_under_way_was_answered(self):
        """P10: one after the other, in whichever order the two come."""
        first = leader_renewing().give(Resign()).give(Ended()).written("v2")
        last = leader_renewing().give(Resign()).written("v2").give(Ended())
        assert first.pending.version == last.pending.version == "v2"
        assert first.pending.lease.is_vacant
        assert last.pending.lease.is_vacant

    @pytest.mark.parametrize("stage", [follower_waiting, candidate_writing, leader_waiting])
    def test_ended_means_nothing_where_no_release_waits(self, stage):
        """Drivers may say it after every term, however that ended."""
        bench, other = stage(), stage()
        bench.give(Ended())
        assert bench.elector.snapshot() == other.give(TimerFired()).elector.snapshot()

    def test_the_release_keeps_the_token_and_clears_the_session(self):
        lease = leader_waiting().leave(Resign()).pending.lease
        assert (lease.holder_identity, lease.holder_session, lease.leader_transitions) == ("", "", 1)

    def test_a_renewal_under_way_is_waited_for_and_its_version_released(self):
        bench = leader_renewing().leave(Resign())
        assert bench.last.request is None
        assert bench.written("v2").pending.version == "v2"

    def test_that_renewal_is_the_last_thing_observed(self):
        """Its acknowledgement is a look at the record: if the release is lost, the wait counts from there."""
        bench = leader_renewing().leave(Resign()).at(3).written("v2").lost()
        own = StoredLease(bench.requests[2].lease, "v2")
        assert bench.at(17.9).give(StoreChanged()).found(own).state == "follower"
        assert bench.at(18).give(StoreChanged()).found(own).state == "candidate"

    def test_a_renewal_that_gave_no_answer_leaves_the_version_before(self):
        bench = leader_renewing().leave(Resign()).lost()
        assert (bench.pending.version, bench.pending.lease.is_vacant) == ("v1", True)

    @pytest.mark.parametrize("answer", ["refused", "missing", "lost", "failed", "written"])
    def test_once_whatever_comes_of_it(self, answer):
        """Peer bugs C1, R3: never read again and retried."""
        bench = follower_releasing()
        bench.written("v2") if answer == "written" else getattr(bench, answer)()
        for seconds in range(3, 40, 3):
            bench.at(seconds).wake()
            if bench.pending:
                bench.found(record(f"x{seconds}"))
        assert [
            request.lease.is_vacant for request in bench.requests if isinstance(request, UpdateLease)
        ] == [True]

    @pytest.mark.parametrize("stage", [follower_waiting, candidate_writing, candidate_reading_back])
    @pytest.mark.parametrize("goodbye", [Resign(), Stop()])
    def test_only_who_led_releases(self, stage, goodbye):
        bench = stage()
        sent = len(bench.requests)
        bench.leave(goodbye)
        assert all(isinstance(request, GetLease) for request in bench.requests[sent:])

    @pytest.mark.parametrize("goodbye", [Resign(release=False), Stop(release=False)])
    def test_it_can_be_left_to_expire(self, goodbye):
        """For work that could not be ended: nobody may start before the lease is over."""
        bench = leader_waiting().leave(goodbye)
        assert not isinstance(bench.last.request, UpdateLease)
        assert bench.told(StoppedLeading)

    def test_no_release_once_the_term_is_over(self):
        bench = leader_waiting().at(10).leave(Stop())
        assert bench.triggers[-2:] == ["step_down", "stop"]
        assert bench.last.request is None

    def test_a_stopped_elector_finishes_its_release_and_is_silent(self):
        bench = leader_renewing().leave(Stop()).written("v2").written("v3")
        assert (bench.state, bench.wake_at, bench.pending) == ("stopped", None, None)

    def test_stopping_does_not_lose_the_release_of_a_resignation(self):
        """Resign, then stop while the renewal is still under way: the release comes all the same."""
        bench = leader_renewing().leave(Resign()).leave(Stop()).written("v2")
        assert bench.pending.lease.is_vacant
        assert bench.written("v3").wake_at is None


class TestP10OneRequestInFlight:
    @pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.__name__)
    def test_nothing_is_sent_while_something_is_pending(self, stage):
        """Until its time is over, whatever is due or hinted at."""
        bench = stage()
        if bench.pending is None:
            return
        for event in (Start(), StoreChanged(), TimerFired(), StoreChanged()):
            assert bench.give(event).last.request is None

    def test_ids_are_never_used_twice(self):
        store, bench = Record(), Bench().start()
        run(store, [bench], until=60)
        ids = [request.id for request in bench.requests]
        assert ids == sorted(set(ids))

    def test_a_deadline_of_its_own(self):
        bench = Bench(request_timeout=3).at(1).start()
        assert (bench.pending.sent_at, bench.pending.expires_at) == (10**9, 4 * 10**9)
        assert bench.wake_at == 4
        assert bench.at(3.999999999).wake().pending.id == 1
        bench.at(4).wake()
        assert bench.pending.id == 2

    def test_at_its_deadline_a_write_is_of_unknown_outcome(self):
        bench = leader_renewing().at(5).wake()
        assert isinstance(bench.last.request, GetLease)
        assert len(bench.elector.candidacy.unknown_writes) == 1

    def test_any_input_after_the_deadline_finds_that_out_first(self):
        """A hint wakes the candidate late: its write is in doubt before the hint is looked at."""
        bench = candidate_writing().at(3).leave(Resign())
        assert bench.moves[-1].reason == "asked to stand aside"
        assert bench.state == "follower"

    def test_the_right_answer_counts_even_a_little_late(self):
        bench = Bench().start().missing().at(3.5).written("v1")
        assert bench.state == "leader"

    def test_a_leaders_deadline_fires_with_a_request_in_flight(self):
        """Peer bugs R11, K4: the store hangs, and belief with it. Here the nearer of the two wakes."""
        bench = leader_waiting().at(8.5).wake()
        assert bench.pending.expires_at == 11_500_000_000
        assert bench.wake_at == 10
        bench.at(10).wake()
        assert bench.told(StoppedLeading) == [StoppedLeading(1, "the renew deadline passed")]

    def test_a_late_reply_after_the_term_is_not_heard(self):
        bench = leader_waiting().at(9).wake()
        late = bench.pending
        bench.at(10).wake().give(Written(late.id, "v2"))
        assert bench.state == "follower"
        assert bench.told(StartedLeading) == [StartedLeading(1)]


class TestP11TheTokenOnlyGrows:
    def test_the_first_term_is_number_one(self):
        assert Bench().start().missing().pending.lease.leader_transitions == 1

    @pytest.mark.parametrize("holder", ["", "bob"])
    def test_a_claim_writes_one_more(self, holder):
        bench = Bench().start().found(record("v1", holder, token=7))
        if holder:
            bench.at(15).give(StoreChanged()).found(record("v1", holder, token=7))
        assert bench.pending.lease.leader_transitions == 8

    def test_a_record_created_anew_continues_from_the_highest_seen(self):
        """Peer bugs R6, C10: 7, deleted, 0 again; useless as a fence."""
        bench = Bench().start().found(record("v1", token=7)).at(2).wake().missing()
        bench.at(17).give(StoreChanged()).missing()
        assert bench.pending.lease.leader_transitions == 8

    def test_a_record_put_back_from_an_old_copy_too(self):
        bench = Bench().start().found(record("v1", token=7)).at(2).wake().found(record("v2", "", token=3))
        assert bench.pending.lease.leader_transitions == 8

    def test_renewal_and_release_keep_it(self):
        bench = leader_renewing().written("v2").leave(Resign())
        assert [request.lease.leader_transitions for request in bench.requests[1:]] == [1, 1, 1]

    def test_the_notices_carry_it(self):
        bench = Bench().start().found(record("v1", "", token=41)).written("v2").at(10).wake()
        assert bench.told(StartedLeading) == [StartedLeading(42)]
        assert [notice.token for notice in bench.told(StoppedLeading)] == [42]

    def test_one_after_another_over_many_terms(self):
        store = Record()
        benches = [Bench(name, session=name).start() for name in "abc"]
        run(store, benches, until=1)
        for turn in range(1, 8):
            leader = next(bench for bench in benches if bench.state == "leader")
            assert leader.elector.token == turn
            leader.leave(Resign())
            run(store, benches, until=turn * 6.0)

    def test_acquire_time_is_the_terms_and_renew_time_the_writes(self):
        """For people: who reads the record sees since when, and how fresh."""
        lease = leader_waiting().at(2).wake().pending.lease
        assert lease.acquire_time == EPOCH
        assert lease.renew_time == EPOCH + timedelta(seconds=2)
        early = Bench().at(0.0000019).start().missing().pending.lease
        assert early.renew_time == EPOCH + timedelta(microseconds=1)
