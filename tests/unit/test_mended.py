"""Defects of the elector as it was first written, one test each: they stay mended."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from incumbent.config import ElectorConfig
from incumbent.core.elector import EPOCH
from incumbent.core.messages import Refused, Resign, Written
from incumbent.errors import ConfigurationError, CorruptLease
from incumbent.lease import Lease, StoredLease
from support.elector.bench import Bench, Record, record, run
from support.elector.stages import (
    candidate_writing_again,
    follower_abstaining,
    follower_reading,
    leader_renewing,
)


class FrozenWallClock(Bench):
    """The driver sets the epoch from `utcnow()` at every input; here that stands still."""

    def give(self, event):
        self.elector.epoch = EPOCH - timedelta(seconds=self.now)
        return super().give(event)


def test_1_safety_a_leader_takes_its_held_record_for_an_unresolved_renewal():
    """Two leaders: P7 compares renew times, which a wall clock that stands still or steps back repeats."""
    store = Record()
    ann, bob = FrozenWallClock("ann", session="A"), Bench("bob", session="B")
    ann.start()
    store.serve(ann)
    bob.start()
    store.serve(bob)
    ann.at(2).wake()
    for now in (5, 8, 11):  # renewals never arrive, reads do
        ann.at(now)
        ann.lost().give(store.reply(ann.pending))
        if ann.pending is None:
            ann.at(ann.wake_at).wake()
    run(store, [bob], until=15.5)
    assert bob.leads(15.5)
    assert not ann.leads(15.5)


def test_1b_safety_a_forgotten_claim_is_taken_for_a_later_one_that_looks_alike():
    """The same with claims: W1 (sent 0) landed and is too old to keep; W2 (sent 9) looks alike."""
    vacant = record("v1", "")
    bench = FrozenWallClock().start().found(vacant).at(3).lost().found(vacant)  # stale read
    bench.at(9).wake().found(vacant)
    first, second = (request for request in bench.requests if hasattr(request, "version"))
    bench.at(10.5).lost().found(StoredLease(first.lease, "v2"))
    assert second.sent_at == 9 * 10**9
    assert not bench.leads(15)  # bob, who saw v2 at 0, leads from 15 on


def test_2_crash_certain_failure_of_a_second_claim_while_the_first_is_in_doubt():
    candidate_writing_again().failed()  # AssertionError in _check: a candidate with nothing to wait for


def test_3_abstaining_follower_sleeps_for_ever_after_a_step_back():
    """`Abstain` promises to go on observing."""
    assert follower_abstaining().at(-0.5).wake().wake_at is not None


@pytest.mark.parametrize("reply", [Written, Refused])
def test_4_an_answer_of_the_wrong_kind_wedges_a_follower(reply):
    bench = follower_reading()
    bench.give(Written(1, "v1") if reply is Written else Refused(1))
    assert bench.wake_at is not None


def test_5_a_record_with_the_last_token_raises_out_of_handle():
    bench = Bench().start()
    bench.found(record("v1", "", token=2**63 - 1))  # ConfigurationError, and then nothing wakes it
    assert bench.wake_at is not None


def test_6_a_record_with_a_huge_duration_raises_out_of_handle():
    bench = Bench().start()
    stored = record("v1")
    try:
        stored = StoredLease(replace(stored.lease, lease_duration=1e300), "v1")
    except ConfigurationError:
        return  # refused at construction is fine, too
    bench.found(stored)  # OverflowError


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("leader_transitions", float("inf")),
        ("lease_duration", 10**400),
        ("renew_time", "0001-01-01T00:00:00+05:00"),
    ],
)
def test_7_overflows_are_corrupt_leases_too(name, value):
    fields = record("v1").lease.to_fields()
    with pytest.raises(CorruptLease):
        Lease.from_fields({**fields, name: value})


@pytest.mark.parametrize("value", [1e300, 10**400])
def test_8_overflows_are_configuration_errors(value):
    with pytest.raises(ConfigurationError):
        ElectorConfig("ann", lease_duration=value)


def test_9_a_step_back_long_after_a_resignation_makes_it_stand_aside_again():
    """`no_campaign_before` is never cleared when it has passed; only liveness, one lease duration."""
    bench = leader_renewing().leave(Resign()).written("v2").written("v3")
    bench.at(1000).wake()
    bench.at(999).wake().found(record("v9", ""))
    assert bench.state == "candidate"


def test_10_a_lease_that_rounds_to_no_time_is_refused():
    """P5: seen and now missing is always waited out, so what was seen must have a duration."""
    with pytest.raises(ConfigurationError):
        record("v1", duration=1e-10)
