"""The store's lane: the record, its versions, and what was done to it from outside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from incumbent.core.messages import WriteRequest, Written
from incumbent.lease import StoredLease
from incumbent.testing.history import Executed, History, Record, Struck
from incumbent.testing.timeline.parts import Span
from incumbent.testing.timeline.signs import seconds
from incumbent.testing.timeline.words import record, struck

FROM_OUTSIDE: Final = ("delete_lease", "restore_backup")


def store_faults(history: History) -> Iterator[Span]:
    """When it answered nothing, and when somebody else changed the record."""
    for one in history.of(Struck):
        if one.verb == "stall_store":
            end = min(one.at + round(one.args[0] * 1e9), history.end)
            yield Span(one.at, end, "stalled", struck(one), struck(one))
        elif one.verb in FROM_OUTSIDE:
            yield Span(one.at, one.at, "changed from outside", struck(one), struck(one))


def records(history: History) -> Iterator[Span]:
    """The record that the store held, and from when on."""
    stored: StoredLease | None = None
    since = 0
    for one in _changes(history):
        after = one.before if isinstance(one, Executed) else None
        if after != stored:  # changed by nobody that we know: a backup, or a store that breaks its word
            yield from _record(history, stored, since, one.at)
            stored, since = after, one.at
        if (
            isinstance(one, Executed)
            and isinstance(one.reply, Written)
            and isinstance(one.request, WriteRequest)
        ):
            yield from _record(history, stored, since, one.at)
            stored, since = StoredLease(one.request.lease, one.reply.version), one.at
    yield from _record(history, stored, since, history.end)


def _changes(history: History) -> Iterable[Record]:
    return (
        one
        for one in history.among(Executed, Struck)
        if not isinstance(one, Struck) or one.verb == "delete_lease"
    )


def _record(history: History, stored: StoredLease | None, start: int, end: int) -> Iterator[Span]:
    if stored is not None and start < end:
        kind = "vacant" if stored.lease.is_vacant else _name_of(history, stored.lease.holder_session)
        tip = f"{record(stored)}; from {seconds(start)} s to {seconds(end)} s"
        yield Span(start, end, kind, str(stored.version), tip)


def _name_of(history: History, session: str) -> str:
    """The candidate that this session is of, or the session itself."""
    name = session.partition("-")[0]
    return name if name in history.configs else session
