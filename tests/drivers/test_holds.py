"""`Campaign(hold_for=...)`: a job that ran is not run again for a while, by whomever (P16)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import pairwise

import pytest

from incumbent import Campaign, ConfigurationError, aio
from incumbent.lease import EARLIEST_TIME, StoreGuarantees
from incumbent.stores.memory import MemoryStore
from support.driving import eventually, settle


def vacant(store):
    try:
        lease = store.get_lease(timeout=1).lease
    except Exception:  # noqa: BLE001 - nobody has claimed it yet
        return None
    return lease if lease.is_vacant else None


def job(runs, name):
    return lambda _: runs.append(name)


@pytest.mark.parametrize("watches", [True, False])
def test_a_job_runs_once_a_period_whoever_has_it(clock, watches):
    """From one beginning to the next it takes a period, and a look at the record."""
    store, runs = MemoryStore(), []
    stores = [MemoryStore(space=store.space) for _ in "ab"]
    for each in stores if not watches else ():
        each.guarantees = StoreGuarantees(durable=True, is_local=True)

    def tells(_):
        runs.append(clock.now())

    candidates = [
        Campaign(each, identity=name, clock=clock, hold_for=60, on_started_leading=tells)
        for each, name in zip(stores, "ab", strict=True)
    ]
    with candidates[0], candidates[1]:
        eventually(lambda: vacant(store) is not None)
        for _ in range(200):
            clock.advance(1)
            settle()
        gaps = [later - earlier for earlier, later in pairwise(runs)]
        assert len(gaps) == 3
        assert all(60 <= gap <= 64 for gap in gaps)


def test_a_job_that_raised_is_tried_by_another(clock):
    store, runs = MemoryStore(), []

    def fails(_):
        raise OSError("no disk")

    with Campaign(store, identity="a", clock=clock, hold_for=3600, on_started_leading=fails):
        eventually(lambda: vacant(store) is not None)
        assert vacant(store).not_before == EARLIEST_TIME
        other = MemoryStore(space=store.space)
        with Campaign(other, identity="b", clock=clock, hold_for=3600, on_started_leading=job(runs, "b")):
            eventually(lambda: runs == ["b"])
            eventually(lambda: vacant(store) is not None)
            lease = vacant(store)
            assert lease.not_before == lease.acquire_time + timedelta(hours=1)


def test_once_holds_as_well(clock):
    """`run(once=True)` ends its campaign by the same release."""
    store, runs = MemoryStore(), []
    Campaign(store, identity="a", clock=clock, hold_for=60, on_started_leading=job(runs, "a")).run(once=True)
    assert runs == ["a"]
    assert vacant(store).not_before == vacant(store).acquire_time + timedelta(seconds=60)


def test_a_campaign_that_is_stopped_holds_nobody_back(clock):
    """Its work was asked to end, and may have left off in the middle."""
    store = MemoryStore()
    work = lambda leadership: leadership.wait()  # noqa: E731
    with Campaign(store, identity="a", clock=clock, hold_for=60, on_started_leading=work) as campaign:
        eventually(campaign.is_leader)
    assert vacant(store).not_before == EARLIEST_TIME


def test_asyncio_holds_as_well(clock):
    store, runs = MemoryStore(), []

    async def main():
        async def lead(_):
            runs.append("a")

        campaign = aio.Campaign(store, identity="a", clock=clock, hold_for=60)
        running = asyncio.create_task(campaign.run(lead))
        await asyncio.to_thread(eventually, lambda: vacant(store) is not None)
        await campaign.stop()
        await running

    asyncio.run(main())
    assert runs == ["a"]
    assert vacant(store).not_before == vacant(store).acquire_time + timedelta(seconds=60)


@pytest.mark.parametrize("hold_for", [-1, float("nan"), "1h"])
def test_what_is_no_duration_is_refused(hold_for):
    with pytest.raises(ConfigurationError, match="hold_for"):
        Campaign(MemoryStore(), hold_for=hold_for)
