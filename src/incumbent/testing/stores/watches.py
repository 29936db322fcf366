"""The part of the contract that is about watches, and what they tell (P12)."""

# ruff: noqa: S101 - its assertions are what it is for
from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest

from incumbent.lease import Lease, StoredLease, Version
from incumbent.store import BatchStore, Call, LeaseStore, LeaseWatchableStore, watch
from incumbent.testing.stores.batches import made, made_together
from incumbent.testing.stores.fixtures import Opener, StoreUnderTest
from incumbent.testing.stores.machine import ODD_LEASES, PLAIN

_RENEWALS: Final = 10


class WatchContract(StoreUnderTest):
    """A watch tells of changes, and no record that was not there. For stores that declare `can_watch`."""

    def test_a_watch_tells_of_every_change_until_it_is_closed(
        self, name: str, store: LeaseStore, another: Opener
    ) -> None:
        """Changes by others too: creation, replacement and, where there is the hook, deletion (P12)."""
        if not store.guarantees.can_watch:
            pytest.skip("the store does not declare can_watch")
        changed, control = threading.Event(), threading.Event()
        first = watch(another(), changed.set)
        version = store.create_lease(PLAIN, timeout=self.timeout)
        assert changed.wait(self.timeout), "the creation was not told"
        changed.clear()
        version = store.update_lease(PLAIN, version, timeout=self.timeout)
        assert changed.wait(self.timeout), "the replacement was not told"
        changed.clear()
        if self.delete_lease(name):
            assert changed.wait(self.timeout), "the deletion was not told"
            version = store.create_lease(PLAIN, timeout=self.timeout)
        first.close()
        first.close()
        with closing(watch(another(), control.set)):
            changed.clear()
            control.clear()
            store.update_lease(PLAIN, version, timeout=self.timeout)
            assert control.wait(self.timeout), "a second watch was not told"
        assert not changed.is_set(), "told after it was closed"

    def test_what_a_watch_tells_is_what_is_read(
        self, watched: _Watched, store: LeaseStore, elsewhere: LeaseStore
    ) -> None:
        """The record of this lease with its version and epoch; at last the latest one, if any is told."""
        versions = [each.create_lease(PLAIN, timeout=self.timeout) for each in (store, elsewhere)]
        watched.assert_up_to_date(store)
        for lease in ODD_LEASES.values():
            versions = self._written([store, elsewhere], lease, versions)
            watched.assert_up_to_date(store)
        self._assert_renewal_is_told(watched, store)
        watched.assert_all_were_read()

    def test_a_deletion_is_told_without_a_record(
        self, name: str, watched: _Watched, store: LeaseStore
    ) -> None:
        """For there is none; and what is created after it is another one."""
        store.create_lease(PLAIN, timeout=self.timeout)
        self._assert_renewal_is_told(watched, store)
        if not self.delete_lease(name):
            pytest.skip("the hook delete_lease is not given")
        assert watched.ends_with(None), f"the deletion was told as {watched.told[-1]}"
        store.create_lease(PLAIN, timeout=self.timeout)
        self._assert_renewal_is_told(watched, store)
        watched.assert_all_were_read()

    @pytest.fixture
    def watched(self, another: Opener) -> Iterator[_Watched]:
        """A watch that tells records."""
        store = another()
        if not (store.guarantees.can_watch and isinstance(store, LeaseWatchableStore)):
            pytest.skip("the store does not declare can_watch, or has no method watch_lease")
        watched = _Watched(self.timeout)
        with closing(store.watch_lease(watched.notify)):
            yield watched

    def _assert_renewal_is_told(self, watched: _Watched, store: LeaseStore) -> None:
        """It is renewed again if that takes long: a watch that begins late is told no record of before."""
        version = watched.read(store).version
        for number in range(_RENEWALS):
            lease = replace(PLAIN, renew_time=PLAIN.renew_time + timedelta(seconds=number))
            version = store.update_lease(lease, version, timeout=self.timeout)
            if watched.ends_with(watched.read(store)):
                return
        raise AssertionError(
            f"of {_RENEWALS} renewals none was told with its record: last {watched.told[-1:]}"
        )

    def _written(self, stores: list[LeaseStore], lease: Lease, versions: list[Version]) -> list[Any]:
        """The new versions; the two are written together, where the store can."""
        calls = [
            Call(store, "update_lease", (lease, version), self.timeout)
            for store, version in zip(stores, versions, strict=True)
        ]
        return made_together(calls) if isinstance(stores[0], BatchStore) else [made(call) for call in calls]


class _Watched:
    """What a watch told, and what was read meanwhile."""

    def __init__(self, timeout: float) -> None:
        self.told: list[StoredLease | None] = []
        self._read: list[StoredLease] = []
        self._changed = threading.Condition()
        self._timeout = timeout

    def notify(self, stored: StoredLease | None) -> None:
        with self._changed:
            self.told.append(stored)
            self._changed.notify_all()

    def read(self, store: LeaseStore) -> StoredLease:
        self._read.append(store.get_lease(timeout=self._timeout))
        return self._read[-1]

    def ends_with(self, *either: StoredLease | None) -> bool:
        """Whether, within the time, what was told last is one of these."""
        with self._changed:
            return self._changed.wait_for(lambda: bool(self.told) and self.told[-1] in either, self._timeout)

    def assert_up_to_date(self, store: LeaseStore) -> None:
        latest = self.read(store)
        assert self.ends_with(latest, None), f"told is {self.told[-1:]}, and read {latest}"

    def assert_all_were_read(self) -> None:
        for stored in self.told:
            assert stored is None or stored in self._read, f"told is {stored}, which never was read"
