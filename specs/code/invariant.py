"""What is true of an elector after every input, each clause with the reason why.

It is one text for arbitrary values and for those of a running elector: `prove.py` shows that `handle`
preserves it, the simulation and the exploration evaluate it at every step (`tests/specs/test_code_held.py`).
`shapes.is_possible` says the same of the finite part of an elector.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from incumbent.core.candidacy import Candidacy, Leaving
from incumbent.core.elector import Elector
from incumbent.core.messages import CreateLease, GetLease, UpdateLease, WriteRequest
from incumbent.core.states import CANDIDATE, FOLLOWER, LEADER, STOPPED
from incumbent.lease import EARLIEST_TIME, MAX_TRANSITIONS, Lease
from specs.code.proxies import parts_of, session_of
from specs.code.sources import is_set, names_nobody, value_of
from specs.proof.logic import every, implies, no, some


class Clause(NamedTuple):
    """One conjunct."""

    name: str
    because: str
    holds: Any


def invariant(elector: Elector) -> Iterator[Clause]:
    """All of it."""
    yield from _counters(elector)
    yield from _observation(elector)
    yield from _pending(elector)
    for name, write in writes_of(elector):
        yield from _write(elector, name, write)
    yield from _office(elector)
    yield from _leaving(elector)
    yield from _states(elector)


def broken(elector: Elector) -> list[str]:
    """The clauses that an elector with plain values breaks; there should be none."""
    return [f"{clause.name}: {clause.because}" for clause in invariant(elector) if not clause.holds]


def writes_of(elector: Elector) -> list[tuple[str, WriteRequest]]:
    """The writes of the present candidacy that may give leadership."""
    candidacy, pending = elector.candidacy, elector.pending
    writes = [("a doubted write", write) for write in candidacy.unknown_writes]
    if candidacy.held is not None:
        writes.append(("the held write", candidacy.held))
    if pending is not None and not isinstance(pending, GetLease) and elector.state in (CANDIDATE, LEADER):
        writes.append(("the pending write", pending))
    return writes


def _counters(e: Elector) -> Iterator[Clause]:
    yield Clause("it has begun", "ids grow from 1", e.next_request_id >= 1)
    yield Clause("candidacies are counted", "from 0, and upwards only", e.candidacy.number >= 0)


def _observation(e: Elector) -> Iterator[Clause]:
    view = e.observation
    yield Clause("tokens are counted", "P11: a record's token is no less than 0", view.highest_token >= 0)
    yield Clause("tokens fit", "no record has a higher one", view.highest_token <= MAX_TRANSITIONS)
    yield Clause("durations are positive", "P5c: 0 says that none was seen", view.longest_ns >= 0)
    if view.since is None:
        yield Clause("before the first look no record is known", "nothing was received", view.stored is None)
    else:
        yield Clause("the count has begun", "P4: at a receipt, so not in the future", view.since <= e.now)
    if view.stored is None:
        yield Clause("no holder is named", "only a record names one", no(is_set(e, "leader")))
    else:
        seen = view.stored.lease
        yield Clause(
            "its token counts", "P11: it was received", seen.leader_transitions <= view.highest_token
        )
        yield Clause("its duration counts", "P5c: it was received", seen.lease_duration_ns <= view.longest_ns)


def _pending(e: Elector) -> Iterator[Clause]:
    p = e.pending
    if p is None:
        return
    yield Clause("ids are given once", "each request takes the next", p.id < e.next_request_id)
    yield Clause("it was sent", "at a reading that was handled", p.sent_at <= e.now)
    yield Clause("it is not overdue", "P10: at its deadline its outcome is unknown", e.now < p.expires_at)
    due = p.sent_at + e.config.request_timeout_ns
    yield Clause("it has a deadline", "P10: one timeout after its send", p.expires_at == due)


def _write(e: Elector, name: str, write: WriteRequest) -> Iterator[Clause]:
    lease, mine = write.lease, session_of(e.session, e.candidacy.number)
    yield Clause(f"{name} is of this candidacy", "P2: no other's is remembered", lease.holder_session == mine)
    yield Clause(f"{name} lasts my duration", "P6", lease.lease_duration_ns == e.config.lease_ns)
    yield Clause(
        f"{name} names me", "only a release names nobody", lease.holder_identity == e.config.identity
    )
    if write is not e.pending:
        yield Clause(f"{name} was sent", "at a reading that was handled", write.sent_at <= e.now)
    yield Clause(
        f"{name} has no later stamp than mine", "P7c: stamps only grow", lease.renew_time <= e.last_renew_time
    )
    yield Clause(
        f"{name} has a token", "P11: a claim's is above one that was seen", lease.leader_transitions >= 1
    )
    next_token = e.observation.highest_token + 1
    yield Clause(
        f"{name} has no token beyond the next", "P11: the same", lease.leader_transitions <= next_token
    )


def _office(e: Elector) -> Iterator[Clause]:
    held, office, leads = e.candidacy.held, e.office, e.state == LEADER
    yield Clause(
        "only a leader holds", "every other move ends the candidacy's hold", leads == (held is not None)
    )
    yield Clause(
        "only a leader is in office", "P3: validity is the held write's", leads == (office is not None)
    )
    if held is None or office is None:
        yield Clause("who does not hold knows no version of his own", "the same", e.candidacy.version is None)
        yield Clause("nor a request to resign", "P14: the same", e.candidacy.asked_by == "")
        yield Clause("nor for whom", "P17: the same", e.candidacy.successor == "")
        yield Clause("nor until when", "P16: the same", e.candidacy.not_before == EARLIEST_TIME)
        return
    deadline = held.sent_at + e.config.renew_deadline_ns
    yield Clause(
        "the office has the held write's token", "P11", office.token == held.lease.leader_transitions
    )
    yield Clause(
        "it counts from the last reading", "P3e: an earlier one proves nothing", office.since == e.now
    )
    yield Clause("it ends a deadline after the send", "P3a", office.until == deadline)
    yield Clause("it has not ended", "P3: a leader whose time is over has stepped down", e.now < office.until)
    yield Clause("a leader has written", "so it knows when to renew", is_set(e, "write_not_before"))
    yield Clause(
        "a leader has seen its own record", "P8: any other ends its term", e.observation.stored is not None
    )
    if e.observation.stored is not None:
        own = e.observation.stored.version == e.candidacy.version
        yield Clause("the version that it has seen is its own", "P8: the same", own)
    doubts = e.candidacy.unknown_writes
    renewals = all(isinstance(write, UpdateLease) for write in doubts)
    yield Clause("a leader doubts renewals only", "its claim is known to have taken effect", renewals)
    pending = e.pending
    if isinstance(pending, (CreateLease, UpdateLease)):
        yield Clause("a leader renews", "it does not claim", isinstance(pending, UpdateLease))
        yield Clause("after the write held by", "P10: one at a time", held.sent_at <= pending.sent_at)
        same = pending.lease.leader_transitions == held.lease.leader_transitions
        yield Clause("with its token", "P11: a renewal keeps it", same)
        own = getattr(pending, "version", None) == e.candidacy.version
        yield Clause("over its own version", "P1, and P10: nothing was heard meanwhile", own)


def _leaving(e: Elector) -> Iterator[Clause]:
    left = e.leaving
    if left is None:
        return
    over = e.state in (FOLLOWER, STOPPED)
    yield Clause("who leaves has ended the candidacy", "P9: first the end", over)
    yield Clause("and has seen the record", "P4: before it wrote", e.observation.since is not None)
    doubts = e.candidacy.unknown_writes
    yield Clause("and doubts nothing since", "a new candidacy has written nothing", len(doubts) == 0)
    yield Clause("a candidacy that is left is a former one", "P9", left.former.number < e.candidacy.number)
    holds, pending = left.former.held is not None, e.pending
    yield Clause("what is known is a write's", "P9: the held one's", holds or no(left.is_known))
    if not holds:
        yield Clause("without a term there is no work", "it ended before it began", left.ended)
    for name, write in _writes_left(e):
        yield from _left_write(e, name, write.lease)
    if pending is None:
        yield Clause("who only waits has not looked", "P9: once", no(left.was_read))
        waits = some(no(left.ended), no(left.is_known))
        yield Clause("nothing is sent before the end of the work", "P9e: else the release would be", waits)
        yield Clause("there is something to find", "else it would be over", holds or _doubts(left))
    elif isinstance(pending, GetLease):
        yield from _look_left(left)
    elif isinstance(pending, UpdateLease) and names_nobody(pending.lease):
        yield Clause("a release is sent when the work has ended", "P9e", left.ended)
        yield Clause("and over what is known", "P9", left.is_known)
        vacant = pending.lease.holder_session == ""
        yield Clause("a release names no session", "P9: it is vacant", vacant)
    else:
        yield Clause("a write under way is waited for", "P9: before any look", no(left.was_read))
        known = left.is_known == holds
        yield Clause("a renewal's term is known, a claim's is not", "P9: there is none yet", known)
        claims = some(not holds, isinstance(pending, UpdateLease))
        yield Clause("a leader's write under way was no creation", "it renewed", claims)


def _look_left(left: Leaving) -> Iterator[Clause]:
    """A look under way at the end of a term, or the search for what is to be released."""
    was_read = left.was_read
    yield Clause("who searches has not found it yet", "P9", implies(was_read, no(left.is_known)))
    yield Clause("who searches does no work", "P9e", implies(was_read, left.ended))
    looks = implies(no(was_read), left.is_known)
    yield Clause("who looked when the term ended knows it", "P9: its last version", looks)
    finds = left.former.held is not None or _doubts(left)
    yield Clause("who searches has something to find", "else it would be over", finds)


def _doubts(left: Leaving) -> bool:
    return len(left.former.unknown_writes) > 0


def _writes_left(e: Elector) -> list[tuple[str, WriteRequest]]:
    """The writes of the candidacy that is left, but for a release."""
    former = e.leaving.former if e.leaving is not None else Candidacy()
    writes = [("a doubted write that is left", write) for write in former.unknown_writes]
    if former.held is not None:
        writes.append(("what is to be released", former.held))
    pending = e.pending
    if isinstance(pending, (CreateLease, UpdateLease)) and not names_nobody(pending.lease):
        writes.append(("a write under way", pending))
    return writes


def _left_write(e: Elector, name: str, lease: Lease) -> Iterator[Clause]:
    assert e.leaving is not None
    mine = session_of(e.session, e.leaving.former.number)
    yield Clause(f"{name} is of that candidacy", "P2: no other's is remembered", lease.holder_session == mine)
    yield Clause(f"{name} lasts my duration", "P6", lease.lease_duration_ns == e.config.lease_ns)
    yield Clause(f"{name} names me", "it is none released", lease.holder_identity == e.config.identity)


def _is_former(e: Elector, lease: Lease) -> Any:
    base, number = parts_of(lease.holder_session)
    return every(base == e.session, number < e.candidacy.number)


def _states(e: Elector) -> Iterator[Clause]:
    read_at = value_of(e, "read_at")
    if read_at is not None:
        is_due = some(e.config.guarantees.can_watch, read_at <= e.now + e.config.retry_ns)
        due = implies(is_set(e, "read_at"), is_due)
        yield Clause("a look is due within a retry period", "P12: or the store tells of changes", due)
    pending, view = e.pending, e.observation
    is_write = isinstance(pending, (CreateLease, UpdateLease))
    if is_write and e.state in (FOLLOWER, STOPPED) and e.leaving is None:
        yield Clause(
            "what was given up is of a former candidacy", "P9: it is over", _is_former(e, pending.lease)
        )
        yield Clause("who has given it up doubts nothing", "the same", len(e.candidacy.unknown_writes) == 0)
        yield Clause("who has given it up has looked", "P4: before it wrote", view.since is not None)
    if e.state == CANDIDATE:
        waits = some(pending is not None, is_set(e, "read_at"))
        yield Clause("a candidate waits for something", "P7: the answer, or a look at the record", waits)
        yield Clause("a candidate has looked", "P4: it claimed what it saw", view.since is not None)
        yield Clause("a candidate has written", "its claim", is_set(e, "write_not_before"))
        yield Clause("a candidate contends", "P9: else its candidacy has ended", e.contending)
    if e.candidacy.unknown_writes:
        yield Clause("who doubts has written", "the write in doubt", is_set(e, "write_not_before"))
        yield Clause("who doubts has looked", "P4: before that write", view.since is not None)
        contends = some(e.state == LEADER, e.contending)
        yield Clause("who doubts and does not lead contends", "P9: else its candidacy has ended", contends)
    if e.state == FOLLOWER:
        watches = every(e.config.guarantees.can_watch, view.highest_token == MAX_TRANSITIONS)
        is_waiting = pending is not None or e.leaving is not None
        waits = some(no(e.contending), is_waiting, is_set(e, "read_at"), watches)
        yield Clause("who contends waits for something", "P12: for a look, unless no token is left", waits)
    if e.state == STOPPED:
        yield Clause("who stopped looks no more", "it is final", no(is_set(e, "read_at")))
        yield Clause("who stopped does not contend", "the same", no(e.contending))
        yield Clause(
            "who stopped doubts nothing", "its candidacy is over", len(e.candidacy.unknown_writes) == 0
        )
