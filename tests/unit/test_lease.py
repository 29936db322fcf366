"""The record: what it refuses, how it survives plain fields, what its copies keep."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incumbent.errors import ConfigurationError, CorruptLease
from incumbent.lease import (
    EARLIEST_TIME,
    LATEST_TIME,
    LONGEST_TEXT,
    Lease,
    StoredLease,
    StoreGuarantees,
    new_session,
    to_ns,
)

UTC = timezone.utc
ACQUIRED = datetime(2024, 2, 29, 23, 59, 59, 999999, tzinfo=UTC)
RENEWED = datetime(2024, 3, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
GOOD = {
    "holder_identity": "ann",
    "holder_session": "A.0",
    "lease_duration": 15.0,
    "acquire_time": ACQUIRED,
    "renew_time": RENEWED,
    "leader_transitions": 7,
    "resign_requested_by": "carol",
}
FIELDS = {
    **GOOD,
    "acquire_time": "2024-02-29T23:59:59.999999+00:00",
    "renew_time": "2024-03-01T00:00:00.000000+00:00",
}
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
_ENDS = (moment.replace(tzinfo=None) for moment in (EARLIEST_TIME, LATEST_TIME))
moments = st.datetimes(*_ENDS, timezones=st.just(UTC))
leases = st.builds(
    Lease,
    holder_identity=texts,
    holder_session=texts,
    lease_duration=st.floats(1e-9, 1e9),
    acquire_time=moments,
    renew_time=moments,
    leader_transitions=st.integers(0, 2**63 - 1),
    resign_requested_by=texts | texts.map("{{{}".format) | st.just('{"by": "x"}'),
    not_before=st.just(EARLIEST_TIME) | moments,
)


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


NESTED = nested(100_000)


class TestFields:
    def test_every_field_is_written_plainly(self):
        assert Lease(**GOOD).to_fields() == FIELDS

    def test_times_always_have_microseconds(self):
        """A text store must be able to compare them, and a reader to parse them, as fixed-width text."""
        assert Lease(**GOOD).to_fields()["renew_time"].endswith("00:00:00.000000+00:00")

    @given(lease=leases)
    def test_fields_are_the_way_back(self, lease):
        """No store that keeps the fields can lose or change anything: the P7 comparison depends on it."""
        again = Lease.from_fields(lease.to_fields())
        assert again == lease
        assert again.is_same_write(lease)
        assert hash(again) == hash(lease)

    def test_other_zones_and_texts_are_read_as_the_same_lease(self):
        east = timezone(timedelta(hours=5))
        fields = {**FIELDS, "acquire_time": ACQUIRED.astimezone(east), "lease_duration": "15"}
        lease = Lease.from_fields({**fields, "leader_transitions": "7"})
        assert lease == Lease(**GOOD)
        assert lease.acquire_time.utcoffset() == timedelta(0)

    def test_a_record_older_than_p14_has_no_request(self):
        fields = {name: value for name, value in FIELDS.items() if name != "resign_requested_by"}
        assert Lease.from_fields(fields).resign_requested_by == ""

    @pytest.mark.parametrize("name", [name for name in GOOD if name != "resign_requested_by"])
    def test_a_missing_field_is_corrupt(self, name):
        fields = {key: value for key, value in FIELDS.items() if key != name}
        with pytest.raises(CorruptLease, match=name):
            Lease.from_fields(fields)

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("holder_identity", None),
            ("holder_identity", 7),
            ("holder_session", b"A.0"),
            ("lease_duration", "soon"),
            ("lease_duration", None),
            ("lease_duration", 0),
            ("lease_duration", -1),
            ("lease_duration", "nan"),
            ("lease_duration", "inf"),
            ("acquire_time", "yesterday"),
            ("acquire_time", 1700000000),
            ("renew_time", "2024-03-01T00:00:00"),
            ("renew_time", None),
            ("leader_transitions", -1),
            ("leader_transitions", 2**63),
            ("leader_transitions", "many"),
            ("leader_transitions", []),
            ("resign_requested_by", None),
            ("holder_identity", "a" * 10_000_000),
            ("lease_duration", "1" * 10_000_000),
            ("lease_duration", NESTED),
            ("leader_transitions", "9" * 5000),
            ("leader_transitions", 10**4000),
            ("renew_time", "9999-12-31T23:59:59.999999+00:00"),
            ("renew_time", "9999-12-31T23:59:59.999999-12:00"),
            ("acquire_time", "0001-01-01T00:00:00+12:00"),
            ("acquire_time", NESTED),
        ],
    )
    def test_a_malformed_field_is_corrupt(self, name, value):
        """P13: never a takeover. The message says what is wrong and what to do; the cause is kept."""
        with pytest.raises(CorruptLease, match=r"not a lease .*repair or delete it by hand") as caught:
            Lease.from_fields({**FIELDS, name: value})
        assert caught.value.__cause__ is not None
        assert len(str(caught.value)) < 300

    @given(
        st.dictionaries(
            st.sampled_from([*GOOD, "version"]),
            st.text() | st.integers() | st.floats() | st.none() | st.binary(),
        )
    )
    def test_no_record_ends_otherwise_than_as_a_lease_or_as_corrupt(self, changes):
        with suppress(CorruptLease):
            Lease.from_fields({**FIELDS, **changes})

    @pytest.mark.parametrize("fields", [None, "text", [1, 2]])
    def test_what_is_no_mapping_is_corrupt(self, fields):
        with pytest.raises(CorruptLease):
            Lease.from_fields(fields)


class TestRefusals:
    """A lease that some store could not give back unchanged cannot be made; the error names the field."""

    @pytest.mark.parametrize("name", ["holder_identity", "holder_session", "resign_requested_by"])
    @pytest.mark.parametrize(
        ("value", "rule"),
        [
            (None, "give a string"),
            (b"x", "give a string"),
            ("a\0b", "NUL"),
            ("\ud800", "lone"),
            ("a\udfff", "lone"),
            ("a" * (LONGEST_TEXT + 1), "at most 65536 bytes"),
            ("\u00fc" * (LONGEST_TEXT // 2 + 1), "at most 65536 bytes"),
            ("\ud800" * LONGEST_TEXT, "lone"),
        ],
    )
    def test_texts(self, name, value, rule):
        with pytest.raises(ConfigurationError, match=f"{name} is .*{rule}"):
            Lease(**{**GOOD, name: value})

    @pytest.mark.parametrize("text", ["a" * LONGEST_TEXT, "\u00fc" * (LONGEST_TEXT // 2)])
    def test_a_long_text_is_fine(self, text):
        assert Lease(**{**GOOD, "holder_identity": text}).holder_identity == text

    @pytest.mark.parametrize("character", ["\ud7ff", "\ue000", "\x01", "\U0001f600"])
    def test_all_other_characters_are_fine(self, character):
        assert Lease(**{**GOOD, "holder_identity": character}).holder_identity == character

    @pytest.mark.parametrize("value", [0, -1, -0.001, float("nan"), float("inf"), "15", None, True])
    def test_durations(self, value):
        with pytest.raises(ConfigurationError, match=r"lease_duration is .*finite number above 0"):
            Lease(**{**GOOD, "lease_duration": value})

    @pytest.mark.parametrize("name", ["acquire_time", "renew_time"])
    @pytest.mark.parametrize(
        "value",
        [
            "2024-03-01",
            0,
            None,
            RENEWED.replace(tzinfo=None),
            RENEWED.astimezone(timezone(timedelta(hours=1))),
            RENEWED.astimezone(timezone(timedelta(microseconds=1))),
        ],
    )
    def test_times_that_are_no_aware_utc(self, name, value):
        with pytest.raises(ConfigurationError, match=f"{name} is .*timezone.utc"):
            Lease(**{**GOOD, name: value})

    @pytest.mark.parametrize("name", ["acquire_time", "renew_time"])
    @pytest.mark.parametrize("value", [LAST, FIRST, EARLIEST_TIME - TICK, LATEST_TIME + TICK])
    def test_times_at_the_ends_of_the_calendar(self, name, value):
        """A lease duration added to them, or the zone of whoever looks, would leave it."""
        with pytest.raises(ConfigurationError, match=f"{name} is .*in the years 2 to 8999"):
            Lease(**{**GOOD, name: value})

    @pytest.mark.parametrize("value", [-1, 2**63, 1.0, "1", None, True])
    def test_tokens(self, value):
        with pytest.raises(ConfigurationError, match=r"leader_transitions is .*0 to 2\*\*63 - 1"):
            Lease(**{**GOOD, "leader_transitions": value})

    @pytest.mark.parametrize("value", [0, 2**63 - 1])
    def test_the_first_and_last_token_are_fine(self, value):
        assert Lease(**{**GOOD, "leader_transitions": value}).leader_transitions == value


class TestCopies:
    @given(lease=leases, when=moments)
    def test_released_keeps_the_token_and_clears_the_rest(self, lease, when):
        """P9, P11: nobody holds it, nobody is asked to resign, and the token can still only grow."""
        free = lease.released(when)
        assert free.is_vacant
        assert (free.holder_session, free.resign_requested_by, free.renew_time) == ("", "", when)
        kept = ("lease_duration", "acquire_time", "leader_transitions")
        assert all(getattr(free, name) == getattr(lease, name) for name in kept)

    @given(lease=leases, by=texts)
    def test_a_request_to_resign_changes_nothing_else(self, lease, by):
        """P14: with the request on it, it is still recognised as the same write."""
        asked = lease.asked_to_resign(by)
        assert asked.resign_requested_by == by
        assert asked.is_same_write(lease)
        assert asked.asked_to_resign(lease.resign_requested_by) == lease

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("holder_identity", "bob"),
            ("holder_identity", ""),
            ("holder_session", "A.1"),
            ("lease_duration", 16.0),
            ("acquire_time", RENEWED),
            ("renew_time", ACQUIRED),
            ("leader_transitions", 8),
        ],
    )
    def test_another_value_of_any_field_is_another_write(self, name, value):
        """P7, P15: all that a write makes is compared."""
        assert not Lease(**GOOD).is_same_write(Lease(**{**GOOD, name: value}))

    def test_only_the_empty_identity_is_vacant(self):
        assert Lease(**{**GOOD, "holder_identity": ""}).is_vacant
        assert not Lease(**GOOD).is_vacant
        assert not Lease(**{**GOOD, "holder_identity": " "}).is_vacant


@pytest.mark.parametrize(
    ("seconds", "nanoseconds"), [(0, 0), (15, 15_000_000_000), (1e-9, 1), (0.1, 100_000_000), (1.5e-9, 2)]
)
def test_seconds_as_nanoseconds(seconds, nanoseconds):
    assert to_ns(seconds) == nanoseconds
    assert type(to_ns(seconds)) is int


def test_the_duration_in_nanoseconds():
    assert Lease(**{**GOOD, "lease_duration": 0.1}).lease_duration_ns == 100_000_000


def test_values_cannot_be_changed():
    """What a store hands out shares nothing with what it keeps, because nothing can be written to."""
    lease = Lease(**GOOD)
    for value, name in ((lease, "holder_identity"), (StoredLease(lease, 1), "version")):
        with pytest.raises(AttributeError):
            setattr(value, name, "bob")


def test_the_default_guarantees_promise_nothing():
    guarantees = StoreGuarantees()
    assert (guarantees.durable, guarantees.can_watch, guarantees.is_local) == (False, False, False)


def test_sessions_are_random():
    """P2: 128 random bits, and no dot, which separates the base from the count."""
    sessions = {new_session() for _ in range(100)}
    assert len(sessions) == 100
    assert all(len(session) == 32 and "." not in session for session in sessions)
