"""Terms of office handed to a loop whose body is their work."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from functools import partial

from incumbent.leadership import Leadership
from incumbent.runtime import threads


class TermLoop:
    """Connects a thread that loops over terms with the work's thread of each, which waits for the body."""

    def __init__(self) -> None:
        self._handed: queue.SimpleQueue[tuple[Leadership, threading.Event] | None] = threads.simple_queue()
        self._looping: threading.Thread | None = None
        self._done: threading.Event | None = None

    def work(self, leadership: Leadership) -> None:
        """Hand the term to the loop, and wait until its body has ended."""
        done = threads.event()
        self._handed.put((leadership, done))
        done.wait()

    def end_after(self, join: Callable[[], object]) -> threading.Thread:
        """Tell the loop that no further term will come when `join` has returned, on a thread of its own."""
        return threads.start_after("terms", join, partial(self._handed.put, None))

    def __iter__(self) -> Iterator[Leadership]:
        while (handed := self._handed.get()) is not None:
            leadership, self._done = handed
            self._looping = threads.current()
            try:
                yield leadership
            finally:
                self._done.set()

    def interpreter_exits(self) -> None:
        """Count the body as ended if its thread has, as the main thread has at exit.

        A generator that was kept, and not closed, would have the term go on until the process is gone.
        """
        if self._done is not None and self._looping is not None and not self._looping.is_alive():
            self._done.set()
