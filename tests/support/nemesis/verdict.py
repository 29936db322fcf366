"""What must hold of all that the contenders of a nemesis run wrote down."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from incumbent.core.messages import CreateLease, Found, StartedLeading, StoppedLeading, UpdateLease, Written
from incumbent.runtime.recording import read_trace
from incumbent.runtime.trace import Handled
from support.nemesis import lines


class Interval(NamedTuple):
    """From when to when somebody would have answered that it leads; in nanoseconds of the machine's clock."""

    begin: int
    end: int
    token: int
    life: Path


def intervals(life: Path, killed_at: int | None) -> list[Interval]:
    """The terms of one process, from its trace.

    Computed, not sampled: the end is the renew deadline (P3), even of a process that stood still, unless it
    stepped down or was dead before.
    """
    found = []
    for began, steps in read_trace(life / "trace.ndjson"):
        deadline_ns, begin, token, until = began.config.renew_deadline_ns, None, 0, 0
        for step, held in zip(steps, held_from(steps), strict=True):
            for notice in step.effects.notices:
                if isinstance(notice, StoppedLeading) and begin is not None:
                    found.append(Interval(begin, min(step.now, until), token, life))
                    begin = None
                elif isinstance(notice, StartedLeading):
                    begin, token = step.now, notice.token
            until = held + deadline_ns
        if begin is not None:
            found.append(Interval(begin, min(until, killed_at or until), token, life))
    return found


def held_from(steps: Iterable[Handled]) -> list[int]:
    """After each step: when the last write that is known to have landed was sent."""
    sent: dict[int, int] = {}
    writes: dict[tuple[str, int, object], int] = {}
    latest, after = 0, []
    for step in steps:
        if isinstance(step.event, Written):
            latest = max(latest, sent.get(step.event.id, 0))
        elif isinstance(step.event, Found):  # a write of unknown outcome that turns out to have landed
            lease = step.event.stored.lease
            key = (lease.holder_session, lease.leader_transitions, lease.renew_time)
            latest = max(latest, writes.get(key, 0))
        request = step.effects.request
        if isinstance(request, (CreateLease, UpdateLease)) and not request.lease.is_vacant:
            sent[request.id] = request.sent_at
            lease = request.lease
            writes[lease.holder_session, lease.leader_transitions, lease.renew_time] = request.sent_at
        after.append(latest)
    return after


def assert_exclusion(found: list[Interval]) -> None:
    """At no instant do two of them lead (S1), and the tokens grow (S5)."""
    for earlier, later in pairwise(sorted(found)):
        overlap = (earlier.end - later.begin) / 1e6
        assert overlap <= 0, f"two leaders for {overlap:.3f} ms: {earlier} and {later}"
        assert earlier.token < later.token, f"the token did not grow: {earlier}, {later}"


def assert_fenced(lives: Iterable[Path]) -> int:
    """After the register has accepted a token, it accepts no smaller one (S6); how many it refused."""
    accepted, refused = [], 0
    for life in lives:
        for token, begun, ended, _, outcome in lines(life / "writes"):
            if outcome == "accepted":
                accepted.append((int(begun), int(ended), int(token), life))
            refused += outcome == "refused"
    assert accepted, "nobody ever wrote to the register"
    largest, done = 0, sorted(accepted, key=lambda write: write[1])
    position = 0
    for begun, _, token, life in sorted(accepted):
        while position < len(done) and done[position][1] < begun:
            largest = max(largest, done[position][2])
            position += 1
        assert token >= largest, f"token {token} of {life} was accepted after token {largest}"
    return refused
