"""P17 in sentences: a release may name a successor, and others leave the lease to that one for a while."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from incumbent.core.elector import EPOCH
from incumbent.core.messages import Found, Resign, StartedLeading, Stop, StoppedLeading, StoreChanged
from incumbent.core.term_messages import AskedToResign, AskedToStop, WorkEnded
from incumbent.lease import EARLIEST_TIME, StoredLease
from support.elector.bench import Bench, record, touched
from support.elector.stages import leader_renewing, leader_waiting
from support.elector.term import TermBench

RETRY = 2.0
NIGHT = EPOCH + timedelta(days=1)


def meant_for(successor, version="v1", *, holder="", epoch=None):
    """Bob's record, released or not, that names somebody."""
    stored = record(version, holder)
    return replace(stored, lease=stored.lease.meant_for(successor), epoch=epoch)


def asked(stored, version, *, successor="", until=EARLIEST_TIME):
    """The record with a request to resign on it that says for whom, and until when nobody should claim."""
    lease = stored.lease.asked_to_resign("ops").meant_for(successor).held_back(until)
    return StoredLease(lease, version)


def leader_asked(**says):
    """A leader that has read a request on the record that it holds."""
    bench = leader_renewing().refused()
    held = StoredLease(bench.elector.candidacy.held.lease, "v1")
    return bench.found(asked(held, "v2", **says))


def looks(bench, at, stored):
    return bench.at(at).give(StoreChanged()).found(stored)


class TestACandidate:
    def test_the_one_that_is_named_claims_at_once(self):
        assert Bench().start().found(meant_for("ann")).state == "candidate"

    def test_it_does_not_stand_back_either(self):
        """A takeover delay makes a candidate the last choice; here it is the first."""
        assert Bench(takeover_delay=9).start().found(meant_for("ann")).state == "candidate"

    def test_another_leaves_it_to_that_one_for_two_retry_periods_of_its_own(self):
        bench = Bench().start().found(meant_for("zoe"))
        assert bench.state == "follower"
        assert looks(bench, 2 * RETRY - 0.1, meant_for("zoe")).state == "follower"
        assert looks(bench, 2 * RETRY, meant_for("zoe")).state == "candidate"

    def test_and_stands_back_after_that_as_ever(self):
        bench = Bench(takeover_delay=9).start().found(meant_for("zoe"))
        assert looks(bench, 2 * RETRY + 8.9, meant_for("zoe")).state == "follower"
        assert looks(bench, 2 * RETRY + 9, meant_for("zoe")).state == "candidate"

    def test_a_touch_does_not_lengthen_that(self):
        """P15: it is the same write."""
        bench = Bench().start().found(meant_for("zoe"))
        looks(bench, 3, touched(meant_for("zoe"), "v2"))
        assert looks(bench, 2 * RETRY, touched(meant_for("zoe"), "v3")).state == "candidate"

    def test_another_release_does(self):
        bench = Bench().start().found(meant_for("zoe"))
        looks(bench, 3, meant_for("zoe", "v9"))
        assert looks(bench, 2 * RETRY, meant_for("zoe", "v9")).state == "follower"
        assert looks(bench, 3 + 2 * RETRY, meant_for("zoe", "v9")).state == "candidate"

    def test_another_epoch_does(self):
        bench = Bench().start().found(meant_for("zoe"))
        looks(bench, 3, meant_for("zoe", epoch="later"))
        assert looks(bench, 2 * RETRY, meant_for("zoe", epoch="later")).state == "follower"

    def test_a_store_that_tells_of_changes_wakes_it_then(self):
        assert Bench(can_watch=True).start().found(meant_for("zoe")).wake_at == 2 * RETRY

    def test_whoever_takes_the_name_off_frees_it(self):
        bench = Bench().start().found(meant_for("zoe"))
        assert looks(bench, 1, meant_for("")).state == "candidate"

    @pytest.mark.parametrize("successor", ["ann", "zoe"])
    def test_a_held_record_is_waited_for_whomever_it_names(self, successor):
        """P4: what is said there is a request, and its holder may be at work."""
        held = meant_for(successor, holder="bob")
        bench = Bench().start().found(held)
        assert looks(bench, 14.9, held).state == "follower"
        assert looks(bench, 15, held).state == "candidate"

    def test_what_it_claims_names_nobody(self):
        assert Bench().start().found(meant_for("ann")).pending.lease.successor == ""

    def test_nobody_claims_what_is_held_back(self):
        """P16 comes first; the wait for the one that is named goes by meanwhile."""
        for successor, after in (("ann", 20), ("zoe", 20)):
            stored = meant_for(successor)
            stored = replace(stored, lease=stored.lease.held_back(EPOCH + timedelta(seconds=20)))
            bench = Bench().start().found(stored)
            assert looks(bench, after - 0.1, stored).state == "follower"
            assert looks(bench, after, stored).state == "candidate"

    def test_who_resigned_stands_aside_though_it_is_named(self):
        """P5d."""
        bench = leader_waiting().leave(Resign(successor="ann")).written("v2")
        vacant = StoredLease(bench.requests[-1].lease, "v2")
        began = bench.elector.no_campaign_before
        assert looks(bench, began / 1e9 - 0.1, vacant).state == "follower"
        assert looks(bench, began / 1e9, vacant).state == "candidate"


