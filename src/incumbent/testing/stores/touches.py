"""The part of the contract that is about touched records (P15)."""

# ruff: noqa: S101 - its assertions are what it is for
from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, Final

import pytest

from incumbent import Campaign
from incumbent.errors import LeaseConflict
from incumbent.store import LeaseStore
from incumbent.testing.stores.fixtures import Opener, StoreUnderTest
from incumbent.testing.stores.machine import PLAIN

_LEASE: Final = 3.0
_SETTINGS: Final[dict[str, Any]] = {"lease_duration": _LEASE, "renew_deadline": 2.0, "retry_period": 0.2}
_TOUCHES: Final = 10


class TouchContract(StoreUnderTest):
    """A touch changes no more than the version: by the hook `touch`, by the server's own means."""

    def touch(self, lease: str) -> bool:  # noqa: ARG002 - for those who override it
        """A hook: change something beside the lease in its record, by other means than this store."""
        return False

    def test_a_touched_record_is_the_same_write(self, name: str, store: LeaseStore, another: Opener) -> None:
        """And what names the version before it, where that is another, is a conflict (P1, P15)."""
        version = store.create_lease(PLAIN, timeout=self.timeout)
        before = another().get_lease(timeout=self.timeout)
        self._touch(name)
        after = store.get_lease(timeout=self.timeout)
        assert after.is_same_write(before)
        if after.version != version:
            with pytest.raises(LeaseConflict):
                store.update_lease(PLAIN, version, timeout=self.timeout)
        self.assert_record(another(), PLAIN, store.update_lease(PLAIN, after.version, timeout=self.timeout))

    def test_a_touched_record_keeps_its_leader(self, name: str, store: LeaseStore) -> None:
        """Touched before each of its renewals: the same term goes on, beyond what one renewal gives it."""
        with Campaign(store, identity="a", **_SETTINGS) as campaign:
            assert campaign.wait_until_leader(10 * self.timeout)
            token = campaign.token
            for _ in range(_TOUCHES):
                self._touch(name)
                time.sleep(_LEASE / _TOUCHES)
            assert campaign.token == token is not None

    def test_a_dead_leaders_record_is_taken_over_while_it_is_touched(
        self, name: str, store: LeaseStore, another: Opener
    ) -> None:
        """Touches do not restart the wait, which counts from the last write (P4)."""
        another().create_lease(replace(PLAIN, lease_duration=_LEASE), timeout=self.timeout)
        with Campaign(store, identity="b", **_SETTINGS) as campaign:
            until = time.monotonic() + _LEASE + 2 * self.timeout
            while not campaign.is_leader() and time.monotonic() < until:
                self._touch(name)
                time.sleep(0.1)
            assert campaign.is_leader()

    def _touch(self, lease: str) -> None:
        if not self.touch(lease):
            pytest.skip("the hook touch is not given")
