"""P9 in sentences, continued: a release finds its record, and a claim under way is not left behind."""

from __future__ import annotations

import pytest

from incumbent.core.messages import Abstain, Ended, GetLease, Resign, StartedLeading, Stop, UpdateLease
from incumbent.lease import StoredLease
from support.elector.bench import Bench, record, touched
from support.elector.stages import candidate_writing, leader_renewing, leader_waiting


class TestARelease:
    def test_a_refused_renewal_is_looked_for_once(self):
        """It may have met a touch (P15), or another's write, of which nothing is released."""
        for found, released in ((touched(self.held(leader_renewing()), "v8"), ["v8"]), (record("v9"), [])):
            bench = leader_renewing().leave(Resign()).refused()
            assert isinstance(bench.last.request, GetLease)
            bench.found(found)
            assert self.releases(bench) == released

    @staticmethod
    def held(bench):
        return StoredLease(bench.elector.candidacy.held.lease, "v1")

    @staticmethod
    def releases(bench):
        """The versions that its releases named."""
        writes = [request for request in bench.requests if isinstance(request, UpdateLease)]
        return [request.version for request in writes if request.lease.is_vacant]

    @pytest.mark.parametrize("answer", ["refused", "failed"])
    def test_a_refused_release_finds_its_record(self, answer):
        """Asked to resign, labelled, or told to come back later (429): the record is read, and released."""
        bench = leader_waiting()
        stored = touched(self.held(bench), "v8", asked_by="carol")
        getattr(bench.leave(Stop()), answer)()
        if answer == "failed":
            assert (bench.pending, bench.wake_at) == (None, 3)  # a store that refuses calls is given a while
            bench.at(3).wake()
        assert isinstance(bench.pending, GetLease)
        bench.found(stored).written("v9")
        assert self.releases(bench) == ["v1", "v8"]
        assert bench.elector.is_finished

    @pytest.mark.parametrize("answer", ["missing", "lost", "failed"])
    def test_what_is_not_found_is_not_released(self, answer):
        """Gone, or in a store that does not answer: there is one look, and then the end."""
        bench = leader_waiting().leave(Stop()).refused()
        getattr(bench, answer)()
        assert self.releases(bench) == ["v1"]
        assert bench.elector.is_finished

    @pytest.mark.parametrize(
        ("answer", "leader"),
        [(["lost"], "ann"), (["missing"], None), (["found", record("v9")], "bob")],
        ids=str,
    )
    def test_what_it_meets_there_is_seen_as_ever(self, answer, leader):
        """It stays in the race; and a store that does not answer says nothing of the record."""
        bench = leader_waiting().leave(Resign()).refused()
        getattr(bench, answer[0])(*answer[1:])
        assert bench.elector.leader == leader

    def test_it_is_looked_for_no_later_than_the_lease_lasts(self):
        """A store that refuses calls at the very end: nothing is waited for in vain (P9e)."""
        bench = leader_waiting().at(9).give(Stop()).at(12).give(Ended()).at(14).failed()
        assert bench.wake_at == 15
        assert bench.at(15).wake().elector.is_finished

    def test_it_is_looked_for_once(self):
        """client-go's release is retried on each conflict; here a second one is the last."""
        bench = leader_waiting()
        stored = touched(self.held(bench), "v8")
        bench.leave(Stop()).refused().found(stored).refused()
        assert self.releases(bench) == ["v1", "v8"]
        assert bench.elector.is_finished

    def test_it_is_waited_for_as_long_as_any_request(self):
        """P10: a store that hangs holds up the end by one request, and no look follows."""
        bench = leader_waiting().leave(Stop()).at(4).wake()
        assert self.releases(bench) == ["v1"]
        assert bench.elector.is_finished

    def test_what_is_too_old_is_not_released(self):
        """Beyond its validity somebody else may have led, and what is there may have come back (P15)."""
        bench = leader_waiting()
        stored = touched(self.held(bench), "v8")
        bench.leave(Stop()).refused().at(10).found(stored)
        assert self.releases(bench) == ["v1"]
        assert bench.elector.is_finished

    @pytest.mark.parametrize("goodbye", [Resign(), Stop(), Abstain()])
    def test_a_claim_under_way_is_awaited_and_released(self, goodbye):
        """Nothing is held by somebody who left while it was on its way."""
        bench = candidate_writing().give(goodbye)
        assert bench.pending is not None
        bench.written("v2")
        assert self.releases(bench) == ["v2"]
        assert bench.told(StartedLeading) == []
        bench.written("v3")
        assert bench.elector.leaving is None

    def test_a_claim_under_way_without_an_answer_is_looked_for(self):
        bench = candidate_writing().give(Stop()).lost()
        assert isinstance(bench.pending, GetLease)
        bench.found(bench.stored("v2"))
        assert self.releases(bench) == ["v2"]

    @pytest.mark.parametrize("answer", ["refused", "failed", "missing"])
    def test_a_claim_that_failed_leaves_nothing(self, answer):
        bench = candidate_writing().give(Stop())
        getattr(bench, answer)()
        assert (bench.pending, bench.elector.is_finished) == (None, True)

    def test_a_claim_that_is_too_old_to_lead_by_is_not_looked_for(self):
        """Beyond its validity another may have led, so there is nothing to release, and no end to delay."""
        bench = candidate_writing().lost().at(9).wake()
        assert (bench.state, bench.pending.sent_at) == ("candidate", 9 * 10**9)
        assert bench.at(10.5).give(Stop()).elector.is_finished

    def test_a_claim_under_way_is_left_alone_where_no_release_is_wished(self):
        assert candidate_writing().give(Stop(release=False)).elector.is_finished


def test_a_clock_that_reads_less_than_nothing_is_a_clock():
    """Only differences count: a claim under way at a stop is looked for at once, whatever the reading."""
    bench = Bench().at(-1000).start().missing()
    bench.give(Stop()).lost()
    assert isinstance(bench.pending, GetLease)


def test_a_claim_whose_answer_is_late_is_looked_for_too():
    """At a stop: that it has not been answered in time is no more than that its outcome is unknown."""
    bench = candidate_writing().give(Stop()).at(3).wake()
    assert isinstance(bench.pending, GetLease)
    bench.found(bench.stored("v2"))
    assert TestARelease.releases(bench) == ["v2"]
