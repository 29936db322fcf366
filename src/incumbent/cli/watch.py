"""`incumbent watch`: a line at each change."""

from __future__ import annotations

import argparse
import time
from datetime import datetime

from incumbent.cli.place import read_leases
from incumbent.cli.status import state
from incumbent.errors import CorruptLease, StoreUnavailable
from incumbent.lease import StoredLease


def main(arguments: argparse.Namespace) -> int:
    """Look again and again, until interrupted."""
    seen: dict[str, str] = {}
    while True:
        for name, now in look(arguments).items():
            if seen.get(name) != now:
                print(
                    f"{datetime.now().astimezone().isoformat(' ', 'milliseconds')}  {name}: {now}", flush=True
                )
            seen[name] = now
        time.sleep(arguments.every)


def look(arguments: argparse.Namespace) -> dict[str, str]:
    """The state of each lease that is watched, in words."""
    try:
        leases = read_leases(arguments.store, arguments.lease)
    except StoreUnavailable as error:
        return {arguments.lease or "store": f"the store is unavailable: {error}"}
    if arguments.lease is not None and not leases:
        return {arguments.lease: "there is no such lease"}
    return {name: describe(found) for name, found in leases.items()}


def describe(found: StoredLease | CorruptLease) -> str:
    """One line about a record."""
    return f"corrupt: {found}" if isinstance(found, CorruptLease) else state(found.lease)
