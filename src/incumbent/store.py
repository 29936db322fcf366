"""The interface between an election and a store. The docstrings of `LeaseStore` are the contract.

One object is one lease. Every method is synchronous and may be called from any thread, also while an earlier
call hangs. An election is as safe as two things: that `create_lease` and `update_lease` are atomic, and that
they never report a success that did not happen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

from incumbent.errors import ConfigurationError
from incumbent.lease import Lease, StoredLease, StoreGuarantees, Version

__all__ = [
    "BatchStore",
    "Call",
    "LeaseStore",
    "LeaseWatchableStore",
    "StoreGuarantees",
    "StoredLease",
    "Version",
    "Watch",
    "WatchableStore",
    "watch",
    "watch_lease",
]


class Watch(Protocol):
    """A subscription to changes, until it is closed."""

    def close(self) -> None:
        """Stop notifying. May be called more than once; returns without waiting for the store."""
        ...


@runtime_checkable
class LeaseStore(Protocol):
    """One lease in a shared store.

    All methods may raise, besides what they name:

    - `StoreUnavailable`: no usable answer within `timeout` seconds. `outcome_unknown=False` is allowed only
      where it is certain that a write did not and will not happen.
    - any other exception: taken for a `StoreUnavailable` of unknown outcome (P13).

    A store hands out and takes in values: no record that it returned, and none that it was given, shares
    anything with what it keeps.
    """

    @property
    def guarantees(self) -> StoreGuarantees:
        """The promises of this store. The election relies on them, so they must be true."""
        ...

    def get_lease(self, *, timeout: float) -> StoredLease:
        """The record, its version and epoch. It may be old: reading decides nothing, writing does.

        A store that may have gone back to something old, by a restart or a failover, says so by an `epoch`
        that it never gave before: who waits begins anew. What was released in an earlier epoch it shows as
        held, and its versions of an earlier epoch replace nothing.

        Raises:
            LeaseNotFound: There is no record.
            CorruptLease: There is one, but it is no lease.
        """
        ...

    def create_lease(self, lease: Lease, *, timeout: float) -> Version:
        """Create the record in one atomic step if there is none; return its version.

        Raises:
            LeaseConflict: There is a record. Nothing was written.
        """
        ...

    def update_lease(self, lease: Lease, version: Version, *, timeout: float) -> Version:
        """Replace the record in one atomic step if it is at `version`; return its new version.

        A version is never used again: not after the next write, not after the record was deleted and
        created anew, not after a restart of the store.

        Raises:
            LeaseConflict: The record is at another version. Nothing was written.
            LeaseNotFound: There is no record. Nothing was written.
        """
        ...

    def close(self) -> None:
        """Give back what this object holds. May be called more than once."""
        ...


@runtime_checkable
class WatchableStore(LeaseStore, Protocol):
    """A store that notifies: one whose guarantees declare `can_watch`. No other needs the method."""

    def watch(self, notify: Callable[[], None]) -> Watch:
        """Call `notify` when the record may have changed, until closed.

        Returns at once and connects in the background. `notify` is quick and may be called from any thread,
        at any time, too often rather than too seldom: in particular after every reconnection. A lost
        notification costs time, never safety.
        """
        ...


@runtime_checkable
class LeaseWatchableStore(WatchableStore, Protocol):
    """A store whose notifications carry the record, so that who follows need not read it (P12)."""

    def watch_lease(self, notify: Callable[[StoredLease | None], None]) -> Watch:
        """Call `notify` as `watch` does, with the record as it was at some moment since the watch began.

        None: the record may have changed in a way that the notification does not tell; it has to be read. A
        record that is told late, twice or out of order costs time, never safety (P12).
        """
        ...


class Call(NamedTuple):
    """One of several calls to make together: `store.method(*arguments, timeout=timeout)`.

    Attributes:
        store: The lease.
        method: What to do with it.
        arguments: All arguments but the timeout.
        timeout: Seconds that this call may take.
    """

    store: LeaseStore
    method: Literal["get_lease", "create_lease", "update_lease"]
    arguments: tuple[Any, ...]
    timeout: float


@runtime_checkable
class BatchStore(LeaseStore, Protocol):
    """A store that can make the calls of many leases in one round trip. No other needs the method.

    Attributes:
        server: Equal for stores, of one class, whose calls can be made together.
    """

    @property
    def server(self) -> object:
        """See the class; it can be hashed."""
        ...

    def call_together(self, calls: Sequence[Call]) -> Sequence[object]:
        """Make calls of stores with this `server`, each of them atomic; several may be of one lease.

        Returns:
            For each call, in their order, what it would return by itself, or the exception it would raise. Or
            None: it certainly did nothing, and has to be made by itself. A record that is damaged, locked or
            at another version costs only its own call, and so does one whose time is up before it is sent. If
            the server does not answer, each call that was sent is a `StoreUnavailable` of unknown outcome.
            What this method raises is the outcome of every call.
        """
        ...


def watch(store: LeaseStore, notify: Callable[[], None]) -> Watch:
    """Watch a store that declares `can_watch`.

    Raises:
        ConfigurationError: It has no method for it.
    """
    if not isinstance(store, WatchableStore):
        name = type(store).__name__
        raise ConfigurationError(
            f"{name} declares can_watch=True and has no method watch: give it one, or False"
        )
    return store.watch(notify)


def watch_lease(store: LeaseStore, notify: Callable[[StoredLease | None], None]) -> Watch:
    """Watch a store that declares `can_watch`: with the record, where its notifications carry one.

    Raises:
        ConfigurationError: It has no method for it.
    """
    # Each campaign asks, and `isinstance` takes as long as an election does, for a protocol.
    with_record: Callable[[Callable[[StoredLease | None], None]], Watch] | None
    with_record = getattr(store, "watch_lease", None)
    return watch(store, lambda: notify(None)) if with_record is None else with_record(notify)
