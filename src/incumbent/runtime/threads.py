"""The one kind of thread that this library starts."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Thread(threading.Thread):
    """A daemon: work that does not end must not keep a process alive that nobody wants any more.

    Its type says that a call comes from the library's own threads, where waiting for one of them to end
    would be waiting for oneself.
    """

    def __init__(self, name: str, target: Callable[[], None]) -> None:
        super().__init__(name=f"incumbent-{name}", target=target, daemon=True)


def is_own() -> bool:
    """Whether the current thread is one of the library's."""
    return isinstance(threading.current_thread(), Thread)
