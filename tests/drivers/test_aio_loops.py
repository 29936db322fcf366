"""Event loops that end, or change, while a campaign runs; and processes that end, or fork, with one."""

import asyncio
import subprocess
import sys
import threading
from functools import partial

import pytest

from incumbent import Campaign, ElectionError, aio, open_store
from incumbent.runtime import on_loop
from incumbent.stores.memory import MemoryStore
from support.driving import eventually, in_child, until


class Warnings(list):
    """The lines of the log that a lost loop adds."""

    def __init__(self, caplog):
        super().__init__(line for line in caplog.messages if "event loop has ended" in line)


def leading(campaign):
    """A loop that ran until the work of the campaign had begun, and does not run now."""

    async def lead(leadership):
        began.append(leadership)
        await asyncio.Event().wait()

    async def begin():
        running.append(asyncio.ensure_future(campaign.run(lead)))
        await until(lambda: began)

    began, running = [], []
    loop = asyncio.new_event_loop()
    loop.run_until_complete(begin())
    loop.run_until_complete(loop.shutdown_default_executor())
    for task in asyncio.all_tasks(loop):
        task._log_destroy_pending = False  # the loop that is closed over them complains of it
    return loop


@pytest.mark.parametrize("has_work", [True, False])
def test_a_loop_that_is_closed_while_leading_lets_go_of_the_lease(clock, caplog, has_work):
    """The work is a task of that loop, and will not go on: the lease is not kept for it."""
    store = MemoryStore()
    campaign = aio.Campaign(store, identity="a", clock=clock)
    if has_work:
        leading(campaign).close()
    else:
        asyncio.run(campaign.start())
    assert campaign.is_leader()
    clock.advance(campaign.config.retry_period)
    eventually(lambda: campaign.state == "stopped" and store.get_lease(timeout=1).lease.is_vacant)
    (line,) = Warnings(caplog)
    assert line == (
        "a leaves the race: its event loop has ended, and so has its work; "
        "await stop() before the loop is closed"
    )
    assert "the work failed" not in caplog.text


def test_a_lease_is_let_go_though_nobody_can_be_told_why(clock, broken_log):
    """P13: the log is full when the loop is lost."""
    store = MemoryStore()
    campaign = aio.Campaign(store, identity="a", clock=clock)
    leading(campaign).close()
    clock.advance(campaign.config.retry_period)
    eventually(lambda: campaign.state == "stopped" and store.get_lease(timeout=1).lease.is_vacant)


def test_a_follower_whose_loop_is_closed_leaves_the_race(clock, caplog):
    """It would win a lease for which nobody works."""
    store = MemoryStore()
    with Campaign(store, clock=clock) as leader:
        campaign = aio.Campaign(MemoryStore(space=store.space), clock=clock)
        asyncio.run(campaign.start())
        clock.advance(campaign.config.retry_period)
        eventually(lambda: campaign.state == "stopped")
        assert len(Warnings(caplog)) == 1
        assert leader.is_leader()


def test_a_stop_that_was_asked_for_is_no_loss_of_the_loop(clock, caplog):
    """The loop may be closed over a stop that nobody awaits any more: it is carried out, in silence."""
    store = MemoryStore()
    campaign = aio.Campaign(store, clock=clock)

    async def begin():
        await campaign.start()
        stopping = asyncio.ensure_future(campaign.stop())
        await asyncio.sleep(0)
        stopping.cancel()

    asyncio.run(begin())
    eventually(lambda: campaign.state == "stopped" and store.get_lease(timeout=1).lease.is_vacant)
    assert Warnings(caplog) == []


def test_a_campaign_goes_on_in_another_loop(clock):
    """The loop that calls `run` does the work, whichever started the campaign."""
    campaign = aio.Campaign(MemoryStore(), clock=clock)
    loops = []

    async def lead(leadership):
        loops.append((leadership.token, asyncio.get_running_loop()))
        await campaign.stop()

    async def run():
        running = asyncio.ensure_future(campaign.run(lead))
        await asyncio.wait({running}, timeout=4)
        first.close()  # which ends what was given to it in error
        await running
        return asyncio.get_running_loop()

    first = asyncio.new_event_loop()
    try:
        first.run_until_complete(campaign.start())
        second = asyncio.run(run())
    finally:
        first.close()
    assert loops == [(1, second)]


def test_a_loop_that_was_left_begins_no_work(clock):
    """A look that it was asked for before is not taken beside that of the loop that has the work now."""
    campaign = aio.Campaign(MemoryStore(), clock=clock)
    began, trouble, given, go_on = [], [], threading.Event(), threading.Event()

    async def lead(leadership):
        began.append(asyncio.get_running_loop())
        await leadership.wait()

    async def second_main():
        running = asyncio.ensure_future(campaign.run(lead))
        while campaign._run.lead is None and not running.done():  # noqa: ASYNC110 - there is nothing that says so
            await asyncio.sleep(0)
        given.set()
        go_on.wait(20)  # the loop is busy, and has not begun the work yet
        await until(lambda: began)
        await campaign.stop()
        await running

    first = asyncio.new_event_loop()
    first.set_exception_handler(lambda _, context: trouble.append(context["exception"]))
    first.run_until_complete(campaign.start())
    campaign._run.term.poke()
    second = threading.Thread(target=asyncio.run, args=(second_main(),), kwargs={"debug": True})
    second.daemon = True
    second.start()
    try:
        assert given.wait(20)
        first.run_until_complete(asyncio.sleep(0))
        assert campaign._run.term.task is None
    finally:
        go_on.set()
        second.join(20)
        first.close()
    assert trouble == []
    assert len(began) == 1


