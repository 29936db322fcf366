"""Small parts that carry a campaign, each by itself: what they say, and do when something breaks."""

import asyncio
import random
import threading
from datetime import timedelta
from types import SimpleNamespace

import pytest

from incumbent import Campaign, aio
from incumbent.runtime import pools, threads
from incumbent.runtime.lifecycle import default_identity
from incumbent.runtime.scheduler import Scheduler
from incumbent.runtime.threaded import ThreadedRuntime
from incumbent.stores.memory import MemoryStore
from incumbent.testing import FakeClock
from support.driving import eventually, until
from support.elector.bench import record


class TestPools:
    def test_a_call_that_raises_is_a_line(self, caplog):
        """P13: also what only a thread's end would otherwise show."""
        pool = pools.WorkerPool("calls")
        done = threading.Event()
        pool.submit(lambda: 1 / 0)
        eventually(lambda: "a call failed" in caplog.text)
        pool.submit(done.set)
        assert done.wait(10)
        pool.close()

    def test_an_observer_that_raises_is_a_line_and_the_next_is_called(self, caplog):
        pool = pools.WorkerPool("calls")
        queue, done = pools.SerialQueue(pool), threading.Event()
        queue.submit(lambda: 1 / 0)
        queue.submit(done.set)
        assert queue.join(10)
        assert done.is_set()
        pool.close()
        assert [each.getMessage() for each in caplog.records] == ["a callback failed"]

    def test_a_log_that_fails_too_costs_no_later_call(self, broken_log):
        """P13: it is full, or its handler has a bug."""
        pool = pools.WorkerPool("calls")
        queue = pools.SerialQueue(pool)
        for _ in range(pools.THREADS_PER_POOL + 1):
            queue.submit(lambda: 1 / 0)
            assert queue.join(10)
            pool.submit(lambda: 1 / 0)
        pool.submit((done := threading.Event()).set)
        assert done.wait(10)
        pool.close()

    def test_calls_that_return_are_no_lines(self, caplog):
        pool = pools.WorkerPool("calls")
        queue, told = pools.SerialQueue(pool), []
        for number in range(3):
            queue.submit(lambda number=number: told.append(number))
            assert queue.join(10)
        pool.close()
        assert (told, caplog.text) == ([0, 1, 2], "")

    def test_a_pool_is_closed_by_one_of_its_own_threads(self, caplog):
        """As when the last campaign is stopped from a callback: it does not wait for itself."""
        pool, done = pools.WorkerPool("calls"), threading.Event()
        pool.submit(lambda: (pool.close(), done.set()))
        assert done.wait(10)
        eventually(lambda: not pool._threads)
        assert caplog.text == ""


class TestScheduler:
    def test_timers_keep_their_order_when_the_cancelled_ones_are_swept_away(self):
        """Whatever is left of them."""
        clock, chance = FakeClock(), random.Random(7)
        scheduler, ran, timers = Scheduler(clock), [], []
        for _ in range(400):
            at = chance.randrange(1, 10_000)
            timers.append((at, scheduler.call_at(at, lambda at=at: ran.append(at))))
            if chance.random() < 0.6:
                timers.pop(chance.randrange(len(timers)))[1].cancel()
        assert len(scheduler._timers) < 300
        scheduler.start()
        clock.advance(1)
        scheduler.close()
        assert ran == sorted(at for at, _ in timers)

    @pytest.mark.parametrize(("many", "most"), [(60, 60), (600, 3)])
    def test_of_many_timers_those_of_one_millisecond_share_a_wake_up(self, many, most):
        """A few come at their instants, and nobody comes before."""
        waits, ran = [], []

        class Counted(FakeClock):
            def wait(self, condition, timeout):
                waits.append(timeout)
                super().wait(condition, timeout)

        clock = Counted()
        scheduler = Scheduler(clock)
        for number in range(1, many + 1):
            at = number * 1_000
            scheduler.call_at(at, lambda at=at: ran.append((at, scheduler.now())))
        for _ in range(70 if many > 64 else 0):
            scheduler.call_at(10**12, ran.clear)
        scheduler.start()
        clock.advance(1)
        scheduler.close()
        assert len(ran) == many
        assert all(0 <= came - at <= (10**6 if many > 64 else 0) for at, came in ran)
        assert most - 2 <= len(waits) - 1 <= most + 1

    def test_a_timer_that_was_cancelled_wakes_nobody(self):
        """Each renewal cancels one, and a wake-up costs as much as a renewal."""
        waits = []

        class Counted(FakeClock):
            def wait(self, condition, timeout):
                waits.append(timeout)
                super().wait(condition, timeout)

        clock, ran = Counted(), []
        scheduler = Scheduler(clock)
        scheduler.call_at(10**9, ran.clear).cancel()
        scheduler.call_at(3 * 10**9, lambda: ran.append(scheduler.now()))
        scheduler.call_at(2 * 10**9, ran.clear).cancel()
        scheduler.start()
        clock.advance(4)
        scheduler.close()
        assert (waits[0], ran, len(waits)) == (3.0, [3 * 10**9], 2)


