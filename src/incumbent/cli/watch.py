"""`incumbent watch`: a line at each change."""

from __future__ import annotations

import argparse
import time
from datetime import datetime

from incumbent.cli.place import lacking_file, named, nothing, open_lease, read_lease, read_leases
from incumbent.cli.status import state
from incumbent.errors import CorruptLease, StoreUnavailable
from incumbent.lease import StoredLease
from incumbent.shown import one_line
from incumbent.store import LeaseStore


def main(arguments: argparse.Namespace) -> int:
    """Look again and again, until interrupted."""
    look = Look(arguments.store, arguments.lease)
    while True:
        for line in look.changes():
            print(f"{datetime.now().astimezone().isoformat(' ', 'milliseconds')}  {line}", flush=True)
        time.sleep(arguments.every)


class Look:
    """One look after another at a lease, or at all in a SQLite file; a server's connection is kept."""

    def __init__(self, url: str, lease: str | None) -> None:
        self._url = url
        self._lease = lease
        self._store: LeaseStore | None = None
        self._seen: dict[str, str] = {}

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
        try:
            leases = self._leases()
        except StoreUnavailable as error:
            return {name: one_line(f"the store is unavailable: {error}")}
        if not leases:
            return {name: "there is no such lease" if name else "there is no lease"}
        return {name: describe(found) for name, found in leases.items()}

    def _leases(self) -> dict[str, StoredLease | CorruptLease]:
        if self._lease is None:
            return read_leases(self._url, None)
        if self._store is None:
            self._store = open_lease(self._url, self._lease)
        found = read_lease(self._store)
        return {} if found is None else {self._lease: found}


def describe(found: StoredLease | CorruptLease) -> str:
    """One line about a record."""
    return one_line(f"corrupt: {found}") if isinstance(found, CorruptLease) else state(found.lease)
