"""What `incumbent.runtime.threads` offers, for a world in which a strategy picks who runs next."""

from __future__ import annotations

import queue
from collections import deque
from datetime import datetime, timedelta, timezone


class Lock:
    """A lock; `RLock` may be taken again by its holder."""

    is_reentrant = False

    def __init__(self, world):
        self.world = world
        self.holder = None
        self.depth = 0
        self.waiting = []

    def acquire(self):
        world = self.world
        world.pause()
        me = world.current
        if self.is_reentrant and self.holder is me:
            self.depth += 1
            return True
        while self.holder is not None:
            self.waiting.append(me)
            world.block(f"a lock of {self.holder}")
        self.holder, self.depth = me, 1
        return True

    def release(self):
        if self.holder is not self.world.current and not self.world.is_over:
            raise RuntimeError("cannot release a lock of another's")
        self.depth -= 1
        if self.depth <= 0:
            self.holder = None
            waiting, self.waiting = self.waiting, []
            self.world.wake(waiting)  # who comes first has it

    def __enter__(self):
        return self.acquire()

    def __exit__(self, *_):
        self.release()


class RLock(Lock):
    """See `Lock`."""

    is_reentrant = True


class Condition(RLock):
    """A condition, with the lock that it brings. Notifies in the order of the waits, as CPython's does."""

    def __init__(self, world):
        super().__init__(world)
        self.notifiable = []

    def wait(self, timeout=None):
        world, me = self.world, self.world.current
        if self.holder is not me:
            raise RuntimeError("cannot wait on a condition that is not held")
        depth, self.depth = self.depth, 1
        self.notifiable.append(me)
        self.release()
        deadline = None if timeout is None else world.now + max(0.0, timeout)
        was_notified = world.block("a notification", deadline)
        if me in self.notifiable:  # until here, a notification would have been spent on this thread
            self.notifiable.remove(me)
        self.acquire()
        self.depth = depth
        return was_notified

    def wait_for(self, predicate, timeout=None):
        until = None if timeout is None else self.world.now + timeout
        while not (found := predicate()):
            left = None if until is None else until - self.world.now
            if left is not None and left <= 0:
                break
            self.wait(left)
        return found

    def notify(self, n=1):
        if self.holder is not self.world.current and not self.world.is_over:
            raise RuntimeError("cannot notify on a condition that is not held")
        chosen, self.notifiable = self.notifiable[:n], self.notifiable[n:]
        self.world.wake(chosen)

    def notify_all(self):
        self.notify(len(self.notifiable))


class Event:
    """A flag to wait for."""

    def __init__(self, world):
        self.changed = Condition(world)
        self.flag = False

    def is_set(self):
        return self.flag

    def set(self):
        with self.changed:
            self.flag = True
            self.changed.notify_all()

    def clear(self):
        with self.changed:
            self.flag = False

    def wait(self, timeout=None):
        with self.changed:
            return self.changed.wait_for(self.is_set, timeout)


class SimpleQueue:
    """A queue without bounds."""

    def __init__(self, world):
        self.changed = Condition(world)
        self.items = deque()

    def put(self, item):
        with self.changed:
            self.items.append(item)
            self.changed.notify()

    def get(self, timeout=None):
        with self.changed:
            if not self.changed.wait_for(lambda: self.items, timeout):
                raise queue.Empty
            return self.items.popleft()


class Thread:
    """One of the library's own threads."""

    def __init__(self, world, name, target):
        self.world = world
        self.name = f"incumbent-{name}"
        self.target = target
        self.task = None
        self.number = world.numbered = world.numbered + 1

    def __hash__(self):
        return self.number  # else the order of a set would depend on addresses

    def start(self):
        if not self.world.starts():
            raise RuntimeError("can't start new thread")
        self.task = self.world.spawn(self.name, self.target, self)
        self.world.pause()

    def join(self, timeout=None):
        if self.task is None:
            raise RuntimeError("cannot join thread before it is started")
        self.world.join(self.task, timeout)

    def is_alive(self):
        return self.task is not None and not self.task.has_ended


class Clock:
    """The world's time, for campaigns."""

    def __init__(self, world):
        self.world = world

    def now(self):
        return self.world.now

    def utcnow(self):
        return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=self.world.now)

    def wait(self, condition, timeout):
        condition.wait(timeout)