class TestThreadedRuntime:
    def test_the_epoch_is_when_the_clock_read_nothing(self, clock):
        """Records carry the time of day, whatever the clock counts from."""
        store = MemoryStore()
        with Campaign(store, clock=clock):
            clock.advance(2)
            assert store.get_lease(timeout=1).lease.renew_time == clock.utcnow()

    def test_a_step_has_one_time_of_day(self, clock):
        """Reading it takes longer than reading the clock, and what is asked twice is to be the same."""
        runtime, read, epochs = ThreadedRuntime(MemoryStore(), clock), [], []
        clock.utcnow = lambda: read.append(None) or FakeClock().utcnow() + timedelta(seconds=len(read))
        runtime.do(lambda: epochs.extend([runtime.epoch(), runtime.epoch()]))
        runtime.do(lambda: epochs.append(runtime.epoch()))
        runtime.close(1)
        assert len(read) == 2
        assert epochs[0] == epochs[1] < epochs[2]

    def test_a_clock_that_counts_from_elsewhere_has_another_epoch(self):
        clock = FakeClock(start=100)
        runtime = ThreadedRuntime(MemoryStore(), clock, random.Random(0))
        try:
            assert runtime.epoch() == clock.utcnow() - timedelta(seconds=100)
        finally:
            runtime.close(1)

    def test_who_asks_on_the_thread_of_campaigns_does_not_wait_for_it(self, clock):
        """As a callback does that runs there, where no thread can be started, and stops its campaign."""
        runtime, done = ThreadedRuntime(MemoryStore(), clock), []
        runtime.post(lambda: (runtime.do(lambda: done.append("asked")), done.append("returned")))
        eventually(lambda: done == ["returned", "asked"])
        runtime.close(1)

    def test_who_asks_elsewhere_waits_until_it_is_done(self, clock):
        runtime, done = ThreadedRuntime(MemoryStore(), clock), []
        runtime.do(lambda: done.append("asked"))
        assert done == ["asked"]
        runtime.close(1)

    def test_a_store_without_a_name_is_called_by_its_kind(self, clock):
        store = SimpleNamespace(guarantees=MemoryStore.guarantees)
        runtime = ThreadedRuntime(store, clock, random.Random(0))
        runtime.close(1)
        assert runtime.name == "SimpleNamespace"


class TestWaitingToLead:
    def test_it_waits_as_long_as_it_says_and_no_longer(self, clock):
        with Campaign(MemoryStore(), identity="a", clock=clock) as leader:
            store = MemoryStore(space=leader._store.space)
            with Campaign(store, identity="b", clock=clock) as follower:
                answers = []
                waiting = threading.Thread(
                    target=lambda: answers.append((follower.wait_until_leader(3), clock.now()))
                )
                waiting.start()
                clock.wait_for_waiters(2)  # the scheduler's thread, and this one
                clock.advance(2.5)
                follower._driver.changed.tell()  # as at a beginning that is over already
                clock.advance(0.4)
                assert answers == []
                clock.advance(0.1)
                waiting.join(10)
                assert answers == [(False, 3.0)]
                assert not follower.wait_until_leader(0)


class TestWhoLeads:
    def test_a_record_that_has_expired_names_no_leader(self, clock):
        """Though a candidate that holds back will not take the lease for long, and never looks meanwhile."""
        told, store = [], MemoryStore()
        store.create_lease(record(1).lease, timeout=1)
        with Campaign(store, clock=clock, takeover_delay=60, on_new_leader=told.append) as campaign:
            clock.advance(14.999999)
            eventually(lambda: told == ["bob"])
            assert campaign.leader == "bob"
            clock.advance(0.000001)
            assert campaign.leader is None
            eventually(lambda: told == ["bob", None])
            assert campaign.state == "follower"
        assert campaign.leader is None

    def test_it_is_asked_of_the_clock(self, clock):
        """As whether this one leads is: nobody has to notice first."""
        store, held, go_on = MemoryStore(), threading.Event(), threading.Event()
        store.create_lease(record(1).lease, timeout=1)
        with Campaign(store, clock=clock) as campaign:
            campaign._runtime.scheduler.post(lambda: (held.set(), go_on.wait(20)))
            held.wait(10)
            try:
                before = campaign.leader
                clock.jump(15)
                assert (before, campaign.leader) == ("bob", None)
            finally:
                go_on.set()


class TestAio:
    def test_a_campaign_that_never_started_may_be_stopped(self):
        campaign = aio.Campaign(MemoryStore())
        asyncio.run(campaign.stop())
        asyncio.run(campaign.stop(1.0))
        assert campaign.state == "stopped"

    def test_a_run_ends_once_however_often_it_is_told(self, clock):
        """The threads that it took are given back once."""

        async def main():
            campaign = aio.Campaign(MemoryStore(), clock=clock)
            await campaign.start()
            run = campaign._run
            end, ends = run._end, []
            run._end = lambda: (ends.append(None), end())
            run.driver.listeners.add(lambda: run._driver_changed())  # noqa: PLW0108 - another each time
            await campaign.stop()
            await until(lambda: run.has_ended)
            assert len(ends) == 1

        asyncio.run(main())


def test_a_default_name_says_where_and_which_process():
    """People look for it: host, process id, and a few digits that no other process has."""
    host, process, digits = default_identity().rsplit("-", 2)
    assert host
    assert process.isdigit()
    assert len(digits) == 6


def test_a_pool_that_is_closed_waits_for_no_thread_that_has_yet_to_begin(monkeypatch):
    """Nobody can: `Thread.join` raises then. Such a one may be about to make what is left of many calls."""
    pool, closed, ran, thread = pools.WorkerPool("calls"), [], threading.Event(), threads.thread

    def closes_first(name, target):
        made = thread(name, target)
        start = made.start
        made.start = lambda: (closed.append(pool.close()), start())
        return made

    monkeypatch.setattr(threads, "thread", closes_first)
    pool.submit(ran.set)

    assert closed == [None]
    assert ran.wait(5)
