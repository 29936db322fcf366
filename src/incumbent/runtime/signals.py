"""The signals that ask a service to end."""

from __future__ import annotations

import contextlib
import queue
import signal
import threading
from collections.abc import Callable
from functools import partial
from types import FrameType, TracebackType
from typing import Final

from incumbent.runtime import threads

_Handler = Callable[[int, FrameType | None], object] | signal.Handlers
_DEFAULTS: Final[dict[signal.Signals, _Handler]] = {
    signal.SIGTERM: signal.SIG_DFL,
    signal.SIGINT: signal.default_int_handler,
}
_LATEST_S: Final = 1.0
"""How late a signal is heard at most that ends no wait: sent just before it, or to another thread."""


class Waiter:
    """Waits for the end of something, which the first SIGTERM or SIGINT meanwhile asks for.

    A signal that has a handler already, or is ignored, keeps that. After the first one the defaults are back:
    whoever sends a second one does not want to wait. Outside the main thread, where Python handles no
    signals, all are left alone.

    Args:
        handle_signals: False leaves all signals alone.
    """

    def __init__(self, *, handle_signals: bool) -> None:
        # Its `put` may be called by a handler of a signal, between any two steps of the main thread.
        self._events = threads.simple_queue()
        self._is_asked = False
        self._ours: list[signal.Signals] = []
        self.is_interrupted: bool = False
        if handle_signals and threading.current_thread() is threading.main_thread():
            self._ours += [
                number for number, default in _DEFAULTS.items() if signal.getsignal(number) is default
            ]

    def __enter__(self) -> Waiter:
        for number in self._ours:
            signal.signal(number, self._handle)
        return self

    def wait_for(self, join: Callable[[], object], ask_to_end: Callable[[], None]) -> None:
        """Wait until `join` has returned, on a thread of its own; call `ask_to_end` at the first signal."""
        threads.start_after("run", join, partial(self._events.put, False))
        try:
            while self._next():
                self._is_asked = True
                ask_to_end()
        except BaseException:
            self.is_interrupted = self._is_asked
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def _next(self) -> bool:
        while True:
            with contextlib.suppress(queue.Empty):
                return bool(self._events.get(timeout=_LATEST_S))

    def _handle(self, *_: object) -> None:
        self._restore()
        self._events.put(True)

    def _restore(self) -> None:
        for number in self._ours:
            signal.signal(number, _DEFAULTS[number])
        self._ours.clear()
