"""The fake clock: time passes when it is told to, and everybody sees each instant of it."""

import asyncio
import threading
import time

import pytest

from incumbent import Campaign, ConfigurationError, SystemClock, aio, open_store
from incumbent.runtime.scheduler import Scheduler
from incumbent.stores.memory import MemoryStore
from incumbent.testing.clock import FakeClock
from support.driving import RemoteStore, eventually


def sleeper(clock, log, name, *pauses):
    def run():
        for pause in pauses:
            clock.sleep(pause)
            log.append((name, clock.now()))

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_nothing_moves_it_but_advance():
    clock = FakeClock(start=5.0)
    assert clock.now() == 5.0
    clock.advance(0.1)
    clock.advance(0.2)
    assert clock.now() == 5.3, "readings are exact: there is no sum of floats behind them"
    assert repr(clock) == "<FakeClock at 5.3 s, 0 waiting>"


def test_each_waiter_wakes_at_its_own_instant_and_in_order():
    """A thread that waits again inside one advance is woken again inside it."""
    clock, log = FakeClock(), []
    threads = [sleeper(clock, log, "slow", 5, 5), sleeper(clock, log, "fast", 2, 2, 2, 2, 2)]
    clock.wait_for_waiters(2)
    clock.advance(9)
    assert log == [("fast", 2.0), ("fast", 4.0), ("slow", 5.0), ("fast", 6.0), ("fast", 8.0)]
    clock.advance(1)
    for thread in threads:
        thread.join(10)
    assert sorted(log[5:]) == [("fast", 10.0), ("slow", 10.0)]


def test_a_jump_wakes_all_who_are_due_at_the_new_reading():
    clock, log = FakeClock(), []
    threads = [sleeper(clock, log, "a", 2), sleeper(clock, log, "b", 7), sleeper(clock, log, "c", 20)]
    clock.wait_for_waiters(3)
    clock.jump(10)
    eventually(lambda: sorted(log) == [("a", 10.0), ("b", 10.0)])
    clock.jump(-5)
    assert clock.now() == 5.0
    clock.advance(15)
    for thread in threads:
        thread.join(10)
    assert log[-1] == ("c", 20.0)


def test_a_rate_makes_it_run_fast_or_slow():
    clock = FakeClock(rate=1.5)
    clock.advance(10)
    assert clock.now() == 15.0
    clock.rate = 0.5
    clock.advance(10)
    assert clock.now() == 20.0
    with pytest.raises(ConfigurationError, match="rate is 0"):
        clock.rate = 0


def test_time_does_not_overtake_a_thread_that_was_notified():
    """A wait that ended early is over, and begun anew, before time moves on."""
    clock = FakeClock()
    condition, seen, flag = threading.Condition(), [], []

    def run():
        with condition:
            while len(seen) < 50:
                clock.wait(condition, 1000)
                if flag:
                    flag.clear()
                    seen.append(clock.now())

    thread = threading.Thread(target=run)
    thread.start()
    for _ in range(50):
        clock.wait_for_waiters(1)
        with condition:
            flag.append(True)
            condition.notify_all()
        clock.advance(1)
    thread.join(10)
    assert seen == [float(second) for second in range(50)]


def test_time_does_not_overtake_a_call_that_the_store_answers():
    """A store that answers is answered at the instant of the request, however slow its thread is."""
    clock = FakeClock()

    class Slow(RemoteStore):
        def update_lease(self, lease, version, *, timeout):
            time.sleep(0.01)  # more than enough for time to run away
            renewed.append(clock.now())
            return super().update_lease(lease, version, timeout=timeout)

    renewed = []
    with Campaign(Slow(), clock=clock, jitter=0.0) as campaign:
        clock.advance(60)
        assert campaign.is_leader()
    assert renewed[:30] == [float(second) for second in range(2, 61, 2)]


