"""What threads and event loops do to one run at the same moment: each thing is settled once."""

import asyncio
import threading
from functools import partial

import pytest

from incumbent import Campaign, ElectionError, aio
from incumbent.runtime import threads
from incumbent.runtime.on_loop import Run
from incumbent.stores.memory import MemoryStore
from support.driving import eventually, in_child, until


@pytest.mark.parametrize("is_lost", [True, False])
def test_work_that_was_said_to_have_ended_does_not_begin(clock, is_lost):
    """Given as the loop is lost, or as the term ends: nobody would cancel it, and the lease is let go."""
    campaign = aio.Campaign(MemoryStore(), clock=clock)
    began, busy = [], threading.Event()

    async def lead(term, waits):
        began.append(term.token)

    async def main():
        run.give_work(lead, asyncio.get_running_loop())
        for _ in range(10):
            await asyncio.sleep(0)
        assert began == []

    first = asyncio.new_event_loop()
    first.run_until_complete(campaign.start())
    run = campaign._run
    run.contest.then(partial(busy.wait, 20))  # the thread that keeps the campaigns has told nobody yet
    try:
        if is_lost:
            first.close()
            run.lose_loop(first)
        else:
            run.term.finish(None)
        asyncio.run(main())
    finally:
        busy.set()
        run.ask_to_stop()
        eventually(lambda: run.has_ended)
        first.close()


def test_a_run_in_another_loop_goes_on_though_the_first_was_lost_just_before(clock, monkeypatch):
    """Lost between the entry and the work: the campaign is entered anew, and the work is done."""
    campaign = aio.Campaign(MemoryStore(), clock=clock)
    began, enter = [], campaign._enter

    async def lead(leadership):
        began.append(leadership.token)
        await campaign.stop()

    async def enter_and_lose():
        run = await enter()
        if run.loop is first:
            first.close()
            run.lose_loop(first)
        return run

    first = asyncio.new_event_loop()
    first.run_until_complete(campaign.start())
    monkeypatch.setattr(campaign, "_enter", enter_and_lose)
    asyncio.run(asyncio.wait_for(campaign.run(lead), 20))
    assert began == [2]


def test_a_term_that_begins_as_its_loop_is_lost_is_given_up(clock):
    """A loop that does not run at exit is not closed: what begins after it was lost never has work."""
    store = MemoryStore()
    campaign = aio.Campaign(MemoryStore(space=store.space), clock=clock)
    loop = asyncio.new_event_loop()
    try:
        with Campaign(store, clock=clock):
            loop.run_until_complete(campaign.start())
            run = campaign._run
            run.give_work(lambda *_: None, loop)
            run.driver.listeners.add(lambda: run.lose_loop(loop))  # just before the work is to begin
        eventually(lambda: run.has_ended)
        assert store.get_lease(timeout=1).lease.is_vacant
    finally:
        loop.close()


def test_a_stop_returns_though_no_thread_can_be_started(clock, monkeypatch):
    """The last thread, which waits for the others to end, may be one too many for the machine."""

    def thread(name, target):
        made = made_as_always(name, target)
        if name == "end":
            made.start = refuse
        return made

    def refuse():
        raise RuntimeError("can't start new thread")

    async def main():
        async with aio.Campaign(MemoryStore(), clock=clock):
            pass

    made_as_always = threads.thread
    monkeypatch.setattr(threads, "thread", thread)
    asyncio.run(asyncio.wait_for(main(), 20))


def test_a_child_that_is_forked_while_a_run_ends_waits_for_nobody(clock):
    """The threads that would say that it has ended stayed with the parent: here nothing is left of it."""
    gate = threading.Event()

    def child():
        async def go_on():
            await campaign.stop()
            async with campaign:
                return campaign.is_leader()

        gate.set()
        led = []
        thread = threading.Thread(target=lambda: led.append(asyncio.run(go_on())))
        thread.start()
        thread.join(10)
        return led

    async def main():
        await campaign.start()
        stopping = asyncio.ensure_future(campaign.stop())
        await until(lambda: campaign._contest._driver is None)
        try:
            assert in_child(child) == "[True]"
        finally:
            gate.set()
        await stopping

    campaign = aio.Campaign(MemoryStore(), clock=clock, on_new_leader=lambda _: gate.wait(20))
    asyncio.run(main())


