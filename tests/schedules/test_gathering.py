"""Calls that wait together for a thread of a pool, under controlled schedules."""

from collections import Counter

import pytest

from incumbent.runtime import pools, threads
from support.schedules import all_end, explore

pytestmark = pytest.mark.usefixtures("small_pools")
RAISED = {1: OSError("no such host"), 2: SystemExit(3)}


@pytest.mark.parametrize("thread_chance", [1, 0.5, 0])
def test_what_is_gathered_is_taken_exactly_once_and_in_order(thread_chance, quiet, monkeypatch):
    """Whoever submits meanwhile, whatever raises, and with no more at once than may be."""
    monkeypatch.setattr(pools, "MOST_TOGETHER", 3)

    def scenario(world):
        pool, taken = pools.WorkerPool("calls"), []

        def take(items):
            # What is refused here is not taken, and so is missed in the end.
            assert 1 <= len(items) <= 3
            for number in range(4):
                orders = [order for by, order in items if by == number]
                assert orders == sorted(orders)
            threads.lock().acquire()  # a switch
            taken.extend(items)
            if items[0][1] in RAISED:
                raise RAISED[items[0][1]]

        def submit(number):
            for order in range(4):
                pool.gather(number % 2, (number, order), take)
                if world.random.random() < 0.2:
                    world.sleep(world.random.choice([0.1, 2.0]))

        for submitter in [
            world.spawn("submitter", lambda number=number: submit(number)) for number in range(4)
        ]:
            world.join(submitter)
        pool.close()
        all_end(world)
        assert Counter(taken) == {(number, order): 1 for number in range(4) for order in range(4)}

    explore(scenario, thread_chance=thread_chance)


def test_what_waits_for_a_thread_goes_together_and_a_batch_that_hangs_holds_up_no_other():
    """Other keys have calls of their own."""

    def scenario(world):
        pool, gate, begun, taken = pools.WorkerPool("calls"), threads.event(), threads.event(), []
        pool.gather("a", 0, lambda items: (begun.set(), gate.wait(), taken.append(items)))
        begun.wait()
        for key in "aab":
            pool.gather(key, 1, taken.append)
        world.sleep(0.5)
        assert taken in ([[1, 1], [1]], [[1], [1, 1]], [[1], [1], [1]]), "the first one hangs, and no other"
        assert pool.is_busy(1)
        gate.set()
        pool.close()
        all_end(world)
        assert [0] in taken

    explore(scenario, hasty=0.0)


def test_all_that_waits_is_one_call():
    """While every thread is busy."""

    def scenario(world):
        pool, gate, begun, taken = pools.WorkerPool("calls"), threads.event(), threads.simple_queue(), []
        for _ in range(3):
            pool.submit(lambda: (begun.put(True), gate.wait()))
        for _ in range(3):
            begun.get()
        for number in range(5):
            pool.gather("a", number, taken.append)
        assert len(pool._calls) == 1
        gate.set()
        pool.close()
        all_end(world)
        assert taken == [[0, 1, 2, 3, 4]]

    explore(scenario, hasty=0.0)
