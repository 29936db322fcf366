"""Interleavings of threads, chosen by a seed and replayed by it.

`explore(scenario)` runs `scenario(world)` under many schedules. A failure names the line that replays it.
Some schedules are run twice, and must be the same: else something is left to chance that no seed controls.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from functools import partial

from incumbent.runtime import lifecycle, pools, scheduler, threads
from support.schedules import primitives
from support.schedules.strategies import Priorities, RandomWalk
from support.schedules.world import Stuck, World

__all__ = ["SCHEDULES", "Stuck", "World", "all_end", "explore", "library_threads", "nothing_is_left"]

SCHEDULES = int(os.environ.get("INCUMBENT_SCHEDULES", "75"))
"""How many each scenario gets."""

REPLAYED = 25
"""One in so many is run again, to see that it is the same."""

PRIMITIVES = {
    "lock": primitives.Lock,
    "rlock": primitives.RLock,
    "condition": primitives.Condition,
    "event": primitives.Event,
    "simple_queue": primitives.SimpleQueue,
    "thread": primitives.Thread,
}


def explore(scenario, *, share=1.0, steps=200, **world_settings):
    """Run it under its share of `SCHEDULES` schedules, of about `steps` switches each."""
    only = os.environ.get("INCUMBENT_SEED")
    seeds = range(max(1, round(SCHEDULES * share))) if only is None else [int(only)]
    for seed in seeds:
        history = _run(scenario, seed, steps, world_settings)
        is_replayed = only is not None or seed % REPLAYED == 0
        if is_replayed and history != _run(scenario, seed, steps, world_settings):
            raise AssertionError(
                f"schedule {seed} is another when it is run again: something is left to chance"
            )


def _run(scenario, seed, steps, settings):
    world = _world(seed, steps, settings)
    try:
        with controlled(world):
            world.run(partial(scenario, world))
    except BaseException as failure:
        test = os.environ.get("PYTEST_CURRENT_TEST", "").partition(" ")[0]
        failure.args = (f"{failure}\nreplay: INCUMBENT_SEED={seed} pytest '{test}'", *failure.args[1:])
        raise
    return world.history


def _world(seed, steps, settings):
    """Of the seeds, half are random walks; half are hasty; a quarter also switch at lines."""
    strategy = RandomWalk(seed) if seed % 2 == 0 else Priorities(seed, depth=2 + seed // 2 % 4, steps=steps)
    hasty = (0.0, 0.03, 0.0, 0.2)[seed // 4 % 4]
    by_line = (0.0, 0.0, 0.0, 0.05)[seed // 2 % 4]
    return World(strategy, **{"hasty": hasty, "by_line": by_line} | settings)


@contextmanager
def controlled(world):
    """The runtime takes its threads, and the time, from `world`."""
    others = {name: _bound(kind, world) for name, kind in PRIMITIVES.items()}
    others |= {"current": lambda: world.current.thread, "monotonic": lambda: world.now}
    others["is_own"] = lambda: isinstance(world.current.thread, primitives.Thread)
    before = {name: getattr(threads, name) for name in others}
    for name, value in others.items():
        setattr(threads, name, value)
    _forget_all()
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(threads, name, value)
        _forget_all()


def _bound(kind, world):
    """A subclass that is made without naming the world: `isinstance` and calls work as for the real one."""

    def init(self, *args):
        kind.__init__(self, world, *args)

    return type(kind.__name__, (kind,), {"__init__": init})


def _forget_all():
    scheduler.forget_all()
    pools.forget_all()
    lifecycle.registry.clear()


def library_threads(world):
    """The names of the library's threads that have not ended."""
    return sorted(task.name for task in world.alive if task.name.startswith("incumbent-"))


def all_end(world):
    """Wait for the end of all of the library's threads: one that does not end leaves the world stuck."""
    while left := [task for task in world.alive if task.name.startswith("incumbent-")]:
        world.join(left[0])  # which may start another one


def nothing_is_left(world):
    """Assert that no campaign left anything behind in the process."""
    if not world.hasty:  # a thread that is too slow to end is not waited for
        assert library_threads(world) == []
    all_end(world)
    assert scheduler.shared._users == {}
    assert pools.shared._pools == {}
    assert lifecycle.registry == {}
