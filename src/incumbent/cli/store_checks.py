"""The checks of `incumbent check-store` on a live store: functions that raise `Failure`, or return.

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

from incumbent.errors import ConfigurationError, LeaseConflict, LeaseNotFound, StoreError, StoreUnavailable
from incumbent.lease import Lease, Version
from incumbent.shown import shown
from incumbent.store import LeaseStore, watch

TIMEOUT: Final = 5.0
"""Seconds given to each call."""
RACERS: Final = 8
RACES: Final = 10
ROUND_TRIPS: Final = 50

_NOON: Final = datetime(2024, 2, 29, 12, 0, 0, 1, tzinfo=timezone.utc)
SESSION: Final = "incumbent-check-store"
LEASE: Final = Lease("incumbent check-store", SESSION, 15.0, _NOON, _NOON, 1)
ODD: Final = replace(LEASE, holder_identity="Ж 日本 🦀 '\"%\\;--", leader_transitions=2**63 - 1)


class Failure(Exception):
    """The store does not do what an election needs."""


class Unverified(Exception):
    """It could not be tried, for this reason."""


class Scratch:
    """A lease that nobody else uses, and several objects over it.

    Args:
        open_store: Opens the lease of a name once more.
        name: The name.
    """

    def __init__(self, open_store: Callable[[str], LeaseStore], name: str) -> None:
        self.name = name
        self._open = open_store
        self.store: LeaseStore = open_store(name)

    def open_store(self) -> LeaseStore:
        """One more object over the lease."""
        return self._open(self.name)

    def open_another(self) -> LeaseStore:
        """A lease that never was there."""
        return self._open(f"{self.name}-never")

    def reach(self) -> None:
        """Make sure that the store answers, or raise what it raised.

        Raises:
            ConfigurationError: The lease is in use.
        """
        try:
            lease = self.store.get_lease(timeout=TIMEOUT).lease
        except LeaseNotFound:
            return
        if not lease.is_vacant and not lease.holder_session.startswith(SESSION):
            raise ConfigurationError(
                f"lease {shown(self.name)} is held by {shown(lease.holder_identity)}: name one by "
                f"--scratch-lease that nobody contends for, because it is overwritten"
            )

    def put(self, lease: Lease = LEASE) -> Version:
        """Write the record, over whatever is there."""
        try:
            version = self.store.get_lease(timeout=TIMEOUT).version
        except LeaseNotFound:
            return self.store.create_lease(lease, timeout=TIMEOUT)
        return self.store.update_lease(lease, version, timeout=TIMEOUT)

    def remove(self) -> None:
        """Delete the record.

        Raises:
            Unverified: The store cannot, or this user may not: no election needs it.
        """
        delete = getattr(self.store, "delete_lease", None)
        if delete is None:
            raise Unverified("this store deletes nothing")
        try:
            delete(timeout=TIMEOUT)
        except LeaseNotFound:
            return
        except StoreError as error:
            raise Unverified(f"as nothing could be deleted: {error}") from error

    def leave(self) -> bool:
        """Leave nothing behind that would look held; return whether the record was deleted."""
        try:
            self.remove()
        except Unverified:
            with suppress(StoreError):
                self.put(LEASE.released(_NOON))
            return False
        return True

    def expect(self, lease: Lease, version: Version) -> None:
        """The record, read through another object, is this one."""
        with closing(self.open_store()) as other:
            read = other.get_lease(timeout=TIMEOUT)
        kept = replace(read.lease, lease_duration=lease.lease_duration)
        if (kept, read.version) != (lease, version):
            raise Failure(f"read {read.lease} at {read.version!r} where {lease} at {version!r} was written")

    def round_trips(self) -> tuple[list[float], list[float]]:
        """Measure reads and renewals, in seconds."""
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
    """Neither read nor replaced: a lease that was deleted, or one that never was."""
    version, reason = scratch.put(), ""
    try:
        with closing(scratch.open_another()) as never:
            _neither_read_nor_replaced(never, version)
    except (ConfigurationError, StoreUnavailable) as error:  # this user may use leases of certain names only
        reason = f"as no lease of another name may be read: {error}"
    try:
        scratch.remove()
    except Unverified:
        if reason:
            raise Unverified(reason) from None
        return
    _neither_read_nor_replaced(scratch.store, version)


def _neither_read_nor_replaced(store: LeaseStore, version: Version) -> None:
    _refused(
        lambda: store.update_lease(LEASE, version, timeout=TIMEOUT),
        LeaseNotFound,
        "replacing a missing record did not fail",
    )
    _refused(lambda: store.get_lease(timeout=TIMEOUT).version, LeaseNotFound, "a missing record was read")


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
                winners = _race(pool, stores, scratch.put())
                if winners != 1:
                    raise Failure(f"{winners} of {RACERS} were told that they wrote")
    finally:
        for store in stores:
            store.close()


def _race(pool: ThreadPoolExecutor, stores: list[LeaseStore], version: Version) -> int:
    """Replace `version` from several threads at once, and count those that are told that they did."""
    start = threading.Event()

    def contend(number: int, store: LeaseStore) -> bool:
        start.wait()
        with suppress(LeaseConflict):
            store.update_lease(replace(LEASE, holder_session=f"{SESSION}-{number}"), version, timeout=TIMEOUT)
            return True
        return False

    try:
        contenders = [pool.submit(contend, *each) for each in enumerate(stores)]
    finally:
        start.set()  # also where the machine has no thread left: those that it had would wait for ever
    return sum(contender.result() for contender in contenders)


def notified(scratch: Scratch) -> None:
    """A watch is told of a change (P12)."""
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
