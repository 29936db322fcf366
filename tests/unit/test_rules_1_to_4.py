"""P1 to P4: whose record it is, and for how long a leader believes and a follower waits."""

from __future__ import annotations

import pytest

from incumbent.core.messages import (
    ClockWentBackwards,
    CreateLease,
    GetLease,
    NewLeader,
    Resign,
    Start,
    StartedLeading,
    Stop,
    StoppedLeading,
    StoreChanged,
    UpdateLease,
)
from incumbent.lease import StoredLease
from support.elector.bench import Bench, Record, record, run
from support.elector.stages import VACANT, follower_waiting, leader_renewing, leader_waiting


class TestP1WriteOnlyByCompareAndSwap:
    def test_a_claim_of_a_missing_record_only_creates(self):
        bench = Bench().start().missing()
        assert isinstance(bench.pending, CreateLease)

    def test_a_claim_names_the_version_just_received(self):
        """Not the one seen first: the record was replaced by a like one in between."""
        bench = Bench().start().found(record("v1", "")).at(0).refused().found(record("v2", ""))
        bench.at(2).wake().found(record("v3", ""))
        assert bench.pending.version == "v3"

    def test_renewals_name_the_version_of_the_one_before(self):
        bench = leader_waiting()
        for turn in range(2, 6):
            bench.at(2 * (turn - 1)).wake()
            assert isinstance(bench.pending, UpdateLease)
            assert bench.pending.version == f"v{turn - 1}"
            bench.written(f"v{turn}")

    @pytest.mark.parametrize("goodbye", [Resign(), Stop()])
    def test_a_release_names_the_version_held(self, goodbye):
        release = leader_renewing().written("v2").leave(goodbye).pending
        assert isinstance(release, UpdateLease)
        assert (release.version, release.lease.is_vacant) == ("v2", True)

    def test_of_many_claims_of_one_vacant_lease_one_sticks(self):
        """Peer bugs R4, R9: all read "free", all write, all believe."""
        store = Record()
        benches = [Bench(name, session=name).start() for name in "abcde"]
        store.serve(*benches)
        assert [bench.state for bench in benches].count("leader") == 1


class TestP2MineOnlyIfTheSessionIs:
    def test_a_restart_under_the_same_name_waits_for_its_former_self(self):
        """Peer bugs R8, C5, K3: the name is a label."""
        bench = Bench("bob", session="other").start().found(record("v1", "bob"))
        assert bench.state == "follower"
        bench.at(14.9).give(StoreChanged()).found(record("v1", "bob"))
        assert bench.state == "follower"
        assert bench.told(StartedLeading) == []

    def test_two_live_candidates_of_one_name_do_not_renew_each_other(self):
        store = Record()
        one, two = Bench("pod-0", session="x"), Bench("pod-0", session="y")
        one.start(), two.start()
        run(store, [one, two], until=60)
        assert (one.state, two.state) == ("leader", "follower")
        assert store.stored.lease.leader_transitions == 1

    def test_every_candidacy_has_a_session_of_its_own(self):
        bench = leader_waiting().leave(Resign()).written("v2")
        bench.at(17).give(StoreChanged()).found(bench.stored("v2"))
        first, second = bench.requests[1].lease, bench.pending.lease
        assert first.holder_session != second.holder_session
        assert {lease.holder_session.rpartition(".")[0] for lease in (first, second)} == {"A"}

    def test_a_released_candidacy_does_not_adopt_its_own_old_record(self):
        """The proof is lost with it: the renewal that was under way when it resigned lands late."""
        bench = leader_renewing().give(Resign(release=False))
        old = StoredLease(bench.requests[-2].lease, "v2")
        assert old.lease.holder_session.startswith("A.")
        bench.found(old)
        assert bench.state == "follower"
        bench.at(17.4).give(StoreChanged()).found(old)
        assert bench.state == "follower"
        bench.at(17.5).give(StoreChanged()).found(old)
        assert bench.state == "candidate"

    def test_a_renewal_found_after_the_term_does_not_revive_it(self):
        """With the term ends the candidacy: the doubt about its last renewal is another's business now."""
        bench = leader_renewing().lost().at(10).wake()
        assert bench.state == "follower"
        bench.found(bench.stored("v2"))
        assert bench.state == "follower"
        assert bench.told(StartedLeading) == [StartedLeading(1)]

    def test_an_own_record_left_behind_by_a_loss_is_waited_for(self):
        """The deadline passed while the store was away; the record still says "ann"."""
        bench = leader_waiting().at(10).wake()
        bench.found(StoredLease(bench.requests[1].lease, "v1"))
        assert bench.state == "follower"
        assert bench.elector.leader == "ann"
        bench.at(14.9).give(StoreChanged()).found(bench.stored("v1"))
        assert bench.state == "follower"


