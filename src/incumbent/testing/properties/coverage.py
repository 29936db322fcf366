"""Coverage: situations that a batch of runs must reach. A batch that misses one proves nothing about it.

Each name of `SIGHTINGS` is a turn of events that an election must survive. `sightings` counts them in one
run; `unseen` says which a whole batch missed, and `sometimes` fails for that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from incumbent.core.messages import (
    ClockWentBackwards,
    Found,
    Missing,
    Refused,
    ResignRequested,
    StoppedLeading,
    UpdateLease,
    WriteRequest,
    Written,
)
from incumbent.core.states import LEADER
from incumbent.lease import StoredLease
from incumbent.testing.history import (
    Answered,
    Executed,
    Fenced,
    Finished,
    Hinted,
    History,
    Invoked,
    Led,
    Ran,
    Struck,
    Told,
    Turned,
)
from incumbent.testing.properties import PropertyViolated

MANY_TERMS: Final = 3

SIGHTINGS: Final = (
    "takeover after a pause",
    "takeover after a crash",
    "takeover after a partition",
    "release handover",
    "overtaken while paused",
    "renewal conflict",
    "won write whose answer was lost",
    "won write with its validity over",
    "unknown write that had landed",
    "unknown write that had not landed",
    "stale write landing as a conflict",
    "stale write landing",
    "late answer ignored",
    "duplicate ignored",
    "loss seen by reading",
    "resign request obeyed",
    "renewal received by a hint",
    "hint that was read",
    "renewal over a touch",
    "takeover of a touched record",
    "follower held back",
    "claim after a hold",
    "hold of what is meant for somebody",
    "claim by the one that is named",
    "claim of what was meant for another",
    "stop while leading",
    "clock that went backwards",
    "stale token fenced off",
    "three terms in one run",
    "work that returned by itself",
    "work that raised",
    "work that outlived its term",
    "work left behind",
    "callback left behind",
    "release that waited for a callback",
    "fork while leading",
    "user code urged while leading",
)


REASONS: Final = {
    "my write stuck too late to lead by it": "won write with its validity over",
    "my write of unknown outcome was not found": "unknown write that had not landed",
}


def sightings(history: History) -> Counter[str]:
    """Count each of `SIGHTINGS` in a run."""
    seen = Counter(dict.fromkeys(SIGHTINGS, 0))
    takes = _takeovers, _writes, _hints, _touches, _releases, _answers, _turns, _notices, _work, _ends, _rest
    for watch in takes:
        seen.update(watch(history))
    return seen


def unseen(batch: Iterable[Counter[str]]) -> list[str]:
    """Return those of `SIGHTINGS` that a batch of runs never saw."""
    total: Counter[str] = Counter()
    for one in batch:
        total.update(one)
    return [name for name in SIGHTINGS if not total[name]]


def sometimes(batch: Iterable[History]) -> None:
    """Demand that each of `SIGHTINGS` was seen in one run of a batch at least.

    Raises:
        PropertyViolated: Some were not: what the batch says about them is nothing.
    """
    missed = unseen(map(sightings, batch))
    if missed:
        raise PropertyViolated(f"no run saw: {', '.join(missed)}; give more seeds, or faults that lead there")


def _takeovers(history: History) -> Iterator[str]:
    """A term that follows another's: what had befallen the other?"""
    ill: dict[str, str] = {}
    overtaken: dict[str, bool] = {}
    last: str | None = None
    cures = {"resume": "a pause", "restart": "a crash", "heal": "a partition"}
    for record in history.among(Struck, Led):
        if isinstance(record, Struck):
            for name in record.targets:
                if record.verb in {"pause", "crash", "partition"}:
                    ill[name] = f"a {record.verb}"
                elif cures.get(record.verb) == ill.get(name):
                    ill.pop(name, None)
        elif isinstance(record, Led) and record.until > record.at:
            name = record.who.partition("-")[0]
            if last is not None and last != name and last in ill:
                yield f"takeover after {ill[last]}"
                overtaken[last] = ill[last] == "a pause"
            last = name
        elif isinstance(record, Led) and overtaken.pop(record.who.partition("-")[0], False):
            yield "overtaken while paused"


def _writes(history: History) -> Iterator[str]:
    """Fates of writes at the store, and of the answers to them."""
    latest: dict[str, int] = {}
    heard = {(one.who, one.reply.id) for one in history.of(Answered) if isinstance(one.reply, Written)}
    for record in history.among(Invoked, Executed):
        if isinstance(record, Invoked):
            latest[record.who] = record.request.id
        elif isinstance(record, Executed) and isinstance(record.request, WriteRequest):
            is_stale = latest.get(record.who, 0) > record.request.id
            if isinstance(record.reply, Written):
                if is_stale:
                    yield "stale write landing"
                if (record.who, record.request.id) not in heard:
                    yield "won write whose answer was lost"
                if record.before is not None and record.before.lease.is_vacant and not record.is_touch:
                    yield "release handover"
            elif is_stale and isinstance(record.reply, (Refused, Missing)):
                yield "stale write landing as a conflict"


def _hints(history: History) -> Iterator[str]:
    """A hint that carried the record."""
    for hint in history.of(Hinted):
        yield "renewal received by a hint" if hint.received else "hint that was read"