def test_a_store_that_hangs_holds_time_up_once():
    """For its grace; further calls only until they have begun, or nobody could test a long outage."""
    clock, store = FakeClock(), RemoteStore()
    with Campaign(store, clock=clock) as campaign:
        clock.advance(1)
        assert campaign.is_leader()
        store.hang()
        began = time.monotonic()
        clock.advance(600)
        assert time.monotonic() - began < 6  # a grace for each of the 8 calls that hang would be 8 s
        eventually(lambda: store.hanging >= 2)
        assert not campaign.is_leader()
        store.heal()


def test_time_does_not_overtake_a_campaign_that_has_just_begun(monkeypatch):
    """It waits on the clock before time moves on, though `start` may return before it ever did."""
    run = Scheduler._run

    def late(scheduler):
        time.sleep(0.05)  # it finds its first task when it begins, and has never waited on the clock
        run(scheduler)

    class Slow(FakeClock):
        def wait(self, condition, timeout):
            time.sleep(0.01)  # more than enough for time to run away
            super().wait(condition, timeout)

    monkeypatch.setattr(Scheduler, "_run", late)
    clock = Slow()
    with Campaign(MemoryStore(), clock=clock) as campaign:
        clock.advance(12)
        assert campaign.is_leader()
        assert campaign.token == 1


def test_waiting_for_waiters_that_do_not_come_says_so():
    with pytest.raises(TimeoutError, match=r"0 of 1 waiters came within 0\.01 s"):
        FakeClock().wait_for_waiters(1, timeout=0.01)


def test_time_passes_forwards():
    with pytest.raises(ConfigurationError, match="jump"):
        FakeClock().advance(-1)


def test_a_thread_that_wakes_and_waits_elsewhere_is_left_behind():
    """It holds time up for its grace, once."""
    clock, elsewhere = FakeClock(), threading.Event()

    def run():
        clock.sleep(1)
        elsewhere.wait()

    thread = threading.Thread(target=run)
    thread.start()
    clock.wait_for_waiters(1)
    clock.advance(1)
    clock.advance(1)
    assert clock.now() == 2.0
    elsewhere.set()
    thread.join(10)


def test_tasks_wait_on_it_like_threads():
    """Every task wakes at its own instant; nothing sleeps for real."""

    async def main():
        clock, log = FakeClock(), []

        async def sleep(name, *pauses):
            for pause in pauses:
                await clock.sleep_async(pause)
                log.append((name, clock.now()))

        tasks = [
            asyncio.create_task(sleep("slow", 300, 300)),
            asyncio.create_task(sleep("fast", 200, 200, 200)),
        ]
        await asyncio.sleep(0)
        await clock.advance_async(599)
        assert log == [("fast", 200.0), ("slow", 300.0), ("fast", 400.0)]
        await clock.advance_async(1)
        await asyncio.gather(*tasks)
        assert sorted(log[3:]) == [("fast", 600.0), ("slow", 600.0)]
        await clock.sleep_async(0)

    asyncio.run(main())


@pytest.mark.parametrize("run", range(5))
def test_tasks_that_wait_by_a_campaigns_clock_miss_no_instant(run):
    """Work that waits asks the campaign's thread to wake it: time waits for both, from the first wait on."""
    clock, beats = FakeClock(), []

    async def lead(leadership):
        while not await leadership.wait(1.0):
            beats.append((clock.now(), leadership.token))

    async def main():
        first, second = (
            aio.Campaign(open_store("memory:", lease=f"beats {run}"), clock=clock) for _ in range(2)
        )
        async with first, second:
            tasks = [asyncio.create_task(campaign.run(lead)) for campaign in (first, second)]
            await first.wait_until_leader()
            await clock.advance_async(3)
            await first.stop()
            await clock.advance_async(2)
            await second.stop()
            await asyncio.gather(*tasks)

    asyncio.run(main())
    assert beats == [(1.0, 1), (2.0, 1), (3.0, 1), (4.0, 2), (5.0, 2)]


def test_the_system_clock_goes_on_and_never_back():
    clock = SystemClock()
    readings = [clock.now() for _ in range(1000)]
    assert readings == sorted(readings)
    assert clock.utcnow().utcoffset().total_seconds() == 0
    condition = threading.Condition()
    with condition:
        clock.wait(condition, 0.0)
