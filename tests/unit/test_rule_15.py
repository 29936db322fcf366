"""P15 in sentences: a record is what its last write made it, whatever its version."""

from __future__ import annotations

from dataclasses import replace

import pytest

from incumbent.core.messages import GetLease, StoppedLeading, StoreChanged, UpdateLease
from incumbent.lease import StoredLease
from support.elector.bench import Bench, record, touched
from support.elector.stages import candidate_reading_back, leader_doubting, leader_renewing

BOBS = record("v1")


def held(bench, version, **changes):
    """The write that the leader holds by, under another version."""
    stored = StoredLease(bench.elector.candidacy.held.lease, version)
    return replace(touched(stored, version), **changes)


class TestALeader:
    def test_it_goes_on_by_the_version_found(self):
        """One label on its record: the renewal is refused, the record is read, the renewal is sent again."""
        bench = leader_renewing().refused().at(3)
        bench.found(held(bench, "v2"))
        assert bench.told(StoppedLeading) == []
        assert isinstance(bench.last.request, UpdateLease)
        assert (bench.pending.version, bench.pending.sent_at) == ("v2", 3_000_000_000)

    def test_its_validity_stays_as_it_was(self):
        """P3: a touch is no write of its own."""
        bench = leader_renewing().refused()
        bench.at(3).found(held(bench, "v2"))
        assert bench.leads(9.999999999)
        assert not bench.leads(10)

    def test_touches_do_not_carry_it_beyond_its_deadline(self):
        """Touched before each renewal, it steps down when its last renewal that landed is too old."""
        bench, second = leader_renewing(), 2
        while bench.state == "leader" and second < 20:
            bench.at(second).refused()
            if bench.state == "leader":
                bench.found(held(bench, f"v{second}"))
            second += 1
        assert second == 11
        assert [notice.reason for notice in bench.told(StoppedLeading)] == ["the renew deadline passed"]

    def test_a_touch_on_a_renewal_of_unknown_outcome(self):
        """P7: the renewal landed and was touched, so validity counts from its send."""
        bench = leader_doubting()
        bench.found(touched(bench.stored("v2"), "v3"))
        assert bench.leads(11.9)
        assert not bench.leads(12)

    @pytest.mark.parametrize("field", ["holder_identity", "holder_session"])
    def test_a_record_that_was_changed_is_no_touch(self, field):
        """P8: who empties the holder's name, or sets it, has written the lease."""
        for value in ("", "carol"):
            bench = leader_renewing().refused()
            stored = held(bench, "v2")
            bench.found(replace(stored, lease=replace(stored.lease, **{field: value})))
            assert len(bench.told(StoppedLeading)) == 1

    def test_another_epoch_is_no_loss(self):
        """Its own write came back, or was there all the time: its validity counts from its own send."""
        bench = leader_renewing().refused()
        bench.found(held(bench, "v2", epoch="second"))
        assert bench.leads(9.999999999)
        assert not bench.leads(10)


class TestACandidate:
    def test_a_touched_claim_is_won(self):
        """P7: whoever touched it before it could be read back."""
        bench = candidate_reading_back()
        assert bench.found(touched(bench.stored("v2"), "v3")).state == "leader"
        assert bench.at(4.5).wake().pending.version == "v3"

    def test_an_emptied_record_is_nobodys(self):
        """An operator set the holder's name to nothing, and left the session: nobody leads by that."""
        bench = candidate_reading_back()
        stored = bench.stored("v2")
        bench.found(replace(stored, lease=replace(stored.lease, holder_identity="")))
        assert bench.state != "leader"


class TestAFollower:
    def test_it_claims_one_lease_after_the_write(self):
        """A dead leader's record is touched every 2 s: it is claimed all the same, by its newest version."""
        bench = Bench().start().found(BOBS)
        for second in range(2, 15, 2):
            assert (
                bench.at(second).give(StoreChanged()).found(touched(BOBS, f"t{second}")).state == "follower"
            )
        assert bench.at(14.9).give(StoreChanged()).found(touched(BOBS, "t14.9")).state == "follower"
        bench.at(15).give(StoreChanged()).found(touched(BOBS, "t15"))
        assert (bench.state, bench.pending.version) == ("candidate", "t15")

    def test_a_renewal_between_two_touches_begins_it_anew(self):
        bench = Bench().start().found(BOBS).at(5).give(StoreChanged()).found(record("v2"))
        bench.at(15).give(StoreChanged()).found(touched(record("v2"), "v3"))
        assert (bench.state, bench.wake_at) == ("follower", 17)
        assert bench.at(20).wake().found(touched(record("v2"), "v4")).state == "candidate"

    def test_a_write_that_comes_back_after_another_begins_it_anew(self):
        bench = Bench().start().found(BOBS).at(5).give(StoreChanged()).found(record("v2"))
        assert bench.at(15).give(StoreChanged()).found(touched(BOBS, "v3")).state == "follower"
        assert bench.at(29).give(StoreChanged()).found(touched(BOBS, "v3")).state == "follower"
        assert bench.at(30).give(StoreChanged()).found(touched(BOBS, "v3")).state == "candidate"

    def test_another_epoch_begins_it_anew(self):
        """What is there may have come back after somebody else led."""
        back = replace(BOBS, epoch="second")
        bench = Bench().start().found(BOBS).at(15).give(StoreChanged()).found(back)
        assert bench.state == "follower"
        assert bench.at(29.9).give(StoreChanged()).found(back).state == "follower"
        assert bench.at(30).give(StoreChanged()).found(back).state == "candidate"

    def test_what_another_epoch_shows_as_released_was_released_in_it(self):
        """So it is taken at once; what was released before, the store shows as held (P15e)."""
        released = replace(record("v2", ""), epoch="second")
        back = StoredLease(replace(released.lease, holder_identity="released before"), "v2", "second")
        for shown, state in ((released, "candidate"), (back, "follower")):
            bench = Bench().start().found(replace(BOBS, epoch="first")).at(2).wake().found(shown)
            assert bench.state == state

    def test_a_claim_that_a_touch_made_fail_is_tried_again(self):
        bench = Bench().start().found(BOBS).at(15).give(StoreChanged()).found(BOBS).refused()
        assert isinstance(bench.pending, GetLease)
        bench.found(touched(BOBS, "v2")).at(17).wake().found(touched(BOBS, "v2"))
        assert (bench.state, bench.pending.version) == ("candidate", "v2")


def test_the_epoch_last_seen_is_supposed_of_ones_own_write():
    """An answer does not say in which epoch a write landed: who lost waits on in that one only."""
    bobs = replace(record("v1", ""), epoch="first")
    for epoch, state in (("first", "candidate"), ("second", "follower")):
        bench = Bench().start().found(bobs).written("v2").at(10).wake()
        own = StoredLease(bench.requests[1].lease, "v2", epoch)
        assert bench.elector.state == "follower"
        bench.found(own).at(15).give(StoreChanged()).found(own)
        assert bench.state == state