def test_a_campaign_is_stopped_from_another_loop_though_its_own_is_closed(clock, caplog):
    """The work has ended with its loop: the stop does not wait for it, and is no surprise."""
    store = MemoryStore()
    campaign = aio.Campaign(store, clock=clock)
    leading(campaign).close()

    async def stop():
        await asyncio.wait_for(campaign.stop(), 5)

    asyncio.run(stop())
    assert campaign.state == "stopped"
    assert store.get_lease(timeout=1).lease.is_vacant
    assert Warnings(caplog) == []


def test_a_loop_that_does_not_run_at_exit_has_ended(clock, caplog):
    store = MemoryStore()
    campaign = aio.Campaign(store, clock=clock)
    loop = leading(campaign)
    on_loop._at_exit()
    try:
        eventually(lambda: campaign.state == "stopped" and store.get_lease(timeout=1).lease.is_vacant)
        assert len(Warnings(caplog)) == 1
    finally:
        loop.close()


def test_a_loop_that_runs_at_exit_ends_its_work_itself(clock):
    async def main():
        async with aio.Campaign(MemoryStore(), clock=clock) as campaign:
            on_loop._at_exit()
            assert campaign.is_leader()
            assert not campaign._run.is_stopping

    asyncio.run(main())


def test_a_forked_child_that_exits_waits_for_no_lock_of_a_thread_that_stayed_behind(clock):
    campaign = aio.Campaign(MemoryStore(), clock=clock)
    held, done = threading.Event(), threading.Event()

    def hold():
        with campaign._contest._runtime.scheduler._changed:
            held.set()
            done.wait(20)

    loop = asyncio.new_event_loop()
    loop.run_until_complete(campaign.start())
    holder = threading.Thread(target=hold)
    holder.start()
    try:
        held.wait(10)
        assert in_child(on_loop._at_exit) == "None"
    finally:
        done.set()
        holder.join()
        loop.run_until_complete(campaign.stop())
        loop.close()


AT_EXIT = """
import asyncio, sys, time
from incumbent import aio, open_store

async def lead(leadership):
    await asyncio.Event().wait()

async def main():
    running = asyncio.ensure_future(campaign.run(lead))
    assert await campaign.wait_until_leader(20)
    await asyncio.sleep(0.05)
    assert campaign.is_leader()

campaign = aio.Campaign(open_store(sys.argv[1], lease="l"), lease_duration=60.0)
loop = asyncio.new_event_loop()
loop.run_until_complete(main())
"""


def test_an_interpreter_that_exits_with_its_loop_left_behind_lets_go_of_the_lease(tmp_path):
    """Its work will not go on: nobody waits until it ends, and the next leader waits for no lease."""
    url = f"sqlite:///{tmp_path}/leases.db"
    exit_after_work = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", AT_EXIT, url],
        capture_output=True,
        text=True,
        timeout=25,
        check=False,
    )
    assert exit_after_work.returncode == 0, exit_after_work.stderr
    store = open_store(url, lease="l")
    assert store.get_lease(timeout=1).lease.is_vacant
    store.close()


def test_a_forked_child_leads_nothing_and_can_exit(clock):
    """What was copied is the parent's: the questions answer no, the calls say so, and `stop` returns."""

    async def main():
        async with aio.Campaign(MemoryStore(), clock=clock) as campaign:
            assert await campaign.wait_until_leader()
            assert in_child(partial(child, campaign)) == "(False, 'stopped', None)"
            assert campaign.is_leader()

    def child(campaign):
        async def look():
            for call in (campaign.start, campaign.wait_until_leader, campaign.resign):
                with pytest.raises(ElectionError, match="forked child"):
                    await call()
            await campaign.stop()
            return campaign.is_leader(), campaign.state, campaign.token

        seen = []
        thread = threading.Thread(target=lambda: seen.append(asyncio.run(look())))
        thread.start()
        thread.join(10)
        on_loop._at_exit()
        return seen[0]

    asyncio.run(main())


def test_work_that_ends_as_its_loop_is_lost_has_ended_once(clock):
    """Whoever notices first says so: the loop, or the thread that finds it closed."""
    ended = []

    async def main():
        async with aio.Campaign(MemoryStore(), clock=clock) as campaign:
            run = campaign._run
            task = on_loop.TermTask(run, run.term.handle, ended.append)
            task.finish(None)
            task.finish(OSError())

    asyncio.run(main())
    assert ended == [None]
