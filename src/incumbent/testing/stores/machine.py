"""Any store against the in-memory reference, call by call. Needs Hypothesis.

`incumbent.testing.stores.contract` runs it with everything else that a store must do.
"""

# ruff: noqa: S101 - its assertions are what it is for
from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any, Final, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from incumbent.errors import LeaseConflict, LeaseNotFound
from incumbent.lease import (
    EARLIEST_TIME,
    LATEST_TIME,
    MAX_TRANSITIONS,
    Lease,
    StoredLease,
    Version,
    to_ns,
)
from incumbent.store import LeaseStore
from incumbent.stores.memory import MemoryStore

__all__ = ["ODD_LEASES", "PLAIN", "LeaseStoreMachine", "assert_kept", "leases"]

T = TypeVar("T")

_TIMEOUT: Final = 5.0

_NOON: Final = datetime(2024, 2, 29, 12, 0, 0, 1, tzinfo=timezone.utc)
PLAIN: Final = Lease("host-1", "session-1", 15.0, _NOON, _NOON, 1)
ODD_LEASES: Final = {
    "plain": PLAIN,
    "vacant": PLAIN.released(_NOON + timedelta(microseconds=999_999)),
    "held-back": PLAIN.released(_NOON, _NOON + timedelta(hours=1)),
    "meant": PLAIN.released(_NOON, _NOON + timedelta(hours=1)).meant_for('Zoë "{🦀}"'),
    "asked": PLAIN.asked_to_resign("Zoë"),
    "unicode": replace(
        PLAIN, holder_identity="Ж 日本 e\u0301 é 🦀\u200f\n\t '\"%_\\;--", holder_session="\x7f ß"
    ),
    "spaces": replace(PLAIN, holder_identity=" a ", holder_session="  "),
    "long": replace(PLAIN, holder_identity="ü" * 1000),
    "largest": replace(PLAIN, leader_transitions=MAX_TRANSITIONS, renew_time=LATEST_TIME),
    "smallest": replace(PLAIN, leader_transitions=0, acquire_time=EARLIEST_TIME),
    "beyond-doubles": replace(PLAIN, leader_transitions=2**53 + 1),
    "third": replace(PLAIN, lease_duration=1 / 3),
    "binary": replace(PLAIN, lease_duration=0.1 + 0.2),
    "microsecond": replace(PLAIN, lease_duration=1e-6),
    "decade": replace(PLAIN, lease_duration=315_360_000.000001),
}

_TIMES: Final = tuple(moment.replace(tzinfo=None) for moment in (EARLIEST_TIME, LATEST_TIME))


def leases() -> st.SearchStrategy[Lease]:
    """Any lease that an election could write, and some that it would not."""
    # Cs: lone surrogates, which no UTF-8 can hold; NUL, which some databases cannot.
    text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
    moments = st.datetimes(*_TIMES, timezones=st.just(timezone.utc))
    durations = st.floats(1e-6, 1e8) | st.integers(1, 100).map(float)
    tokens = st.integers(0, 2**63 - 1)
    return st.builds(Lease, text, text, durations, moments, moments, tokens, text, moments, text)


def assert_kept(read: Lease, written: Lease, resolution: float) -> None:
    """Assert that the record read is the one written, but for a duration rounded up to the resolution.

    Raises:
        AssertionError: It is not.
    """
    assert replace(read, lease_duration=written.lease_duration) == written
    rounded_by = read.lease_duration_ns - written.lease_duration_ns
    assert 0 <= rounded_by < max(to_ns(resolution), 1), (
        f"{written.lease_duration} came back {read.lease_duration}"
    )


class LeaseStoreMachine(RuleBasedStateMachine):
    """Holds a store against `MemoryStore`: after the same calls, the same answers.

    A subclass whose `__init__` takes no arguments is a Hypothesis test; `LeaseStoreContract` runs one.

    Args:
        open_store: Given the name of a lease, another object over its record.
        delete_lease: Deletes the record of the lease of that name and says True; or says False if it cannot.
    """

    def __init__(
        self, open_store: Callable[[str], LeaseStore], delete_lease: Callable[[str], bool] = lambda _: False
    ) -> None:
        super().__init__()
        self._name = f"contract-{secrets.token_hex(8)}"
        self._open_store, self._delete_lease = open_store, delete_lease
        self._store = open_store(self._name)
        self._reference = MemoryStore()
        self._versions: list[tuple[Version, Version]] = []
        """The versions that the reference and the store gave to each write, in order."""

    @rule(lease=leases())
    def create(self, lease: Lease) -> None:
        """Both create, or neither."""
        self._written(
            self._reply(lambda: self._reference.create_lease(lease, timeout=_TIMEOUT)),
            self._reply(lambda: self._store.create_lease(lease, timeout=_TIMEOUT)),
        )

    @rule(lease=leases(), writes_ago=st.integers(0, 3))
    def update(self, lease: Lease, writes_ago: int) -> None:
        """Both replace the version of some earlier write, or neither."""
        if writes_ago < len(self._versions):
            ours, theirs = self._versions[-1 - writes_ago]
            self._written(
                self._reply(lambda: self._reference.update_lease(lease, ours, timeout=_TIMEOUT)),
                self._reply(lambda: self._store.update_lease(lease, theirs, timeout=_TIMEOUT)),
            )

    @rule()
    def read(self) -> None:
        """Both have the same record, at the same write."""
        ours = self._reply(lambda: self._reference.get_lease(timeout=_TIMEOUT))
        theirs = self._reply(lambda: self._store.get_lease(timeout=_TIMEOUT))
        if not isinstance(ours, StoredLease):
            assert theirs is ours, f"the store answered {theirs!r} where {ours} is due"
            return
        assert isinstance(theirs, StoredLease), f"the store answered {theirs!r} where a lease is due"
        assert (ours.version, theirs.version) in self._versions, "the version is not that of the last write"
        assert_kept(theirs.lease, ours.lease, self._store.guarantees.resolution)

    @rule()
    def delete(self) -> None:
        """Somebody deletes the record behind everybody's back."""
        if self._delete_lease(self._name):
            self._reply(self._reference.delete_lease)

    @rule()
    def reopen(self) -> None:
        """Another object has the same record."""
        self._store.close()
        self._store = self._open_store(self._name)

    def teardown(self) -> None:
        """Look once more, and leave nothing behind."""
        self.read()
        self._delete_lease(self._name)
        self._store.close()

    def _written(self, ours: Any, theirs: Any) -> None:
        if ours in (LeaseConflict, LeaseNotFound):
            assert theirs is ours, f"the store answered {theirs!r} where {ours} is due"
        else:
            assert theirs not in (LeaseConflict, LeaseNotFound), f"the store refused with {theirs}"
            assert theirs not in [version for _, version in self._versions], f"version {theirs!r} came twice"
            self._versions.append((ours, theirs))

    @staticmethod
    def _reply(call: Callable[[], T]) -> T | type[Exception]:
        try:
            return call()
        except (LeaseConflict, LeaseNotFound) as error:
            return type(error)
