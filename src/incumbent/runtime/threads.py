"""Threads, and whatever they wait on: the runtime takes them from here and from nowhere else.

Tests put others in the place of these functions, and then choose every interleaving by a seed. Each looks its
subject up when it is called: gevent may replace it after this module was loaded.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import Any, Final
from weakref import WeakSet

_own: Final[WeakSet[threading.Thread]] = WeakSet()


def lock() -> threading.Lock:
    """A `threading.Lock`."""
    return threading.Lock()


def rlock() -> threading.RLock:
    """A `threading.RLock`."""
    return threading.RLock()


def condition() -> threading.Condition:
    """A `threading.Condition`."""
    return threading.Condition()


def event() -> threading.Event:
    """A `threading.Event`."""
    return threading.Event()


def simple_queue() -> queue.SimpleQueue[Any]:
    """A `queue.SimpleQueue`, whose `put` may be called by the handler of a signal."""
    return queue.SimpleQueue()


def current() -> threading.Thread:
    """The thread that calls."""
    return threading.current_thread()


def monotonic() -> float:
    """Seconds of real time."""
    return time.monotonic()


def thread(name: str, target: Callable[[], None]) -> threading.Thread:
    """A daemon thread: work that does not end must not keep an unwanted process alive."""
    made = threading.Thread(name=f"incumbent-{name}", target=target, daemon=True)
    _own.add(made)
    return made


def start_after(name: str, join: Callable[[], object], action: Callable[[], object]) -> threading.Thread:
    """Start a thread that calls `action` when `join` has returned."""

    def run() -> None:
        join()
        action()

    made = thread(name, run)
    made.start()
    return made


def is_own() -> bool:
    """Whether the current thread is one of the library's, which must not wait for each other to end."""
    return current() in _own
