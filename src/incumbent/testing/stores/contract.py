"""The contract of a store, as tests to run against any store. Needs `incumbent[testing]`.

Five lines hold a store of one's own against it:

    from incumbent.testing.stores.contract import LeaseStoreContract

    class TestMyStore(LeaseStoreContract):
        def open_store(self, lease):
            return MyStore("server.example", lease)

Stores differ in what they declare (`LeaseStore.guarantees`), and in the hooks that a subclass may give:
`delete_lease`, `stalled` and `touch`. What needs a hook that is not given is skipped and says so.
"""

# ruff: noqa: S101 - its assertions are what it is for
from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from dataclasses import FrozenInstanceError, replace
from functools import partial
from typing import ClassVar, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from incumbent.errors import ConfigurationError, LeaseConflict, LeaseNotFound, StoreUnavailable
from incumbent.lease import Lease, Version
from incumbent.store import LeaseStore
from incumbent.testing.stores.batches import BatchContract
from incumbent.testing.stores.fixtures import Opener, assert_is_store
from incumbent.testing.stores.machine import ODD_LEASES, PLAIN, LeaseStoreMachine, assert_kept
from incumbent.testing.stores.touches import TouchContract
from incumbent.testing.stores.watches import WatchContract

__all__ = ["LeaseStoreContract"]

T = TypeVar("T")