class TestARelease:
    @pytest.mark.parametrize("goodbye", [Resign, Stop])
    def test_it_names_whom_the_driver_named(self, goodbye):
        lease = leader_waiting().leave(goodbye(successor="zoe")).pending.lease
        assert (lease.is_vacant, lease.successor) == (True, "zoe")

    def test_it_names_nobody_by_default(self):
        assert leader_waiting().leave(Stop()).pending.lease.successor == ""

    def test_also_where_the_record_had_to_be_found(self):
        """P9b: a touch, and the release once more."""
        bench = leader_renewing().leave(Resign(successor="zoe"))
        renewed = bench.stored("v8")
        bench.written("v8").refused().found(touched(renewed, "v9"))
        assert (bench.pending.version, bench.pending.lease.successor) == ("v9", "zoe")

    @pytest.mark.parametrize("goodbye", [Resign, Stop])
    def test_it_says_what_the_request_asks(self, goodbye):
        """P14: for whom, and from when on."""
        lease = leader_asked(successor="zoe", until=NIGHT).leave(goodbye()).pending.lease
        assert (lease.successor, lease.not_before, lease.resign_requested_by) == ("zoe", NIGHT, "")

    def test_a_renewal_keeps_what_is_asked(self):
        """The work may take its time to end."""
        bench = leader_asked(successor="zoe", until=NIGHT).at(5).wake()
        renewal = bench.pending.lease
        assert (renewal.resign_requested_by, renewal.successor, renewal.not_before) == ("ops", "zoe", NIGHT)
        bench.written("v3")
        lease = bench.leave(Resign()).pending.lease
        assert (lease.successor, lease.not_before) == ("zoe", NIGHT)

    def test_the_last_word_of_the_request_counts(self):
        """Also where it was put there while the release was under way."""
        bench = leader_asked(successor="zoe").leave(Resign())
        held = StoredLease(bench.elector.leaving.former.held.lease, "v2")
        bench.refused().found(asked(held, "v3", successor="bob", until=NIGHT))
        assert (bench.pending.lease.successor, bench.pending.lease.not_before) == ("bob", NIGHT)

    def test_the_driver_knows_better_than_the_request(self):
        """But the longer of two holds is meant."""
        bench = leader_asked(successor="zoe", until=NIGHT)
        lease = bench.leave(Resign(successor="bob", hold_ns=10**9)).pending.lease
        assert (lease.successor, lease.not_before) == ("bob", NIGHT)
        bench = leader_asked(successor="zoe", until=NIGHT)
        begun = bench.elector.candidacy.held.lease.acquire_time
        lease = bench.leave(Resign(hold_ns=48 * 3600 * 10**9)).pending.lease
        assert (lease.successor, lease.not_before) == ("zoe", begun + timedelta(hours=48))

    def test_a_request_that_says_more_is_told_of_once(self):
        bench = leader_asked()
        held = StoredLease(bench.elector.candidacy.held.lease, "v2")
        bench.at(5).wake().refused().found(asked(held, "v3", successor="zoe"))
        assert bench.elector.candidacy.successor == "zoe"
        assert [type(notice).__name__ for notice in bench.notices].count("ResignRequested") == 1

    def test_the_next_candidacy_has_forgotten_it(self):
        bench = leader_asked(successor="zoe", until=NIGHT).leave(Resign()).written("v3")
        assert bench.elector.candidacy.successor == ""
        assert bench.elector.candidacy.not_before == EARLIEST_TIME


class TestTheTerm:
    def goodbyes(self, *events):
        bench = TermBench(tells=False).give(StartedLeading(1))
        for event in events:
            bench.give(event)
        return [each for each in bench.inputs if isinstance(each, (Resign, Stop))]

    def test_it_names_the_successor_when_the_work_has_ended(self):
        assert self.goodbyes(AskedToResign("tired", "zoe"), WorkEnded()) == [Resign(successor="zoe")]

    def test_also_where_it_is_asked_to_stop_meanwhile(self):
        events = AskedToResign("tired", "zoe"), AskedToStop(10**9), WorkEnded()
        assert self.goodbyes(*events) == [Stop(successor="zoe")]

    def test_the_last_name_counts(self):
        events = AskedToResign("tired", "zoe"), AskedToResign("more", "bob"), AskedToResign("and more")
        assert self.goodbyes(*events, WorkEnded()) == [Resign(successor="bob")]

    def test_the_next_term_has_forgotten_it(self):
        bench = TermBench(tells=False).give(StartedLeading(1))
        for event in (AskedToResign("tired", "zoe"), WorkEnded(), StoppedLeading(1, "resigned")):
            bench.give(event)
        assert bench.term.successor == ""
        bench.give(AskedToResign("not now", "zoe"))
        assert bench.inputs[-1] == Resign()
        bench.give(StartedLeading(2)).give(WorkEnded())
        assert bench.inputs[-1] == Resign()


def test_found_is_what_names():
    """The note comes with the record, so whom it names is known before anything is claimed."""
    bench = Bench().start()
    bench.give(Found(bench.pending.id, meant_for("zoe")))
    assert bench.pending is None
