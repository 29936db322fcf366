"""`incumbent run --once`: contend only while nobody else is seen to hold the lease."""

from __future__ import annotations

from collections.abc import Callable

from incumbent.cli import EXIT_NOT_NOW, EXIT_UNAVAILABLE
from incumbent.cli.place import looks_expired
from incumbent.errors import LeaseNotFound, StoreError
from incumbent.lease import Lease, StoredLease, StoreGuarantees, Version
from incumbent.store import LeaseStore, Watch, watch


class OneChance:
    """A store that passes everything on, and says when what is read leaves no hope.

    That is: another's record that does not look expired or has changed since the last look; or no answer at
    the first look. It only ever makes this candidate give up, so the wall clock is good enough.

    Args:
        store: What does the work.
        give_up: Called with the exit code, from any thread, perhaps more than once.
    """

    def __init__(self, store: LeaseStore, give_up: Callable[[int], None]) -> None:
        self._store = store
        self._give_up = give_up
        self._own: set[str] = set()
        self._seen: Version = None
        self._has_answered = False
        self.name: str = getattr(store, "name", "")

    @property
    def guarantees(self) -> StoreGuarantees:
        """See `LeaseStore.guarantees`."""
        return self._store.guarantees

    def get_lease(self, *, timeout: float) -> StoredLease:
        """See `LeaseStore.get_lease`."""
        try:
            stored = self._store.get_lease(timeout=timeout)
        except LeaseNotFound:
            self._has_answered = True
            raise
        except StoreError:
            if not self._has_answered:
                self._give_up(EXIT_UNAVAILABLE)
            raise
        self._has_answered = True
        self._judge(stored)
        return stored

    def create_lease(self, lease: Lease, *, timeout: float) -> Version:
        """See `LeaseStore.create_lease`."""
        self._own.add(lease.holder_session)
        return self._store.create_lease(lease, timeout=timeout)

    def update_lease(self, lease: Lease, version: Version, *, timeout: float) -> Version:
        """See `LeaseStore.update_lease`."""
        self._own.add(lease.holder_session)
        return self._store.update_lease(lease, version, timeout=timeout)

    def watch(self, notify: Callable[[], None]) -> Watch:
        """See `WatchableStore.watch`."""
        return watch(self._store, notify)

    def close(self) -> None:
        """See `LeaseStore.close`."""
        self._store.close()

    def _judge(self, stored: StoredLease) -> None:
        if stored.lease.is_vacant or stored.lease.holder_session in self._own:
            return
        has_changed = self._seen is not None and stored.version != self._seen
        self._seen = stored.version
        if has_changed or not looks_expired(stored.lease):
            self._give_up(EXIT_NOT_NOW)
