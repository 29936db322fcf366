"""Bounded threads for calls that may hang: a lane per store server, so that a hung one starves no other."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable
from typing import Final

from incumbent.runtime.threads import Thread

logger = logging.getLogger("incumbent")

THREADS_PER_LANE: Final = 8
"""A thread whose call hangs is left behind. When all of a lane's hang, its queue waits: calls that expire
there were never sent, and the store counts as unavailable."""

_IDLE_S: Final = 1.0


class Lane:
    """A queue of calls and up to `THREADS_PER_LANE` threads, started when needed and ended when idle."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._changed = threading.Condition()
        self._calls: deque[Callable[[], object]] = deque()
        self._threads: set[threading.Thread] = set()
        self._begun: dict[threading.Thread, float] = {}
        self._idle = 0
        self._closed = False

    def submit(self, call: Callable[[], object]) -> None:
        """Run `call` on one of the lane's threads; an exception is logged (P13)."""
        with self._changed:
            self._calls.append(call)
            if self._idle >= len(self._calls):
                self._changed.notify()
                return
            if len(self._threads) >= THREADS_PER_LANE:
                return
            thread = Thread(self._name, self._run)
            self._threads.add(thread)
        try:
            thread.start()
        except RuntimeError:  # the interpreter is ending and starts no thread any more
            with self._changed:
                self._threads.discard(thread)
            self._run_one()

    def is_busy(self, patience_s: float) -> bool:
        """Whether a call is about to begin, or runs and may end soon: none has run for `patience_s` yet.

        For a clock that tests move: time should not overtake a call that a healthy store will answer.
        """
        with self._changed:
            if self._calls and len(self._begun) < len(self._threads):
                return True
            hanging_since = time.monotonic() - patience_s
            return bool(self._begun) and min(self._begun.values()) > hanging_since

    def close(self) -> None:
        """End the idle threads and wait for them; those that hang are left behind."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            threads = list(self._threads)
        patience_until = time.monotonic() + _IDLE_S / 5
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(timeout=max(0.0, patience_until - time.monotonic()))

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
            self._threads.discard(threading.current_thread())
            return False

    def _run_one(self) -> None:
        me = threading.current_thread()
        with self._changed:
            if not self._calls:
                return
            call = self._calls.popleft()
            self._begun[me] = time.monotonic()
        try:
            call()
        except BaseException:  # P13: not even SystemExit in a callback ends the lane
            logger.exception("a call failed")
        with self._changed:
            del self._begun[me]


class SerialQueue:
    """Calls that run one after the other, on any thread of a lane: one campaign's callbacks, in order."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._changed = threading.Condition()
        self._calls: deque[Callable[[], object]] = deque()
        self._running = False

    def submit(self, call: Callable[[], object]) -> None:
        """Run `call` after those submitted before it."""
        with self._changed:
            self._calls.append(call)
            if self._running:
                return
            self._running = True
        self._lane.submit(self._drain)

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
                logger.exception("a callback failed")


class _Shared:
    """The lanes in use, by key."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lanes: dict[Hashable, tuple[Lane, int]] = {}

    def acquire(self, key: Hashable, name: str) -> Lane:
        with self._lock:
            lane, users = self._lanes.get(key) or (Lane(name), 0)
            self._lanes[key] = (lane, users + 1)
            return lane

    def release(self, key: Hashable) -> None:
        with self._lock:
            lane, users = self._lanes[key]
            if users > 1:
                self._lanes[key] = (lane, users - 1)
                return
            del self._lanes[key]
        lane.close()

    def is_busy(self, patience_s: float) -> bool:
        """Whether any lane is; see `Lane.is_busy`."""
        with self._lock:
            lanes = [lane for lane, _ in self._lanes.values()]
        return any(lane.is_busy(patience_s) for lane in lanes)


shared = _Shared()


def forget_all() -> None:
    """In a forked child: the threads stayed with the parent, and so do their locks."""
    shared.__init__()  # type: ignore[misc]  # a new lock and an empty table, in place
