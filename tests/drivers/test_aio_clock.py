"""Waits by the campaign's clock on an event loop: not before their instant, and never after a deadline."""

import asyncio
import sys
import time

import pytest

from incumbent import Campaign, aio
from incumbent.stores.memory import MemoryStore
from support.driving import HeldUp, library_threads, until


def test_a_wait_for_a_time_that_has_passed_asks_and_does_not_wait(clock):
    async def main():
        async with aio.Campaign(MemoryStore(), clock=clock) as campaign:
            assert await campaign.wait_until_leader(0)
            assert await campaign.wait_until_leader(-1)
            store = MemoryStore(space=campaign._contest._store.space)
            async with aio.Campaign(store, clock=clock) as standby:
                for timeout in (0, -1):
                    with pytest.raises(StopIteration) as returned:  # it does not even give way to the loop
                        standby.wait_until_leader(timeout).send(None)
                    assert returned.value.value is False

    asyncio.run(main())


def test_a_wait_ends_at_its_instant_and_not_before(clock):
    """Also where seconds as floats are a little more or less than the instant."""

    async def main():
        clock.advance(0.1)
        store = MemoryStore()
        with Campaign(store, clock=clock):
            async with aio.Campaign(MemoryStore(space=store.space), clock=clock) as standby:
                waiting = asyncio.ensure_future(standby.wait_until_leader(0.2))
                await asyncio.sleep(0)
                await asyncio.to_thread(clock.advance, 0.199999999)
                for _ in range(10):
                    await asyncio.sleep(0)
                assert not waiting.done()
                await asyncio.to_thread(clock.advance, 0.000000001)
                assert await asyncio.wait_for(waiting, 20) is False

    asyncio.run(main())


def test_a_wait_for_the_lead_ends_with_the_campaign(clock):
    async def main():
        store = MemoryStore()
        with Campaign(store, clock=clock):
            async with aio.Campaign(MemoryStore(space=store.space), clock=clock) as standby:
                waiting = asyncio.ensure_future(standby.wait_until_leader())
                await asyncio.sleep(0)
                await standby.stop()
                assert await asyncio.wait_for(waiting, 20) is False

    asyncio.run(main())


def test_work_is_cancelled_at_the_deadline_whatever_holds_up_the_library(clock):
    """P3: a store that hangs on the thread of the campaigns delays no wait, and no cancellation."""
    store = HeldUp()
    log = []

    async def main():
        async def lead(leadership):
            log.append(leadership.token)
            try:
                await leadership.wait(3600)
                log.append("waited")
                await asyncio.Event().wait()
            finally:
                log.append(leadership.reason)

        async with aio.Campaign(store, clock=clock) as campaign:
            running = asyncio.create_task(campaign.run(lead))
            await until(lambda: log == [1])
            store.gate.clear()
            try:
                await asyncio.to_thread(clock.advance, campaign.config.renew_deadline)
                await until(lambda: len(log) > 1 and log[-1] is None)
            finally:
                store.gate.set()
            assert log[0] == 1
            await campaign.stop()
            await running

    asyncio.run(main())


def test_a_deadline_between_two_looks_is_kept_exactly(clock):
    """Of a term whose validity ends before the campaign looks again by itself."""
    store = HeldUp()
    ended_at = []

    async def main():
        async def lead(leadership):
            try:
                await asyncio.Event().wait()
            finally:
                ended_at.append(clock.now())

        async with aio.Campaign(store, clock=clock, retry_period=3.0, jitter=0.0) as campaign:
            running = asyncio.create_task(campaign.run(lead))
            await until(lambda: campaign._run.term is not None and campaign._run.term.task is not None)
            store.gate.clear()
            try:
                await asyncio.to_thread(clock.advance, 10.0)
                await until(lambda: ended_at == [10.0])
            finally:
                store.gate.set()
            await campaign.stop()
            await running

    asyncio.run(main())


def test_all_of_it_on_the_real_clock_and_every_kind_of_loop():
    """A follower that gives up often takes over soon after the leader has gone."""

    async def main():
        store = MemoryStore()
        settings = {"lease_duration": 1.0, "retry_period": 0.1}
        seen = []

        async def lead(leadership):
            seen.append(await leadership.wait(0.05))
            await leadership.wait()

        leader = Campaign(store, **settings)
        leader.start()
        try:
            assert await asyncio.to_thread(leader.wait_until_leader, 20)
            async with aio.Campaign(MemoryStore(space=store.space), **settings) as standby:
                threads = len(library_threads())
                for _ in range(20):
                    with pytest.raises(asyncio.TimeoutError):
                        await asyncio.wait_for(standby.wait_until_leader(), 0.001)
                assert len(library_threads()) <= threads
                began = time.monotonic()
                assert await standby.wait_until_leader(0.05) is False
                assert time.monotonic() - began >= 0.05
                await asyncio.to_thread(leader.stop)
                running = asyncio.create_task(standby.run(lead))
                assert await standby.wait_until_leader(20)
                await until(lambda: seen)
                assert seen[0] is False
                await standby.stop()
                await running
        finally:
            leader.stop()

    for run in runners():
        run(main())


def runners():
    yield asyncio.run
    uvloop = sys.modules.get("uvloop") or _uvloop()
    if uvloop is not None:
        yield uvloop.run


def _uvloop():
    try:
        import uvloop  # noqa: PLC0415 - where it is installed
    except ImportError:
        return None
    return uvloop
