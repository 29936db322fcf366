"""What `incumbent check-store` tries on a live store: functions that raise `Failure`, or return.

Developers of stores have `incumbent.testing.stores.contract`, which demands more and needs a test runner.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from datetime import datetime, timezone
from typing import Final

from incumbent.errors import LeaseConflict, LeaseNotFound
from incumbent.lease import Lease, Version
from incumbent.store import LeaseStore, watch

TIMEOUT: Final = 5.0
"""Seconds given to each call."""
RACERS: Final = 8
RACES: Final = 10
ROUND_TRIPS: Final = 50

_NOON: Final = datetime(2024, 2, 29, 12, 0, 0, 1, tzinfo=timezone.utc)
LEASE: Final = Lease("host-1", "session-1", 15.0, _NOON, _NOON, 1)
ODD: Final = replace(LEASE, holder_identity="Ж 日本 🦀 '\"%\\;--", leader_transitions=2**63 - 1)


class Failure(Exception):
    """The store does not do what an election needs."""


class Unverified(Exception):
    """It could not be tried, for this reason."""


class Scratch:
    """A lease that nobody else uses, and several objects over it.

    Args:
        open_store: Opens one more.
    """

    def __init__(self, open_store: Callable[[], LeaseStore]) -> None:
        self.open_store = open_store
        self.store = open_store()

    def reach(self) -> None:
        """Make sure that the store answers, or raise what it raised."""
        with suppress(LeaseNotFound):
            self.store.get_lease(timeout=TIMEOUT)

    def put(self, lease: Lease = LEASE) -> Version:
        """Write the record, over whatever is there."""
        try:
            version = self.store.get_lease(timeout=TIMEOUT).version
        except LeaseNotFound:
            return self.store.create_lease(lease, timeout=TIMEOUT)
        return self.store.update_lease(lease, version, timeout=TIMEOUT)

    def remove(self) -> None:
        """Delete the record, where the store can."""
        delete = getattr(self.store, "delete_lease", None)
        if delete is None:
            raise Unverified("this store has no delete_lease")
        with suppress(LeaseNotFound):
            delete(timeout=TIMEOUT)

    def expect(self, lease: Lease, version: Version) -> None:
        """The record, read through another object, is this one."""
        with closing(self.open_store()) as other:
            read = other.get_lease(timeout=TIMEOUT)
        kept = replace(read.lease, lease_duration=lease.lease_duration)
        if (kept, read.version) != (lease, version):
            raise Failure(f"read {read.lease} at {read.version!r} where {lease} at {version!r} was written")

    def round_trips(self) -> tuple[list[float], list[float]]:
        """How long reads and renewals take, in seconds."""
        reads, writes, version = [], [], self.put()
        for _ in range(ROUND_TRIPS):
            started = time.perf_counter()
            self.store.get_lease(timeout=TIMEOUT)
            middle = time.perf_counter()
            version = self.store.update_lease(LEASE, version, timeout=TIMEOUT)
            reads.append(middle - started)
            writes.append(time.perf_counter() - middle)
        return reads, writes

    def close(self) -> None:
        """Close the store."""
        self.store.close()


def _refused(write: Callable[[], Version], kind: type[Exception], what: str) -> None:
    try:
        write()
    except kind:
        return
    raise Failure(what)


def missing(scratch: Scratch) -> None:
    """Neither read nor replaced."""
    scratch.remove()
    version = scratch.put()
    scratch.remove()
    _refused(
        lambda: scratch.store.update_lease(LEASE, version, timeout=TIMEOUT),
        LeaseNotFound,
        "replacing a missing record did not fail",
    )
    _refused(
        lambda: scratch.store.get_lease(timeout=TIMEOUT).version, LeaseNotFound, "a deleted record was read"
    )


def kept(scratch: Scratch) -> None:
    """Comes back as it went in."""
    for lease in (LEASE, ODD, LEASE.released(_NOON)):
        scratch.expect(lease, scratch.put(lease))


def created_once(scratch: Scratch) -> None:
    """Creating what exists is refused, and changes nothing (P1)."""
    version = scratch.put()
    _refused(
        lambda: scratch.store.create_lease(ODD, timeout=TIMEOUT),
        LeaseConflict,
        "an existing record was created",
    )
    scratch.expect(LEASE, version)


def compared(scratch: Scratch) -> None:
    """Replacing an old version is refused, and changes nothing (P1)."""
    old = scratch.put()
    new = scratch.put()
    if old == new:
        raise Failure(f"two writes have the version {old!r}")
    _refused(
        lambda: scratch.store.update_lease(ODD, old, timeout=TIMEOUT),
        LeaseConflict,
        "an old version was replaced",
    )
    scratch.expect(LEASE, new)


def never_again(scratch: Scratch) -> None:
    """Versions do not come again after a deletion (P1)."""
    seen: list[Version] = []
    for _ in range(3):
        seen.append(scratch.put())
        scratch.remove()
    latest = scratch.put()
    if latest in seen or len(set(seen)) < len(seen):
        raise Failure(f"a version came again: {[*seen, latest]}")
    for version in seen:
        _refused(
            lambda version=version: scratch.store.update_lease(ODD, version, timeout=TIMEOUT),  # type: ignore[misc]
            LeaseConflict,
            "a write of before a deletion replaced a record of after it",
        )


def one_winner(scratch: Scratch) -> None:
    """Of many who replace one version at once, one is told that it did."""
    stores = [scratch.open_store() for _ in range(RACERS)]
    try:
        with ThreadPoolExecutor(RACERS) as pool:
            for _ in range(RACES):
                version, start = scratch.put(), threading.Barrier(RACERS)

                def contend(
                    number: int, version: Version = version, start: threading.Barrier = start
                ) -> bool:
                    start.wait(TIMEOUT)
                    mine = replace(LEASE, holder_session=str(number))
                    with suppress(LeaseConflict):
                        stores[number].update_lease(mine, version, timeout=TIMEOUT)
                        return True
                    return False

                winners = sum(pool.map(contend, range(RACERS)))
                if winners != 1:
                    raise Failure(f"{winners} of {RACERS} were told that they wrote")
    finally:
        for store in stores:
            store.close()


def notified(scratch: Scratch) -> None:
    """Who watches is told (P12)."""
    if not scratch.store.guarantees.can_watch:
        raise Unverified("this store does not notify: followers poll")
    scratch.put()
    told = threading.Event()
    with closing(watch(scratch.store, told.set)):
        told.wait(TIMEOUT)  # of having connected
        told.clear()
        scratch.put()
        if not told.wait(TIMEOUT):
            raise Failure(f"a change was not told within {TIMEOUT:g} s; an election goes on, but slower")


CHECKS: Final[dict[str, Callable[[Scratch], None]]] = {
    "a missing lease is neither read nor replaced": missing,
    "a lease comes back as it was written": kept,
    "a lease that exists is not created again": created_once,
    "an old version is not replaced": compared,
    "a version never comes again": never_again,
    f"of {RACERS} writers at once one wins": one_winner,
    "who watches is told of a change": notified,
}
