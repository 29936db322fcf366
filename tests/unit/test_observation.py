"""What was seen, and from when on the lease may be claimed (P4, P5, P11)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incumbent.core.elector import EPOCH
from incumbent.core.observation import Observation
from support.elector.bench import ns, record, settings, touched

NOTHING = Observation()
BOB = record("v1", duration=20.0, token=3)


class TestLeader:
    """Who leads, for all that is known: nobody by a record that has expired, is vacant, or is missing."""

    def test_a_record_names_its_holder_for_its_own_duration(self):
        seen = NOTHING.saw(BOB, ns(5))
        assert seen.expires_at == ns(25)
        assert [seen.leader_at(now) for now in (ns(5), ns(25) - 1, ns(25))] == ["bob", "bob", None]

    @pytest.mark.parametrize("seen", [NOTHING, NOTHING.saw(None, 5), NOTHING.saw(record("v", holder=""), 5)])
    def test_otherwise_nobody(self, seen):
        assert (seen.expires_at, seen.leader_at(5)) == (None, None)


class TestCount:
    """P4: the count starts with the first reply that showed this write, and with any other write anew."""

    def test_the_first_look(self):
        assert NOTHING.saw(BOB, 5) == Observation(BOB, 5, 3, ns(20))

    def test_the_same_write_keeps_the_count(self):
        assert NOTHING.saw(BOB, 5).saw(BOB, 9).since == 5

    def test_only_the_write_counts_not_the_version(self):
        """P15: somebody touched it, or asks its holder to resign. The version to name is the newest."""
        for other in (touched(BOB, "v2"), touched(BOB, "v3", asked_by="carol")):
            seen = NOTHING.saw(BOB, 5).saw(other, 9)
            assert (seen.stored, seen.since) == (other, 5)

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("holder_identity", "carol"),
            ("holder_identity", ""),
            ("holder_session", "B.1"),
            ("lease_duration", 21.0),
            ("acquire_time", EPOCH + timedelta(microseconds=1)),
            ("renew_time", EPOCH + timedelta(microseconds=1)),
            ("leader_transitions", 4),
        ],
    )
    def test_another_write_starts_it_even_under_the_same_version(self, field, value):
        """P15: each field that a write makes is compared."""
        other = replace(BOB, lease=replace(BOB.lease, **{field: value}))
        assert NOTHING.saw(BOB, 5).saw(other, 9).since == 9

    def test_another_epoch_starts_it_even_for_the_same_write(self):
        """P15: what is there may have come back."""
        back = replace(BOB, epoch="second")
        assert NOTHING.saw(BOB, 5).saw(back, 9).since == 9
        assert NOTHING.saw(BOB, 5).saw(back, 9).saw(replace(back, version="v2"), 11).since == 9
        assert NOTHING.saw(back, 5).saw(BOB, 9).since == 9

    def test_an_older_write_starts_it_too(self):
        """A stale replica shows one write, then the next, then the first: unknown age each time."""
        seen = NOTHING.saw(BOB, 5).saw(record("v2", token=4), 6).saw(BOB, 7)
        assert (seen.stored, seen.since) == (BOB, 7)

    def test_missing_is_a_change_and_stays_one_thing(self):
        seen = NOTHING.saw(BOB, 5).saw(None, 6)
        assert (seen.stored, seen.since) == (None, 6)
        assert seen.saw(None, 7).since == 6
        assert seen.saw(None, 7).saw(BOB, 8).since == 8

    def test_the_first_look_at_nothing_starts_it(self):
        assert NOTHING.saw(None, 5).since == 5

    def test_a_version_that_is_none_is_not_a_missing_record(self):
        """Versions are opaque: None is one like any other."""
        assert NOTHING.saw(None, 5).saw(record(None), 6).since == 6
        assert NOTHING.saw(record(None), 5).saw(None, 6).since == 6

    def test_counting_anew(self):
        seen = NOTHING.saw(BOB, 5)
        assert seen.counted_from(3) == Observation(BOB, 3, 3, ns(20))
        assert NOTHING.counted_from(3) == NOTHING


class TestMemory:
    def test_the_highest_token_and_the_longest_duration_stay(self):
        """P5, P11: neither a missing record nor a smaller one makes them forgotten."""
        seen = NOTHING.saw(BOB, 1).saw(record("v2", token=1, duration=5.0), 2).saw(None, 3)
        assert (seen.highest_token, seen.longest_ns) == (3, ns(20))

    @given(looks=st.lists(st.none() | st.tuples(st.integers(0, 9), st.integers(1, 9)), min_size=1))
    def test_they_are_the_maximum_of_all_that_was_seen(self, looks):
        seen = NOTHING
        for now, look in enumerate(looks):
            seen = seen.saw(look and record(now, token=look[0], duration=look[1]), now)
        shown = [look for look in looks if look]
        assert seen.highest_token == max((token for token, _ in shown), default=0)
        assert seen.longest_ns == ns(max((duration for _, duration in shown), default=0))

    def test_the_holder(self):
        assert NOTHING.holder is None
        assert NOTHING.saw(BOB, 1).holder == "bob"
        assert NOTHING.saw(record("v1", ""), 1).holder is None
        assert NOTHING.saw(None, 1).holder is None


class TestClaimable:
    @staticmethod
    def claimable(seen, **changes):
        at = seen.claimable_at(settings(**changes))
        return None if at is None else at / 1e9

    def test_never_before_the_first_look(self):
        assert self.claimable(NOTHING) is None

    def test_held_waits_for_the_records_own_duration(self):
        """P4; peer bug K8 is to wait for one's own setting."""
        assert self.claimable(NOTHING.saw(BOB, ns(1)), lease_duration=15) == 21
        assert self.claimable(NOTHING.saw(record("v1", duration=5.0), ns(1)), lease_duration=15) == 6

    def test_a_longer_one_seen_before_does_not_count_for_a_held_one(self):
        assert self.claimable(NOTHING.saw(BOB, 0).saw(record("v2", duration=5.0), ns(1))) == 6

    def test_released_is_claimable_at_once(self):
        assert self.claimable(NOTHING.saw(record("v1", ""), ns(1))) == 1

    def test_missing_and_never_seen_in_a_store_that_does_not_forget(self):
        assert self.claimable(NOTHING.saw(None, ns(1)), durable=True) == 1

    def test_missing_in_a_store_that_may_forget(self):
        assert self.claimable(NOTHING.saw(None, ns(1)), durable=False) == 16

    @pytest.mark.parametrize("durable", [True, False])
    def test_seen_and_missing_waits_for_the_longest_known(self, durable):
        """P5: whatever the store declares, for the longest duration seen or my own, whichever is more."""
        seen = NOTHING.saw(BOB, 0).saw(record("v2", duration=5.0), 0).saw(None, ns(1))
        assert self.claimable(seen, durable=durable) == 21
        short = NOTHING.saw(record("v1", duration=5.0), 0).saw(None, ns(1))
        assert self.claimable(short, durable=durable) == 16

    @given(delay=st.integers(0, 100), durable=st.booleans())
    @pytest.mark.parametrize("stored", [None, BOB, record("v1", "")], ids=["missing", "held", "released"])
    def test_the_takeover_delay_only_delays(self, stored, delay, durable):
        seen = NOTHING.saw(stored, ns(1))
        base = self.claimable(seen, durable=durable)
        assert self.claimable(seen, durable=durable, takeover_delay=delay) == base + delay
