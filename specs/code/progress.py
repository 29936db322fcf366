"""What an elector does *in the end*, a step at a time: from these lemmas L1 follows (protocol.md, 7).

Each is a claim about one step, shown on every path like the rest (`steps.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from incumbent.core.elector import Elector
from incumbent.core.messages import (
    Effects,
    Found,
    GetLease,
    Input,
    Missing,
    Resign,
    StartedLeading,
    Stop,
    StoppedLeading,
    Written,
)
from incumbent.core.states import CANDIDATE, FOLLOWER, LEADER, STOPPED
from incumbent.lease import MAX_TRANSITIONS
from specs.proof.logic import every, implies


def progress(
    before: Elector, event: Input, now: Any, effects: Effects, after: Elector
) -> Iterator[tuple[str, Any]]:
    """The lemmas that say something of this step."""
    wake_at = effects.wake_at
    left = after.leaving
    is_too_late = _is_over(after, now)  # it is woken once, to drop the release
    if _is_over(before, now):
        yield "L1g: what is owed is not waited for beyond its time", after.leaving is None
    if left is not None and after.pending is None:
        assert wake_at is not None, "L1g: who leaves is woken"
        yield "L1g: who leaves is woken by the end of that time", bool(wake_at <= left.until)
    if wake_at is not None and not is_too_late:
        yield "L1a: it asks to be woken later than now, so it does not spin", bool(wake_at > now)
    if after.state != STOPPED and wake_at is None:
        is_exhausted = after.observation.highest_token == MAX_TRANSITIONS
        waits_for_news = every(after.config.guarantees.can_watch, is_exhausted)
        yield "L1b: who contends is woken, unless no token is left", implies(after.contending, waits_for_news)
    is_idle = after.pending is None and after.leaving is None and wake_at is not None
    if after.state == FOLLOWER and is_idle and not after.config.guarantees.can_watch:
        yield "L1c: a follower looks within a retry period", bool(wake_at <= now + after.config.retry_ns)
    if after.state == LEADER:
        assert after.office is not None
        assert wake_at is not None, "L1d: a leader is woken"
        yield "L1d: a leader is woken by its deadline", bool(wake_at <= after.office.until)
    yield from _of_leading(before, event, effects, after)
    if _is_answered(before, event, now) and after.contending:
        yield from _answered(before, event, now, after)


def _vacant(at: Any, now: Any, after: Elector) -> Iterator[tuple[str, bool]]:
    """How long a follower that may write leaves alone what is vacant and not held back."""
    stored, config = after.observation.stored, after.config
    others = after._held_back_until(), after.no_campaign_before, after.write_not_before  # noqa: SLF001 (as above)
    if at is None or stored is None or not stored.lease.is_vacant:
        return
    patience = now + 2 * config.retry_ns + config.takeover_delay_ns
    is_soon = any(bool(at <= bound) for bound in (patience, *others) if bound is not None)
    yield "L1h: what is vacant is left to whom it names for two retry periods at most", is_soon


def _of_leading(before: Elector, event: Input, effects: Effects, after: Elector) -> Iterator[tuple[str, Any]]:
    """What the proof of its term assumes of it (`joined.py`); that it leads in turn `check_step` shows."""
    told = [notice for notice in effects.notices if isinstance(notice, (StartedLeading, StoppedLeading))]
    yield "a step begins or ends one term at most", len(told) <= 1
    if any(isinstance(notice, StartedLeading) for notice in told):
        yield "its term is told of leading only while it contends", before.contending
        yield "only an answer begins a term", isinstance(event, (Found, Written))
    if isinstance(event, (Resign, Stop)):
        yield "who is told to resign or to stop leads no more", after.state != LEADER


def _is_over(elector: Elector, now: Any) -> bool:
    """Whether the time of a release that is owed is over, and nothing is in flight."""
    left = elector.leaving
    return left is not None and elector.pending is None and bool(now >= left.until)


def _is_answered(before: Elector, event: Input, now: Any) -> bool:
    """Whether it is the answer to what is pending, in time, by a clock that did not run backwards."""
    pending, is_reply = before.pending, isinstance(event, (Found, Missing, Written))
    return pending is not None and is_reply and bool(event.id == pending.id) and bool(now >= before.now)


def _answered(before: Elector, event: Input, now: Any, after: Elector) -> Iterator[tuple[str, bool]]:
    reads, looked = isinstance(before.pending, GetLease), isinstance(event, (Found, Missing))
    if before.state == FOLLOWER and before.leaving is None and reads and looked and after.state == FOLLOWER:
        at = after._claimable_at()  # noqa: SLF001 (what it would wait for)
        yield "L1e: a follower that sees a claimable record claims it", at is None or bool(now < at)
        yield from _vacant(at, now, after)
    if before.state == CANDIDATE and not reads and isinstance(event, Written):
        sent_at = before.pending.sent_at if before.pending is not None else 0
        in_time = bool(now < sent_at + before.config.renew_deadline_ns)
        yield "L1f: a candidate whose claim is answered in time leads", after.state == LEADER or not in_time
