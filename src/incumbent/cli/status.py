"""`incumbent status`: who holds the lease."""

from __future__ import annotations

import argparse
import json
from datetime import datetime, timezone

from incumbent.cli.place import looks_expired, read_leases
from incumbent.errors import CorruptLease
from incumbent.lease import Lease, StoredLease


def main(arguments: argparse.Namespace) -> int:
    """Print the lease, or each lease in the file."""
    leases = read_leases(arguments.store, arguments.lease)
    if arguments.json:
        print(json.dumps([as_json(name, found) for name, found in leases.items()], indent=2))
    elif not leases:
        print("there is no lease" if arguments.lease is None else f"there is no lease {arguments.lease!r}")
    else:
        print("\n\n".join(as_text(name, found) for name, found in leases.items()))
    return 0


def as_json(name: str, found: StoredLease | CorruptLease) -> dict[str, object]:
    """The record's fields by their names in the protocol, and how it looks."""
    if isinstance(found, CorruptLease):
        return {"lease": name, "error": str(found)}
    lease = found.lease
    return {"lease": name, **lease.to_fields(), "looks_expired": not lease.is_vacant and looks_expired(lease)}


def as_text(name: str, found: StoredLease | CorruptLease) -> str:
    """A few lines for people."""
    if isinstance(found, CorruptLease):
        return f"{name}\n  corrupt        {found}"
    lease = found.lease
    rows = {"token": str(lease.leader_transitions)}
    if lease.is_vacant:
        rows = {"holder": "nobody: it was released", **rows, "released": _ago(lease.renew_time)}
    else:
        expired = f"  (of {lease.lease_duration:g} s: looks expired)" if looks_expired(lease) else ""
        rows = {
            "holder": lease.holder_identity,
            "session": lease.holder_session,
            **rows,
            "since": _ago(lease.acquire_time),
            "last renewal": _ago(lease.renew_time) + expired,
        }
    if lease.resign_requested_by:
        rows["asked to resign"] = f"by {lease.resign_requested_by}"
    return "\n".join([name, *(f"  {label:<15} {value}" for label, value in rows.items())])


def state(lease: Lease) -> str:
    """One line about the holder; it changes only when something changes that people care about."""
    if lease.is_vacant:
        return f"nobody holds it; the last token is {lease.leader_transitions}"
    asked = f", asked to resign by {lease.resign_requested_by}" if lease.resign_requested_by else ""
    expired = ", looks expired" if looks_expired(lease) else ""
    return f"held by {lease.holder_identity} with token {lease.leader_transitions}{asked}{expired}"


def _ago(moment: datetime) -> str:
    seconds = (datetime.now(timezone.utc) - moment).total_seconds()
    shown = moment.astimezone().isoformat(" ", "seconds")
    return f"{shown}, {seconds:.1f} s ago by this machine's clock"
