"""`incumbent resume`: end a hold on a lease, whoever has put it there (P16)."""

from __future__ import annotations

import argparse

from incumbent.cli.one_lease import Declined, on_one_lease, rewrite
from incumbent.cli.place import how_long, is_held_back, named
from incumbent.lease import EARLIEST_TIME, Lease
from incumbent.shown import shown
from incumbent.store import LeaseStore


def main(arguments: argparse.Namespace) -> int:
    """End it, and say what was done."""
    return on_one_lease(
        arguments,
        resume,
        which=is_held_back,
        are="are held back",
        nobody="no lease is held back here",
    )


def resume(store: LeaseStore, name: str) -> None:
    """Take the hold off the record, or off the request that asks for one.

    Raises:
        Declined: There is no such lease, or no hold on it.
        StoreUnavailable: No answer, or something came in between every time.
    """

    def change(lease: Lease) -> Lease:
        if lease.not_before == EARLIEST_TIME:
            raise Declined(f"{shown(name)} is not held back")
        return lease.held_back(EARLIEST_TIME)

    before, after = rewrite(store, name, change)
    if after.is_vacant:
        print(f"nobody was to claim {shown(name)} {how_long(before.not_before)}: it may be claimed now")
    else:
        holder = named(after.holder_identity)
        print(f"{holder}, who is asked to resign from {shown(name)}, is not to hold it back any more")
