"""A store of one's own: leases in a registry that the service has anyway, here a table in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from incumbent import Lease, LeaseConflict, LeaseNotFound, StoredLease, StoreGuarantees


class Registry:
    """What the service has anyway: rows of plain values, with a revision that only grows."""

    def __init__(self) -> None:
        self.rows: dict[str, tuple[dict[str, Any], int]] = {}
        self.revision = 0
        self.lock = threading.RLock()
        self.listeners: list[Callable[[], None]] = []

    def put(self, key: str, row: dict[str, Any]) -> int:
        self.revision += 1
        self.rows[key] = (row, self.revision)
        for listener in self.listeners:
            listener()
        return self.revision


class RegistryWatch:
    """A listener, until it is closed."""

    def __init__(self, registry: Registry, listener: Callable[[], None]) -> None:
        self.registry, self.listener = registry, listener
        with registry.lock:
            registry.listeners.append(listener)

    def close(self) -> None:
        with self.registry.lock:
            if self.listener in self.registry.listeners:
                self.registry.listeners.remove(self.listener)


class RegistryStore:
    """One lease in a registry. The lock makes each compare-and-swap one atomic step."""

    guarantees = StoreGuarantees(durable=True, can_watch=True, is_local=True)

    def __init__(self, registry: Registry, name: str) -> None:
        self.registry = registry
        self.name = name

    def get_lease(self, *, timeout: float) -> StoredLease:
        with self.registry.lock:
            row, revision = self._row()
            return StoredLease(Lease.from_fields(row), revision)

    def create_lease(self, lease: Lease, *, timeout: float) -> int:
        with self.registry.lock:
            if self.name in self.registry.rows:
                raise LeaseConflict(f"{self.name} is there already")
            return self.registry.put(self.name, lease.to_fields())

    def update_lease(self, lease: Lease, version: object, *, timeout: float) -> int:
        with self.registry.lock:
            _, revision = self._row()
            if revision != version:
                raise LeaseConflict(f"{self.name} is at revision {revision}, not {version}")
            return self.registry.put(self.name, lease.to_fields())

    def watch(self, notify: Callable[[], None]) -> RegistryWatch:
        return RegistryWatch(self.registry, partial(notify))  # an object of its own

    def close(self) -> None:
        """The registry is the service's own: there is nothing to give back."""

    def _row(self) -> tuple[dict[str, Any], int]:
        if self.name not in self.registry.rows:
            raise LeaseNotFound(f"there is no {self.name}")
        return self.registry.rows[self.name]
