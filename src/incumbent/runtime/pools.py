"""Threads for calls that may hang: a bounded pool for each server, so that a hung server blocks no other."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Hashable
from contextlib import suppress
from functools import partial
from typing import Final, TypeVar, cast

from incumbent.runtime import threads

logger: Final = logging.getLogger("incumbent")

THREADS_PER_POOL: Final = 8
"""A hung call keeps its thread. When all eight hang, calls queue; a call that expires in the queue is never
sent, and is reported as `Unavailable` with a known outcome."""

MOST_TOGETHER: Final = 200
"""Items that one call takes at most: a lost connection loses no more, and a server is soon done with them."""

_IDLE_S: Final = 1.0

T = TypeVar("T")


class WorkerPool:
    """A queue of calls and up to `THREADS_PER_POOL` threads, started when needed and ended when idle."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._changed = threads.condition()
        self._calls: deque[Callable[[], object]] = deque()
        self._gathered: dict[Hashable, list[object]] = {}
        self._threads: set[threading.Thread] = set()
        self._begun: dict[threading.Thread, float] = {}
        self._idle = 0
        self._closed = False

    def submit(self, call: Callable[[], object]) -> None:
        """Run `call` on one of the pool's threads; an exception is logged (P13)."""
        with self._changed:
            self._calls.append(call)
            if self._idle >= len(self._calls):
                self._changed.notify()
                return
            if len(self._threads) >= THREADS_PER_POOL:
                return
            thread = threads.thread(self._name, self._run)
            self._threads.add(thread)
        try:
            thread.start()
        except RuntimeError:  # the interpreter is ending and starts no thread any more
            with self._changed:
                self._threads.discard(thread)
            self._run_one()

    def gather(self, key: Hashable, item: T, call: Callable[[list[T]], object]) -> None:
        """Run `call` with this item, and with others of the same key that are there when it begins.

        No item waits for others to come. They gather while a thread wakes up, or all of them are busy, and
        what comes once a call has begun is another call, which another thread makes if the first one hangs.
        """
        with self._changed:
            gathered = self._gathered.setdefault(key, [])
            gathered.append(item)
            if len(gathered) > 1:
                return  # the call of the first is submitted, and has not begun
        self.submit(partial(self._run_gathered, key, call))

    def _run_gathered(self, key: Hashable, call: Callable[[list[T]], object]) -> None:
        with self._changed:
            gathered = cast(list[T], self._gathered.pop(key))
            taken, left = gathered[:MOST_TOGETHER], gathered[MOST_TOGETHER:]
            if left:
                self._gathered[key] = cast(list[object], left)
        if left:
            self.submit(partial(self._run_gathered, key, call))
        call(taken)

    def is_busy(self, patience_s: float) -> bool:
        """Whether a call is about to begin, or runs and may end soon: none has run for `patience_s` yet.

        For a clock that tests move: time should not overtake a call that a healthy store will answer.
        """
        with self._changed:
            if self._calls and len(self._begun) < len(self._threads):
                return True
            hanging_since = threads.monotonic() - patience_s
            return bool(self._begun) and min(self._begun.values()) > hanging_since

    def close(self) -> None:
        """End the idle threads and wait for them; those that hang are left behind."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            left = list(self._threads)  # one of them may be about to start, for the rest of what is gathered
        patience_until = threads.monotonic() + _IDLE_S / 5
        for thread in left:
            if thread is not threads.current() and thread.is_alive():
                thread.join(timeout=max(0.0, patience_until - threads.monotonic()))

    def _run(self) -> None:
        while self._await_call():
            self._run_one()

    def _await_call(self) -> bool:
        with self._changed:
            self._idle += 1
            self._changed.wait_for(lambda: self._calls or self._closed, timeout=_IDLE_S)
            self._idle -= 1
            if self._calls:
                return True
            self._threads.discard(threads.current())
            return False

    def _run_one(self) -> None:
        me = threads.current()
        with self._changed:
            if not self._calls:
                return
            call = self._calls.popleft()
            self._begun[me] = threads.monotonic()
        try:
            call()
        except BaseException:  # P13: not even SystemExit in a callback ends the thread
            with suppress(Exception):
                logger.exception("a call failed")
        with self._changed:
            self._begun.pop(me, None)  # gone, if a call that it submitted could only run within it


class SerialQueue:
    """Runs calls one after the other, on any thread of a pool: the callbacks of one campaign, in order."""

    def __init__(self, pool: WorkerPool) -> None:
        self._pool = pool
        self._changed = threads.condition()
        self._calls: deque[Callable[[], object]] = deque()
        self._running = False

    def submit(self, call: Callable[[], object]) -> None:
        """Run `call` after those submitted before it."""
        with self._changed:
            self._calls.append(call)
            if self._running:
                return
            self._running = True
        self._pool.submit(self._drain)

    def join(self, timeout: float) -> bool:
        """Wait, in real time, until nothing is left to run."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._running, timeout)

    def _drain(self) -> None:
        while True:
            with self._changed:
                if not self._calls:
                    self._running = False
                    self._changed.notify_all()
                    return
                call = self._calls.popleft()
            try:
                call()
            except BaseException:  # P13: a callback's failure is a log line
                with suppress(Exception):
                    logger.exception("a callback failed")


class _Shared:
    """The pools in use, by key."""

    def __init__(self) -> None:
        self._lock = threads.lock()
        self._pools: dict[Hashable, tuple[WorkerPool, int]] = {}

    def acquire(self, key: Hashable, name: str) -> WorkerPool:
        with self._lock:
            pool, users = self._pools.get(key) or (WorkerPool(name), 0)
            self._pools[key] = (pool, users + 1)
            return pool

    def release(self, key: Hashable) -> None:
        with self._lock:
            pool, users = self._pools[key]
            if users > 1:
                self._pools[key] = (pool, users - 1)
                return
            del self._pools[key]
        pool.close()

    def is_busy(self, patience_s: float) -> bool:
        """Whether any pool is; see `WorkerPool.is_busy`."""
        with self._lock:
            all_pools = [pool for pool, _ in self._pools.values()]
        return any(pool.is_busy(patience_s) for pool in all_pools)


shared: Final = _Shared()


def forget_all() -> None:
    """In a forked child: the threads stayed with the parent, and so do their locks."""
    shared.__init__()  # type: ignore[misc]  # a new lock and an empty table, in place
