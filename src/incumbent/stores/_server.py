"""The base of all stores on servers: one `Server` for all its leases in a process, with one listener.

A `Server` holds the client's connections. It is made when the first lease of its URL is opened and closed
with the last one, and a forked child makes its own: connections do not survive a fork.
"""

from __future__ import annotations

import json
import os
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Hashable, Sequence
from hashlib import sha256
from typing import Any, Final, Generic, NoReturn, TypeAlias, TypeVar

from incumbent.errors import CorruptLease, LeaseConflict, LeaseNotFound, StoreUnavailable
from incumbent.lease import LONGEST_TEXT, Lease, StoredLease, Version
from incumbent.shown import shown
from incumbent.store import Call, Watch
from incumbent.stores import check_lease_name
from incumbent.stores._listener import Listener

__all__ = [
    "LONGEST_RECORD",
    "Listener",
    "Server",
    "ServerStore",
    "Steps",
    "conclude",
    "fields_from_json",
    "from_json",
    "to_json",
]

LONGEST_RECORD: Final = 32 * LONGEST_TEXT
"""Bytes of a record that are looked at: three long texts take less, however they are escaped."""


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
        `listener.connected()` once changes are sure to be noticed; `listener.heard(name, ...)` at each change
        of a lease; and, before it blocks, `listener.interrupt_by(...)` with what makes it return soon.
        """

    @abstractmethod
    def close(self) -> None:
        """Close every connection. Called once, when the last lease is closed."""


S = TypeVar("S", bound=Server)
C = TypeVar("C")
T = TypeVar("T")

Steps: TypeAlias = Generator[C, Any, T]
"""A call that yields its one command, and is sent the server's answer: the same by itself as among many."""


def conclude(steps: Steps[C, T], answer: object) -> T:
    """Return what a call that yielded its command makes of the answer, or raise that."""
    try:
        steps.send(answer)
    except StopIteration as end:
        made: T = end.value
        return made
    raise AssertionError("a call has one command")


class ServerStore(Generic[S]):
    """One lease on a server: its name, its part of the shared `Server`, and how it ends.

    Args:
        name: The lease's name.
        key: What says that two stores are on one server: the URL. It may hold a secret.
        make: Makes the `Server`, without connecting.

    Attributes:
        server: The key, hashed. Campaigns whose stores have the same one share the threads that call the
            store, so that a server that hangs holds up no other.
    """

    def __init__(self, name: str, key: str, make: Callable[[], S]) -> None:
        check_lease_name(name)
        self.name: Final = name
        self.server: Final = (type(self).__name__, sha256(key.encode(errors="surrogatepass")).hexdigest())
        self._make = make
        self._process = os.getpid()
        self._reached: S | None = _acquire(self.server, make)
        self._shown = self._reached.shown

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._shown} lease={shown(self.name)}>"

    def watch(self, notify: Callable[[], None]) -> Watch:
        """See `WatchableStore.watch`."""
        return self.watch_lease(lambda _: notify())

    def watch_lease(self, notify: Callable[[StoredLease | None], None]) -> Watch:
        """See `LeaseWatchableStore.watch_lease`."""
        return self._reach().listener.watch(self.name, notify)

    def _call_together(
        self, calls: Sequence[Call], run: Callable[[S, list[tuple[Any, float]]], Sequence[Any]]
    ) -> list[object]:
        """See `BatchStore.call_together`, for a store whose `_get_lease` and so on are `Steps`.

        Args:
            calls: Those of a store that is closed, or that has yet to reach the server, are left out.
            run: Given the server, and the commands with their deadlines on the monotonic clock, returns an
                answer for each, or the exception that it amounts to, or None if it was left out.
        """
        outcomes: list[object] = [None] * len(calls)
        server = self._reached if self._process == os.getpid() else None
        if server is None:
            return outcomes
        now, begun, commands = time.monotonic(), list[tuple[int, Steps[Any, object]]](), []
        for place, call in enumerate(calls):
            if isinstance(call.store, type(self)) and call.store._reached is server:  # noqa: SLF001  # one of us
                steps = getattr(call.store, f"_{call.method}")(*call.arguments)
                begun.append((place, steps))
                commands.append((next(steps), now + call.timeout))
        for (place, steps), answer in zip(begun, run(server, commands) if begun else (), strict=True):
            if answer is None or isinstance(answer, Exception):
                outcomes[place] = answer
                continue
            try:
                outcomes[place] = conclude(steps, answer)
            except Exception as error:  # noqa: BLE001  # that is its outcome
                outcomes[place] = error
        return outcomes

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
        raise LeaseNotFound(f"there is no lease {shown(self.name)} at {self._shown}")

    def _conflict(self, version: Version | None = None) -> NoReturn:
        """The write named `version`; or None: it was to create the record."""
        what = "exists" if version is None else f"is no longer at version {shown(version)}"
        raise LeaseConflict(f"lease {shown(self.name)} at {self._shown} {what}")


def to_json(lease: Lease, **more: str) -> str:
    """A record, with more fields before its own, as a store of texts keeps it."""
    return json.dumps({**more, **lease.to_fields()}, ensure_ascii=False, separators=(",", ":"))


def from_json(text: str | bytes) -> Lease:
    """The record that a store of texts kept.

    Raises:
        CorruptLease: It is none.
    """
    return Lease.from_fields(fields_from_json(text))


def fields_from_json(text: str | bytes) -> Any:
    """What may be the fields of a record, and more.

    Raises:
        CorruptLease: It is too long, or no JSON.
    """
    if len(text) > LONGEST_RECORD:
        raise CorruptLease(f"the record is {len(text)} bytes long; repair or delete it by hand")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CorruptLease(
            f"the record is not JSON ({shown(str(error))}); repair or delete it by hand"
        ) from None


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
