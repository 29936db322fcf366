"""What an election needs of a store. The docstrings of `LeaseStore` are the contract.

One object is one lease. Every method is synchronous, may be called from any thread, and is called by an
elector's driver once at a time. An election is as safe as two things: that `create_lease` and `update_lease`
are atomic, and that they never report a success that did not happen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from incumbent.lease import Lease, StoredLease, StoreGuarantees, Version

__all__ = ["LeaseStore", "StoreGuarantees", "StoredLease", "Version", "Watch"]


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
        """What this store promises, truthfully: an election is arranged accordingly."""
        ...

    def get_lease(self, *, timeout: float) -> StoredLease:
        """The record and its version. It may be old: reading decides nothing, writing does.

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

    def watch(self, notify: Callable[[], None]) -> Watch:
        """Call `notify` when the record may have changed, until closed; only where `can_watch` is declared.

        Returns at once and connects in the background. `notify` is quick and may be called from any thread,
        at any time, too often rather than too seldom: in particular after every reconnection. A lost
        notification costs time, never safety.
        """
        ...

    def close(self) -> None:
        """Give back what this object holds. May be called more than once."""
        ...
