"""Small histories written by hand: what a checker must accept, and what it must not."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from incumbent.config import ElectorConfig
from incumbent.core.messages import (
    CreateLease,
    Found,
    GetLease,
    StartedLeading,
    StoppedLeading,
    UpdateLease,
    Written,
)
from incumbent.lease import Lease, StoredLease, StoreGuarantees
from incumbent.testing.history import Answered, Executed, History, Invoked, Led, Told, Turned
from incumbent.testing.profile import Profile

SECOND = 1_000_000_000
TIMING = {"lease_duration": 10.0, "renew_deadline": 6.0, "retry_period": 1.0, "clock_drift": 0.0}
TIMING["guarantees"] = StoreGuarantees(durable=True)
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def history(*records, end=1000):
    """A run of two candidates with exact clocks; times are in seconds."""
    configs = {name: ElectorConfig(name, **TIMING) for name in "ab"}
    return History(0, 2, configs, Profile(), list(records), end=end * SECOND)


def lease(who, token, at=0):
    """A lease as the process `who` writes it; "" is vacant."""
    moment = EPOCH + timedelta(seconds=at)
    return Lease(who and who[0], who and f"{who}.0", 10.0, moment, moment, token)


def update(number, at, record, version):
    """A request to replace `version` by `record`, or to create it where `version` is None."""
    header = (number, at * SECOND, (at + 2) * SECOND)
    return CreateLease(*header, record) if version is None else UpdateLease(*header, record, version)


def read(number, at):
    """A request to read."""
    return GetLease(number, at * SECOND, (at + 2) * SECOND)


def won(who, number, at, record, before=None, *, lands=None):
    """A write, sent and at once executed, or later; its answer is not yet there."""
    request = update(number, at, record, None if before is None else before.version)
    version = 1 if before is None else before.version + 1
    lands = at if lands is None else lands
    return [
        Invoked(at * SECOND, who, request),
        Executed(lands * SECOND, who, request, Written(number, version), before),
    ]


def leads(who, token, at, until, number=1):
    """The answer to a write, and the term that it gives."""
    return [
        Answered(at * SECOND, who, Written(number, token), True),
        Turned(at * SECOND, who, "campaign", "follower", "candidate", ""),
        Turned(at * SECOND, who, "win", "candidate", "leader", ""),
        Told(at * SECOND, who, StartedLeading(token)),
        Led(at * SECOND, who, f"{who}.0", token, until * SECOND),
    ]


def steps_down(who, token, at, trigger="step_down", dest="follower"):
    """The end of a term."""
    return [
        Turned(at * SECOND, who, trigger, "leader", dest, ""),
        Told(at * SECOND, who, StoppedLeading(token, "")),
        Led(at * SECOND, who, f"{who}.0", token, at * SECOND),
    ]


def found(who, number, at, stored):
    """A read, answered at once."""
    request = read(number, at)
    return [
        Invoked(at * SECOND, who, request),
        Executed(at * SECOND, who, request, Found(number, stored), stored),
        Answered(at * SECOND, who, Found(number, stored), True),
    ]


FIRST = StoredLease(lease("a-1", 1), 1)
TAKEN = StoredLease(lease("b-1", 2, 20), 2)
RELEASED = StoredLease(lease("", 1, 4), 2)
HELD_BACK = StoredLease(RELEASED.lease.held_back(EPOCH + timedelta(seconds=9)), 2)
MEANT = StoredLease(RELEASED.lease.meant_for("a"), 2)

GOOD = [
    *won("a-1", 1, 0, FIRST.lease),
    *leads("a-1", 1, 0, 6),
    *steps_down("a-1", 1, 6),
    *found("b-1", 1, 8, FIRST),
    *won("b-1", 2, 20, TAKEN.lease, FIRST),
    *leads("b-1", 2, 21, 26, number=2),
]
"""a leads and is cut off; b waits for its lease to run out and takes over."""
