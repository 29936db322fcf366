"""The schedules themselves: what they find, that they are replayed, and that nothing escapes them."""

import ast
import random

import pytest

from incumbent.runtime import threads
from support.project import sources
from support.schedules import Stuck, World, explore
from support.schedules.strategies import Priorities, RandomWalk

CONTROLLED = ("campaign", "leadership", "runtime.")
"""Whose threads, locks and waits are taken from `runtime.threads`."""


def lost_update(world):
    """Two threads that read, and then write what they read."""
    seen, lock = [0], threads.lock()

    def add():
        with lock:
            read = seen[0]
        with lock:
            seen[0] = read + 1

    adders = [world.spawn("adder", add) for _ in range(2)]
    for adder in adders:
        world.join(adder)
    assert seen == [2]


def deadlock(world):
    """Two threads that take two locks in opposite orders."""
    one, other = threads.lock(), threads.lock()

    def take(first, second):
        with first, second:
            pass

    takers = [world.spawn("taker", lambda: take(one, other)), world.spawn("taker", lambda: take(other, one))]
    for taker in takers:
        world.join(taker)


def lost_wakeup(world):
    """A thread that looks before it takes the lock, and is notified in between."""
    changed, flag = threads.condition(), []

    def wait():
        if not flag:
            with changed:
                changed.wait()

    def notify():
        flag.append(True)
        with changed:
            changed.notify_all()

    waiter, notifier = world.spawn("waiter", wait), world.spawn("notifier", notify)
    world.join(notifier)
    world.join(waiter)


@pytest.mark.parametrize(
    ("scenario", "failure"), [(lost_update, AssertionError), (deadlock, Stuck), (lost_wakeup, Stuck)]
)
@pytest.mark.parametrize("strategy", [RandomWalk, lambda seed: Priorities(seed, depth=3, steps=20)])
def test_each_strategy_finds_the_classic_mistakes(scenario, failure, strategy):
    found = 0
    for seed in range(100):
        world = World(strategy(seed))
        try:
            run(world, scenario)
        except failure:
            found += 1
    assert 0 < found < 100


def run(world, scenario):
    from support.schedules import controlled  # noqa: PLC0415 - the rest of the file explores as all tests do

    with controlled(world):
        world.run(lambda: scenario(world))


def test_a_failure_names_the_line_that_replays_it(monkeypatch):
    """And that line does."""
    with pytest.raises(Stuck) as found:
        explore(deadlock)
    seed = str(found.value).partition("INCUMBENT_SEED=")[2].split()[0]
    assert "test_a_failure_names_the_line_that_replays_it" in str(found.value)
    monkeypatch.setenv("INCUMBENT_SEED", seed)
    with pytest.raises(Stuck):
        explore(deadlock)


def test_chance_that_no_seed_controls_is_noticed():
    """Else a schedule that failed could not be replayed."""

    def scenario(world):
        for _ in range(random.randrange(100)):
            threads.lock().acquire()

    with pytest.raises(AssertionError, match="left to chance"):
        explore(scenario)


def test_no_thread_and_no_wait_of_the_runtime_escapes_the_schedules():
    """None of its modules takes a primitive, a sleep or the time from anywhere but `runtime.threads`."""
    found = set()
    for name, tree in sources().items():
        module = name.removeprefix("incumbent.")
        if not module.startswith(CONTROLLED) or module in {"runtime.threads", "runtime.trace"}:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                is_primitive = called.startswith(("threading.", "queue.", "time."))
                if is_primitive and called not in {"threading.current_thread", "threading.main_thread"}:
                    found.add((module, called))
            elif isinstance(node, ast.ImportFrom) and node.module in {"threading", "queue", "time"}:
                found.add((module, node.module))
    assert found == set()
