"""Waiting for a campaign on an event loop: no thread for each wait, and nothing left by what is cancelled."""

import asyncio
import gc
import threading
import weakref
from types import SimpleNamespace

import pytest

from incumbent import Campaign, aio
from incumbent.runtime import loop_waits, scheduler
from incumbent.runtime.listeners import Listeners
from incumbent.stores.memory import MemoryStore
from support.driving import library_threads, until

MANY = 300


def kept_for_waits(campaign):
    """How many listeners and timers there are for those that wait."""
    run = campaign._run
    term = () if run.term is None else run.term.handle.listeners._listeners
    return len(run.changes._listeners), len(term), len(run.waits._timers)


async def cancelled(call):
    """Begin to wait, then give up."""
    waiting = asyncio.ensure_future(call())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


@pytest.mark.parametrize("timeout", [None, 3600.0])
def test_cancelled_waits_leave_nothing_behind(clock, timeout):
    """Of threads none; of listeners and timers no more than there were."""

    async def main():
        store = MemoryStore()
        done = asyncio.Event()

        async def lead(leadership):
            before, threads = kept_for_waits(campaign), len(library_threads())
            for _ in range(MANY):
                await cancelled(lambda: leadership.wait(timeout))
            await settled(campaign, before)
            assert len(library_threads()) <= threads
            done.set()
            await leadership.wait()

        async with aio.Campaign(store, clock=clock) as campaign:
            running = asyncio.create_task(campaign.run(lead))
            await asyncio.wait_for(done.wait(), 20)
            async with aio.Campaign(MemoryStore(space=store.space), clock=clock) as standby:
                before, threads = kept_for_waits(standby), len(library_threads())
                for _ in range(MANY):
                    await cancelled(lambda: standby.wait_until_leader(timeout))
                await settled(standby, before)
                assert len(library_threads()) <= threads
            await campaign.stop()
            await running

    asyncio.run(main())


async def settled(campaign, before):
    """What was cancelled is gone once the thread of the waits has seen to it, but for a few timers."""
    processed = threading.Event()
    campaign._run.waits.post(processed.set)
    await until(processed.is_set)
    changes, term, timers = kept_for_waits(campaign)
    assert (changes, term) == before[:2]
    assert timers <= before[2] + 64


def test_waits_that_go_on_take_no_thread(clock):
    """Hundreds at once, with and without a timeout, and each has its answer."""

    async def main():
        store, began, seen = MemoryStore(), [], []

        async def lead(leadership):
            waits = [asyncio.ensure_future(leadership.wait(3600.0 if n % 2 else None)) for n in range(MANY)]
            began.append(leadership.token)
            seen.extend(await asyncio.gather(*waits))

        with Campaign(store, clock=clock) as other:
            async with aio.Campaign(MemoryStore(space=store.space), clock=clock) as campaign:
                running = asyncio.create_task(campaign.run(lead))
                threads = len(library_threads())
                waits = [asyncio.ensure_future(campaign.wait_until_leader()) for _ in range(MANY)]
                hurried = [asyncio.ensure_future(campaign.wait_until_leader(1.0)) for _ in range(MANY)]
                await asyncio.sleep(0)
                assert len(library_threads()) <= threads
                await asyncio.to_thread(clock.advance, 1)
                assert await asyncio.wait_for(asyncio.gather(*hurried), 20) == [False] * MANY
                await asyncio.to_thread(other.stop)
                await asyncio.to_thread(clock.advance, 20)
                assert await asyncio.wait_for(asyncio.gather(*waits), 20) == [True] * MANY
                await until(lambda: began)
                assert len(library_threads()) <= threads
                await campaign.stop()
                await running
        assert seen == [] or all(seen)  # the work was cancelled while it waited, or just before

    asyncio.run(main())


