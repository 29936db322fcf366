"""`incumbent watch`: a line at each change."""

from __future__ import annotations

import argparse
import time
from datetime import datetime

from incumbent.cli.place import lacking_file, named, nothing, read_leases
from incumbent.cli.status import state
from incumbent.errors import CorruptLease, StoreUnavailable
from incumbent.lease import StoredLease
from incumbent.shown import one_line


def main(arguments: argparse.Namespace) -> int:
    """Look again and again, until interrupted."""
    seen: dict[str, str] = {}
    while True:
        states = look(arguments)
        if "" not in states:
            states |= dict.fromkeys(seen.keys() - states.keys() - {""}, "it is gone")
        for name, state_now in states.items():
            if seen.get(name) != state_now:
                at = datetime.now().astimezone().isoformat(" ", "milliseconds")
                print(f"{at}  {f'{named(name)}: ' if name else ''}{state_now}", flush=True)
        seen = states
        time.sleep(arguments.every)


def look(arguments: argparse.Namespace) -> dict[str, str]:
    """The state of each lease that is watched, in words; at the name "", that of the store."""
    name: str = arguments.lease or ""
    try:
        leases = read_leases(arguments.store, arguments.lease)
    except StoreUnavailable as error:
        return {name: one_line(f"the store is unavailable: {error}")}
    if not leases:
        there_is_a_file = lacking_file(arguments.store) is None
        is_no_lease = "there is no such lease" if name else "there is no lease"
        return {name: is_no_lease if there_is_a_file else nothing(arguments.store, arguments.lease)}
    return {name: describe(found) for name, found in leases.items()}


def describe(found: StoredLease | CorruptLease) -> str:
    """One line about a record."""
    return one_line(f"corrupt: {found}") if isinstance(found, CorruptLease) else state(found.lease)
