"""`incumbent resign`: ask the holder to step down, through the record (P14), for whom one likes (P17)."""

from __future__ import annotations

import argparse
import getpass
import os
import socket

from incumbent.cli.one_lease import Declined, on_one_lease, rewrite
from incumbent.cli.place import looks_expired, named
from incumbent.config import check_successor
from incumbent.errors import ConfigurationError
from incumbent.lease import Lease, check_text
from incumbent.shown import shown
from incumbent.store import LeaseStore


def main(arguments: argparse.Namespace) -> int:
    """Ask, and say what was done."""
    by = asker(arguments.by)
    to = "" if arguments.to is None else check_successor(arguments.to, called="--to")
    return on_one_lease(
        arguments,
        lambda store, lease: ask(store, lease, by, to),
        which=lambda lease: not lease.is_vacant,
        are="are held",
        nobody="nobody holds a lease here",
    )


def asker(given: str | None) -> str:
    """Who asks: whoever is given, or this user.

    Raises:
        ConfigurationError: The empty name, or one that no record can hold.
    """
    by = this_user() if given is None else given
    check_text("--by", by)
    if not by:
        raise ConfigurationError("--by is '': say who asks")
    return by


def this_user() -> str:
    """Who runs this, and where; a user without a name, as in a container, by number."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # no passwd entry, and no variable that says a name
        user = f"uid-{os.getuid()}"
    return f"{user}@{socket.gethostname()}"


def ask(store: LeaseStore, name: str, by: str, to: str = "") -> None:
    """Ask whoever holds the lease at the first look, and never anybody else.

    If something came in between, and the same session still holds it, that was a renewal or another request.

    Raises:
        Declined: Nobody holds it, or somebody else does by now.
        ConfigurationError: `to` holds it.
        StoreUnavailable: No answer, or something came in between every time.
    """
    asked_first: list[Lease] = []

    def change(lease: Lease) -> Lease:
        if lease.is_vacant:
            raise Declined(f"nobody holds {shown(name)}")
        asked_first.append(lease)
        if lease.holder_session != asked_first[0].holder_session:
            raise Declined(
                f"{shown(name)} has just changed hands, to {named(lease.holder_identity)}: it was not asked"
            )
        if to:
            check_successor(to, lease.holder_identity, called="--to")
        if lease.resign_requested_by and to in {"", lease.successor}:
            return lease
        return lease.asked_to_resign(by).meant_for(to)

    before, after = rewrite(store, name, change)
    holder, for_whom = (
        named(after.holder_identity),
        f", for {named(after.successor)}" if after.successor else "",
    )
    if after == before:
        print(f"{holder} was asked already, by {named(after.resign_requested_by)}{for_whom}")
        return
    note = "; it looks expired, so perhaps nobody hears that" if looks_expired(after) else ""
    print(f"asked {holder} to resign from {shown(name)}{for_whom}{note}")
