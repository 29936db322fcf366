"""`incumbent resume`: end a hold on a lease, whoever has put it there (P16)."""

from __future__ import annotations

import argparse
import sys
from typing import Final

from incumbent.cli.place import (
    READ_TIMEOUT,
    is_held_back,
    lacking_file,
    moment,
    named,
    nothing,
    open_lease,
    read_leases,
)
from incumbent.errors import ConfigurationError, LeaseConflict, LeaseNotFound, StoreUnavailable
from incumbent.lease import EARLIEST_TIME, StoredLease
from incumbent.shown import shown
from incumbent.store import LeaseStore

NO_HOLD: Final = 1

MOST_NAMED: Final = 10
"""Leases in a message."""

_ATTEMPTS: Final = 10
"""Writes that may come in between: each makes the record another."""


def main(arguments: argparse.Namespace) -> int:
    """End it, and say what was done."""
    if lacking_file(arguments.store) is not None:
        return _nothing(nothing(arguments.store, arguments.lease))
    lease = _only_lease(arguments.store) if arguments.lease is None else arguments.lease
    if lease is None:
        return _nothing("no lease is held back here")
    store = open_lease(arguments.store, lease)
    try:
        return resume(store, lease)
    finally:
        store.close()


def resume(store: LeaseStore, name: str) -> int:
    """Replace the record by itself without the hold; if something came in between, look again.

    Raises:
        StoreUnavailable: No answer, or something came in between every time.
    """
    for _ in range(_ATTEMPTS):
        try:
            stored = store.get_lease(timeout=READ_TIMEOUT)
            if stored.lease.not_before == EARLIEST_TIME:
                return _nothing(f"{shown(name)} is not held back")
            free = stored.lease.held_back(EARLIEST_TIME)
            store.update_lease(free, stored.version, timeout=READ_TIMEOUT)
        except LeaseConflict:
            continue
        except LeaseNotFound:
            return _nothing(f"there is no lease {shown(name)}")
        print(f"{shown(name)} was held back until {moment(stored.lease.not_before)}: it may be claimed now")
        return 0
    raise StoreUnavailable(
        f"{shown(name)} changed at each of {_ATTEMPTS} attempts: try again", outcome_unknown=False
    )


def _only_lease(url: str) -> str | None:
    leases = read_leases(url, None)
    held = [
        name for name, found in leases.items() if isinstance(found, StoredLease) and is_held_back(found.lease)
    ]
    if len(held) > 1:
        raise ConfigurationError(
            f"several leases are held back ({', '.join(map(named, held[:MOST_NAMED]))}): name one by --lease"
        )
    return held[0] if held else None


def _nothing(why: str) -> int:
    print(why, file=sys.stderr)
    return NO_HOLD
