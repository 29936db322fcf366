"""The signals that ask a service to end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_Handler = Callable[[int, FrameType | None], object] | signal.Handlers
_DEFAULTS: Final[dict[signal.Signals, _Handler]] = {
    signal.SIGTERM: signal.SIG_DFL,
    signal.SIGINT: signal.default_int_handler,
}


@contextmanager
def caught(notify: Callable[[int], None]) -> Iterator[None]:
    """Call `notify` with the first SIGTERM or SIGINT instead of what Python does by default.

    A signal that has a handler already, or is ignored, keeps that. After the first one the defaults are back:
    whoever sends a second one does not want to wait. Does nothing outside the main thread, where Python
    handles no signals.

    Args:
        notify: Runs between any two steps of the main thread, and so must take no lock.
    """

    def restore() -> None:
        for number in ours:
            signal.signal(number, _DEFAULTS[number])
        ours.clear()

    def handle(number: int, _: FrameType | None) -> None:
        restore()
        notify(number)

    ours: list[signal.Signals] = []
    if threading.current_thread() is threading.main_thread():
        ours += [number for number, default in _DEFAULTS.items() if signal.getsignal(number) is default]
    for number in ours:
        signal.signal(number, handle)
    try:
        yield
    finally:
        restore()