class TestP3ValidityCountsFromTheSend:
    def test_to_the_nanosecond(self):
        bench = Bench().start().missing().at(2.5).written("v1")
        assert bench.leads(2.5)
        assert bench.leads(9.999999999)
        assert not bench.leads(10)

    def test_not_from_the_reply_of_a_renewal(self):
        """Peer bug C8: an answer that took 2.9 s must not lengthen the belief by them."""
        bench = leader_waiting().at(2).wake().at(4.9).written("v2")
        assert bench.leads(11.999999999)
        assert not bench.leads(12)

    def test_not_added_up(self):
        bench = leader_waiting()
        for turn in range(1, 4):
            bench.at(2 * turn).wake().written(f"v{turn + 1}")
        assert bench.leads(15.9)
        assert not bench.leads(16)

    def test_the_clock_decides_without_any_input(self):
        """No timer clears a flag: nobody woke this one."""
        assert not leader_waiting().leads(1e9)

    def test_the_term_ends_at_the_deadline_on_waking(self):
        bench = leader_waiting().at(9.999999999).wake()
        assert bench.state == "leader"
        bench.at(10).wake()
        assert bench.last.notices == (StoppedLeading(1, "the renew deadline passed"),)
        assert bench.elector.token is None

    def test_an_answer_at_the_deadline_is_too_late(self):
        """Even the right one to a renewal that would have been in time."""
        bench = leader_waiting().at(9).wake().at(10).written("v2")
        assert bench.state == "follower"
        assert len(bench.told(StoppedLeading)) == 1

    @pytest.mark.parametrize(
        ("arrival", "state"), [(9.999999999, "leader"), (10, "follower"), (30, "follower")]
    )
    def test_a_claim_known_too_late_makes_nobody_leader(self, arrival, state):
        bench = Bench().start().missing().at(arrival).written("v1")
        assert bench.state == state
        assert len(bench.told(StartedLeading)) == (state == "leader")

    def test_after_too_late_a_claim_the_own_record_is_waited_for(self):
        bench = Bench().start().missing().at(11).written("v1")
        assert bench.moves[-1].reason == "my write stuck too late to lead by it"
        assert bench.wake_at == 13
        own = bench.stored("v1")
        bench.wake().at(25.9).give(StoreChanged()).found(own)
        assert bench.state == "follower"
        bench.at(26).give(StoreChanged()).found(own)
        assert bench.state == "candidate"

    def test_a_clock_that_ran_backwards_proves_nothing(self):
        bench = leader_waiting().at(2).wake().written("v2")
        assert bench.leads(2)
        assert not bench.leads(1.999999999)

    def test_a_step_back_ends_the_term_and_begins_every_wait_anew(self):
        bench = leader_waiting().at(2).wake().written("v2").at(1.5).wake()
        reason = "the clock went backwards by 0.500000 s"
        assert bench.last.notices == (ClockWentBackwards(500_000_000), StoppedLeading(1, reason))
        own = bench.stored("v2")
        bench.found(own)
        assert bench.at(16.4).give(StoreChanged()).found(own).state == "follower"
        assert bench.at(16.5).give(StoreChanged()).found(own).state == "candidate"

    def test_a_step_back_drops_what_is_in_flight(self):
        """The reply would be timed by a clock that is not the one it was sent by."""
        bench = leader_renewing()
        late = bench.pending
        bench.at(1).wake()
        assert bench.pending.id != late.id
        assert bench.state == "follower"

    def test_a_step_back_forgets_when_to_write_next(self):
        """That was an instant of the clock as it was, and may be an hour away on the clock as it is."""
        bench = Bench().at(3600).start().missing().written("v1").at(10).wake().found(VACANT)
        assert (bench.state, bench.pending.sent_at) == ("candidate", 10_000_000_000)

    def test_a_step_back_begins_the_wait_at_once(self):
        """At the step, not at the next answer: here that comes a second later and shows the same version."""
        bench = follower_waiting().at(-1).wake().at(0).found(record("v1"))
        assert bench.at(13.9).give(StoreChanged()).found(record("v1")).state == "follower"
        assert bench.at(14).give(StoreChanged()).found(record("v1")).state == "candidate"

    def test_a_step_back_makes_a_follower_wait_in_full(self):
        bench = follower_waiting().at(2).wake().found(record("v1")).at(1).wake().found(record("v1"))
        assert bench.at(15.9).give(StoreChanged()).found(record("v1")).state == "follower"
        assert bench.at(16).give(StoreChanged()).found(record("v1")).state == "candidate"


