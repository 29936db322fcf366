"""Drive one elector by hand: times in seconds, records in a few words, each reply to the pending request."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from incumbent.config import ElectorConfig
from incumbent.core.elector import EPOCH, Elector
from incumbent.core.messages import (
    CreateLease,
    Effects,
    Ended,
    Found,
    GetLease,
    Missing,
    Refused,
    Start,
    TimerFired,
    Unavailable,
    UpdateLease,
    Written,
)
from incumbent.lease import Lease, StoredLease, StoreGuarantees, to_ns

SETTINGS = {
    "lease_duration": 15.0,
    "renew_deadline": 10.0,
    "retry_period": 2.0,
    "request_timeout": 3.0,
    "jitter": 0.0,
}


def ns(seconds):
    return to_ns(seconds)


def record(version, holder="bob", *, session="B.0", duration=15.0, token=1, asked_by=""):
    """A stored lease, by default Bob's; another write for each version. `holder=""` is a released one."""
    renewed = EPOCH + timedelta(seconds=sum(map(ord, str(version))))
    lease = Lease(holder, session if holder else "", duration, EPOCH, renewed, token, asked_by)
    return StoredLease(lease, version)


def touched(stored, version, *, asked_by=""):
    """The same write under another version (P15), perhaps with a request to resign on it (P14)."""
    return StoredLease(stored.lease.asked_to_resign(asked_by), version)


def settings(identity="ann", *, durable=True, can_watch=False, **changes):
    guarantees = StoreGuarantees(durable=durable, can_watch=can_watch)
    return ElectorConfig(identity, guarantees=guarantees, **{**SETTINGS, **changes})


class Bench:
    """One elector on a bench: set the clock, give an input, look at what came out.

    `moves`, `notices` and `requests` gather everything since the start; `last` is the last step alone.
    """

    def __init__(self, identity="ann", *, session="A", **changes):
        self.elector = Elector(settings(identity, **changes), session=session)
        self.now = 0.0
        self.last = Effects((), (), None, None)
        self.moves, self.notices, self.requests = [], [], []

    def at(self, seconds):
        self.now = seconds
        return self

    def give(self, event):
        self.last = self.elector.handle(event, ns(self.now))
        assert self.last.wake_at == self.elector.wake_at
        self.moves += self.last.moves
        self.notices += self.last.notices
        if self.last.request is not None:
            self.requests.append(self.last.request)
        return self

    def start(self):
        return self.give(Start())

    def wake(self):
        return self.give(TimerFired())

    def leave(self, goodbye):
        """Give `Resign` or `Stop`, and say that nothing of the term runs any more."""
        return self.give(goodbye).give(Ended())

    # Replies to the pending request.

    def found(self, stored):
        return self.give(Found(self.pending.id, stored))

    def written(self, version):
        return self.give(Written(self.pending.id, version))

    def refused(self):
        return self.give(Refused(self.pending.id))

    def missing(self):
        return self.give(Missing(self.pending.id))

    def lost(self):
        """No answer: the outcome is unknown."""
        return self.give(Unavailable(self.pending.id, reason="no answer"))

    def failed(self):
        """The store is down, and the request certainly did nothing."""
        return self.give(Unavailable(self.pending.id, outcome_unknown=False, reason="refused to connect"))

    # What it is now.

    @property
    def pending(self):
        return self.elector.pending

    @property
    def state(self):
        return self.elector.state

    @property
    def wake_at(self):
        """Seconds, or None."""
        return None if self.elector.wake_at is None else self.elector.wake_at / 1e9

    @property
    def triggers(self):
        return [move.trigger for move in self.moves]

    def leads(self, seconds):
        return self.elector.is_leader(ns(seconds))

    def told(self, kind):
        """All notices of one kind."""
        return [notice for notice in self.notices if isinstance(notice, kind)]

    def stored(self, version, *, asked_by=""):
        """The record that the last write sent would make, at this version."""
        write = next(request for request in reversed(self.requests) if not isinstance(request, GetLease))
        return StoredLease(replace(write.lease, resign_requested_by=asked_by), version)


@dataclass
class Record:
    """The store, by hand: one record with a compare-and-swap, versions that never repeat, calls counted."""

    stored: StoredLease | None = None
    writes: int = 0
    reads: int = 0
    attempts: int = 0

    def reply(self, request):
        """Do what is asked and say what came of it. Give the reply, delay it or lose it as you like."""
        if isinstance(request, GetLease):
            self.reads += 1
            return Missing(request.id) if self.stored is None else Found(request.id, self.stored)
        self.attempts += 1
        if isinstance(request, UpdateLease) and self.stored is None:
            return Missing(request.id)
        expected = request.version if isinstance(request, UpdateLease) else None
        if expected != (None if self.stored is None else self.stored.version):
            return Refused(request.id)
        assert isinstance(request, (CreateLease, UpdateLease))
        self.put(request.lease)
        return Written(request.id, self.stored.version)

    def put(self, lease):
        self.writes += 1
        self.stored = StoredLease(lease, f"v{self.writes}")

    def delete(self):
        self.writes += 1  # a version is never given again
        self.stored = None

    def serve(self, *benches):
        """Answer at once, until nobody asks anything any more."""
        while waiting := [bench for bench in benches if bench.pending is not None]:
            for bench in waiting:
                bench.give(self.reply(bench.pending))


def run(store, benches, *, until):
    """Let time pass: wake each bench when it asked for it, answer each request at once."""
    store.serve(*benches)
    while True:
        due = [bench for bench in benches if bench.wake_at is not None and bench.wake_at <= until]
        if not due:
            break
        bench = min(due, key=lambda each: each.wake_at)
        bench.at(max(bench.now, bench.wake_at)).wake()
        store.serve(bench)
    for bench in benches:
        bench.at(until)
