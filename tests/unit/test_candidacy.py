"""Which records are mine, and which of my writes made them (P2, P3, P7, P14)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from incumbent.core.candidacy import Candidacy
from incumbent.core.elector import EPOCH
from incumbent.core.messages import UpdateLease
from incumbent.lease import StoredLease
from support.elector.bench import record


def write(sent_at, *, session="A.0", token=1, renewed=None):
    lease = record("v0", "ann", session=session, token=token).lease
    renew_time = EPOCH + timedelta(seconds=sent_at if renewed is None else renewed)
    return UpdateLease(sent_at, sent_at, sent_at + 3, replace(lease, renew_time=renew_time), "v0")


def made_by(request, version="v9", *, asked_by=""):
    return StoredLease(request.lease.asked_to_resign(asked_by), version)


ONE, TWO, THREE = write(1), write(2), write(3)


def test_a_new_candidacy_knows_nothing_of_the_old_one():
    """P2: what the old one wrote, even if it is still on its way, is another's from now on."""
    old = Candidacy(4).holding(ONE, made_by(ONE, asked_by="carol")).with_unknown(TWO, 0)
    assert old.next() == Candidacy(5)
    assert old.next().match_own_write(made_by(TWO), 0) is None


def test_holding_settles_all_doubts():
    """Once one write is known to have taken effect, no older one can land on it: its version is gone."""
    held = Candidacy(4).with_unknown(ONE, 0).holding(TWO, made_by(TWO, "v2"))
    assert held == Candidacy(4, TWO, "v2", "", ())


def test_holding_takes_the_request_from_the_record():
    assert Candidacy().holding(ONE, made_by(ONE, asked_by="carol")).asked_by == "carol"
    asked = Candidacy().holding(ONE, made_by(ONE, asked_by="carol"))
    assert asked.holding(TWO, made_by(TWO)).asked_by == ""


def test_doubts_are_kept_in_the_order_sent_while_they_matter():
    """P3: a write sent at or before `since` gives no validity, so nothing is lost with it."""
    doubts = Candidacy().with_unknown(ONE, 0).with_unknown(TWO, 0)
    assert doubts.unknown_writes == (ONE, TWO)
    assert doubts.with_unknown(THREE, 1).unknown_writes == (TWO, THREE)
    assert doubts.with_unknown(THREE, 2).unknown_writes == (THREE,)


def test_hope_ends_with_validity():
    doubts = Candidacy().with_unknown(ONE, 0).with_unknown(TWO, 0)
    assert doubts.has_live_unknown(1)
    assert not doubts.has_live_unknown(2)
    assert not Candidacy().has_live_unknown(0)


class TestRecognise:
    doubts = Candidacy().with_unknown(ONE, 0).with_unknown(TWO, 0)

    @pytest.mark.parametrize("own", [ONE, TWO])
    def test_an_unresolved_write_of_mine(self, own):
        """P7: whichever landed, validity will count from its send."""
        assert self.doubts.match_own_write(made_by(own), 0) is own

    @pytest.mark.parametrize(
        "foreign",
        [write(2, session="B.0"), write(2, token=2), write(2, renewed=5), write(2, session="A.1")],
        ids=["session", "term", "time", "candidacy"],
    )
    def test_anything_else_is_not_mine(self, foreign):
        assert self.doubts.match_own_write(made_by(foreign), 0) is None

    def test_too_old_to_lead_by(self):
        assert self.doubts.match_own_write(made_by(TWO), 1) is TWO
        assert self.doubts.match_own_write(made_by(TWO), 2) is None

    def test_of_two_that_look_alike_the_earlier(self):
        """P7: its validity ends sooner. The later one would be a guess."""
        twin = write(2, renewed=1)
        assert Candidacy().with_unknown(ONE, 0).with_unknown(twin, 0).match_own_write(made_by(ONE), 0) is ONE

    def test_my_held_write_touched(self):
        """P15: under whatever version, it is the write that I hold by; reading it renews nothing (P2)."""
        held = Candidacy().holding(ONE, made_by(ONE, "v1"))
        assert held.match_own_write(made_by(ONE, "v2"), 0) is ONE
        assert held.match_own_write(made_by(ONE, "v2"), 1) is None

    def test_a_vacant_record_is_not_mine_whatever_its_session(self):
        """P15: an operator emptied the holder's name and nothing else: that is another's write."""
        stored = made_by(ONE, "v2")
        emptied = replace(stored, lease=replace(stored.lease, holder_identity=""))
        assert Candidacy().with_unknown(ONE, 0).match_own_write(emptied, 0) is None
        assert Candidacy().holding(ONE, stored).match_own_write(emptied, 0) is None

    def test_my_held_write_with_a_request(self):
        """P14: somebody else wrote that version, but it leaves the lease mine."""
        held = Candidacy().holding(ONE, made_by(ONE, "v1"))
        assert held.match_own_write(made_by(ONE, "v2", asked_by="carol"), 0) is ONE

    def test_a_request_on_an_unresolved_write(self):
        held = Candidacy().holding(ONE, made_by(ONE, "v1")).with_unknown(TWO, 0)
        assert held.match_own_write(made_by(TWO, "v3", asked_by="carol"), 0) is TWO
        assert held.match_own_write(made_by(ONE, "v2", asked_by="carol"), 0) is ONE

    def test_a_request_on_the_held_write_counts_for_it_even_if_a_doubt_looks_alike(self):
        """The earlier of two that look alike, here too."""
        held = Candidacy().holding(ONE, made_by(ONE, "v1")).with_unknown(write(2, renewed=1), 0)
        assert held.match_own_write(made_by(ONE, "v2", asked_by="carol"), 0) is ONE

    def test_a_request_on_a_foreign_record_makes_it_no_less_foreign(self):
        held = Candidacy().holding(ONE, made_by(ONE, "v1")).with_unknown(TWO, 0)
        assert held.match_own_write(record("v2", asked_by="carol"), 0) is None

    def test_a_request_on_a_record_of_nobody_known(self):
        assert Candidacy().match_own_write(made_by(ONE, asked_by="carol"), 0) is None
