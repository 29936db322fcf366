"""`incumbent watch`: a line at each change."""

from __future__ import annotations

import argparse
import time
from datetime import datetime

from incumbent.cli.place import lacking_file, named, nothing, open_lease, read_lease, read_leases
from incumbent.cli.status import state
from incumbent.clock import SYSTEM_CLOCK, Clock
from incumbent.core.sight import EXPIRED, Lookout
from incumbent.errors import CorruptLease, StoreUnavailable
from incumbent.lease import StoredLease, StoreGuarantees, to_ns
from incumbent.shown import one_line
from incumbent.store import LeaseStore
from incumbent.stores._kinds import KINDS


def main(arguments: argparse.Namespace) -> int:
    """Look again and again, until interrupted."""
    look = Look(arguments.store, arguments.lease)
    while True:
        for line in look.changes():
            print(f"{datetime.now().astimezone().isoformat(' ', 'milliseconds')}  {line}", flush=True)
        time.sleep(arguments.every)


class Look:
    """One look after another at a lease, or at all in a SQLite file; a server's connection is kept.

    Whether a lease has expired is counted here, as an `Observer` does, and not told by times of day.
    """

    def __init__(self, url: str, lease: str | None, clock: Clock = SYSTEM_CLOCK) -> None:
        self._url = url
        self._lease = lease
        self._clock = clock
        self._store: LeaseStore | None = None
        self._seen: dict[str, str] = {}
        self._lookouts: dict[str, Lookout] = {}

    def changes(self) -> list[str]:
        """A line for each state that is another than at the last look."""
        before, now = self._seen, self.states()
        if "" not in now:  # the store could be read
            now |= dict.fromkeys(before.keys() - now.keys() - {""}, "it is gone")
        self._seen = now
        changed = [name for name in now if now[name] != before.get(name)]
        return [f"{named(name)}: {now[name]}" if name else now[name] for name in changed]

    def states(self) -> dict[str, str]:
        """The state of each lease, in words; at the name "", that of the store."""
        name = self._lease or ""
        if lacking_file(self._url) is not None:
            return {name: nothing(self._url, self._lease)}
        asked_at = self._now()
        try:
            leases = self._leases()
        except StoreUnavailable as error:
            return {name: one_line(f"the store is unavailable: {error}")}
        self._lookouts = {each: self._saw(each, found, asked_at) for each, found in leases.items()}
        if not leases:
            return {name: "there is no such lease" if name else "there is no lease"}
        now = self._now()
        return {each: describe(found, self._lookouts[each], now) for each, found in leases.items()}

    def _saw(self, name: str, found: StoredLease | CorruptLease, asked_at: int) -> Lookout:
        lookout = self._lookouts.get(name) or Lookout.over(self._guarantees())
        if isinstance(found, CorruptLease):
            return lookout.failed("corrupt", self._now())
        return lookout.asks(asked_at).found(found, self._now())

    def _now(self) -> int:
        return to_ns(self._clock.now())

    def _guarantees(self) -> StoreGuarantees:
        return KINDS["sqlite"].guarantees if self._store is None else self._store.guarantees

    def _leases(self) -> dict[str, StoredLease | CorruptLease]:
        if self._lease is None:
            return read_leases(self._url, None)
        if self._store is None:
            self._store = open_lease(self._url, self._lease)
        found = read_lease(self._store)
        return {} if found is None else {self._lease: found}


def describe(found: StoredLease | CorruptLease, lookout: Lookout | None = None, now: int = 0) -> str:
    """One line about a record, and what a lookout makes of it."""
    if isinstance(found, CorruptLease):
        return one_line(f"corrupt: {found}")
    if lookout is not None and lookout.sight(now).reason == EXPIRED:
        lease = found.lease
        who = f"{named(lease.holder_identity)} with token {lease.leader_transitions}"
        return one_line(f"nobody leads: the lease of {who} has expired")
    return one_line(state(found.lease))