def _touches(history: History) -> Iterator[str]:
    """Situations after a touch (P15)."""
    is_touched = False
    for write in history.of(Executed):
        if not isinstance(write.reply, Written) or not isinstance(write.request, WriteRequest):
            continue
        old, new = None if write.before is None else write.before.lease, write.request.lease
        if is_touched and not write.is_touch and old is not None and not (old.is_vacant or new.is_vacant):
            is_own = new.holder_session == old.holder_session
            yield "renewal over a touch" if is_own else "takeover of a touched record"
        is_touched = write.is_touch


def _releases(history: History) -> Iterator[str]:
    """Candidates held back (P16), for whom a lease was released (P17), and who took it."""
    for record in history.among(Answered, Executed):
        if isinstance(record, Answered) and isinstance(record.reply, Found):
            if _is_held_back(record.reply.stored):
                yield "follower held back"
                yield from ["hold of what is meant for somebody"] * bool(record.reply.stored.lease.successor)
        elif isinstance(record, Executed) and isinstance(record.reply, Written) and not record.is_touch:
            before = record.before
            yield from ["claim after a hold"] * (before is not None and _is_held_back(before))
            if before is not None and before.lease.is_vacant and before.lease.successor:
                is_named = history.config(record.who).identity == before.lease.successor
                yield "claim by the one that is named" if is_named else "claim of what was meant for another"


def _is_held_back(stored: StoredLease) -> bool:
    return stored.lease.is_vacant and stored.lease.not_before > stored.lease.renew_time


def _answers(history: History) -> Iterator[str]:
    """Answers that were ignored, and refusals to a leader."""
    answered: dict[tuple[str, int], bool] = {}
    renewals: dict[tuple[str, int], bool] = {}
    leads: dict[str, bool] = {}
    for record in history.among(Invoked, Answered, Led):
        if isinstance(record, Led):
            leads[record.who] = record.until > record.at
        elif isinstance(record, Invoked):
            if isinstance(record.request, UpdateLease) and leads.get(record.who):
                renewals[record.who, record.request.id] = True
        elif isinstance(record, Answered):
            key = (record.who, record.reply.id)
            if not record.heard:
                yield "duplicate ignored" if key in answered else "late answer ignored"
            elif isinstance(record.reply, Refused) and key in renewals:
                yield "renewal conflict"
            answered[key] = True


def _turns(history: History) -> Iterator[str]:
    """Why roles changed."""
    found: dict[str, int] = {}
    for record in history.among(Answered, Turned):
        if isinstance(record, Answered):
            if isinstance(record.reply, Found) and record.heard:
                found[record.who] = record.at
        elif isinstance(record, Turned):
            if record.trigger == "win" and found.get(record.who) == record.at:
                yield "unknown write that had landed"
            if record.reason in REASONS:
                yield REASONS[record.reason]
            if record.source == LEADER and record.trigger == "stop":
                yield "stop while leading"
            if record.source == LEADER and record.reason.startswith("the lease is held by"):
                yield "loss seen by reading"


def _notices(history: History) -> Iterator[str]:
    """Notices to drivers."""
    asked: dict[str, bool] = {}
    for told in history.of(Told):
        if isinstance(told.notice, ResignRequested):
            asked[told.who] = True
        elif isinstance(told.notice, ClockWentBackwards):
            yield "clock that went backwards"
        elif isinstance(told.notice, StoppedLeading):
            was_asked = asked.pop(told.who, False)
            if was_asked and told.notice.reason == "resigned":
                yield "resign request obeyed"


def _work(history: History) -> Iterator[str]:
    """Ends of work, and work that did not end."""
    working: dict[str, bool] = {}  # whether the work was asked to end
    for ran in history.of(Ran):
        if ran.code != "work":
            if ran.what == "begins" and ran.who in working:
                yield "work that outlived its term"
        elif ran.what in {"returns", "raises"}:
            if ran.what == "raises":
                yield "work that raised"
            elif not working.get(ran.who):
                yield "work that returned by itself"
            working.pop(ran.who, None)
        else:
            working[ran.who] = ran.what != "begins"


def _ends(history: History) -> Iterator[str]:
    """Waits of releases, and stops that did not wait."""
    ended: dict[str, int] = {}
    for finished in history.of(Finished):
        yield from (f"{name} left behind" for name in finished.left if name == "work")
        yield from ("callback left behind" for name in finished.left if name == "told")
    for record in history.among(Told, Invoked):
        if isinstance(record, Told) and isinstance(record.notice, StoppedLeading):
            ended[record.who] = record.at
        elif isinstance(record, Invoked) and isinstance(record.request, UpdateLease):
            is_late = ended.get(record.who, record.at) < record.at
            if is_late and record.request.lease.is_vacant:
                yield "release that waited for a callback"


def _rest(history: History) -> Iterator[str]:
    leading: dict[str, int] = {}
    for record in history.among(Led, Struck):
        if isinstance(record, Led):
            leading[record.who.partition("-")[0]] = record.until
        elif isinstance(record, Struck) and record.verb in {"fork", "urge"}:
            name = "fork while leading" if record.verb == "fork" else "user code urged while leading"
            yield from (name for who in record.targets if leading.get(who, 0) > record.at)
    if any(not write.accepted for write in history.of(Fenced)):
        yield "stale token fenced off"
    if len(history.terms()) >= MANY_TERMS:
        yield "three terms in one run"
