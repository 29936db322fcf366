"""`incumbent status`: who holds the lease."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping
from datetime import datetime, timezone

from incumbent.cli import EXIT_UNAVAILABLE
from incumbent.cli.place import (
    how_long,
    is_ahead,
    is_held_back,
    looks_expired,
    moment,
    named,
    nothing,
    read_leases,
)
from incumbent.errors import ConfigurationError, CorruptLease
from incumbent.lease import EARLIEST_TIME, LATEST_TIME, Lease, StoredLease
from incumbent.shown import one_line

NOT_SO = 1


def main(arguments: argparse.Namespace) -> int:
    """Print the lease, or each lease in the file; the exit code says whether it is as asked."""
    is_so = None if arguments.check is None else check(arguments.check, os.environ)
    if is_so is not None and arguments.lease is None:
        raise ConfigurationError("--check asks about one lease: name it by --lease")
    leases = read_leases(arguments.store, arguments.lease)
    if arguments.json:
        print(json.dumps([as_json(name, found) for name, found in leases.items()], indent=2))
    elif leases:
        print("\n\n".join(as_text(name, found) for name, found in leases.items()))
    if not leases:
        print(nothing(arguments.store, arguments.lease), file=sys.stderr if arguments.json else sys.stdout)
        return NOT_SO
    if any(isinstance(found, CorruptLease) for found in leases.values()):
        return EXIT_UNAVAILABLE
    held = [found.lease for found in leases.values() if isinstance(found, StoredLease)]
    return 0 if is_so is None or all(map(is_so, held)) else NOT_SO


def check(words: list[str], environment: Mapping[str, str]) -> Callable[[Lease], bool]:
    """Parse the question of `--check`. A lease that is vacant, or looks expired, is held by nobody.

    Raises:
        ConfigurationError: It asks for nothing known here.
    """
    if words == ["held"]:
        return is_held
    if len(words) == 2 and words[0] == "held-by":  # noqa: PLR2004 - the word and a name
        return lambda lease: is_held(lease) and lease.holder_identity == words[1]
    if words != ["leads"]:
        raise ConfigurationError("--check asks for nothing known here: give held, held-by ID, or leads")
    identity = environment.get("INCUMBENT_IDENTITY", environment.get("INCUMBENT_ID"))
    token = environment.get("INCUMBENT_TOKEN") if "INCUMBENT_IDENTITY" in environment else None
    if identity is None:
        raise ConfigurationError(
            "--check leads asks whether the contender that INCUMBENT_ID names leads: set it for `run` and "
            "here, or ask by held-by ID"
        )
    return lambda lease: (
        is_held(lease)
        and lease.holder_identity == identity
        and token in (None, str(lease.leader_transitions))
    )


def is_held(lease: Lease) -> bool:
    """Whether somebody holds it, as far as wall clocks can tell."""
    return not lease.is_vacant and not looks_expired(lease)


def as_json(name: str, found: StoredLease | CorruptLease) -> dict[str, object]:
    """The record's fields by their names in the protocol, and how it looks."""
    if isinstance(found, CorruptLease):
        return {"lease": name, "error": one_line(str(found))}
    lease = found.lease
    not_before = None if lease.not_before == EARLIEST_TIME else lease.not_before.isoformat()
    said = {
        "resign_requested_by": lease.resign_requested_by,
        "not_before": not_before,
        "successor": lease.successor,
    }
    is_over = not lease.is_vacant and looks_expired(lease)
    return {"lease": name, **lease.to_fields(), **said, "looks_expired": is_over}


def as_text(name: str, found: StoredLease | CorruptLease) -> str:
    """A few lines for people."""
    if isinstance(found, CorruptLease):
        return f"{named(name)}\n  corrupt         {one_line(str(found))}"
    lease = found.lease
    rows = {"token": str(lease.leader_transitions)}
    if lease.is_vacant:
        rows = {"holder": "nobody: it was released", **rows, "released": _ago(lease.renew_time)}
    else:
        rows = {
            "holder": named(lease.holder_identity),
            "session": named(lease.holder_session),
            **rows,
            "since": _ago(lease.acquire_time),
            "last renewal": _ago(lease.renew_time) + _doubt(lease),
        }
    if lease.not_before != EARLIEST_TIME:
        over = "" if is_held_back(lease) or not lease.is_vacant else " (which is over)"
        is_paused = lease.not_before == LATEST_TIME
        rows["not before"] = "`incumbent resume`" if is_paused else moment(lease.not_before) + over
    if lease.successor:
        rows["meant for"] = named(lease.successor)
    if lease.resign_requested_by:
        rows["asked to resign"] = f"by {named(lease.resign_requested_by)}"
    return "\n".join([named(name), *(f"  {label:<15} {value}" for label, value in rows.items())])


def state(lease: Lease) -> str:
    """One line about the holder; it changes only when something changes that people care about."""
    if lease.is_vacant:
        meant = f"; meant for {named(lease.successor)}" if lease.successor else ""
        until = f"; not to be claimed {how_long(lease.not_before)}" if is_held_back(lease) else ""
        return f"nobody holds it; the last token is {lease.leader_transitions}{meant}{until}"
    asked = f", asked to resign by {named(lease.resign_requested_by)}" if lease.resign_requested_by else ""
    asked += f" for {named(lease.successor)}" if lease.successor else ""
    expired = ", looks expired" if looks_expired(lease) else ""
    return f"held by {named(lease.holder_identity)} with token {lease.leader_transitions}{asked}{expired}"


def _doubt(lease: Lease) -> str:
    if looks_expired(lease):
        return f"  (of {lease.lease_duration:g} s: looks expired)"
    return "  (in the future: its clock or this one is wrong)" if is_ahead(lease) else ""


def _ago(time: datetime) -> str:
    seconds = (datetime.now(timezone.utc) - time).total_seconds()
    return f"{moment(time)}, {seconds:.1f} s ago by this machine's clock"
