"""Starting, stopping and resigning on an event loop: when each returns, and what it has done by then."""

import asyncio
import threading
from functools import partial

import pytest

from incumbent import Campaign, aio
from incumbent.stores.memory import MemoryStore
from support.driving import eventually, library_threads, until


def test_a_start_while_it_stops_waits_for_that_and_starts_anew(clock):
    async def lead(leadership):
        tokens.append(leadership.token)
        await leadership.wait()

    async def main():
        campaign = aio.Campaign(MemoryStore(), clock=clock)
        running = asyncio.ensure_future(campaign.run(lead))
        await until(lambda: tokens == [1])
        stopping = asyncio.ensure_future(campaign.stop())
        await asyncio.sleep(0)
        async with campaign:
            assert stopping.done() or await asyncio.wait_for(stopping, 20) is None
            assert campaign.is_leader()
            assert campaign.token == 2
        await running

    tokens = []
    asyncio.run(main())


def test_entering_it_twice_is_one_campaign(clock):
    async def main():
        campaign = aio.Campaign(MemoryStore(), clock=clock)
        async with campaign:
            run = campaign._run
            await campaign.start()
            assert campaign._run is run
            assert campaign.is_leader()
        assert campaign.state == "stopped"

    asyncio.run(main())


def test_a_file_for_the_trace_that_cannot_be_opened_is_said_at_the_start(clock, tmp_path):
    async def main():
        campaign = aio.Campaign(MemoryStore(), clock=clock, trace=tmp_path / "none" / "trace")
        with pytest.raises(FileNotFoundError):
            await campaign.start()
        (tmp_path / "none").mkdir()
        async with campaign:
            assert campaign.is_leader()

    asyncio.run(main())


def test_start_and_stop_are_what_the_block_does(clock):
    before = library_threads()  # others may have left work behind that ends when it likes

    async def main():
        store = MemoryStore()
        campaign = aio.Campaign(store, clock=clock)
        await campaign.start()
        assert campaign.is_leader()  # a local store has answered by then, as for `incumbent.Campaign`
        await campaign.resign()
        assert store.get_lease(timeout=1).lease.is_vacant
        assert not campaign.is_leader()
        await campaign.stop()
        await campaign.stop()
        assert campaign.state == "stopped"
        await until(lambda: len(library_threads()) <= len(before))

    asyncio.run(main())


def test_the_time_given_to_stop_is_the_works(clock, caplog):
    """Work that does not end in it is left behind, and the lease with it."""

    async def lead(leadership):
        began.append(leadership.token)
        while not ends[0].is_set():
            try:
                await ends[0].wait()
            except asyncio.CancelledError:  # noqa: PERF203 - work that will not end
                cancelled.append(leadership.reason)

    async def main():
        ends.append(asyncio.Event())
        campaign = aio.Campaign(store, clock=clock, stop_timeout=3600.0)
        running = asyncio.ensure_future(campaign.run(lead))
        await until(lambda: began)
        stopping = asyncio.ensure_future(campaign.stop(2.0))
        try:
            await until(lambda: cancelled)
            await asyncio.to_thread(clock.advance, 2.0)
            await until(stopping.done)
            await until(running.done)
            assert not store.get_lease(timeout=1).lease.is_vacant
            assert cancelled == ["the campaign is stopping"]
        finally:
            ends[0].set()

    store, began, cancelled, ends = MemoryStore(), [], [], []
    asyncio.run(main())


def test_a_store_that_hangs_at_the_start_blocks_no_loop(clock):
    """It is entered when the store has answered; meanwhile the loop does other things."""
    store, gate = MemoryStore(), threading.Event()
    create = store.create_lease

    def hang(lease, *, timeout):
        gate.wait(30)
        return create(lease, timeout=timeout)

    store.create_lease = hang

    async def main():
        campaign = aio.Campaign(store, clock=clock)
        starting = asyncio.ensure_future(campaign.start())
        asking = asyncio.ensure_future(campaign.wait_until_leader())
        for _ in range(10):
            await asyncio.sleep(0)
        assert not starting.done()
        gate.set()
        await asyncio.wait_for(starting, 20)
        assert campaign.is_leader()
        assert await asking
        await campaign.stop()

    asyncio.run(main())


def test_a_resignation_without_work_is_done_when_it_returns(clock):
    store, gate = MemoryStore(), threading.Event()

    async def main():
        async with aio.Campaign(store, clock=clock) as campaign:
            campaign._contest.then(partial(gate.wait, 20))  # the thread that keeps the campaigns is busy
            resigning = asyncio.ensure_future(campaign.resign())
            for _ in range(10):
                await asyncio.sleep(0)
            assert not resigning.done()
            gate.set()
            await asyncio.wait_for(resigning, 20)
            assert store.get_lease(timeout=1).lease.is_vacant

    asyncio.run(main())


def test_a_stop_returns_when_it_has_stopped(clock):
    gate = threading.Event()

    async def main():
        async with aio.Campaign(MemoryStore(), clock=clock) as campaign:
            campaign._contest.then(partial(gate.wait, 20))  # the thread that keeps the campaigns is busy
            stopping = asyncio.ensure_future(campaign.stop())
            for _ in range(10):
                await asyncio.sleep(0)
            assert not stopping.done()
            gate.set()
            await asyncio.wait_for(stopping, 20)
            assert campaign.state == "stopped"

    asyncio.run(main())


def test_a_term_that_begins_after_the_loop_was_closed_is_given_up(clock):
    store = MemoryStore()
    campaign = aio.Campaign(MemoryStore(space=store.space), clock=clock)

    async def begin():
        await campaign.start()
        await until(lambda: campaign._run._watch_timer)  # which would find the loop closed

    with Campaign(store, clock=clock):
        asyncio.run(begin())
    eventually(lambda: campaign.state == "stopped" and store.get_lease(timeout=1).lease.is_vacant)
