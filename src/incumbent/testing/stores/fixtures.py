"""Fixtures that give a contract the store under test. Needs pytest."""

# ruff: noqa: S101 - its assertions are what it is for
from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing
from typing import ClassVar, Final, TypeAlias

import pytest

from incumbent.lease import Lease, StoreGuarantees, Version
from incumbent.shown import shown
from incumbent.store import LeaseStore, WatchableStore
from incumbent.testing.stores.machine import assert_kept

__all__ = ["Opener", "StoreUnderTest", "assert_is_store"]

Opener: TypeAlias = Callable[[], LeaseStore]


_METHODS: Final = ("get_lease", "create_lease", "update_lease", "close")


def assert_is_store(store: object) -> None:
    """It has every method of a `LeaseStore`, and `watch` if it declares `can_watch`.

    Raises:
        AssertionError: It has not; the message says what is missing.
    """
    name, guarantees = type(store).__name__, getattr(store, "guarantees", None)
    missing = [method for method in _METHODS if not callable(getattr(store, method, None))]
    assert not missing, f"{name} has no {', '.join(missing)}: see incumbent.LeaseStore"
    assert isinstance(guarantees, StoreGuarantees), (
        f"{name}.guarantees is {shown(guarantees)}: give a StoreGuarantees"
    )
    assert guarantees.resolution > 0, (
        f"{name} keeps durations in steps of {guarantees.resolution} s: give more"
    )
    assert not guarantees.can_watch or isinstance(store, WatchableStore), (
        f"{name} declares can_watch=True and has no method watch: give it one, or declare False"
    )


class StoreUnderTest:
    """The hooks that a subclass overrides, and the fixtures made of them.

    Attributes:
        slack: Seconds by which a call may outlast its timeout, for a busy machine's sake.
        racers: Threads in the races.
        timeout: Seconds given to every call that should be answered.
    """

    slack: ClassVar[float] = 1.0
    racers: ClassVar[int] = 8
    timeout: ClassVar[float] = 5.0

    def open_store(self, lease: str) -> LeaseStore:
        """Another object over the record of the lease of that name, as another candidate would open it."""
        raise NotImplementedError("override open_store(self, lease) to return the store under test")

    def delete_lease(self, lease: str) -> bool:  # noqa: ARG002 - for those who override it
        """A hook: delete the record, if there is one, as an operator would, and return True."""
        return False

    def stalled(self, lease: str) -> AbstractContextManager[None] | None:  # noqa: ARG002
        """A hook: a context in which the store does not answer; afterwards it does again."""
        return None

    @pytest.fixture
    def name(self) -> Iterator[str]:
        """The name of a lease that nobody else uses."""
        name = f"contract-{secrets.token_hex(8)}"
        yield name
        self.delete_lease(name)

    @pytest.fixture
    def another(self, name: str) -> Iterator[Opener]:
        """Opens one more object over the record; all are closed at the end."""
        with ExitStack() as stack:
            yield lambda: stack.enter_context(closing(self.open_store(name)))

    @pytest.fixture
    def store(self, another: Opener) -> LeaseStore:
        """The store under test, without a record."""
        return another()

    @pytest.fixture
    def elsewhere(self) -> Iterator[LeaseStore]:
        """The store of another lease."""
        name = f"contract-{secrets.token_hex(8)}"
        with closing(self.open_store(name)) as store:
            yield store
        self.delete_lease(name)

    def assert_record(self, store: LeaseStore, lease: Lease, version: Version) -> None:
        """The record is this lease, at this version."""
        read = store.get_lease(timeout=self.timeout)
        assert read.version == version
        assert_kept(read.lease, lease, store.guarantees.resolution)
