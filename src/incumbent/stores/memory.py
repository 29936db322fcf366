"""Leases in the memory of one process: the reference for every other store, and a good fake of one."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from incumbent.errors import ConfigurationError, LeaseConflict, LeaseNotFound, StoreUnavailable
from incumbent.lease import Lease, StoredLease, Version
from incumbent.shown import redacted, shown
from incumbent.stores import check_lease_name
from incumbent.stores._kinds import KINDS

_LOG: Final = logging.getLogger(__name__)


class MemorySpace:
    """The records of some `MemoryStore`s; stores with the same space and name share a record."""

    def __init__(self) -> None:
        self.lock: threading.Lock = threading.Lock()
        self.records: dict[str, StoredLease] = {}
        self.watches: dict[str, list[_MemoryWatch]] = {}
        self._last_version = 0

    def put(self, name: str, lease: Lease) -> Version:
        """Write a record under a version that this space never gave before. The caller holds the lock."""
        self._last_version += 1
        self.records[name] = StoredLease(lease, self._last_version)
        return self._last_version

    def notify(self, name: str) -> None:
        """Tell who watches. The caller does not hold the lock: a watcher may call the store."""
        with self.lock:
            watches, stored = tuple(self.watches.get(name, ())), self.records.get(name)
        for watch in watches:
            watch.notify(stored)


PROCESS_SPACE: Final = MemorySpace()
"""The space of `open_store("memory:", ...)`. A forked child has a copy of its own: leases do not reach it."""


class MemoryStore:
    """One lease in memory. Threads may share one object, or use one each in the same `space`.

    Leases are immutable values, so what goes in and comes out shares nothing that could change.

    Args:
        name: The lease's name.
        space: Where it lives. A new space of its own by default; `MemoryStore(name, space=store.space)` is
            another candidate's view of the same record.

    Raises:
        ConfigurationError: The name is empty or holds NUL characters or lone surrogates.
    """

    guarantees: Final = KINDS["memory"].guarantees

    def __init__(self, name: str = "lease", *, space: MemorySpace | None = None) -> None:
        check_lease_name(name)
        self.name: Final = name
        self.space: Final = MemorySpace() if space is None else space
        self._watches: list[_MemoryWatch] = []
        self._is_closed = False

    def __repr__(self) -> str:
        return f"<MemoryStore lease={shown(self.name)}>"

    def get_lease(self, *, timeout: float) -> StoredLease:  # noqa: ARG002 - memory answers at once
        """See `LeaseStore.get_lease`."""
        self._check_open()
        with self.space.lock:
            return self._record()

    def create_lease(self, lease: Lease, *, timeout: float) -> Version:  # noqa: ARG002
        """See `LeaseStore.create_lease`."""
        self._check_open()
        with self.space.lock:
            if self.name in self.space.records:
                raise LeaseConflict(f"lease {shown(self.name)} exists")
            version = self.space.put(self.name, lease)
        self.space.notify(self.name)
        return version

    def update_lease(self, lease: Lease, version: Version, *, timeout: float) -> Version:  # noqa: ARG002
        """See `LeaseStore.update_lease`."""
        self._check_open()
        with self.space.lock:
            current = self._record().version
            if current != version:
                raise LeaseConflict(f"lease {shown(self.name)} is at version {current}, not {shown(version)}")
            new_version = self.space.put(self.name, lease)
        self.space.notify(self.name)
        return new_version

    def delete_lease(self, *, timeout: float = 5.0) -> None:  # noqa: ARG002
        """Remove the record: for tests and operators, no election does it.

        Raises:
            LeaseNotFound: There is no record.
        """
        self._check_open()
        with self.space.lock:
            self._record()
            del self.space.records[self.name]
        self.space.notify(self.name)

    def watch(self, notify: Callable[[], None]) -> _MemoryWatch:
        """Call `notify` after every change, on the thread that made it, until closed."""
        return self.watch_lease(lambda _: notify())

    def watch_lease(self, notify: Callable[[StoredLease | None], None]) -> _MemoryWatch:
        """Call `notify` after every change, on the thread that made it, with the record; None: it is gone."""
        self._check_open()
        watch = _MemoryWatch(self, notify)
        with self.space.lock:
            self._watches.append(watch)
            self.space.watches.setdefault(self.name, []).append(watch)
        return watch

    def close(self) -> None:
        """End this object's watches. The record stays; every other method raises `StoreUnavailable` now."""
        self._is_closed = True
        for watch in tuple(self._watches):
            watch.close()

    def _record(self) -> StoredLease:
        try:
            return self.space.records[self.name]
        except KeyError:
            raise LeaseNotFound(f"there is no lease {shown(self.name)}") from None

    def _check_open(self) -> None:
        if self._is_closed:
            raise StoreUnavailable(f"{self!r} is closed: open another", outcome_unknown=False)

    def _forget(self, watch: _MemoryWatch) -> None:
        with self.space.lock:
            if watch in self._watches:
                self._watches.remove(watch)
                self.space.watches[self.name].remove(watch)


class _MemoryWatch:
    def __init__(self, store: MemoryStore, notify: Callable[[StoredLease | None], None]) -> None:
        self._store = store
        self._notify = notify
        self._is_closed = False

    def notify(self, stored: StoredLease | None) -> None:
        """Call back. What it raises must not turn the write that caused it into a failure."""
        if self._is_closed:
            return
        try:
            self._notify(stored)
        except Exception:  # noqa: BLE001 - P13: a caller's bug is its own
            with suppress(Exception):
                _LOG.exception("a watcher of lease %s failed", shown(self._store.name))

    def close(self) -> None:
        self._is_closed = True
        self._store._forget(self)  # noqa: SLF001 - the two are one thing in two parts


def open_url(url: str, lease: str) -> MemoryStore:
    """The store at `memory:`, shared by all who open it in this process."""
    if url != "memory:":
        raise ConfigurationError(
            f"store {redacted(url)!r} is more than memory: it has no path and no options"
        )
    return MemoryStore(lease, space=PROCESS_SPACE)
