"""The campaign for asyncio: the work is a task, and a blocked loop costs no lease."""

import asyncio
import threading

import pytest

from incumbent import Campaign, ConfigurationError, LeadershipLost, aio
from incumbent.stores.memory import MemoryStore
from support.driving import until


def test_the_work_is_cancelled_and_awaited_before_the_release(clock):
    store, log = MemoryStore(), []

    async def lead(leadership):
        log.append(("began", leadership.token))
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            log.append(("ended", store.get_lease(timeout=1).lease.is_vacant))

    async def main():
        async with aio.Campaign(store, identity="a", clock=clock) as campaign:
            running = asyncio.create_task(campaign.run(lead))
            await until(lambda: log == [("began", 1)])
            assert (campaign.is_leader(), campaign.state, campaign.leader) == (True, "leader", "a")
            assert (campaign.token, campaign.identity) == (1, "a")
            await campaign.stop()
            await running
        assert store.get_lease(timeout=1).lease.is_vacant

    asyncio.run(main())
    assert log == [("began", 1), ("ended", False)]


def test_a_lost_term_cancels_the_work_and_the_next_one_runs_it_again(clock):
    store, tokens, cancelled = MemoryStore(), [], []

    async def lead(leadership):
        tokens.append(leadership.token)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            with pytest.raises(LeadershipLost):
                leadership.check()
            cancelled.append((leadership.token, leadership.is_valid(), leadership.reason))
            raise

    async def main():
        async with aio.Campaign(store, identity="a", clock=clock) as campaign:
            running = asyncio.create_task(campaign.run(lead))
            await until(lambda: tokens == [1])
            stored = store.get_lease(timeout=1)
            store.update_lease(stored.lease.released(stored.lease.renew_time), stored.version, timeout=1)
            await asyncio.to_thread(clock.advance, 2)
            await until(lambda: cancelled != [])
            await asyncio.to_thread(clock.advance, 5)
            await until(lambda: tokens == [1, 2])
            await campaign.stop()
            await running

    asyncio.run(main())
    assert cancelled[0] == (1, False, "the lease was released by another")


def test_a_blocked_loop_costs_no_lease(clock):
    """Renewals go on while the loop is stuck for longer than many leases last."""

    async def main():
        async with aio.Campaign(MemoryStore(), clock=clock) as campaign:
            assert await campaign.wait_until_leader(10)
            meanwhile = threading.Thread(target=clock.advance, args=(600,))
            meanwhile.start()
            meanwhile.join()  # the loop is blocked until ten minutes have passed
            assert campaign.is_leader()
            assert campaign.token == 1

    asyncio.run(main())


def test_cancelling_run_stops_the_campaign_gracefully(clock):
    store, log = MemoryStore(), []

    async def lead(leadership):
        log.append("began")
        try:
            await leadership.wait()
        finally:
            log.append("ended")

    async def main():
        campaign = aio.Campaign(store, clock=clock)
        running = asyncio.create_task(campaign.run(lead))
        await until(lambda: log == ["began"])
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert campaign.state == "stopped"
        assert store.get_lease(timeout=1).lease.is_vacant

    asyncio.run(main())
    assert log == ["began", "ended"]


def test_work_that_returns_or_raises_ends_its_term(clock, caplog):
    store, tokens = MemoryStore(), []

    async def lead(leadership):
        tokens.append(leadership.token)
        if len(tokens) == 1:
            raise OSError("no such host")

    async def main():
        async with aio.Campaign(store, clock=clock) as campaign:
            running = asyncio.create_task(campaign.run(lead))
            await until(lambda: tokens == [1] and store.get_lease(timeout=1).lease.is_vacant)
            for _ in range(40):
                await asyncio.to_thread(clock.advance, 1)
            await until(lambda: tokens[:2] == [1, 2])
            await campaign.stop()
            await running

    asyncio.run(main())
    assert "no such host" in caplog.text


def test_the_work_may_stop_its_own_campaign(clock):
    async def main():
        campaign = aio.Campaign(MemoryStore(), clock=clock)

        async def lead(leadership):
            await campaign.stop()
            asked.append(leadership.reason)  # it goes on until it waits for something else

        asked = []
        await asyncio.wait_for(campaign.run(lead), 20)
        assert campaign.state == "stopped"
        assert len(asked) == 1

    asyncio.run(main())


def test_waiting_in_the_work_blocks_no_loop(clock):
    began, seen = [], []

    async def lead(leadership):
        wait = asyncio.ensure_future(leadership.wait(1.0))
        await asyncio.sleep(0)
        began.append(leadership.token)
        seen.append(await wait)
        assert leadership.deadline > clock.now()
        assert leadership.identity == "a"

    async def main():
        async with aio.Campaign(MemoryStore(), identity="a", clock=clock) as campaign:
            running = asyncio.create_task(campaign.run(lead))
            await until(lambda: began)
            await asyncio.to_thread(clock.advance, 1)
            await until(lambda: seen == [False])
            await campaign.resign()
            await campaign.stop()
            await running

    asyncio.run(main())


def test_a_term_won_before_run_waits_for_its_work(clock):
    tokens = []

    async def lead(leadership):
        tokens.append(leadership.token)
        await leadership.wait()

    async def main():
        async with aio.Campaign(MemoryStore(), clock=clock) as campaign:
            assert await campaign.wait_until_leader(10)
            running = asyncio.create_task(campaign.run(lead))
            await until(lambda: tokens == [1])
            running.cancel()

    asyncio.run(main())


def test_the_work_goes_to_run(clock):
    with pytest.raises(ConfigurationError, match="run"):
        aio.Campaign(MemoryStore(), on_started_leading=print)


def test_both_kinds_contend_for_one_lease(clock):
    store = MemoryStore()

    async def main():
        async with aio.Campaign(MemoryStore(space=store.space), identity="task", clock=clock) as campaign:
            assert await campaign.wait_until_leader(10)
            with Campaign(store, identity="thread", clock=clock) as other:
                assert not other.is_leader()
                await campaign.stop()
                await until(other.is_leader)

    asyncio.run(main())


def test_cancelling_run_while_it_starts_leaves_nothing_running(clock):
    """Wherever the cancellation strikes, the campaign is stopped when `run` has ended."""

    async def main():
        for turns in range(8):
            campaign = aio.Campaign(MemoryStore(), clock=clock)
            running = asyncio.create_task(campaign.run(lambda leadership: leadership.wait()))
            for _ in range(turns):
                await asyncio.sleep(0)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            assert campaign.state == "stopped"

    asyncio.run(main())
