"""`incumbent run --once`: contend only while nobody else is seen to hold the lease, and not for long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final, TypeVar

from incumbent.cli import EXIT_NOT_NOW, EXIT_UNAVAILABLE
from incumbent.cli.place import age, how_long, is_held_back, named
from incumbent.errors import LeaseConflict, LeaseNotFound, StoreError
from incumbent.lease import Lease, StoredLease, StoreGuarantees, Version
from incumbent.store import LeaseStore, Watch, watch, watch_lease

LEASES: Final = 2
"""Lease durations after which it gives up: one to wait for the dead (P4), one for everything else."""

T = TypeVar("T")


class OneChance:
    """A store wrapper that calls `give_up` as soon as this candidate should not wait any longer.

    - A live holder is seen: its record was renewed within its lease duration by the wall clock, or since the
      last look. A record dated in the future says nothing by itself.
    - The lease is held back: the work was done already (P16).
    - The first read fails.
    - No write of this candidate succeeded for `LEASES` times the longest lease duration known.

    It only ever makes this candidate give up, so the wall clock is good enough.

    Args:
        store: What does the work.
        give_up: Called with the exit code and the reason, from any thread, perhaps more than once.
        lease_duration: This candidate's own, in seconds.
        delay: Seconds by which it takes over later than others.
    """

    def __init__(
        self, store: LeaseStore, give_up: Callable[[int, str], None], *, lease_duration: float, delay: float
    ) -> None:
        self._store = store
        self._give_up = give_up
        self._longest = lease_duration
        self._delay = delay
        self._own: set[str] = set()
        self._seen: Lease | None = None
        self._has_answered = False
        self._trouble = {"read": "", "write": ""}
        self._last_success = 0.0
        self._closed = threading.Event()
        self._timer = threading.Thread(target=self._limit, name="incumbent-once", daemon=True)
        self.name: str = getattr(store, "name", "")

    @property
    def guarantees(self) -> StoreGuarantees:
        """See `LeaseStore.guarantees`."""
        return self._store.guarantees

    def get_lease(self, *, timeout: float) -> StoredLease:
        """See `LeaseStore.get_lease`."""
        try:
            stored = self._noting("read", lambda: self._store.get_lease(timeout=timeout))
        except LeaseNotFound:
            self._has_answered = True
            raise
        except StoreError as error:
            if not self._has_answered:
                self._give_up(EXIT_UNAVAILABLE, f"the store could not be read: {error}")
            raise
        self._has_answered = True
        self._judge(stored.lease)
        return stored

    def create_lease(self, lease: Lease, *, timeout: float) -> Version:
        """See `LeaseStore.create_lease`."""
        return self._write(lease, lambda: self._store.create_lease(lease, timeout=timeout))

    def update_lease(self, lease: Lease, version: Version, *, timeout: float) -> Version:
        """See `LeaseStore.update_lease`."""
        return self._write(lease, lambda: self._store.update_lease(lease, version, timeout=timeout))

    def watch(self, notify: Callable[[], None]) -> Watch:
        """See `WatchableStore.watch`."""
        return watch(self._store, notify)

    def watch_lease(self, notify: Callable[[StoredLease | None], None]) -> Watch:
        """See `LeaseWatchableStore.watch_lease`. A renewal that is told is not read (P12), but judged."""

        def told(stored: StoredLease | None) -> None:
            if stored is not None and self._seen is not None and stored.lease.is_renewal_of(self._seen):
                self._judge(stored.lease)
            notify(stored)

        return watch_lease(self._store, told)

    def close(self) -> None:
        """See `LeaseStore.close`."""
        self._closed.set()
        self._store.close()

    def _write(self, lease: Lease, write: Callable[[], Version]) -> Version:
        self._own.add(lease.holder_session)
        version = self._noting("write", write)
        self._last_success = time.monotonic()
        return version

    def _noting(self, what: str, call: Callable[[], T]) -> T:
        """Call, and keep in mind what is wrong with the store for as long as it is."""
        if self._timer.ident is None:
            self._last_success = time.monotonic()
            self._timer.start()
        self._trouble[what] = self._trouble[what] or "it does not answer"
        try:
            answer = call()
        except (LeaseConflict, LeaseNotFound):
            self._trouble[what] = ""
            raise
        except Exception as error:
            self._trouble[what] = str(error)
            raise
        self._trouble[what] = ""
        return answer

    def _judge(self, lease: Lease) -> None:
        """Give up if another holds the lease and lives, or has held it back."""
        if is_held_back(lease):
            until = f"not to be claimed {how_long(lease.not_before)}"
            self._give_up(EXIT_NOT_NOW, f"the lease with token {lease.leader_transitions} is {until}")
        if lease.is_vacant or lease.holder_session in self._own:
            return
        is_renewed = self._seen is not None and not lease.is_same_write(self._seen)
        self._seen = lease
        self._longest = max(self._longest, lease.lease_duration)
        seconds = age(lease).total_seconds()
        if is_renewed or 0 <= seconds <= lease.lease_duration:
            when = "just now" if is_renewed else f"{seconds:.1f} s ago"
            holder = f"{named(lease.holder_identity)} holds the lease with token {lease.leader_transitions}"
            self._give_up(EXIT_NOT_NOW, f"{holder}, written {when}")

    def _limit(self) -> None:
        """Give up when that is due, unless the store is closed before."""
        while (left := self._left()) > 0:
            if self._closed.wait(left):
                return
        trouble = self._trouble["write"] or self._trouble["read"]
        waited = f"not elected within {LEASES * self._longest + self._delay:g} s"
        if trouble:
            self._give_up(EXIT_UNAVAILABLE, f"{waited}, as the store fails: {trouble}")
        elif self._seen is None:
            self._give_up(EXIT_NOT_NOW, waited)
        else:
            holder = named(self._seen.holder_identity)
            self._give_up(EXIT_NOT_NOW, f"{waited}; the last holder seen is {holder}")

    def _left(self) -> float:
        """Seconds for which this candidate may still wait."""
        return self._last_success + LEASES * self._longest + self._delay - time.monotonic()