class TestP4ExpiryCountsFromMyOwnObservation:
    @staticmethod
    def looks(bench, *looks):
        """Look at the record at each moment; the state after each."""
        states = []
        for seconds, stored in looks:
            bench.at(seconds).give(StoreChanged()).found(stored)
            states.append(bench.state)
        return states

    def test_the_count_starts_with_the_first_reply_not_with_its_request(self):
        """The request was sent at 0 and answered at 2."""
        bench = Bench().start().at(2).found(record("v1"))
        states = self.looks(bench, (16.999999999, record("v1")), (17, record("v1")))
        assert states == ["follower", "candidate"]

    def test_any_other_version_starts_it_anew(self):
        """Newer, or older: a stale read may have hidden a renewal."""
        bench = Bench().start().found(record("v1"))
        states = self.looks(
            bench, (10, record("v2")), (14, record("v1")), (28.9, record("v1")), (29, record("v1"))
        )
        assert states == ["follower", "follower", "follower", "candidate"]

    def test_a_record_of_any_age_is_waited_for_in_full(self):
        """Peer bug K5: the times in the record are for people."""
        assert Bench().at(1e6).start().found(record("v1")).state == "follower"

    @pytest.mark.parametrize("duration", [5.0, 60.0])
    def test_the_records_own_duration(self, duration):
        """Peer bug K8: not my own setting, be it shorter or longer."""
        stored = record("v1", duration=duration)
        bench = Bench(lease_duration=15).start().found(stored)
        assert self.looks(bench, (duration - 0.001, stored), (duration, stored)) == ["follower", "candidate"]

    def test_never_on_a_timer_alone(self):
        """The expiry passes while the store is away: a claim needs a look that shows the same write."""
        bench = follower_waiting().at(20).wake()
        assert isinstance(bench.last.request, GetLease)
        assert bench.state == "follower"
        assert bench.found(record("v2")).state == "follower"

    def test_a_renewal_just_before_the_claim_makes_it_fail(self):
        """The claim names what was seen; the leader was faster."""
        store = Record()
        ann, bob = Bench("ann", session="A").start(), Bench("bob", session="B")
        store.serve(ann)
        bob.start()
        store.serve(bob)
        bob.at(15).give(StoreChanged()).give(store.reply(bob.pending))
        assert bob.state == "candidate"
        store.put(store.stored.lease)  # the renewal
        store.serve(bob)
        assert bob.state == "follower"
        assert bob.told(StartedLeading) == []

    def test_the_takeover_delay_is_added(self):
        bench = Bench(takeover_delay=3).start().found(record("v1"))
        assert self.looks(bench, (17.9, record("v1")), (18, record("v1"))) == ["follower", "candidate"]

    def test_the_takeover_delay_is_added_for_a_vacant_lease_too(self):
        bench = Bench(takeover_delay=3).start().found(VACANT)
        assert self.looks(bench, (2.9, VACANT), (3, VACANT)) == ["follower", "candidate"]

    def test_observing_is_told(self):
        bench = Bench().start().found(record("v1")).at(2).wake().found(record("v2", "carol"))
        bench.at(4).wake().found(record("v3", "carol")).at(6).wake().found(VACANT)
        assert bench.told(NewLeader) == [NewLeader("bob"), NewLeader("carol"), NewLeader(None)]

    def test_a_claim_that_is_refused_is_no_term(self):
        bench = Bench().give(Start()).found(VACANT).refused()
        assert bench.triggers == ["campaign", "lose"]
        assert bench.told(StartedLeading) == []