def test_cancelled_stops_take_no_thread_either(clock):
    """However often it is awaited, there is one stop, and it goes on without its waiters."""

    async def main():
        end = asyncio.Event()
        store = MemoryStore()

        async def lead(leadership):
            log.append("began")
            while not end.is_set():
                try:
                    await end.wait()
                except asyncio.CancelledError:  # noqa: PERF203 - work that will not end
                    log.append("cancelled")

        log = []
        campaign = aio.Campaign(store, clock=clock)
        running = asyncio.create_task(campaign.run(lead))
        await until(lambda: log == ["began"])
        threads = len(library_threads())
        try:
            for _ in range(MANY):
                await cancelled(campaign.stop)
            assert len(library_threads()) <= threads
            await until(lambda: len(log) > 1)
            await asyncio.sleep(0.01)
            assert log == ["began", "cancelled"]
            assert not store.get_lease(timeout=1).lease.is_vacant
        finally:
            end.set()  # or the loop would wait for it for ever
        await asyncio.wait_for(running, 20)
        assert store.get_lease(timeout=1).lease.is_vacant
        assert campaign.state == "stopped"

    asyncio.run(main())


def test_a_run_that_is_over_keeps_nothing_alive(clock):
    async def main():
        campaign = aio.Campaign(MemoryStore(), clock=clock)
        async with campaign:
            assert await campaign.wait_until_leader()
        run = weakref.ref(campaign._run)
        del campaign
        await until(lambda: gc.collect() is not None and run() is None)

    asyncio.run(main())
    assert scheduler.waits.thread_of(clock) is None
    assert scheduler.shared.thread_of(clock) is None


def test_the_run_and_its_waiters_may_be_in_any_order(clock):
    """What waits for a task that was created, and had no turn yet, waits for its campaign."""

    async def lead(leadership):
        await leadership.wait()

    async def main():
        campaign = aio.Campaign(MemoryStore(), clock=clock)
        running = asyncio.create_task(campaign.run(lead))
        assert await campaign.wait_until_leader()
        await campaign.stop()
        await running
        waiting = asyncio.ensure_future(campaign.wait_until_leader())
        running = asyncio.ensure_future(campaign.run(lead))
        assert await waiting
        await campaign.resign()
        await campaign.stop()
        await running

    asyncio.run(main())


def test_a_wait_that_is_woken_for_nothing_waits_again():
    """It asks once for each change, on the loop, wherever the change was made."""
    asked, enough = [], []

    def is_enough():
        asked.append(threading.current_thread())
        assert len(asked) < 10
        return bool(enough)

    async def main():
        changes = Listeners()
        waiting = asyncio.ensure_future(loop_waits.until(is_enough, changes))
        for _ in range(3):
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            await asyncio.to_thread(changes.call)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert asked == [threading.main_thread()] * 4
        enough.append(True)
        changes.call()
        await asyncio.wait_for(waiting, 20)

    asyncio.run(main(), debug=True)  # which knows its own thread from others


def test_a_run_beside_others_leaves_no_timer(clock):
    """Of two campaigns that share a clock, the one that has stopped is looked at no more."""

    def timers(run):
        return [entry for entry in run.waits._timers if entry[2].action is not None]

    async def main():
        async with aio.Campaign(MemoryStore(), clock=clock) as first:
            run = first._run
            await until(lambda: len(timers(run)) == 1)
            async with aio.Campaign(MemoryStore(), clock=clock) as second:
                assert second._run.waits is run.waits
                await until(lambda: len(timers(run)) == 2)
            await until(lambda: len(timers(run)) == 1)

    asyncio.run(main())


def test_a_timeout_has_passed_before_that_is_told():
    """Who is woken by it looks at once, on another thread, and would wait for ever."""
    at_once = SimpleNamespace(now=lambda: 0, post=lambda do: do(), call_at=lambda _, do: do())
    timeout, seen = loop_waits.Timeout(at_once, 1), []
    timeout.start(lambda: seen.append(timeout.has_passed))
    assert seen == [True]