def test_a_resignation_waits_for_whoever_finds_first_that_the_term_is_to_end(clock):
    """Two threads look; the one that keeps the campaigns goes on when the other has said that it ends."""
    store, about, gate = MemoryStore(), threading.Event(), threading.Event()

    async def main():
        async with aio.Campaign(store, clock=clock) as campaign:
            run = campaign._run
            ended, handle = run.term._ended, run.term.handle
            for _ in range(10):
                await asyncio.sleep(0)  # the loop has looked at the term that began

            def slowly(failure):
                about.set()
                gate.wait(20)
                ended(failure)

            run.term._ended = slowly
            handle._asked_because = "asked to resign"  # and its listeners are about to be told
            run.waits.post(run._watch)
            await until(about.is_set)
            resigning = asyncio.ensure_future(campaign.resign())
            done, _ = await asyncio.wait({resigning}, timeout=0.2)
            assert not done
            gate.set()
            await asyncio.wait_for(resigning, 20)
            assert store.get_lease(timeout=1).lease.is_vacant

    try:
        asyncio.run(main())
    finally:
        gate.set()


def test_a_second_look_at_a_term_that_goes_on_changes_nothing(clock):
    """It may be looked at whenever something might have changed."""
    began, ended = [], []

    async def lead(leadership):
        began.append(leadership.token)
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(leadership.reason)

    async def main():
        campaign = aio.Campaign(MemoryStore(), clock=clock)
        running = asyncio.ensure_future(campaign.run(lead))
        await until(lambda: began)
        campaign._run.term.poke()
        for _ in range(10):
            await asyncio.sleep(0)
        assert (began, ended) == ([1], [])
        await campaign.stop()
        await running

    asyncio.run(main())


def test_work_that_has_ended_listens_no_more(clock):
    """Its term may go on for as long as it takes to give up office."""
    began, gate = [], threading.Event()

    async def lead(leadership):
        began.append(leadership.token)

    async def main():
        async with aio.Campaign(MemoryStore(), clock=clock) as campaign:
            run, term = campaign._run, campaign._run.term
            running = asyncio.ensure_future(campaign.run(lead))
            run.contest.then(partial(gate.wait, 20))
            await until(lambda: term._is_over)
            assert term.handle.listeners._listeners == {}
            gate.set()
            running.cancel()
        assert began == [1]

    try:
        asyncio.run(main())
    finally:
        gate.set()


def test_a_term_without_work_ends_without_its_loop(clock):
    """There is nothing to await: a loop that is busy, or does not run, delays no resignation."""
    store = MemoryStore()
    campaign = aio.Campaign(store, clock=clock)
    loop = asyncio.new_event_loop()
    loop.run_until_complete(campaign.start())
    try:
        campaign._contest.resign()
        eventually(lambda: store.get_lease(timeout=1).lease.is_vacant)
    finally:
        loop.run_until_complete(campaign.stop())
        loop.close()


def test_a_resignation_returns_though_the_run_ends_before_it_is_known(clock):
    """What is posted to a thread that has just ended is never done."""
    campaign = aio.Campaign(MemoryStore(), clock=clock)

    async def main():
        await campaign.start()
        campaign._contest.then = lambda action: None
        resigning = asyncio.ensure_future(campaign.resign())
        await asyncio.sleep(0)
        del campaign._contest.then
        await campaign.stop()
        await asyncio.wait_for(resigning, 5)

    asyncio.run(main())


def test_the_loss_of_a_loop_that_was_left_is_none(clock):
    """Who found it closed had looked before the work was given to another."""
    campaign = aio.Campaign(MemoryStore(), clock=clock)

    async def main():
        running = asyncio.ensure_future(campaign.run(lambda term: term.wait()))
        await until(lambda: campaign._run.lead)
        campaign._run.lose_loop(first)
        assert not campaign._run.is_lost
        await campaign.stop()
        await running

    first = asyncio.new_event_loop()
    first.run_until_complete(campaign.start())
    first.close()
    asyncio.run(main())


def test_of_two_that_enter_at_once_one_is_refused(clock):
    """Two threads, each with a loop, have both found that it does not run."""
    contest, loop = aio.Campaign(MemoryStore(), clock=clock)._contest, asyncio.new_event_loop()
    run = Run(contest, loop)
    with pytest.raises(ElectionError, match="runs already"):
        Run(contest, loop)
    assert not run.is_work(None)  # nor is whoever calls from no task at all the work that has not begun
    run.ask_to_stop()
    eventually(lambda: run.has_ended)
    loop.close()
