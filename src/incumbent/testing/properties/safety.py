"""S1 to S6: what nobody may ever see broken, in true time.

S2 and S3 together imply S1; of a violation of S1 they say whose fault it was.
"""

from __future__ import annotations

from collections.abc import Iterator

from incumbent.core.messages import UpdateLease, WriteRequest, Written
from incumbent.lease import StoredLease
from incumbent.testing.history import Executed, Fenced, History, Led, Violation
from incumbent.testing.simulation.participants import MILLION, until


def exclusion(history: History) -> Iterator[Violation]:
    """S1: the intervals in which two processes answer True never intersect, in true time; they may touch."""
    ends: dict[str, int] = {}
    for led in history.of(Led):
        ends[led.who] = led.until
        if led.until == led.at:
            continue
        for other, end in ends.items():
            if other != led.who and end > led.at and not history.excused(led.at, min(end, led.until)):
                both = f"{other} leads {until(end)}, {led.who} {until(led.until)}"
                yield Violation("exclusion", led.at, both)


def trust_bound(history: History) -> Iterator[Violation]:
    """S2: a term lasts at most a renew deadline, on the slowest clock, from the last won write's send."""
    sent = history.writes()
    won: dict[str, int] = {}
    for record in history.deeds(Executed, Led):
        if isinstance(record, Executed):
            if isinstance(record.reply, Written) and (record.who, record.request.id) in sent:
                won[_session(record)] = sent[record.who, record.request.id].at
        elif isinstance(record, Led) and record.until > record.at:
            config = history.config(record.who)
            slowest = MILLION - round(config.clock_drift * MILLION)
            last = won.get(record.session)
            # A term ends at the first whole nanosecond that is late enough.
            is_late = last is None or (record.until - last - 1) * slowest > config.renew_deadline_ns * MILLION
            if is_late and not history.excused(record.at, record.until):
                by = "no write of its own" if last is None else f"a write sent at {last / 1e9:.9f} s"
                since = f"{record}, by {by}"
                yield Violation("trust_bound", record.at, since)


def patience(history: History) -> Iterator[Violation]:
    """S3: another's lease is taken by a write sent a lease duration, on the fastest clock, after it was
    written, whoever touched it since (P15).
    """
    sent = history.writes()
    committed = 0
    for write in _won(history):
        before, session, last = write.before, _session(write), committed
        if write.is_touch:
            continue
        committed = write.at
        if before is None or before.lease.is_vacant or session in {"", before.lease.holder_session}:
            continue
        waited = sent.get((write.who, write.request.id), write).at - last
        fastest = MILLION + round(history.config(write.who).clock_drift * MILLION)
        # A clock reads whole nanoseconds, so that one may be missing.
        is_early = (waited + 1) * fastest < before.lease.lease_duration_ns * MILLION
        if is_early and not history.excused(last, write.at):
            taken = f"{session} took it from {before.lease.holder_session} after {waited} ns"
            yield Violation("patience", write.at, taken)


def one_history(history: History) -> Iterator[Violation]:
    """S4: a write that won had named the record's version and gave it the next one; nothing else wrote."""
    if not history.keeps_records():
        return
    stored: StoredLease | None = None
    version = 0
    for one in history.of(Executed):
        if one.before is not stored and one.before != stored:
            found = f"the record was {one.before}, but {stored} was written last"
            yield Violation("one_history", one.at, found)
        stored = one.before
        if isinstance(one.reply, Written) and isinstance(one.request, WriteRequest):
            named = one.request.version if isinstance(one.request, UpdateLease) else None
            if named != (None if stored is None else stored.version) or one.reply.version != version + 1:
                yield Violation("one_history", one.at, f"{one.request} replaced {stored}")
            version += 1
            stored = StoredLease(one.request.lease, one.reply.version)


def fencing(history: History) -> Iterator[Violation]:
    """S5: every acquisition has a higher token than all before it, a term keeps its token, and who leads has
    the highest that was ever granted.
    """
    if not history.keeps_records():
        return
    granted: list[tuple[str, int]] = []
    leads: dict[str, Led] = {}
    for record in history.deeds(Led, Executed):
        if isinstance(record, Led):
            leads[record.who] = record
            if (record.session, record.token) not in granted:
                yield Violation("fencing", record.at, f"{record}, but its token was never granted")
        elif isinstance(record, Executed) and isinstance(record.reply, Written):
            yield from _granted(record, granted)
        else:
            continue
        highest = granted[-1][1] if granted else 0
        for led in leads.values():
            if led.token < highest and led.until > record.at and not history.excused(record.at, led.until):
                yield Violation("fencing", record.at, f"{led}, but {highest} is granted")


def _granted(write: Executed, granted: list[tuple[str, int]]) -> Iterator[Violation]:
    session, token = _session(write), _lease_token(write)
    highest = granted[-1][1] if granted else 0
    if session and (session, token) not in granted:
        if token <= highest:
            yield Violation("fencing", write.at, f"{session} got {token} after {highest}")
        granted.append((session, token))
    elif token != highest:
        yield Violation("fencing", write.at, f"{write.who} changed the token to {token}")


def fenced_register(history: History) -> Iterator[Violation]:
    """S6: a resource that rejects lower tokens than it has seen never takes a write of an earlier term after
    one of a later term, whatever the clocks do.
    """
    last: Fenced | None = None
    for write in history.of(Fenced):
        if not write.accepted:
            continue
        if last is not None:
            is_shared = write.token == last.token and write.who != last.who and history.keeps_records()
            if is_shared or write.token < last.token:
                yield Violation("fenced_register", write.at, f"{write} was taken after {last}")
        last = write


SAFETY = (
    exclusion,
    trust_bound,
    patience,
    one_history,
    fencing,
    fenced_register,
)


def _won(history: History) -> Iterator[Executed]:
    won = (one for one in history.deeds(Executed) if isinstance(one, Executed))
    return (one for one in won if isinstance(one.reply, Written))


def _session(write: Executed) -> str:
    return write.request.lease.holder_session if isinstance(write.request, WriteRequest) else ""


def _lease_token(write: Executed) -> int:
    return write.request.lease.leader_transitions if isinstance(write.request, WriteRequest) else 0
