"""The shipped elector held to what the rules say beside the proof's actions; no safety hangs on it.

What a request says for people, when it is given up, who stands aside, who is told of a request to resign, and
what the elector answers other threads. `conformance.check_step` and `Shadow.step` make use of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from incumbent.config import ElectorConfig
from incumbent.core.elector import Elector
from incumbent.core.messages import Effects, Found, GetLease, Input, Request, Resign, ResignRequested, Stop
from incumbent.core.states import STOPPED
from incumbent.lease import EARLIEST_TIME, LATEST_TIME, Lease, StoredLease
from specs.proof.actions import Node, Timing, is_valid
from specs.proof.logic import every

Claim = tuple[str, object, object]
"""What it is about, what it should be, and what it is."""


def of_request(config: ElectorConfig, node: Node, request: Request, now: int) -> Iterator[Claim]:
    """P2b, P9, P10a, P14: what a request says, whatever went before."""
    yield "when the request was sent (P10)", now, request.sent_at
    yield "when the request is given up (P10)", now + config.request_timeout_ns, request.expires_at
    if isinstance(request, GetLease):
        return
    lease, releases = request.lease, request.lease.is_vacant
    yield "whose name the record bears (P2, P9)", "" if releases else config.identity, lease.holder_identity
    if not node.leads:
        yield "who asks the holder of a new or released lease to resign (P14)", "", lease.resign_requested_by
        if not releases:
            yield "when the claimed term began", lease.renew_time, lease.acquire_time
            yield "until when what is claimed is held back (P16)", EARLIEST_TIME, lease.not_before
            yield "for whom what is claimed is meant (P17)", "", lease.successor


def of_step(before: Elector, event: Input, now: int, effects: Effects, after: Elector) -> Iterator[Claim]:
    """P5d, P14, P16, P17: what a request says because of what went before, and who is told what."""
    held, written = after.candidacy.held, None
    if effects.request is not None and not isinstance(effects.request, GetLease):
        written = effects.request.lease
    if held is not None:
        asked, asks = _asked(before, event, after), after.candidacy
        yield "who asks it to resign (P14)", asked.by, asks.asked_by
        yield "until when it is asked to hold back (P16)", asked.not_before, asks.not_before
        yield "whom it is asked to name (P17)", asked.successor, asks.successor
        if written is not None:
            yield "when the renewed term began", held.lease.acquire_time, written.acquire_time
            yield "who asks in the renewed record (P14)", asks.asked_by, written.resign_requested_by
            yield "until when, in the renewed record (P16)", asks.not_before, written.not_before
            yield "for whom, in the renewed record (P17)", asks.successor, written.successor
    yield from _told(before, effects, after)
    yield from _release(before, event, written, after)
    if isinstance(event, Resign) and before.state != STOPPED:
        yield "until when it stands aside (P5d)", now + after.config.lease_ns, after.no_campaign_before
    if written is not None and held is None and after.leaving is None:
        yield "whether it may claim (P5d)", True, _may_claim(before, event, now, after)


class Asked(NamedTuple):
    """What a request to resign says."""

    by: str = ""
    successor: str = ""
    not_before: datetime = EARLIEST_TIME


def _asked(before: Elector, event: Input, after: Elector) -> Asked:
    """P14: the request that is on the record held by, as it was last seen or written."""
    was = before.candidacy
    if after.candidacy.version == was.version and was.held is not None:
        return Asked(was.asked_by, was.successor, was.not_before)
    if isinstance(event, Found):
        return _asked_in(event.stored.lease)
    sent = before.pending
    return Asked() if sent is None or isinstance(sent, GetLease) else _asked_in(sent.lease)


def _asked_in(lease: Lease) -> Asked:
    return Asked(lease.resign_requested_by, lease.successor, lease.not_before)


def _release(before: Elector, event: Input, written: Lease | None, after: Elector) -> Iterator[Claim]:
    """P9, P16, P17: what a release says, and of whom and of when."""
    left = after.leaving
    if left is None or left.former.held is None:
        return
    begun = left.former.held.lease.acquire_time
    if written is not None:
        yield "when the released term began", begun, written.acquire_time
        asks = left.former
        yield "until when it is held back (P16)", max(left.not_before, asks.not_before), written.not_before
        named = left.successor if left.successor != "" else asks.successor
        yield "for whom it is meant (P17)", named, written.successor
    if before.leaving is None and isinstance(event, (Resign, Stop)) and before.candidacy.held is not None:
        held_until = EARLIEST_TIME
        if event.hold_ns != 0:
            held_until = min(begun + timedelta(microseconds=event.hold_ns // 1000), LATEST_TIME)
        yield "until when it is to be held back (P16)", held_until, left.not_before
        yield "for whom it is to be meant (P17)", event.successor, left.successor
    elif before.leaving is not None and before.leaving.former.number == left.former.number:
        yield "until when it is still to be held back (P16)", before.leaving.not_before, left.not_before
        yield "for whom it is still to be meant (P17)", before.leaving.successor, left.successor


def _told(before: Elector, effects: Effects, after: Elector) -> Iterator[Claim]:
    told = [notice.by for notice in effects.notices if isinstance(notice, ResignRequested)]
    was, asked = before.candidacy.asked_by, after.candidacy.asked_by
    yield "who was told to ask for a resignation (P14)", [asked] if asked and not was else [], told


def _may_claim(before: Elector, event: Input, now: int, after: Elector) -> bool:
    """P5d: its time aside is over, or another holder was seen."""
    aside = before.no_campaign_before
    if aside is None or now >= aside or now < before.now:
        return True
    return isinstance(event, Found) and _is_anothers(event.stored, after)


def _is_anothers(stored: StoredLease, elector: Elector) -> bool:
    lease: Lease = stored.lease
    return not lease.is_vacant and lease.holder_session.rpartition(".")[0] != elector.session


def of_answers(node: Node, timing: Timing, now: int, after: Elector) -> Iterator[Claim]:
    """P3c, P3e: what it answers another thread, about the instants where the answer may change."""
    ends = node.base + timing.deadline
    for name, asked in (
        ("before", now - 1),
        ("at", now),
        ("one before the end of", ends - 1),
        ("after", ends),
    ):
        right = every(now <= asked, is_valid(node, asked, timing))
        yield f"whether it leads, asked {name} its validity (P3)", bool(right), bool(after.is_leader(asked))
    yield "its token (P11)", node.token if node.leads else None, after.token
