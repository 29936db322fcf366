"""From the values of a running elector and its store to those of the proof's actions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from incumbent.config import ElectorConfig
from incumbent.core.elector import Elector
from incumbent.core.messages import CreateLease, UpdateLease, WriteRequest
from incumbent.lease import EARLIEST_TIME, Lease, StoredLease, session_of
from specs.proof.actions import Node, Record, Timing, Write

NO_VERSION = "there is no record"

NOTHING = Record(
    missing=True,
    version=NO_VERSION,
    vacant=False,
    elector="",
    number="",
    token=0,
    stamp=None,
    duration=0,
    not_before=EARLIEST_TIME,
    successor="",
    unnamed=True,
)


def timing_of(config: ElectorConfig) -> Timing:
    """The settings, in nanoseconds of the elector's own clock."""
    return Timing(
        *(config.renew_deadline_ns, config.lease_ns, config.takeover_delay_ns, config.guarantees.durable),
        patience=2 * config.retry_ns,
        name=config.identity,
    )


def record_of(stored: StoredLease | None) -> Record:
    """What the store holds, or a reply shows."""
    if stored is None:
        return NOTHING
    return Record(missing=False, version=stored.version, epoch=stored.epoch, **_content(stored.lease))


def write_of(request: WriteRequest) -> Write:
    """What a request would have the store do."""
    creates = isinstance(request, CreateLease)
    replaces = NO_VERSION if isinstance(request, CreateLease) else request.version
    return Write(sent=request.sent_at, creates=creates, replaces=replaces, **_content(request.lease))


def _content(lease: Lease) -> dict[str, Any]:
    elector, number = parts_of(lease.holder_session)
    return {
        "vacant": lease.is_vacant,
        "elector": elector,
        "number": number,
        "token": lease.leader_transitions,
        "stamp": lease.renew_time,
        "duration": lease.lease_duration_ns,
        "not_before": lease.not_before,
        "successor": lease.successor,
        "unnamed": lease.successor == "",
    }


def parts_of(session: str) -> tuple[str, Any]:
    """The elector and the number of its candidacy. What no elector calls a session of its own is a text."""
    base, _, number = session.rpartition(".")
    if number.removeprefix("-").isdecimal() and session_of(base, int(number)) == session:
        return base, int(number)
    return "", session


def idle(session: str) -> Node:
    """An elector that has not begun."""
    return Node(
        elector=session,
        number=0,
        leads=False,
        base=0,
        version=None,
        token=0,
        leaving=False,
        ended=False,
        former=0,
        known=False,
        left=None,
        tried=False,
        looked=False,
        seen=NOTHING,
        since=0,
        highest=0,
        longest=0,
    )


def node_of(elector: Elector) -> Node:
    """What an elector knows, as far as safety hangs on it."""
    view, candidacy, held = elector.observation, elector.candidacy, elector.candidacy.held
    node = replace(
        idle(elector.session),
        number=candidacy.number,
        looked=view.since is not None,
        seen=record_of(view.stored),
        since=0 if view.since is None else view.since,
        highest=view.highest_token,
        longest=view.longest_ns,
    )
    if elector.leaving is not None:
        former, ended = elector.leaving.former, elector.leaving.ended
        pending, token = elector.pending, 0 if former.held is None else former.held.lease.leader_transitions
        tried = isinstance(pending, UpdateLease) and pending.lease.is_vacant
        known = elector.leaving.is_known and not tried
        leaving = replace(node, leaving=True, ended=ended, former=former.number, known=known, tried=tried)
        return replace(leaving, left=former.version, token=token)
    if held is None:
        return node
    token = held.lease.leader_transitions
    return replace(node, leads=True, base=held.sent_at, version=candidacy.version, token=token)


def essence(node: Node) -> Node:
    """Without what is left over from a former term."""
    if not node.leaving:
        node = replace(node, former=0, known=False, tried=False, ended=False)
    if not node.leads:
        node = replace(node, base=0, version=None, token=node.token if node.known else 0)
    return node if node.known else replace(node, left=None)
