"""What a program can do to a campaign for asyncio at the wrong moment."""

import asyncio
import contextvars
import sys

import pytest

from incumbent import ElectionError, aio
from incumbent.stores.memory import MemoryStore
from support.driving import until


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


def test_the_work_sees_the_context_of_run(clock):
    """As a task sees that of whoever created it, in each term."""
    name, seen = contextvars.ContextVar("name", default="none"), []

    async def lead(leadership):
        seen.append(name.get())
        name.set("changed by the work")

    async def main():
        campaign = aio.Campaign(MemoryStore(), clock=clock)
        async with campaign:
            name.set("of run")
            running = asyncio.ensure_future(campaign.run(lead))
            await until(lambda: len(seen) == 1)
            for _ in range(20):
                await asyncio.to_thread(clock.advance, 1)
            await until(lambda: len(seen) > 1)
            await campaign.stop()
            await running
        assert set(seen) == {"of run"}

    asyncio.run(main())


@pytest.mark.skipif(sys.version_info < (3, 12), reason="tasks are not eager before Python 3.12")
def test_work_of_eager_tasks_may_stop_its_own_campaign(clock):
    async def main():
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        campaign = aio.Campaign(MemoryStore(), clock=clock)

        async def lead(leadership):
            await campaign.stop()

        await asyncio.wait_for(campaign.run(lead), 20)
        assert campaign.state == "stopped"

    asyncio.run(main())


def test_no_work_begins_in_a_term_that_is_to_end(clock):
    """It may have been asked to just before the work is given."""
    began = []

    async def lead(term, waits):
        began.append(term.token)

    async def main():
        async with aio.Campaign(MemoryStore(), clock=clock) as campaign:
            run = campaign._run
            run.term.handle.ask_to_end("a test")
            run.give_work(lead, asyncio.get_running_loop())
            for _ in range(10):
                await asyncio.sleep(0)

    asyncio.run(main())
    assert began == []


def test_work_that_cleans_up_is_cancelled_once(clock):
    """Its clean-up may await, whatever happens to the term meanwhile."""
    log, may_end = [], []

    async def lead(leadership):
        log.append("began")
        try:
            await asyncio.Event().wait()
        finally:
            log.append("cleaning")
            await may_end[0].wait()
            log.append("clean")

    async def main():
        may_end.append(asyncio.Event())
        campaign = aio.Campaign(MemoryStore(), clock=clock)
        running = asyncio.ensure_future(campaign.run(lead))
        await until(lambda: log == ["began"])
        stopping = asyncio.ensure_future(campaign.stop())
        await until(lambda: log == ["began", "cleaning"])
        await asyncio.to_thread(clock.advance, 5)  # the term is looked at again and again
        for _ in range(10):
            await asyncio.sleep(0)
        may_end[0].set()
        await asyncio.wait_for(stopping, 20)
        await running

    asyncio.run(main())
    assert log == ["began", "cleaning", "clean"]
