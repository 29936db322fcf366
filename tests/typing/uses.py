"""What users write, for the type checkers: `mypy` reads this, strictly, and nobody runs it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

import incumbent
from incumbent import (
    Campaign,
    Clock,
    ElectorConfig,
    Health,
    Leadership,
    LeadershipLost,
    Lease,
    LeaseStore,
    StoredLease,
    StoreGuarantees,
    SystemClock,
    Version,
    aio,
    open_store,
)
from incumbent.testing import FakeClock, LeaseStoreContract, Simulation


def work(leadership: Leadership) -> None:
    while not leadership.wait(leadership.deadline):
        leadership.check()
        token: int = leadership.token
        who: str = leadership.identity
        why: str | None = leadership.reason
        raise RuntimeError(f"{who} {token}: {why}")


def threads(clock: Clock) -> bool:
    store: LeaseStore = open_store("memory:", lease="reports")
    with Campaign(store, on_started_leading=work, lease_duration=15.0, clock=clock) as campaign:
        leader: str | None = campaign.leader
        led: bool = campaign.wait_until_leader(timeout=30)
        for leadership in campaign.terms():
            if not leadership.is_valid():
                raise LeadershipLost(str(leader))
        config: ElectorConfig = campaign.config
        health: Health = campaign.health()
        left: float = health.time_left if health.is_ready else 0.0
        return led and left > 0 and config.lease_duration > 1 and campaign.token is not None


async def lead(leadership: aio.Leadership) -> None:
    while not await leadership.wait(1.0):
        leadership.check()


async def tasks() -> None:
    async with aio.Campaign(open_store("memory:", lease="reports")) as campaign:
        task = asyncio.create_task(campaign.run(lead))
        if await campaign.wait_until_leader(timeout=1):
            await campaign.resign()
        await campaign.stop()
        await task


class OwnStore:
    """A store needs no base class."""

    guarantees: StoreGuarantees = StoreGuarantees(durable=True)

    def __init__(self) -> None:
        self.record: StoredLease | None = None

    def get_lease(self, *, timeout: float) -> StoredLease:
        if self.record is None:
            raise incumbent.LeaseNotFound(f"nothing within {timeout} s")
        return self.record

    def create_lease(self, lease: Lease, *, timeout: float) -> Version:
        return self._put(lease, timeout)

    def update_lease(self, lease: Lease, version: Version, *, timeout: float) -> Version:
        if self.record is None or self.record.version != version:
            raise incumbent.LeaseConflict("another was faster")
        return self._put(lease, timeout)

    def close(self) -> None:
        self.record = None

    def _put(self, lease: Lease, timeout: float) -> Version:
        if timeout <= 0:
            raise incumbent.StoreUnavailable("no time", outcome_unknown=False)
        self.record = StoredLease(lease, 1)
        return self.record.version


def own_store() -> LeaseStore:
    return OwnStore()


class TestOwnStore(LeaseStoreContract):
    def open_store(self, lease: str) -> LeaseStore:
        return OwnStore()


def kit(fake_clock: FakeClock, memory_store: Callable[..., LeaseStore]) -> datetime:
    with Campaign(memory_store(), clock=fake_clock) as campaign:
        fake_clock.advance(60)
        if not campaign.is_leader():
            raise AssertionError
    world = Simulation(candidates=3, seed=1)
    world.run_for(60)
    world.check()
    return SystemClock().utcnow()
