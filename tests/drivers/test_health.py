"""What probes are told of campaigns, on threads and in virtual time."""

import asyncio
import threading

import pytest

from incumbent import Campaign, Health, StoreUnavailable, aio
from incumbent.stores.memory import MemoryStore
from support.driving import HeldUp, RemoteStore, in_child, settle
from support.port import leading


def test_it_is_told_before_the_start_while_it_runs_and_after_the_end(clock):
    campaign = Campaign(MemoryStore(), clock=clock)
    assert campaign.health() == Health()
    with campaign:
        clock.advance(1)
        assert campaign.health() == (True, True, True, "leader", 1.0, 9.0, "")
    assert campaign.health() == Health()


def test_a_store_that_fails_costs_readiness_after_a_lease_duration(clock):
    """And a leader its office before that."""
    store = RemoteStore()
    with Campaign(store, clock=clock, jitter=0.0) as campaign:
        settle(campaign)

        def away(*_, **__):
            raise StoreUnavailable("gone fishing")

        kept = store.get_lease, store.update_lease
        store.get_lease = store.update_lease = away
        seen = []
        for _ in range(18):
            clock.advance(1)
            settle(campaign)
            health = campaign.health()
            seen.append((health.is_live, health.is_ready, health.is_leader))
        assert seen == [(True, True, True)] * 9 + [(True, True, False)] * 7 + [(True, False, False)] * 2
        assert health.reason == "the store has not answered for 16.0 s"
        store.get_lease, store.update_lease = kept
        clock.advance(2)
        settle(campaign)
        assert campaign.health().is_ready


def test_a_thread_that_is_held_up_is_told_while_it_is(clock):
    """By a local store, whose calls it makes itself: no question waits for it."""
    store = HeldUp()
    with Campaign(store, clock=clock) as campaign:
        store.gate.clear()
        clock.jump(2)  # a renewal is due, and hangs
        assert campaign.health().is_live
        clock.jump(15)
        health = campaign.health()
        assert (health.is_live, health.is_ready, health.is_leader) == (False, False, False)
        assert health.reason == "nothing was done for 15.0 s: the campaign's thread is held up"
        store.gate.set()


def test_a_defect_is_told(port, monkeypatch):
    driver = leading(port)
    monkeypatch.setattr(type(driver.candidate), "handle", lambda *_: 1 / 0)
    port.fire()
    health = driver.health()
    assert (health.is_live, health.is_leader) == (False, False)
    assert health.reason == "a defect has ended the campaign: see the log"


def test_a_term_that_is_told_as_over_is_no_leadership(port):
    """Office and term end in one step of the driver, and a probe may come in between."""
    driver = leading(port)
    driver.leadership = None
    assert not driver.health().is_leader


@pytest.mark.parametrize("kind", [Campaign, aio.Campaign])
def test_a_forked_child_is_told_whose_it_is(kind):
    async def run():
        store = MemoryStore()
        campaign = kind(store)
        if kind is Campaign:
            campaign.start()
        else:
            await campaign.start()
        told = in_child(campaign.health)
        stopped = campaign.stop()
        if stopped is not None:
            await stopped
        return told

    told = asyncio.run(run())
    assert "is_live=True, is_ready=False, is_leader=False, state='stopped'" in told
    assert "this is a forked child" in told


def test_asyncio_has_it_too(clock):
    async def run():
        campaign = aio.Campaign(MemoryStore(), clock=clock)
        assert campaign.health() == Health()
        async with campaign:
            clock.advance(1)
            assert campaign.health() == (True, True, True, "leader", 1.0, 9.0, "")

    asyncio.run(run())


def test_it_waits_for_no_lock(clock):
    """Not for one that is held by whoever starts or stops the campaign."""
    with Campaign(MemoryStore(), clock=clock) as campaign:
        told = []
        with campaign._lock, campaign._ending, campaign._driver.changed.condition:
            asker = threading.Thread(target=lambda: told.append(campaign.health()))
            asker.start()
            asker.join(10)
        assert told[0].is_leader
