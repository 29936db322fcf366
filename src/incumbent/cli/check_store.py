"""`incumbent check-store`: hold a live deployment against what an election needs of it."""

from __future__ import annotations

import argparse
import math
import secrets
from statistics import median

from incumbent.cli.store_checks import CHECKS, TIMEOUT, Failure, Scratch, Unverified
from incumbent.errors import CorruptLease, LeaseConflict, LeaseNotFound
from incumbent.shown import one_line, redacted, shown
from incumbent.stores import open_store
from incumbent.stores._kinds import SCHEMES
from incumbent.tracked import tracked

NOT_AS_PROMISED = 1
SHORTEST_LEASE = 1.0
"""Seconds: below that, the scheduling of an ordinary machine costs leases."""
ROUND_TRIPS_PER_LEASE = 40
"""A lease of so many of the slowest round trips leaves room for several renewals to fail."""


def main(arguments: argparse.Namespace) -> int:
    """Check, measure, and say what could not be verified."""
    url: str = arguments.store
    given: str | None = arguments.scratch_lease
    name = f"incumbent-check-{secrets.token_hex(6)}" if given is None else given
    scratch = Scratch(lambda lease: open_store(url, lease=lease), name)
    kind = SCHEMES.get(url.partition(":")[0])
    try:
        scratch.reach()
    except BaseException:
        scratch.close()
        raise
    print(f"{redacted(url)}: checking in the lease {shown(name)}\n")
    is_deleted = False
    try:
        with tracked(list(CHECKS), "checking") as titles:
            failures = sum(not _is_kept(scratch, title) for title in titles)
        if not failures:
            _measure(scratch)
    finally:
        is_deleted = scratch.leave()
        scratch.close()
    if not is_deleted:
        print(f"\nleft behind:       the lease {shown(name)}, released; nobody needs it")
    if kind is not None:  # of a store of another package, that one has to say it
        print(f"\nnot verified here: {kind.promise}")
        print(f"see to it:         {kind.operator}")
    if failures:
        print(f"\n{failures} of {len(CHECKS)} promises are not kept: do not elect on this store")
        return NOT_AS_PROMISED
    return 0


def _is_kept(scratch: Scratch, title: str) -> bool:
    try:
        CHECKS[title](scratch)
    except Unverified as reason:
        print(f"   ?  {title}: not verified, {one_line(str(reason))}")
    except (Failure, LeaseConflict, LeaseNotFound, CorruptLease) as failure:
        print(f"FAIL  {title}: {one_line(str(failure))}")
        return False
    else:
        print(f"  ok  {title}")
    return True


def _measure(scratch: Scratch) -> None:
    """Round trips, and the shortest lease that they allow."""
    reads, writes = scratch.round_trips()
    print(f"\n{'round trips':<12} {'median':>10} {'worst':>10}")
    for what, times in (("reading", reads), ("renewing", writes)):
        print(f"{what:<12} {median(times) * 1e3:>7.2f} ms {max(times) * 1e3:>7.2f} ms")
    resolution = scratch.store.guarantees.resolution
    worst = min(max(*reads, *writes), TIMEOUT)
    shortest = max(SHORTEST_LEASE, worst * ROUND_TRIPS_PER_LEASE)
    shortest = math.ceil(shortest / max(resolution, 0.5)) * max(resolution, 0.5)
    print(
        f"\nthe defaults (a lease of 15 s, a renewal every 2 s) allow round trips of up to 3.9 s;\n"
        f"the shortest lease to advise here: --lease-duration {shortest:g} --retry-period {shortest / 10:g}"
    )
