"""One thread of a process that listens to a server for changes of the leases that are watched there."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from incumbent.errors import CorruptLease
from incumbent.lease import StoredLease
from incumbent.shown import shown
from incumbent.store import Watch

_LOG: Final = logging.getLogger(__name__)
_SHORTEST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 5.0
"""Seconds between two attempts to listen: they double from the one to the other, and begin anew with a
connection that lasted as long as the longest. One that is made and ends at once is no success."""


class Listener:
    """One thread that listens to a server for all watches of its leases, for as long as there are any.

    Every loss of the connection is a pause and another attempt, and after every connection all watches are
    told None, for anything may have changed meanwhile.
    """

    def __init__(self, shown: str, listen: Callable[[Listener], None]) -> None:
        self._shown = shown
        self._listen = listen
        self._changed = threading.Condition()
        self._watches: dict[str, list[_ServerWatch]] = {}
        self._thread: threading.Thread | None = None
        self._interrupt: Callable[[], None] | None = None
        self._pause = _SHORTEST_PAUSE
        self._connected_at: float | None = None
        self._is_in_trouble = False
        self._is_unsteady = False

    # For stores.

    def watch(self, name: str, notify: Callable[[StoredLease | None], None]) -> Watch:
        """Call `notify` at each change of the lease of that name, until closed."""
        watch = _ServerWatch(self, name, notify)
        with self._changed:
            self._watches.setdefault(name, []).append(watch)
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="incumbent-watch", daemon=True)
                try:
                    thread.start()
                except BaseException:  # the machine has none left for now
                    self._watches.clear()  # this one: without a thread there was no other
                    raise
                self._thread = thread
        return watch

    # For `Server.listen`.

    @property
    def is_over(self) -> bool:
        """Whether no watch is left, so that `listen` should return."""
        return not self._watches

    @property
    def names(self) -> tuple[str, ...]:
        """The leases that are watched now."""
        with self._changed:
            return tuple(self._watches)

    def connected(self) -> None:
        """From now on every change is noticed."""
        self._connected_at = time.monotonic()
        if not self._is_unsteady:
            self._say_again()
        for name in self.names:
            self.heard(name)

    def heard(self, name: str, read: Callable[[], StoredLease] | None = None) -> None:
        """The lease of that name may have changed.

        Args:
            name: The lease's.
            read: Returns the record that came with the notification, or raises `CorruptLease`, just as
                `get_lease` would. Not called if nobody here watches that lease.
        """
        if self._is_in_trouble and self._has_lasted():
            self._say_again()
        with self._changed:
            watches = tuple(self._watches.get(name, ()))
        if not watches:
            return
        stored = None
        if read is not None:
            with suppress(CorruptLease):
                stored = read()
        for watch in watches:
            watch.notify(stored)

    def interrupt_by(self, interrupt: Callable[[], None]) -> None:
        """Have `interrupt` called, from any thread, when `listen` is to return; at once if it is over."""
        with self._changed:
            self._interrupt = interrupt
            is_over = self.is_over
        if is_over:
            _interrupt(interrupt)

    # Behind them.

    def _run(self) -> None:
        while True:
            why = ""
            try:
                self._listen(self)
            except Exception as error:  # noqa: BLE001  # P13: a lost connection is a pause
                why = f"{type(error).__name__}: {error}"
            pause = self._next_pause(why)
            with self._changed:
                self._interrupt = None
                self._changed.wait_for(lambda: self.is_over, timeout=pause)
                if self.is_over:
                    self._thread = None
                    return

    def _next_pause(self, why: str) -> float:
        """Return the pause after a connection that ended, or was not made, for that reason, in seconds.

        A server may end one in good order (""): that is told only when it does so again and again.
        """
        has_lasted, was_made = self._has_lasted(), self._connected_at is not None
        self._connected_at = None
        if has_lasted:
            self._pause, self._is_in_trouble = _SHORTEST_PAUSE, False
        self._is_unsteady = was_made and not has_lasted
        is_trouble = bool(why) or self._pause >= _LONGEST_PAUSE
        if is_trouble and not (self.is_over or has_lasted or self._is_in_trouble):
            self._is_in_trouble = True
            with suppress(Exception):  # P13: nor does a broken log end this thread
                _LOG.warning(
                    "%s: not listening: %s", self._shown, why or "the server ends each connection soon"
                )
        pause, self._pause = self._pause, min(2 * self._pause, _LONGEST_PAUSE)
        return pause

    def _has_lasted(self) -> bool:
        since = self._connected_at
        return since is not None and time.monotonic() - since >= _LONGEST_PAUSE

    def _say_again(self) -> None:
        if self._is_in_trouble:
            self._is_in_trouble = False
            with suppress(Exception):
                _LOG.info("%s: listening again", self._shown)

    def _forget(self, watch: _ServerWatch) -> None:
        with self._changed:
            watches = self._watches.get(watch.name, [])
            if watch in watches:
                watches.remove(watch)
            if not watches:
                self._watches.pop(watch.name, None)
            interrupt = self._interrupt if self.is_over else None
            self._changed.notify_all()
        if interrupt is not None:
            _interrupt(interrupt)


def _interrupt(interrupt: Callable[[], None]) -> None:
    with suppress(Exception):  # the connection may just have been closed by itself
        interrupt()


class _ServerWatch:
    def __init__(self, listener: Listener, name: str, notify: Callable[[StoredLease | None], None]) -> None:
        self.name = name
        self._listener = listener
        self._notify = notify
        self._is_closed = False

    def notify(self, stored: StoredLease | None) -> None:
        if self._is_closed:
            return
        try:
            self._notify(stored)
        except Exception:  # noqa: BLE001  # P13: a caller's bug is its own
            with suppress(Exception):
                _LOG.exception("a watcher of lease %s failed", shown(self.name))

    def close(self) -> None:
        self._is_closed = True
        self._listener._forget(self)  # noqa: SLF001  # the two are one thing in two parts
