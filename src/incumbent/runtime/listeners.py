"""Functions to call when something has changed."""

from __future__ import annotations

from collections.abc import Callable


class Listeners:
    """A set of functions that take no argument, return soon and raise nothing. For any thread.

    Takes no lock, so a listener may add and remove others, and a forked child may call this.
    """

    def __init__(self) -> None:
        self._listeners: dict[Callable[[], None], None] = {}

    def add(self, listener: Callable[[], None]) -> None:
        """Call `listener` at each change from now on."""
        self._listeners[listener] = None

    def remove(self, listener: Callable[[], None]) -> None:
        """Call `listener` no more, if it was added."""
        self._listeners.pop(listener, None)

    def call(self) -> None:
        """Call each of them, in the order in which they were added."""
        for listener in list(self._listeners):
            listener()
