"""What scenarios of campaigns share: stores whose calls can be switched away from, and users side by side."""

from __future__ import annotations

from incumbent.runtime import threads
from incumbent.stores.memory import MemoryStore
from support.driving import RemoteStore
from support.schedules.primitives import Clock

LONG = 0.4
"""The share of the plain number of schedules for scenarios of many switches."""


class Store(RemoteStore):
    """A store whose calls are made on a pool, and take their time."""

    def __init__(self, world, inner=None):
        super().__init__(MemoryStore("remote") if inner is None else inner)
        self.world = world
        self._gate = threads.event()
        self._gate.set()

    def _call(self, name, call, *args, timeout):
        self._gate.wait()
        result = call(*args, timeout=timeout)
        threads.lock().acquire()  # a switch between what was done and its answer
        return result


def store_of(world, kind):
    return MemoryStore() if kind == "local" else Store(world)


def settings(world, clock=None):
    """All chance is the world's."""
    return {"clock": clock or Clock(world), "rng": world.random}


def together(world, *bodies):
    """Run them as threads, and wait until all have ended."""
    for task in [world.spawn("user", body) for body in bodies]:
        world.join(task)
