"""What `resign`, `pause` and `resume` have in common: they replace the record of one lease but for a word."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Final

from incumbent.cli.place import READ_TIMEOUT, lacking_file, named, nothing, open_lease, read_leases
from incumbent.errors import ConfigurationError, CorruptLease, LeaseConflict, LeaseNotFound, StoreUnavailable
from incumbent.lease import Lease, StoredLease
from incumbent.shown import shown
from incumbent.store import LeaseStore

NOTHING_DONE: Final = 1

MOST_NAMED: Final = 10
"""Leases in a message."""

_ATTEMPTS: Final = 10
"""Writes that may come in between: each makes the record another."""


class Declined(Exception):
    """There is nothing to do, for the reason given."""


def on_one_lease(
    arguments: argparse.Namespace,
    act: Callable[[LeaseStore, str], None],
    *,
    which: Callable[[Lease], bool],
    are: str,
    nobody: str,
) -> int:
    """Do it with the lease that is named, or with the only one of that kind in the file; the exit code.

    Raises:
        ConfigurationError: Several are of that kind.
        CorruptLease: None is, but what may be one cannot be read.
    """
    try:
        lease = _find(arguments, which, are, nobody)
        store = open_lease(arguments.store, lease)
        try:
            act(store, lease)
        finally:
            store.close()
    except Declined as why:
        print(why, file=sys.stderr)
        return NOTHING_DONE
    return 0


def rewrite(store: LeaseStore, name: str, change: Callable[[Lease], Lease]) -> tuple[Lease, Lease]:
    """Replace the record by what `change` makes of it, and look again if something came in between.

    What is returned is the lease before and after that; the same one where there was nothing to change.

    Raises:
        Declined: There is no such lease; or `change` says why not.
        StoreUnavailable: No answer, or something came in between every time.
    """
    for _ in range(_ATTEMPTS):
        try:
            stored = store.get_lease(timeout=READ_TIMEOUT)
            new = change(stored.lease)
            if new != stored.lease:
                store.update_lease(new, stored.version, timeout=READ_TIMEOUT)
        except LeaseConflict:
            continue
        except LeaseNotFound:
            raise Declined(f"there is no lease {shown(name)}") from None
        return stored.lease, new
    raise StoreUnavailable(
        f"{shown(name)} changed at each of {_ATTEMPTS} attempts: try again", outcome_unknown=False
    )


def _find(arguments: argparse.Namespace, which: Callable[[Lease], bool], are: str, nobody: str) -> str:
    if lacking_file(arguments.store) is not None:
        raise Declined(nothing(arguments.store, arguments.lease))
    if arguments.lease is not None:
        lease: str = arguments.lease
        return lease
    leases = read_leases(arguments.store, None)
    found = [name for name, one in leases.items() if isinstance(one, StoredLease) and which(one.lease)]
    corrupt = [one for one in leases.values() if isinstance(one, CorruptLease)]
    if len(found) > 1:
        some = f"{', '.join(map(named, found[:MOST_NAMED]))}{', ...' * (len(found) > MOST_NAMED)}"
        raise ConfigurationError(f"several leases {are} ({some}): name one by --lease")
    if found:
        return found[0]
    raise corrupt[0] if corrupt else Declined(nobody)
