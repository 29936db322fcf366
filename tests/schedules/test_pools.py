"""Pools and queues of calls, under controlled schedules."""

from collections import Counter
from functools import partial

import pytest

from incumbent.runtime import pools, threads
from support.schedules import all_end, explore, library_threads

pytestmark = pytest.mark.usefixtures("small_pools")


def fail(which):
    """Some calls raise, and some even ask the thread to exit."""
    if which == 1:
        raise OSError("no such host")
    if which == 2:
        raise SystemExit(3)


def submitters(world, pool, ran, *, count=3, calls=3):
    """Threads that submit calls, some of which raise."""

    def submit(number):
        for call in range(calls):
            pool.submit(lambda call=call: (ran.append((number, call)), fail(call)))

    return [
        world.spawn(f"submitter {number}", lambda number=number: submit(number)) for number in range(count)
    ]


@pytest.mark.parametrize("thread_chance", [1, 0.5, 0])
def test_every_submitted_call_runs_exactly_once(thread_chance, quiet):
    """Whatever raises, and whether or not threads can be started; none is left when the pool is closed."""

    def scenario(world):
        pool, ran = pools.WorkerPool("calls"), []
        for submitter in submitters(world, pool, ran):
            world.join(submitter)
        world.sleep(0.9 if world.random.random() < 0.5 else 5)
        pool.close()
        all_end(world)
        assert Counter(ran) == {(number, call): 1 for number in range(3) for call in range(3)}

    explore(scenario, thread_chance=thread_chance)


def test_a_hung_call_starves_no_other_while_threads_are_left():
    """Two of three threads hang, one of them was idle: what comes later runs on the third."""

    def scenario(world):
        pool, gate, done = pools.WorkerPool("calls"), threads.event(), threads.simple_queue()
        pool.submit(lambda: None)
        world.sleep(0.5)
        for _ in range(2):
            pool.submit(gate.wait)
        for number in range(4):
            pool.submit(lambda number=number: done.put(number))
            if world.random.random() < 0.3:
                world.sleep(world.random.choice([0.5, 1.0, 3.0]))
        assert sorted(done.get() for _ in range(4)) == [0, 1, 2, 3]
        gate.set()
        world.sleep(3)
        pool.close()
        all_end(world)

    explore(scenario)


def test_a_pool_lives_on_after_its_threads_have_idled_out():
    """More often than it may have threads; and an idle thread is woken, rather than found by chance."""

    def scenario(world):
        pool, done = pools.WorkerPool("calls"), threads.simple_queue()
        for round_ in range(5):
            submitted_at = world.now
            pool.submit(lambda round_=round_: done.put(round_))
            assert done.get() == round_
            assert world.now == submitted_at or world.hasty, "an idle thread begins at once"
            assert len(library_threads(world)) == 1 or world.hasty, "and no other is started"
            world.sleep(world.random.choice([0.1, 0.5, 1.0, 2.0]))
        all_end(world)

    explore(scenario)


def test_a_pool_never_has_more_threads_than_it_may():
    def scenario(world):
        pool, ran = pools.WorkerPool("calls"), []
        most = 0

        def note():
            nonlocal most
            most = max(most, len(library_threads(world)))

        for _ in range(8):
            pool.submit(lambda: (note(), ran.append(1)))
        pool.close()
        all_end(world)
        assert len(ran) == 8
        assert most <= 3

    explore(scenario)


def test_a_queue_runs_its_calls_one_after_the_other_and_in_order(quiet):
    """Also those that raise; `join` returns when all have run."""

    def scenario(world):
        pool = pools.WorkerPool("calls")
        queue, ran, running = pools.SerialQueue(pool), [], []

        def call(name):
            running.append(name)
            pause(world)
            assert running == [name]
            running.remove(name)
            ran.append(name)
            fail(name[1])

        def submit(number):
            for order in range(3):
                queue.submit(lambda order=order: call((number, order)))

        for submitter in [
            world.spawn("submitter", lambda number=number: submit(number)) for number in range(3)
        ]:
            world.join(submitter)
        assert queue.join(1e9)
        assert running == []
        for number in range(3):
            assert [order for who, order in ran if who == number] == [0, 1, 2]
        pool.close()
        all_end(world)

    explore(scenario)


def pause(world):
    """A switch in the midst of user code."""
    threads.lock().acquire()


def test_a_shared_pool_lives_as_long_as_anybody_uses_it():
    """Who comes while the last one leaves gets a pool that works; and in the end none is left."""

    def scenario(world):
        def use(number):
            for _ in range(2):
                pool, done = pools.shared.acquire("server", "store"), threads.event()
                pool.submit(done.set)
                done.wait()
                pools.shared.release("server")

        for user in [world.spawn("user", lambda number=number: use(number)) for number in range(3)]:
            world.join(user)
        assert pools.shared._pools == {}
        all_end(world)

    explore(scenario)


def test_a_pool_that_is_closed_has_no_thread_left_to_wait_out_its_time():
    """All that are idle end at once."""

    def scenario(world):
        pool, gate = pools.WorkerPool("calls"), threads.event()
        for _ in range(3):
            pool.submit(gate.wait)
        gate.set()
        world.sleep(0.5)
        began = world.now
        pool.close()
        all_end(world)
        assert world.now == began

    explore(scenario, hasty=0.0)


def test_a_pool_may_be_closed_by_a_call_of_its_own():
    """Whose thread does not wait for itself."""

    def scenario(world):
        pool, began = pools.WorkerPool("calls"), world.now
        pool.submit(pool.close)
        all_end(world)
        assert world.now == began

    explore(scenario, hasty=0.0)


def test_a_queue_is_waited_for_until_it_is_empty_or_for_as_long_as_was_said():
    """Not a moment longer: a campaign that stops waits so for its observers, of which one may hang."""

    def scenario(world):
        pool, gate = pools.WorkerPool("calls"), threads.event()
        queue = pools.SerialQueue(pool)
        queue.submit(partial(world.sleep, 3))
        began = world.now
        assert queue.join(10)
        assert world.now - began <= 3
        queue.submit(gate.wait)
        began = world.now
        assert not queue.join(10)
        assert world.now - began == 10
        gate.set()
        assert queue.join(10)
        pool.close()
        all_end(world)

    explore(scenario, hasty=0.0)


def test_a_pool_is_busy_until_all_that_was_submitted_has_run():
    """Whoever looks: a call that leaves the queue is not seen to be neither there nor begun."""

    def scenario(world):
        pool, done = pools.WorkerPool("calls"), []

        def look():
            for _ in range(40):
                assert pool.is_busy(1) or done

        pool.submit(lambda: done.append(True))
        world.join(world.spawn("looker", look))
        pool.close()
        all_end(world)

    explore(scenario, share=4.0, hasty=0.0, by_line=0.5)  # one schedule in 200 looks just then


def test_a_pool_is_busy_while_a_call_is_about_to_begin_or_has_not_run_for_long():
    """A clock that tests move stands still for as long, but not for a call that hangs."""

    def scenario(world):
        pool, gate, begun = pools.WorkerPool("calls"), threads.event(), threads.event()
        assert not pool.is_busy(1)
        pool.submit(lambda: None)
        world.sleep(0.5)
        assert not pool.is_busy(1), "it has ended"
        pool.submit(lambda: (begun.set(), gate.wait()))
        assert pool.is_busy(1)
        begun.wait()
        assert pool.is_busy(1)
        world.sleep(2)
        assert not pool.is_busy(1), "it hangs"
        gate.set()
        pool.close()
        all_end(world)
        assert not pool.is_busy(1)

    explore(scenario, hasty=0.0)