class LeaseStoreContract(TouchContract, BatchContract, WatchContract):
    """Subclass it as `Test...`, override `open_store` and other hooks, and pytest does the rest.

    Attributes:
        machine_settings: How long Hypothesis searches for a difference from the reference.
    """

    machine_settings: ClassVar[settings] = settings(
        max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )  # a busy machine is no fault of the store

    def test_it_is_a_store(self, store: LeaseStore) -> None:
        """It has every method, and declares something possible."""
        assert_is_store(store)

    def test_a_record_that_nobody_wrote_is_missing(self, store: LeaseStore, elsewhere: LeaseStore) -> None:
        """Reading says so, and replacing it does nothing."""
        version = elsewhere.create_lease(PLAIN, timeout=self.timeout)
        with pytest.raises(LeaseNotFound):
            store.get_lease(timeout=self.timeout)
        with pytest.raises(LeaseNotFound):
            store.update_lease(PLAIN, version, timeout=self.timeout)
        with pytest.raises(LeaseNotFound):
            store.get_lease(timeout=self.timeout)

    @pytest.mark.parametrize("lease", ODD_LEASES.values(), ids=ODD_LEASES)
    def test_a_record_comes_back_as_it_was_written(
        self, lease: Lease, store: LeaseStore, another: Opener
    ) -> None:
        """By creating and by replacing, seen by oneself and by another; its version is the writer's."""
        self.assert_record(another(), lease, created := store.create_lease(lease, timeout=self.timeout))
        replaced = store.update_lease(PLAIN, created, timeout=self.timeout)
        self.assert_record(another(), PLAIN, replaced)
        self.assert_record(store, lease, store.update_lease(lease, replaced, timeout=self.timeout))

    def test_leases_of_other_names_are_others(self, store: LeaseStore, elsewhere: LeaseStore) -> None:
        """One server holds many leases, and no write reaches another."""
        version = store.create_lease(PLAIN, timeout=self.timeout)
        other_version = elsewhere.create_lease(ODD_LEASES["unicode"], timeout=self.timeout)
        with pytest.raises(LeaseConflict):
            elsewhere.update_lease(PLAIN, version, timeout=self.timeout)
        self.assert_record(store, PLAIN, version)
        self.assert_record(elsewhere, ODD_LEASES["unicode"], other_version)

    def test_names_that_look_alike_are_other_names(self, name: str) -> None:
        """A store compares names exactly, or refuses those that it would confuse."""
        with ExitStack() as stack:
            for alike in (name, name.upper(), f"{name} ", f"{name}_", f"{name}\u00e9", f"{name}e\u0301"):
                with suppress(ConfigurationError):
                    other = stack.enter_context(closing(self.open_store(alike)))
                    stack.callback(self.delete_lease, alike)
                    other.create_lease(PLAIN, timeout=self.timeout)

    def test_creating_what_exists_is_a_conflict(self, store: LeaseStore, another: Opener) -> None:
        """And changes nothing (P1), even where the record is vacant."""
        lease = ODD_LEASES["vacant"]
        version = store.create_lease(lease, timeout=self.timeout)
        with pytest.raises(LeaseConflict):
            another().create_lease(PLAIN, timeout=self.timeout)
        self.assert_record(store, lease, version)

    def test_replacing_an_old_version_is_a_conflict(self, store: LeaseStore, another: Opener) -> None:
        """And changes nothing (P1), even where the record looks the same."""
        old = store.create_lease(PLAIN, timeout=self.timeout)
        new = another().update_lease(PLAIN, old, timeout=self.timeout)
        with pytest.raises(LeaseConflict):
            store.update_lease(ODD_LEASES["unicode"], old, timeout=self.timeout)
        self.assert_record(store, PLAIN, new)

    def test_every_write_has_a_version_of_its_own(self, store: LeaseStore, another: Opener) -> None:
        """Even if it writes what is there already; reading does not change it."""
        versions = [store.create_lease(PLAIN, timeout=self.timeout)]
        for _ in range(20):
            assert another().get_lease(timeout=self.timeout).version == versions[-1]
            versions.append(store.update_lease(PLAIN, versions[-1], timeout=self.timeout))
        assert len(set(versions)) == len(versions)

    def test_versions_do_not_come_again_after_a_deletion(self, name: str, store: LeaseStore) -> None:
        """A late write of before the deletion must not replace a record of after it."""
        versions = set[Version]()
        for _ in range(5):
            created = store.create_lease(PLAIN, timeout=self.timeout)
            updated = store.update_lease(PLAIN, created, timeout=self.timeout)
            assert versions.isdisjoint({created, updated})
            versions |= {created, updated}
            if not self.delete_lease(name):
                pytest.skip("the hook delete_lease is not given")
            for version in versions:
                with pytest.raises(LeaseNotFound):
                    store.update_lease(PLAIN, version, timeout=self.timeout)
        latest = store.create_lease(PLAIN, timeout=self.timeout)
        for version in versions:
            with pytest.raises(LeaseConflict):
                store.update_lease(ODD_LEASES["unicode"], version, timeout=self.timeout)
        self.assert_record(store, PLAIN, latest)

    def test_what_was_read_never_changes(self, store: LeaseStore) -> None:
        """A record is a value: it neither follows the store nor can be used to change it."""
        version = store.create_lease(PLAIN, timeout=self.timeout)
        read = store.get_lease(timeout=self.timeout)
        with pytest.raises(FrozenInstanceError):
            read.lease.holder_identity = "thief"  # type: ignore[misc]
        store.update_lease(ODD_LEASES["unicode"], version, timeout=self.timeout)
        assert read.version == version
        assert_kept(read.lease, PLAIN, store.guarantees.resolution)

    def test_of_many_creators_one_wins(self, name: str, store: LeaseStore) -> None:
        """One thread creates the record, and every other is told that it did not."""
        for number in range(self._rounds(store)):
            with ExitStack() as stack:
                fresh = f"{name}-{number}"
                stack.callback(self.delete_lease, fresh)
                stores = [stack.enter_context(closing(self.open_store(fresh))) for _ in range(self.racers)]
                self._assert_one_winner(stores, self._create)

    def test_of_many_writers_of_one_version_one_wins(self, store: LeaseStore, another: Opener) -> None:
        """Whether they use objects of their own or share one."""
        version = self._create(store, PLAIN)
        own = [another() for _ in range(self.racers)]
        for stores in (own, [store] * self.racers) * self._rounds(store):
            version = self._assert_one_winner(stores, partial(self._update, version))

    def test_no_increment_is_lost(self, store: LeaseStore, another: Opener) -> None:
        """Threads that read, add one and replace until it is done: every one of them counts."""
        first = store.create_lease(replace(PLAIN, leader_transitions=0), timeout=self.timeout)
        stores, times = [another() for _ in range(self.racers)], 5 * self._rounds(store)

        def increment(number: int) -> list[Version]:
            mine, versions = stores[number], list[Version]()
            while len(versions) < times:
                read = mine.get_lease(timeout=self.timeout)
                lease = replace(
                    read.lease,
                    holder_session=str(number),
                    leader_transitions=read.lease.leader_transitions + 1,
                )
                try:
                    versions.append(mine.update_lease(lease, read.version, timeout=self.timeout))
                except LeaseConflict:
                    continue
            return versions

        versions = [first, *(version for versions in self._race(increment) for version in versions)]
        assert len(set(versions)) == len(versions)
        assert store.get_lease(timeout=self.timeout).lease.leader_transitions == times * self.racers

    @pytest.mark.parametrize("call", ["get", "create", "update"])
    def test_a_call_ends_when_its_time_is_up(
        self, call: str, name: str, store: LeaseStore, another: Opener
    ) -> None:
        """A store that does not answer is unavailable; what it calls certain stays certain (P7)."""
        version = store.create_lease(PLAIN, timeout=self.timeout)
        calls: dict[str, Callable[[float], object]] = {
            "get": lambda timeout: store.get_lease(timeout=timeout),
            "create": lambda timeout: store.create_lease(PLAIN, timeout=timeout),
            "update": lambda timeout: store.update_lease(ODD_LEASES["asked"], version, timeout=timeout),
        }
        stalled = self.stalled(name)
        if stalled is None:
            pytest.skip("the hook stalled is not given")
        with stalled:
            started = time.monotonic()
            with pytest.raises(StoreUnavailable) as caught:
                calls[call](0.2)
            assert time.monotonic() - started < 0.2 + self.slack
        if call != "update" or not caught.value.outcome_unknown:
            self.assert_record(another(), PLAIN, version)

    def test_closing_ends_one_object_and_nothing_else(self, store: LeaseStore, another: Opener) -> None:
        """It may be repeated; the record stays, and other objects do."""
        lasting, closed = another(), another()
        version = closed.create_lease(PLAIN, timeout=self.timeout)
        closed.close()
        closed.close()
        self.assert_record(lasting, PLAIN, version)
        self.assert_record(another(), PLAIN, store.update_lease(PLAIN, version, timeout=self.timeout))

    def test_it_agrees_with_the_reference(self) -> None:
        """Any sequence of calls is answered as the in-memory store answers it."""
        contract = self

        class Machine(LeaseStoreMachine):
            def __init__(self) -> None:
                super().__init__(contract.open_store, contract.delete_lease)

        run_state_machine_as_test(Machine, settings=self.machine_settings)

    def _assert_one_winner(
        self, stores: list[LeaseStore], write: Callable[[LeaseStore, Lease], Version]
    ) -> Version:
        sessions = [replace(PLAIN, holder_session=f"session-{number}") for number in range(self.racers)]

        def contend(number: int) -> Version | None:
            try:
                return write(stores[number], sessions[number])
            except LeaseConflict:
                return None

        answers = self._race(contend)
        winners = [number for number, version in enumerate(answers) if version is not None]
        assert len(winners) == 1, f"{len(winners)} of {self.racers} were told that they wrote"
        self.assert_record(stores[0], sessions[winners[0]], answers[winners[0]])
        return answers[winners[0]]

    def _race(self, run: Callable[[int], T]) -> list[T]:
        """Run the racing threads; return their results by number, or raise the exception of one."""
        start = threading.Barrier(self.racers)

        def race(number: int) -> T:
            start.wait(self.timeout)
            return run(number)

        switch_interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)  # or each call would be over before the next thread has its turn
        try:
            with ThreadPoolExecutor(self.racers) as pool:
                return list(pool.map(race, range(self.racers)))
        finally:
            sys.setswitchinterval(switch_interval)

    @staticmethod
    def _rounds(store: LeaseStore) -> int:
        """Quick calls are over before another can come between: only many show what goes wrong then."""
        return 50 if store.guarantees.is_local else 5

    def _create(self, store: LeaseStore, lease: Lease) -> Version:
        return store.create_lease(lease, timeout=self.timeout)

    def _update(self, version: Version, store: LeaseStore, lease: Lease) -> Version:
        return store.update_lease(lease, version, timeout=self.timeout)
