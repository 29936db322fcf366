"""What all stores on a server share: one `Server` for all leases of it in a process, with one listener.

A `Server` holds the client's connections. It is made when the first lease of its URL is opened and closed
with the last one, and a forked child makes its own: connections do not survive a fork.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable
from contextlib import suppress
from typing import Any, Final, Generic, NoReturn, TypeVar

from incumbent.errors import CorruptLease, LeaseConflict, LeaseNotFound, StoreUnavailable
from incumbent.lease import Lease, Version
from incumbent.store import Watch
from incumbent.stores import check_lease_name

_LOG: Final = logging.getLogger(__name__)
_SHORTEST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 5.0
"""Seconds between two attempts to listen: they double from the one to the other."""


class Server(ABC):
    """One server (or cluster) as one process reaches it. Any thread may use it.

    Attributes:
        shown: Its address without secrets, for people.
        listener: Tells the watches of all its leases.
    """

    def __init__(self, shown: str) -> None:
        self.shown: Final = shown
        self.listener: Final = Listener(shown, self.listen)

    @abstractmethod
    def listen(self, listener: Listener) -> None:
        """Connect, tell the listener what it needs to know, and return or raise when the connection is lost.

        Runs on the listener's thread while there are watches, and again after every loss. Its duties: say
        `listener.connected()` once changes are sure to be noticed; `listener.heard(name)` at each change of
        a lease; and, before it blocks, `listener.interrupt_by(...)` with what makes it return soon.
        """

    @abstractmethod
    def close(self) -> None:
        """Close every connection. Called once, when the last lease is closed."""


S = TypeVar("S", bound=Server)


class ServerStore(Generic[S]):
    """One lease on a server: its name, its part of the shared `Server`, and how it ends.

    Args:
        name: The lease's name.
        key: What says that two stores are on one server, such as the URL.
        make: Makes the `Server`, without connecting.

    Attributes:
        server: The key. Campaigns whose stores have the same one share the threads that call the store, so
            that a server that hangs holds up no other.
    """

    def __init__(self, name: str, key: Hashable, make: Callable[[], S]) -> None:
        check_lease_name(name)
        self.name: Final = name
        self.server: Final = (type(self).__name__, key)
        self._make = make
        self._process = os.getpid()
        self._reached: S | None = _acquire(self.server, make)
        self._shown = self._reached.shown

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._shown} lease={self.name!r}>"

    def watch(self, notify: Callable[[], None]) -> Watch:
        """See `LeaseStore.watch`."""
        return self._reach().listener.watch(self.name, notify)

    def close(self) -> None:
        """Let go of the server. Every other method raises `StoreUnavailable` from now on."""
        reached, self._reached = self._reached, None
        if reached is not None and self._process == os.getpid():
            _release(self.server)

    def _reach(self) -> S:
        """The server, as this process reaches it.

        Raises:
            StoreUnavailable: This store is closed.
        """
        if self._reached is None:
            raise StoreUnavailable(f"{self!r} is closed: open another", outcome_unknown=False)
        if self._process != os.getpid():
            self._process, self._reached = os.getpid(), _acquire(self.server, self._make)
        return self._reached

    def _not_found(self) -> NoReturn:
        raise LeaseNotFound(f"there is no lease {self.name!r} at {self._shown}")

    def _conflict(self, version: Version | None = None) -> NoReturn:
        """The write named `version`; or None: it was to create the record."""
        what = "exists" if version is None else f"is no longer at version {version}"
        raise LeaseConflict(f"lease {self.name!r} at {self._shown} {what}")


class Listener:
    """One thread that listens to a server for all watches of its leases, for as long as there are any.

    Every loss of the connection is a pause and another attempt, and after every connection all watches are
    told, for anything may have changed meanwhile.
    """

    def __init__(self, shown: str, listen: Callable[[Listener], None]) -> None:
        self._shown = shown
        self._listen = listen
        self._changed = threading.Condition()
        self._watches: dict[str, list[_ServerWatch]] = {}
        self._thread: threading.Thread | None = None
        self._interrupt: Callable[[], None] | None = None
        self._pause = _SHORTEST_PAUSE
        self._is_in_trouble = False

    # For stores.

    def watch(self, name: str, notify: Callable[[], None]) -> Watch:
        """Call `notify` at each change of the lease of that name, until closed."""
        watch = _ServerWatch(self, name, notify)
        with self._changed:
            self._watches.setdefault(name, []).append(watch)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="incumbent-watch", daemon=True)
                self._thread.start()
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
        self._pause = _SHORTEST_PAUSE
        if self._is_in_trouble:
            self._is_in_trouble = False
            _LOG.info("%s: listening again", self._shown)
        for name in self.names:
            self.heard(name)

    def heard(self, name: str) -> None:
        """The lease of that name may have changed."""
        with self._changed:
            watches = tuple(self._watches.get(name, ()))
        for watch in watches:
            watch.notify()

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
            try:
                self._listen(self)
            except Exception as error:  # noqa: BLE001  # P13: a lost connection is a pause
                if not self.is_over and not self._is_in_trouble:
                    self._is_in_trouble = True
                    _LOG.warning("%s: not listening: %s: %s", self._shown, type(error).__name__, error)
            with self._changed:
                self._interrupt = None
                self._changed.wait_for(lambda: self.is_over, timeout=self._pause)
                self._pause = min(2 * self._pause, _LONGEST_PAUSE)
                if self.is_over:
                    self._thread = None
                    return

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
    def __init__(self, listener: Listener, name: str, notify: Callable[[], None]) -> None:
        self.name = name
        self._listener = listener
        self._notify = notify
        self._is_closed = False

    def notify(self) -> None:
        if self._is_closed:
            return
        try:
            self._notify()
        except Exception:  # noqa: BLE001  # P13: a caller's bug is its own
            _LOG.exception("a watcher of lease %r failed", self.name)

    def close(self) -> None:
        self._is_closed = True
        self._listener._forget(self)  # noqa: SLF001  # the two are one thing in two parts


def to_json(lease: Lease) -> str:
    """A record as a store of texts keeps it."""
    return json.dumps(lease.to_fields(), ensure_ascii=False, separators=(",", ":"))


def from_json(text: str | bytes) -> Lease:
    """The record that a store of texts kept.

    Raises:
        CorruptLease: It is none.
    """
    try:
        fields: Any = json.loads(text)
    except ValueError as error:
        raise CorruptLease(f"the record is not JSON ({error}); repair or delete it by hand") from error
    if not isinstance(fields, dict):
        raise CorruptLease(f"the record is {fields!r}, not an object; repair or delete it by hand")
    return Lease.from_fields(fields)


# The servers that stores of this process use, with how many of them.

_lock = threading.Lock()
_servers: dict[Hashable, tuple[Any, int]] = {}


def _acquire(key: Hashable, make: Callable[[], S]) -> S:
    with _lock:
        server, users = _servers.get(key) or (make(), 0)
        _servers[key] = (server, users + 1)
    found: S = server
    return found


def _release(key: Hashable) -> None:
    with _lock:
        server, users = _servers.pop(key)
        if users > 1:
            _servers[key] = (server, users - 1)
            return
    server.close()


def _after_fork_in_child() -> None:
    """The connections are the parent's: they are left alone, not even closed."""
    global _lock, _servers  # the lock may have been held by a thread that is not here
    _abandoned.append(_servers)
    _lock, _servers = threading.Lock(), {}


_abandoned: Final[list[object]] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
