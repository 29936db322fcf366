"""`incumbent resign`: ask the holder to step down, through the record (P14)."""

from __future__ import annotations

import argparse
import getpass
import socket
import sys
from typing import Final

from incumbent.cli.place import READ_TIMEOUT, has_no_file, looks_expired, open_lease, read_leases
from incumbent.errors import ConfigurationError, LeaseConflict, LeaseNotFound, StoreUnavailable
from incumbent.lease import StoredLease, check_text
from incumbent.store import LeaseStore

NOBODY_ASKED: Final = 1

_ATTEMPTS: Final = 10
"""Renewals that may come in between: each makes the record another."""


def main(arguments: argparse.Namespace) -> int:
    """Ask, and say what was done."""
    by = f"{getpass.getuser()}@{socket.gethostname()}" if arguments.by is None else arguments.by
    check_text("--by", by)
    if not by:
        raise ConfigurationError("--by is '': say who asks")
    lease = _only_lease(arguments.store) if arguments.lease is None else arguments.lease
    if lease is None:
        return _nobody("nobody holds a lease here")
    if has_no_file(arguments.store):
        return _nobody(f"there is no lease {lease!r}")
    store = open_lease(arguments.store, lease)
    try:
        return ask(store, lease, by)
    finally:
        store.close()


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
            return _nobody(f"there is no lease {name!r}")
        lease = stored.lease
        session = session or lease.holder_session
        if lease.is_vacant:
            return _nobody(f"nobody holds {name!r}")
        if lease.holder_session != session:
            return _nobody(
                f"the holder of {name!r} has just changed to {lease.holder_identity}: it was not asked"
            )
        if lease.resign_requested_by:
            print(f"{lease.holder_identity} was asked already, by {lease.resign_requested_by}")
            return 0
        try:
            store.update_lease(lease.asked_to_resign(by), stored.version, timeout=READ_TIMEOUT)
        except LeaseConflict:
            continue
        except LeaseNotFound:
            return _nobody(f"there is no lease {name!r}")
        note = "; it looks expired, so perhaps nobody hears that" if looks_expired(lease) else ""
        print(f"asked {lease.holder_identity} to resign from {name!r}{note}")
        return 0
    raise StoreUnavailable(
        f"{name!r} changed at each of {_ATTEMPTS} attempts: try again", outcome_unknown=False
    )


def _only_lease(url: str | None) -> str | None:
    leases = read_leases(url, None)
    held = [
        name for name, found in leases.items() if isinstance(found, StoredLease) and not found.lease.is_vacant
    ]
    if len(held) > 1:
        raise ConfigurationError(f"several leases are held ({', '.join(held)}): name one by --lease")
    return held[0] if held else None


def _nobody(why: str) -> int:
    print(why, file=sys.stderr)
    return NOBODY_ASKED
