"""`incumbent resign`: ask the holder to step down, through the record (P14)."""

from __future__ import annotations

import argparse
import getpass
import os
import socket
import sys
from typing import Final

from incumbent.cli.place import (
    READ_TIMEOUT,
    lacking_file,
    looks_expired,
    named,
    nothing,
    open_lease,
    read_leases,
)
from incumbent.errors import ConfigurationError, CorruptLease, LeaseConflict, LeaseNotFound, StoreUnavailable
from incumbent.lease import StoredLease, check_text
from incumbent.shown import shown
from incumbent.store import LeaseStore

NOBODY_ASKED: Final = 1

MOST_NAMED: Final = 10
"""Leases in a message."""

_ATTEMPTS: Final = 10
"""Renewals that may come in between: each makes the record another."""


def main(arguments: argparse.Namespace) -> int:
    """Ask, and say what was done."""
    by = this_user() if arguments.by is None else arguments.by
    check_text("--by", by)
    if not by:
        raise ConfigurationError("--by is '': say who asks")
    if lacking_file(arguments.store) is not None:
        return _nobody(nothing(arguments.store, arguments.lease))
    lease = _only_lease(arguments.store) if arguments.lease is None else arguments.lease
    if lease is None:
        return _nobody("nobody holds a lease here")
    store = open_lease(arguments.store, lease)
    try:
        return ask(store, lease, by)
    finally:
        store.close()


def this_user() -> str:
    """Who runs this, and where; a user without a name, as in a container, by number."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # no passwd entry, and no variable that says a name
        user = f"uid-{os.getuid()}"
    return f"{user}@{socket.gethostname()}"


def ask(store: LeaseStore, name: str, by: str) -> int:
    """Ask whoever holds the lease at the first look, and never anybody else.

    The record is replaced by itself with the request on it, if nothing came in between. If something did,
    and the same session still holds it, that was a renewal: try again.

    Raises:
        StoreUnavailable: No answer, or a renewal came in between every time.
    """
    session = None
    for _ in range(_ATTEMPTS):
        try:
            stored = store.get_lease(timeout=READ_TIMEOUT)
        except LeaseNotFound:
            return _nobody(f"there is no lease {shown(name)}")
        lease = stored.lease
        session = session or lease.holder_session
        if lease.is_vacant:
            return _nobody(f"nobody holds {shown(name)}")
        if lease.holder_session != session:
            return _nobody(
                f"{shown(name)} has just changed hands, to {named(lease.holder_identity)}: it was not asked"
            )
        if lease.resign_requested_by:
            print(f"{named(lease.holder_identity)} was asked already, by {named(lease.resign_requested_by)}")
            return 0
        try:
            store.update_lease(lease.asked_to_resign(by), stored.version, timeout=READ_TIMEOUT)
        except LeaseConflict:
            continue
        except LeaseNotFound:
            return _nobody(f"there is no lease {shown(name)}")
        note = "; it looks expired, so perhaps nobody hears that" if looks_expired(lease) else ""
        print(f"asked {named(lease.holder_identity)} to resign from {shown(name)}{note}")
        return 0
    raise StoreUnavailable(
        f"{shown(name)} changed at each of {_ATTEMPTS} attempts: try again", outcome_unknown=False
    )


def _only_lease(url: str) -> str | None:
    leases = read_leases(url, None)
    held = [
        name for name, found in leases.items() if isinstance(found, StoredLease) and not found.lease.is_vacant
    ]
    corrupt = [found for found in leases.values() if isinstance(found, CorruptLease)]
    if len(held) > 1:
        some = f"{', '.join(map(named, held[:MOST_NAMED]))}{', ...' * (len(held) > MOST_NAMED)}"
        raise ConfigurationError(f"several leases are held ({some}): name one by --lease")
    if corrupt and not held:
        raise corrupt[0]
    return held[0] if held else None


def _nobody(why: str) -> int:
    print(why, file=sys.stderr)
    return NOBODY_ASKED
