"""`incumbent pause`: have nobody lead until `incumbent resume`, or a time of day (P14, P16)."""

from __future__ import annotations

import argparse
from datetime import datetime

from incumbent.cli.one_lease import on_one_lease, rewrite
from incumbent.cli.place import how_long, looks_expired, named
from incumbent.cli.resign import asker
from incumbent.lease import LATEST_TIME, Lease
from incumbent.shown import shown
from incumbent.store import LeaseStore


def main(arguments: argparse.Namespace) -> int:
    """Put the hold on it, and say what was done."""
    by, until = asker(arguments.by), arguments.until or LATEST_TIME
    return on_one_lease(
        arguments,
        lambda store, lease: pause(store, lease, by, until),
        which=lambda _: True,
        are="are here",
        nobody="there is no lease here",
    )


def pause(store: LeaseStore, name: str, by: str, until: datetime) -> None:
    """Hold a vacant lease back; ask the holder of any other to resign, and to hold it back by its release.

    Raises:
        Declined: There is no such lease.
        StoreUnavailable: No answer, or something came in between every time.
    """

    def change(lease: Lease) -> Lease:
        asked = lease if lease.is_vacant or lease.resign_requested_by else lease.asked_to_resign(by)
        return asked.held_back(until)

    _, after = rewrite(store, name, change)
    if after.is_vacant:
        print(f"nobody holds {shown(name)}, and nobody is to claim it {how_long(until)}")
        return
    note = "; it looks expired, so perhaps nobody hears that" if looks_expired(after) else ""
    print(
        f"asked {named(after.holder_identity)} to resign from {shown(name)}, so that nobody claims it "
        f"{how_long(until)}; should it crash before it has, another takes over{note}"
    )
