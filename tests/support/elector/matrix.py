"""The matrix of (situation x input): what is given, and what comes out in one line."""

from __future__ import annotations

from incumbent.core.messages import (
    Abstain,
    ClockWentBackwards,
    Ended,
    Found,
    GetLease,
    Missing,
    NewLeader,
    Refused,
    Resign,
    ResignRequested,
    Start,
    StartedLeading,
    Stop,
    StoppedLeading,
    StoreChanged,
    TimerFired,
    Unavailable,
    Written,
)
from incumbent.lease import StoredLease
from support.elector.bench import record

PLAIN = {
    "start": Start(),
    "woke": TimerFired(),
    "changed": StoreChanged(),
    "told bob": StoreChanged(record("v9")),
    "abstain": Abstain(),
    "resign": Resign(),
    "resign unreleased": Resign(release=False),
    "stop": Stop(),
    "stop unreleased": Stop(release=False),
    "ended": Ended(),
}

READS = ("found bob", "found vacant", "found mine", "found mine asked", "missing", "lost", "failed")
LEADER_READS = ("found held", "found held asked")
WRITES = ("written", "refused", "missing", "lost", "failed")


def inputs_for(stage):
    """The names of all inputs that may come in this situation."""
    bench = stage()
    names = [*PLAIN]
    if bench.wake_at is not None:
        names.append("due")
    if bench.elector.office is not None:
        names.append("deadline")
    if bench.requests:
        names.append("clock back")
    if bench.pending is not None:
        names += READS if isinstance(bench.pending, GetLease) else WRITES
        if isinstance(bench.pending, GetLease) and bench.elector.office is not None:
            names += LEADER_READS
    return tuple(names)


def give(bench, name):
    """Give the input of that name; see `_found` for the records."""
    if name in PLAIN:
        bench.give(PLAIN[name])
    elif name == "due":
        bench.at(bench.wake_at).wake()
    elif name == "deadline":
        bench.at(10).wake()
    elif name == "clock back":
        bench.at(bench.elector.now / 1e9 - 0.5).wake()
    elif name.startswith("found"):
        bench.found(_found(bench, name))
    elif name == "written":
        bench.written("v7")
    else:
        {"refused": bench.refused, "missing": bench.missing, "lost": bench.lost, "failed": bench.failed}[
            name
        ]()


def _found(bench, name):
    """The record: "mine" is made by the last write sent, "held" by the last one known to be done."""
    asked_by = "carol" if name.endswith("asked") else ""
    if name.startswith("found held"):
        held = bench.elector.candidacy.held.lease
        return StoredLease(held.asked_to_resign(asked_by), "v8" if asked_by else "v1")
    if name.startswith("found mine") and any(not isinstance(sent, GetLease) for sent in bench.requests):
        return bench.stored("v8", asked_by=asked_by)
    return record("v9", "" if name == "found vacant" else "bob", token=5)


def line(bench):
    """What the last step brought about: state | request | notices | seconds at which to wake."""
    request = bench.last.request
    asked = "-" if request is None else type(request).__name__.removesuffix("Lease").lower()
    if request is not None and not isinstance(request, GetLease) and request.lease.is_vacant:
        asked = "release"
    notices = " ".join(_word(notice) for notice in bench.last.notices) or "-"
    wake = "-" if bench.wake_at is None else f"{bench.wake_at:g}"
    return f"{bench.state} | {asked} | {notices} | {wake}"


def _word(notice):
    if isinstance(notice, NewLeader):
        return f"leader={notice.identity or ''}"
    return {
        StartedLeading: "started",
        StoppedLeading: "stopped",
        ResignRequested: "asked",
        ClockWentBackwards: "backwards",
    }[type(notice)]


def stale_replies(bench):
    """A reply of every kind to every request that is not pending: long answered, or never sent."""
    pending = None if bench.pending is None else bench.pending.id
    for request_id in range(bench.elector.next_request_id + 2):
        if request_id != pending:
            yield Found(request_id, record("v9", "", token=9))
            yield Found(request_id, record("v9", "bob", token=9))
            yield Written(request_id, "v9")
            yield Refused(request_id)
            yield Missing(request_id)
            yield Unavailable(request_id)
            yield Unavailable(request_id, outcome_unknown=False)


def check_row(matrix, stage):
    """Every input of this situation has a decided outcome, and it is this one."""
    expected = matrix[stage]
    assert set(expected) == set(inputs_for(stage))
    actual = {}
    for name in expected:
        bench = stage()
        give(bench, name)
        actual[name] = line(bench)
    assert actual == expected
