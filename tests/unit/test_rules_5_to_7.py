"""P5 to P7: vacancy, timing, unknown outcomes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from incumbent.config import ElectorConfig
from incumbent.core.candidacy import Candidacy
from incumbent.core.messages import (
    Abstain,
    GetLease,
    Resign,
    Start,
    StartedLeading,
    StoreChanged,
    UpdateLease,
    Written,
)
from incumbent.errors import ConfigurationError
from incumbent.lease import StoredLease
from support.elector.bench import Bench, Record, record, run
from support.elector.stages import (
    VACANT,
    candidate_reading_back,
    candidate_writing,
    follower_releasing,
    follower_waiting,
    leader_doubting,
    leader_renewing,
)


def states_at(bench, stored, *moments):
    """Look at the same record (None: missing) at each moment; the state after each."""
    states = []
    for seconds in moments:
        bench.at(seconds).give(StoreChanged())
        bench.missing() if stored is None else bench.found(stored)
        states.append(bench.state)
    return states


class TestP5Vacancy:
    def test_a_released_lease_is_taken_at_once(self):
        assert Bench().start().at(1).found(VACANT).state == "candidate"

    def test_a_missing_record_is_taken_at_once_where_nothing_is_forgotten(self):
        assert Bench(durable=True).start().missing().state == "candidate"

    def test_a_store_that_may_forget_is_waited_for(self):
        bench = Bench(durable=False).start().at(1).missing()
        assert states_at(bench, None, 15.9, 16) == ["follower", "candidate"]

    @pytest.mark.parametrize("durable", [True, False])
    def test_a_record_seen_and_now_missing_is_always_waited_for(self, durable):
        """Peer bugs R6, C3: deleted under the leader, created by the first who looks."""
        bench = Bench(durable=durable).start().found(record("v1")).at(2).wake().missing()
        assert states_at(bench, None, 16.9, 17) == ["follower", "candidate"]

    def test_for_the_longest_duration_known(self):
        bench = Bench().start().found(record("v1", duration=60.0)).at(2).wake().missing()
        assert states_at(bench, None, 61.9, 62) == ["follower", "candidate"]

    def test_from_the_first_reply_that_showed_it_missing(self):
        bench = Bench(durable=False).start().at(1).missing().at(5).give(StoreChanged()).missing()
        assert states_at(bench, None, 16) == ["candidate"]

    def test_a_record_in_between_starts_the_count_anew(self):
        bench = Bench(durable=False).start().missing().at(5).give(StoreChanged()).found(record("v1", ""))
        assert bench.state == "candidate"
        bench = Bench(durable=False).start().missing().at(5).give(StoreChanged()).found(record("v1"))
        bench.at(6).give(StoreChanged()).missing()
        assert states_at(bench, None, 20.9, 21) == ["follower", "candidate"]

    def test_a_leader_that_lost_the_record_waits_like_anybody(self):
        bench = leader_renewing().missing().missing()
        assert states_at(bench, None, 17.4, 17.5) == ["follower", "candidate"]

    def test_who_resigned_stands_aside_for_one_lease_duration(self):
        bench = follower_releasing().written("v2")
        free = bench.stored("v2")
        assert free.lease.is_vacant
        assert states_at(bench, free, 15.9, 16) == ["follower", "candidate"]

    def test_who_resigned_contends_again_after_another_holder(self):
        bench = follower_releasing().written("v2")
        assert states_at(bench, record("v3"), 3) == ["follower"]
        assert states_at(bench, record("v4", ""), 4) == ["candidate"]

    def test_its_own_record_is_no_other_holder(self):
        """Not by name, by session: a namesake ends the wait, its own late renewal does not."""
        bench = leader_renewing().give(Resign(release=False))
        own = StoredLease(bench.requests[-2].lease, "v2")
        bench.found(own)
        assert states_at(bench, record("v3", ""), 5) == ["follower"]
        assert states_at(bench, record("v4", "ann", session="namesake"), 6) == ["follower"]
        assert states_at(bench, record("v5", ""), 7) == ["candidate"]

    def test_nor_is_it_if_the_given_session_has_a_dot(self):
        bench = Bench(session="pod.a").start().missing().written("v1").give(Resign(release=False))
        bench.found(StoredLease(bench.requests[1].lease, "v1"))
        assert states_at(bench, record("v2", ""), 5, 15) == ["follower", "candidate"]

    def test_a_candidate_that_resigned_stands_aside_too(self):
        bench = candidate_writing().leave(Resign()).found(VACANT)
        assert states_at(bench, VACANT, 15.9, 16) == ["follower", "candidate"]

    def test_who_never_resigned_stands_aside_for_nothing(self):
        """Not after abstaining, and not after a step back."""
        assert (
            candidate_writing()
            .give(Abstain())
            .refused()
            .at(4)
            .wake()
            .found(VACANT)
            .give(Start())
            .found(VACANT)
            .state
            == "candidate"
        )
        assert follower_waiting().at(-0.5).wake().found(VACANT).state == "candidate"

    def test_even_a_record_of_the_shortest_lease_was_seen(self):
        bench = Bench(durable=True).start().found(record("v1", duration=1e-9)).at(2).wake().missing()
        assert states_at(bench, None, 16.9, 17) == ["follower", "candidate"]

    def test_a_vacant_lease_is_no_other_holder(self):
        bench = follower_waiting().leave(Resign())
        assert states_at(bench, VACANT, 3, 15.9, 16) == ["follower", "follower", "candidate"]

    def test_standing_aside_begins_anew_after_a_step_back(self):
        bench = follower_releasing().written("v2")
        free = bench.stored("v2")
        bench.at(0.5).wake().found(free)
        assert states_at(bench, free, 15.4, 15.5) == ["follower", "candidate"]


class TestP6Timing:
    """`test_config` has the boundaries; here is what they are for."""

    @pytest.mark.parametrize("renewed", [0, 2, 4.5])
    def test_a_leader_stops_before_a_follower_may_start(self, renewed):
        """Same instant seen from both ends: sent and received at once, the tightest case there is."""
        store = Record()
        ann, bob = Bench("ann", session="A").start(), Bench("bob", session="B").start()
        store.serve(ann)
        ann.at(renewed).wake()
        store.serve(ann)
        bob.at(renewed).give(StoreChanged())
        store.serve(bob)
        run(store, [bob], until=renewed + 15)
        assert bob.state == "leader"
        assert not ann.leads(renewed + 10)
        assert bob.moves[-1].trigger == "win"
        assert bob.elector.office.since == round((renewed + 15) * 1e9)

    @pytest.mark.parametrize(("lease", "renew", "retry"), [(15, 15, 2), (15, 17, 2), (17, 15, 20), (1, 2, 3)])
    def test_the_peers_dangerous_settings_are_refused(self, lease, renew, retry):
        """Peer bug R7: accepted there without a word."""
        with pytest.raises(ConfigurationError, match="P6"):
            ElectorConfig("ann", lease_duration=lease, renew_deadline=renew, retry_period=retry)


class TestP7UnknownOutcome:
    def test_nothing_is_assumed_and_the_record_is_read(self):
        bench = candidate_writing().lost()
        assert bench.state == "candidate"
        assert isinstance(bench.last.request, GetLease)
        assert bench.told(StartedLeading) == []

    def test_a_claim_found_in_the_store_won_and_counts_from_its_send(self):
        """Peer bug R5: the write landed, the reply was lost; the callbacks still come, and once."""
        bench = candidate_reading_back().at(3.5)
        bench.found(bench.stored("v2"))
        assert bench.told(StartedLeading) == [StartedLeading(2)]
        assert bench.leads(9.9)
        assert not bench.leads(10)

    def test_a_renewal_found_in_the_store_counts_from_its_send(self):
        bench = leader_doubting().at(5)
        bench.found(bench.stored("v2"))
        assert bench.leads(11.9)
        assert not bench.leads(12)
        assert bench.wake().pending.version == "v2"

    def test_a_renewal_not_found_leaves_the_old_validity(self):
        bench = leader_doubting()
        bench.found(StoredLease(bench.requests[1].lease, "v1"))
        assert bench.state == "leader"
        assert not bench.leads(10)
        assert bench.at(4).wake().pending.version == "v1"

    def test_no_write_before_the_reading_back(self):
        """However long the reads fail, and although renewals are due."""
        bench = leader_doubting()
        for seconds in (3, 5, 7):
            bench.at(seconds).lost().at(seconds + 1.5).wake()
        assert [type(request) for request in bench.requests[3:]] == [GetLease] * 4

    def test_not_found_is_no_proof_and_the_write_may_still_land(self):
        """A stale read hid it. A later look finds it, in time: the term begins after all, from its send."""
        bench = candidate_reading_back().found(VACANT)
        assert bench.state == "follower"
        bench.at(1.5).give(StoreChanged()).found(bench.stored("v2"))
        assert bench.triggers[-2:] == ["campaign", "win"]
        assert not bench.leads(10)

    def test_found_when_its_validity_is_over(self):
        bench = candidate_reading_back().found(VACANT).give(StoreChanged()).at(10)
        bench.found(bench.stored("v2"))
        assert bench.state == "follower"

    def test_a_second_claim_refused_by_the_first_one(self):
        """The first landed after the reading back; it is found behind the refusal of the second."""
        bench = candidate_reading_back().found(VACANT)
        first = bench.stored("v2")
        bench.at(2).wake().found(VACANT).refused().found(first)
        assert bench.state == "leader"
        assert bench.moves[-1].trigger == "win"
        assert not bench.leads(10)

    def test_of_two_alike_the_earlier_counts(self):
        """Should two claims carry the same times after all: the one that ends sooner is meant."""
        bench = candidate_reading_back().found(VACANT).at(2).wake().found(VACANT).lost()
        first, second = (request for request in bench.requests if isinstance(request, UpdateLease))
        doubtful = Candidacy(unknown_writes=(first, replace(second, lease=first.lease)))
        assert doubtful.match_own_write(StoredLease(first.lease, "v2"), since=-1) is first

    def test_hope_ends_with_validity(self):
        """The reading back fails until the claim is too old to lead by: back to following."""
        bench = candidate_reading_back()
        for seconds in (3, 6, 9):
            bench.at(seconds).lost().at(seconds).wake()
        assert bench.state == "candidate"
        assert bench.at(10).lost().state == "follower"

    def test_certain_failure_is_no_doubt(self):
        """`outcome_unknown=False`: nothing to read back, try again in time."""
        bench = leader_renewing().failed()
        assert bench.last.request is None
        assert bench.wake_at == 4
        assert bench.elector.candidacy.unknown_writes == ()

    def test_an_answer_to_an_abandoned_write_is_not_heard(self):
        """It took longer than its time; by then the record is being read back, which finds the same out."""
        bench = leader_renewing()
        late = bench.pending
        bench.at(5).wake()
        assert isinstance(bench.pending, GetLease)
        bench.give(Written(late.id, "v2"))
        assert not bench.leads(10)

    def test_a_stale_read_of_the_version_held_is_no_loss(self):
        bench = leader_renewing().refused()
        bench.found(StoredLease(bench.requests[1].lease, "v1"))
        assert bench.state == "leader"
