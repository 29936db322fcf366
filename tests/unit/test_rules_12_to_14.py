"""P12 to P14: what it costs, failing stores, and asking the holder to resign."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from incumbent.core.messages import (
    Abstain,
    GetLease,
    Resign,
    ResignRequested,
    Start,
    StartedLeading,
    StoppedLeading,
    StoreChanged,
    UpdateLease,
)
from incumbent.lease import StoredLease
from support.elector.bench import Bench, Record, record, run
from support.elector.stages import (
    BOBS,
    candidate_reading_back,
    follower_abstaining,
    follower_reading,
    follower_waiting,
    leader_doubting,
    leader_renewing,
    leader_waiting,
)


class TestP12WakeWhenSomethingCanChange:
    @pytest.mark.parametrize("can_watch", [False, True])
    def test_a_leader_costs_one_write_per_renewal_and_no_read(self, can_watch):
        store, bench = Record(), Bench(can_watch=can_watch).start()
        store.serve(bench)
        before = (store.reads, store.writes)
        run(store, [bench], until=200)
        assert (store.reads - before[0], store.writes - before[1]) == (0, 100)
        assert store.attempts == store.writes

    def test_hints_cost_a_leader_nothing(self):
        """Its own renewals are changes, too."""
        bench = leader_waiting().give(StoreChanged())
        assert bench.last.request is None
        assert bench.wake_at == 2

    def test_a_follower_costs_one_read_per_poll(self):
        store, ann, bob = Record(), Bench("ann", session="A").start(), Bench("bob", session="B")
        store.serve(ann)
        bob.start()
        run(store, [ann, bob], until=0)
        before = store.reads
        run(store, [ann, bob], until=200)
        assert store.reads - before == 100
        assert (ann.state, bob.state) == ("leader", "follower")

    def test_a_watching_follower_reads_only_what_changed_or_expires(self):
        """One read per hint; without any, only the one at the expiry."""
        bench = Bench(can_watch=True).start().found(BOBS)
        assert bench.wake_at == 15
        assert bench.at(4).give(StoreChanged()).found(record("v2")).wake_at == 19
        assert len(bench.requests) == 2

    def test_a_watching_follower_that_abstains_sleeps(self):
        bench = Bench(can_watch=True).start().give(Abstain()).found(BOBS)
        assert bench.wake_at is None
        assert bench.give(Start()).pending is not None

    def test_a_poll_before_the_expiry_does_not_miss_it(self):
        """Polls at 2, 4, ... 14; then the expiry at 15, not the poll at 16."""
        store, bench = Record(), Bench().start()
        store.put(record("x").lease)
        run(store, [bench], until=14.9)
        assert bench.wake_at == 15

    def test_a_hint_is_looked_at_at_once(self):
        bench = follower_waiting().give(StoreChanged())
        assert isinstance(bench.last.request, GetLease)

    @pytest.mark.parametrize("can_watch", [False, True])
    def test_a_change_during_a_read_leads_to_one_more_read(self, can_watch):
        """The answer may have been older than the change."""
        bench = Bench(can_watch=can_watch).start().give(StoreChanged()).give(StoreChanged()).found(BOBS)
        assert isinstance(bench.last.request, GetLease)
        assert bench.found(BOBS).last.request is None

    def test_a_change_during_a_read_that_allows_a_claim_needs_no_other(self):
        bench = follower_reading().give(StoreChanged()).found(record("v1", "")).written("v2")
        assert bench.wake_at == 3

    def test_an_early_or_idle_waking_does_no_harm(self):
        for stage in (follower_waiting, leader_waiting, follower_reading, candidate_reading_back):
            bench = stage()
            wake_at = bench.wake_at
            assert bench.wake().last.request is None
            assert bench.wake_at == wake_at

    def test_a_candidate_writes_no_faster_than_its_retry_period(self):
        """A store that loses every write and shows a vacant lease is not hammered."""
        bench = Bench().start().found(record("v1", ""))
        for _ in range(20):
            bench.at(bench.now + 0.1)
            if bench.pending is None:
                bench.at(bench.wake_at).wake()
            bench.found(record("v1", "")) if isinstance(bench.pending, GetLease) else bench.lost()
        writes = [request.sent_at / 1e9 for request in bench.requests if isinstance(request, UpdateLease)]
        assert all(later - earlier >= 2 for earlier, later in pairwise(writes))
        assert len(writes) > 3

    def test_a_renewal_after_a_slow_one_is_due_at_once(self):
        """The period counts from send to send, so that a slow store costs no validity."""
        bench = leader_waiting().at(2).wake().at(4.5).written("v2")
        assert isinstance(bench.last.request, UpdateLease)

    def test_abstaining_observes_but_does_not_campaign(self):
        bench = follower_abstaining().at(2).wake().found(record("v2", ""))
        assert bench.state == "follower"
        assert bench.give(Start()).found(record("v2", "")).state == "candidate"

    def test_a_leader_abstains_after_its_term(self):
        bench = leader_waiting().give(Abstain())
        assert bench.state == "leader"
        bench.at(10).wake().found(record("v2", ""))
        assert bench.state == "follower"


class TestP13FailingStoresKillNothing:
    def test_a_follower_goes_on_polling(self):
        bench = Bench().start()
        for turn in range(1, 6):
            assert bench.at(2 * turn - 1.5).lost().wake_at == 2 * turn
            bench.at(2 * turn).wake()
        assert isinstance(bench.pending, GetLease)

    def test_a_slow_failure_is_followed_by_a_read_at_once(self):
        assert isinstance(Bench().start().at(2.5).lost().last.request, GetLease)

    def test_a_leader_leads_to_its_deadline_and_contends_again(self):
        """Peer bugs R1, K2: the store is down; belief ends on time, and the contest goes on."""
        store, bench = Record(), Bench().start()
        store.serve(bench)
        while bench.now < 30:
            bench.at(max(bench.now, bench.wake_at))
            bench.failed() if bench.pending else bench.wake()
            assert bench.leads(bench.now) == (bench.now < 10)
        assert len(bench.told(StoppedLeading)) == 1
        run(store, [bench], until=90)
        assert bench.state == "leader"
        assert bench.told(StartedLeading) == [StartedLeading(1), StartedLeading(2)]


class TestP14AskingTheHolderToResign:
    @staticmethod
    def asked(bench, version, *, by="carol"):
        """The record that the leader holds, with a request on it."""
        return StoredLease(bench.elector.candidacy.held.lease.asked_to_resign(by), version)

    def test_on_the_held_write(self):
        """The next renewal is refused, the record is read and recognised; validity stays as it was."""
        bench = leader_renewing().refused()
        bench.found(self.asked(bench, "v2"))
        assert bench.last.notices == (ResignRequested("carol"),)
        assert bench.leads(9.999999999)
        assert not bench.leads(10)
        assert bench.at(4).wake().pending.version == "v2"

    def test_then_resigning_releases_the_adopted_version(self):
        bench = leader_renewing().refused()
        bench.found(self.asked(bench, "v2")).leave(Resign())
        assert bench.pending.version == "v2"
        assert (bench.pending.lease.is_vacant, bench.pending.lease.resign_requested_by) == (True, "")

    def test_on_an_unresolved_renewal(self):
        """The renewal landed, its reply was lost, and the request was put on it."""
        bench = leader_doubting()
        bench.found(bench.stored("v3", asked_by="carol"))
        assert bench.last.notices == (ResignRequested("carol"),)
        assert bench.leads(11.9)
        assert not bench.leads(12)

    def test_on_the_held_write_while_a_renewal_is_unresolved(self):
        """The request came first, so the renewal did not happen, and its send gives nothing."""
        bench = leader_doubting()
        bench.found(self.asked(bench, "v2"))
        assert bench.last.notices == (ResignRequested("carol"),)
        assert not bench.leads(10)
        assert bench.elector.candidacy.unknown_writes == ()

    def test_on_an_unresolved_claim(self):
        """Asked before it knew that it leads: it leads, and is told at once."""
        bench = candidate_reading_back()
        bench.found(bench.stored("v2", asked_by="carol"))
        assert bench.last.notices[-2:] == (StartedLeading(2), ResignRequested("carol"))

    def test_a_request_read_twice_is_told_once(self):
        bench = leader_renewing().refused()
        bench.found(self.asked(bench, "v2")).at(4).wake().refused()
        bench.found(self.asked(bench, "v3", by="dave"))
        assert len(bench.told(ResignRequested)) == 1
        assert bench.at(6).wake().pending.version == "v3"

    def test_a_renewal_after_it_is_conditional_on_the_adopted_version(self):
        """The work may take long to end: meanwhile it renews, over the request."""
        bench = leader_renewing().refused()
        bench.found(self.asked(bench, "v2")).at(4).wake().written("v3")
        assert bench.leads(13.9)
        assert len(bench.told(ResignRequested)) == 1

    def test_a_second_request_cannot_lengthen_anything(self):
        bench = leader_renewing().refused()
        bench.found(self.asked(bench, "v2")).at(9).wake().refused()
        bench.found(self.asked(bench, "v3"))
        assert not bench.leads(10)

    def test_on_a_foreign_record_it_is_no_news(self):
        """Not mine to resign, and no reason to wait less, or longer."""
        bench = Bench().start().found(record("v1", asked_by="carol"))
        assert bench.told(ResignRequested) == []
        assert bench.at(14.9).give(StoreChanged()).found(record("v1", asked_by="carol")).state == "follower"
        assert bench.at(15).give(StoreChanged()).found(record("v1", asked_by="carol")).state == "candidate"

    def test_on_a_foreign_record_seen_while_leading_it_is_loss(self):
        bench = leader_renewing().refused().found(record("v9", asked_by="carol"))
        assert bench.told(ResignRequested) == []
        assert len(bench.told(StoppedLeading)) == 1

    def test_on_an_own_record_of_a_former_candidacy_it_is_loss(self):
        bench = leader_waiting().give(Resign(release=False))
        mine = replace(bench.requests[1].lease, resign_requested_by="carol")
        bench.found(StoredLease(mine, "v2"))
        assert bench.state == "follower"
        assert bench.told(ResignRequested) == []

    def test_a_takeover_clears_it(self):
        bench = Bench().start().found(record("v1", "", asked_by="carol"))
        assert bench.pending.lease.resign_requested_by == ""
        bench = Bench().start().found(record("v1", asked_by="carol"))
        bench.at(15).give(StoreChanged()).found(record("v1", asked_by="carol"))
        assert bench.pending.lease.resign_requested_by == ""

    def test_the_next_term_knows_nothing_of_it(self):
        bench = leader_renewing().refused()
        bench.found(self.asked(bench, "v2")).leave(Resign()).written("v3")
        bench.at(18).give(StoreChanged()).found(record("v3", "", token=1)).written("v4")
        assert bench.state == "leader"
        assert bench.elector.candidacy.asked_by == ""

    def test_from_end_to_end(self):
        """Carol asks through the store; ann ends, releases, stands aside; bob is elected."""
        store = Record()
        ann, bob = Bench("ann", session="A").start(), Bench("bob", session="B")
        store.serve(ann)
        bob.start()
        store.serve(bob)
        store.put(store.stored.lease.asked_to_resign("carol"))
        run(store, [ann, bob], until=3)
        assert ann.told(ResignRequested) == [ResignRequested("carol")]
        assert ann.state == "leader"
        ann.leave(Resign())
        run(store, [ann, bob], until=10)
        assert (ann.state, bob.state) == ("follower", "leader")
        assert bob.elector.token == 2
