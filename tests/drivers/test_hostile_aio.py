"""What a program can do to a campaign for asyncio at the wrong moment."""

import asyncio

import pytest

from incumbent import ElectionError, aio
from incumbent.stores.memory import MemoryStore
from support.driving import eventually


async def until(predicate):
    await asyncio.wait_for(asyncio.to_thread(eventually, predicate), 20)


def test_cancelling_the_entry_leaves_nothing_running(clock):
    """Wherever the cancellation strikes, what was not entered does not contend."""

    async def enter(campaign):
        async with campaign:
            await asyncio.Event().wait()

    async def main():
        for turns in range(8):
            campaign = aio.Campaign(MemoryStore(), clock=clock)
            entering = asyncio.create_task(enter(campaign))
            for _ in range(turns):
                await asyncio.sleep(0)
            entering.cancel()
            with pytest.raises(asyncio.CancelledError):
                await entering
            assert campaign.state == "stopped"

    asyncio.run(main())


def test_work_is_not_run_again_by_a_later_start(clock):
    """A campaign entered anew waits for its next `run`: the work of the last one is over."""
    ran = []

    async def lead(leadership):
        ran.append(leadership.token)
        await campaign.stop()

    async def main():
        await campaign.run(lead)
        async with campaign:
            assert await campaign.wait_until_leader(10)
            await asyncio.sleep(0.05)
            assert ran == [1]
            await campaign.run(lead)
            assert ran == [1, 2]

    campaign = aio.Campaign(MemoryStore(), clock=clock)
    asyncio.run(main())


def test_only_one_may_run_a_campaign(clock):
    """A second `run` is refused, and does not disturb the first."""
    ran = []

    async def lead(leadership):
        ran.append(leadership.token)
        await leadership.wait()

    async def main():
        campaign = aio.Campaign(MemoryStore(), clock=clock)
        running = asyncio.create_task(campaign.run(lead))
        await until(lambda: ran)
        with pytest.raises(ElectionError, match="under way"):
            await campaign.run(lead)
        assert campaign.is_leader()
        await campaign.stop()
        await running
        assert ran == [1]

    asyncio.run(main())


@pytest.mark.parametrize("how", ["raise", "return"])
def test_leaving_the_block_while_leading_ends_the_work_first(clock, how):
    """The lease is released after the work has been cancelled and awaited, however the block is left."""
    store, log = MemoryStore(), []

    async def lead(leadership):
        log.append("began")
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            log.append(store.get_lease(timeout=1).lease.is_vacant)

    async def main():
        async with aio.Campaign(store, clock=clock) as campaign:
            running.append(asyncio.create_task(campaign.run(lead)))
            await until(lambda: log)
            if how == "raise":
                assert 1 / 0

    running = []
    if how == "raise":
        with pytest.raises(ZeroDivisionError):
            asyncio.run(main())
    else:
        asyncio.run(main())
    assert log == ["began", False]
    assert store.get_lease(timeout=1).lease.is_vacant


def test_work_that_was_cancelled_by_others_ends_its_term(clock):
    """A task of the work that somebody else cancels is over: the lease is not kept without work."""
    tokens = []

    async def lead(leadership):
        tokens.append(leadership.token)
        if len(tokens) == 1:
            asyncio.current_task().cancel()
        await asyncio.Event().wait()

    async def main():
        campaign = aio.Campaign(MemoryStore(), clock=clock)
        running = asyncio.create_task(campaign.run(lead))
        await until(lambda: tokens)
        await until(lambda: not campaign.is_leader())
        await asyncio.to_thread(clock.advance, 20)
        await until(lambda: tokens == [1, 2])
        await campaign.stop()
        await running

    asyncio.run(main())


def test_a_campaign_left_behind_by_a_loop_can_be_stopped_from_another(clock):
    """The loop that started it is closed; the campaign is not, and can be."""
    campaign = aio.Campaign(MemoryStore(), clock=clock)

    async def enter():
        await campaign.__aenter__()

    asyncio.run(enter())
    asyncio.run(campaign.stop())
    assert campaign.state == "stopped"
