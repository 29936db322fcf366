"""What may be said of a lease by one who only looks; times in seconds, records in a few words."""

from __future__ import annotations

import pytest

from incumbent.config import ElectorConfig
from incumbent.core.sight import HELD, NOBODY, UNKNOWN, Lookout, Sight
from incumbent.errors import ConfigurationError
from incumbent.lease import MAX_TRANSITIONS, StoredLease, StoreGuarantees
from support.elector.bench import ns, record, touched

BOB, RELEASED = record(1), record(2, "")


def lookout(*, durable=True):
    return Lookout(ElectorConfig("observer", guarantees=StoreGuarantees(durable=durable)))


def said(looker, at):
    sight = looker.sight(ns(at))
    return sight.state, sight.reason


def seen(looker, stored, asked, received=None):
    received = asked if received is None else received
    return looker.asks(ns(asked)).found(stored, ns(received))


def test_over_a_store_it_waits_as_long_for_what_is_missing_as_it_was_told():
    """P5c: where the store may forget, a missing record counts as held for a lease duration."""
    coarse = StoreGuarantees(durable=False, resolution=60.0)
    looker = seen(Lookout.over(coarse, lease_duration=20.0), None, 1)
    assert looker.looks_at == ns(21)
    with pytest.raises(ConfigurationError, match="lease_duration"):
        Lookout.over(coarse, lease_duration=-1.0)


def test_before_it_has_looked_it_knows_nothing():
    assert said(lookout(), 0) == (UNKNOWN, "not looked yet")
    assert Sight() == lookout().sight(0)


def test_a_holder_is_named_with_token_and_time_until_the_record_expires():
    """P4: its duration after the record was first received. After that nothing is known before an answer."""
    looker = seen(lookout(), BOB, 1, 2)
    sight = looker.sight(ns(16.999999999))
    assert (sight.leader, sight.token, sight.since) == ("bob", 1, BOB.lease.acquire_time)
    assert said(looker, 17) == (UNKNOWN, "it expired, and was not seen since")
    assert looker.sight(ns(17)).leader is None
    assert looker.looks_at == ns(17)


@pytest.mark.parametrize(("asked", "state"), [(16.999999999, UNKNOWN), (17, NOBODY)])
def test_nobody_leads_if_the_record_is_there_when_asked_after_its_time(asked, state):
    """Not if it was asked for before: that answer may be older than a renewal."""
    looker = seen(seen(lookout(), BOB, 1, 2), BOB, asked, 30)
    assert said(looker, 30)[0] == state
    sight = looker.sight(ns(30))
    assert (sight.leader, sight.since, sight.token) == (None, None, 1)
    assert looker.looks_at == (None if state == NOBODY else ns(17))


def test_a_renewal_begins_the_count_anew_and_a_touch_does_not():
    """P15."""
    asked = touched(BOB, 8, asked_by="me")
    assert said(seen(seen(lookout(), BOB, 0), asked, 15), 15) == (NOBODY, "expired")
    assert said(seen(seen(lookout(), BOB, 0), record(3), 15), 15) == (HELD, "")


def test_what_was_released_is_led_by_nobody_at_once():
    """P5a; also while only the candidate that it is meant for may claim it (P17)."""
    assert said(seen(lookout(), RELEASED, 1, 9), 9) == (NOBODY, "released")
    meant = StoredLease(RELEASED.lease.meant_for("ann"), 3)
    assert said(seen(lookout(), meant, 1, 9), 9) == (NOBODY, "released")
    assert not seen(lookout(), meant, 1).sight(0).is_like(seen(lookout(), RELEASED, 1).sight(0))


def test_a_missing_record_is_led_by_nobody_where_that_is_known_to_be_safe():
    """P5: at once, or after the longest lease duration known."""
    assert said(seen(lookout(), None, 1, 2), 2) == (NOBODY, "missing")
    lost = seen(seen(lookout(), record(1, duration=20.0), 0), None, 1)
    assert said(lost, 1) == (UNKNOWN, "the record may have been lost")
    assert said(seen(lost, None, 20.9), 21)[0] == UNKNOWN
    assert said(seen(lost, None, 21), 21) == (NOBODY, "missing")
    forgetful = seen(lookout(durable=False), None, 0)
    assert said(forgetful, 0)[0] == UNKNOWN
    assert said(seen(forgetful, None, 15), 15) == (NOBODY, "missing")


def test_a_store_that_does_not_answer_says_nothing_of_anybody():
    """A holder is named until its time is over, with what is wrong; that nobody leads is said no more."""
    held = seen(lookout(), BOB, 0).asks(ns(1)).failed("gone fishing", ns(2))
    assert said(held, 14) == (HELD, "gone fishing")
    assert said(held, 15) == (UNKNOWN, "gone fishing")
    assert said(seen(held, BOB, 15), 15) == (NOBODY, "expired")
    free = seen(lookout(), RELEASED, 0).failed("gone fishing", ns(1))
    assert said(free, 1) == (UNKNOWN, "gone fishing")


def test_a_clock_that_went_backwards_proves_nothing():
    """P3e: the count begins anew, and so does the asking."""
    looker = seen(lookout(), BOB, 100).asks(ns(120)).asks(ns(50))
    assert said(looker, 64) == (HELD, "")
    back = seen(lookout(), BOB, 100).asks(ns(120)).failed("lost", ns(50)).found(BOB, ns(66))
    assert said(back, 66)[0] == UNKNOWN
    assert said(seen(back, BOB, 66), 66) == (NOBODY, "expired")
    nobody = seen(seen(lookout(), BOB, 100), BOB, 115)
    assert said(nobody.asks(ns(50)), 50) == (HELD, "")


def test_a_token_that_cannot_grow_is_no_free_lease():
    """P11: nobody can claim it before somebody has repaired it."""
    spent = seen(lookout(), record(1, token=MAX_TRANSITIONS), 0)
    assert said(spent, 14) == (HELD, "")
    assert said(seen(spent, record(1, token=MAX_TRANSITIONS), 15), 15)[0] == UNKNOWN


def test_sights_are_alike_if_people_would_see_no_difference():
    """A renewal is none; another holder, session, token, request or state is."""
    sight = seen(lookout(), BOB, 0).sight(0)
    assert sight.is_like(seen(lookout(), record(3), 0).sight(0))
    others = [
        record(1, session="B.1"),
        record(1, token=2),
        touched(BOB, 5, asked_by="me"),
        RELEASED,
    ]
    for other in others:
        assert not sight.is_like(seen(lookout(), other, 0).sight(0))
    assert not sight.is_like(sight._replace(reason="gone fishing"))


def test_a_sight_without_a_record_names_nobody():
    """Whoever made it: people build their own to try what they do about one."""
    for state in (HELD, NOBODY, UNKNOWN):
        sight = Sight(state)
        assert (sight.leader, sight.token, sight.since) == (None, None, None)
        assert sight.is_like(Sight(state))
        assert not sight.is_like(Sight(state, lease=BOB.lease))


def test_any_lease_duration_that_can_be_one_is_waited_for():
    """However short; and a store that keeps what it has is known for one."""
    assert seen(Lookout.over(StoreGuarantees(durable=False), 0.5), None, 1).looks_at == ns(1.5)
    assert said(seen(Lookout.over(StoreGuarantees(durable=True), 0.5), None, 1), 1) == (NOBODY, "missing")
