"""Connections to the nodes of a Redis, each with a deadline; and which node is the one to ask.

The client's pools, and its clients for Sentinel and Cluster, may send a command again when they lose a
connection, and do not say whether it had been sent. An election has to know. So the client's connections are
used as they are, and to find the node is a question to a sentinel, or to follow what a cluster's node says.
"""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from redis.backoff import NoBackoff
from redis.connection import Connection, SSLConnection
from redis.exceptions import (
    AskError,
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    MovedError,
    NoScriptError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from incumbent.errors import StoreUnavailable
from incumbent.stores._redis_place import Address, Place

REFUSALS: Final = (ResponseError, AuthenticationError, AuthorizationError, BusyLoadingError)
"""What a server answers. Whatever else the client raises may be silence after a command was carried out."""

_REDIRECTIONS: Final = 5
_LEAST_S: Final = 0.001
"""A socket takes a timeout of 0 for something else."""


class Script(NamedTuple):
    """A Lua script, and the digest by which a server that has seen it knows it."""

    text: str
    sha: str

    @classmethod
    def of(cls, text: str) -> Script:
        """That text."""
        return cls(text, hashlib.sha1(text.encode()).hexdigest())  # noqa: S324 - the digest that Redis takes


class _Deadline:
    """Makes every wait of a connection end at its deadline, however many waits it takes to connect."""

    deadline = 0.0
    address: Address = ("", 0)
    is_lost = False
    is_asked = False

    @property
    def socket_timeout(self) -> float:
        return max(self.deadline - time.monotonic(), _LEAST_S)

    @socket_timeout.setter
    def socket_timeout(self, _: object) -> None:
        """Some versions of the client have their constructor set it."""

    socket_connect_timeout = socket_timeout

    def disconnect(self, *arguments: Any, **options: Any) -> None:
        self.is_lost = True
        connection: Any = super()
        connection.disconnect(*arguments, **options)

    def cut(self) -> None:
        """End what waits on it, from another thread, and leave its end to whoever waits.

        Were it closed here, its number would be the next connection's, and TLS goes by the number: who waits
        would read the other's first bytes. (A TLS socket's own `shutdown` takes it from who reads, too.)
        """
        sock: socket.socket | None = getattr(self, "_sock", None)
        if sock is not None:
            socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def read_response(self, *arguments: Any, **options: Any) -> Any:
        connection: Any = super()
        if not connection.can_read(timeout=self.socket_timeout):
            raise RedisTimeoutError("no answer in time")
        return connection.read_response(*arguments, **options)


class _Plain(_Deadline, Connection):  # type: ignore[misc]  # that is what it is for
    pass


class _Encrypted(_Deadline, SSLConnection):  # type: ignore[misc]
    pass


class Nodes:
    """The nodes of one place. Any thread may use it."""

    def __init__(self, place: Place) -> None:
        self.place: Final = place
        self._known = deque(place.addresses)
        self._found: dict[str, Address] = {}
        self._idle: dict[Address, list[Any]] = {}
        self._lock = threading.Lock()
        self._is_closed = False

    def run(self, script: Script, key: str, arguments: list[str], deadline: float) -> Any:
        """What the script answers, run once at most, on the node of that key; raises what `call` does."""
        return self.call(key, deadline, lambda connection: _run(connection, script, key, arguments))

    def call(self, key: str, deadline: float, work: Callable[[Any], Any]) -> Any:
        """What `work` returns, given a connection to the node of that key.

        It is done again only where a cluster says that another node is the one to ask.

        Raises:
            RedisError: One of `REFUSALS`: it was not done, or it failed, as the server says.
            StoreUnavailable: No answer, caused by an error of the client's. Or there is one, but it rests on
                what fewer than `place.wait` replicas have: of unknown outcome, too.
        """
        asked: Address | None = None
        for _ in range(_REDIRECTIONS):
            connection = self.connected(key, deadline, at=asked)
            connection.is_asked = asked is not None
            try:
                answer = work(connection)
                if self.place.wait:
                    self._await_replicas(connection)
            except AskError as error:  # a MovedError is one
                if self.place.kind != "cluster":
                    raise
                asked = self._redirected(key, error, connection)
            except REFUSALS as error:
                if isinstance(error, ReadOnlyError):
                    self._lose(key, connection)  # a master that was demoted; who succeeds it has to be found
                raise
            except (RedisError, OSError) as error:
                self._lose(key, connection)
                raise StoreUnavailable(f"{self.place.shown}: {error}") from error
            except BaseException:
                connection.disconnect()  # whoever used it next would read this answer for its own
                raise
            else:
                return answer
            finally:
                self.give_back(connection)
        raise StoreUnavailable(f"{self.place.shown}: redirected in a circle", outcome_unknown=False)

    def connected(self, key: str, deadline: float, *, at: Address | None = None) -> Any:
        """A connection that is ready for a command, to the node of that key. `give_back` it.

        Raises:
            StoreUnavailable: There is none, caused by an error of the client's. Nothing was sent.
        """
        try:
            address = at or self._found.get(self._sought(key), self._known[0])
            connection = self._idle_at(address, deadline)
            if connection is None and self.place.kind == "sentinel":
                address = self._found[""] = self._ask_sentinels(deadline)
            return connection or self._connect(address, deadline)
        except (RedisError, OSError) as error:
            self._found.pop(self._sought(key), None)
            self._known.rotate(-1)
            raise StoreUnavailable(f"{self.place.shown}: {error}", outcome_unknown=False) from error

    def give_back(self, connection: Any) -> None:
        """Keep the connection for the next call, unless it was lost."""
        with self._lock:
            if not (connection.is_lost or self._is_closed):
                self._idle.setdefault(connection.address, []).append(connection)
                return
        connection.disconnect()

    def close(self) -> None:
        """Close all connections; those in use when they are given back."""
        with self._lock:
            self._is_closed = True
            idle = [connection for connections in self._idle.values() for connection in connections]
            self._idle.clear()
        for connection in idle:
            connection.disconnect()

    def _sought(self, key: str) -> str:
        """What `_found` keeps an address by: a cluster has a node for each key, all else has one."""
        return key if self.place.kind == "cluster" else ""

    def _ask_sentinels(self, deadline: float) -> Address:
        """Each has its share of the time that is left; the first that answers is the first the next time."""
        for left in range(len(self._known), 0, -1):
            now = time.monotonic()
            try:
                return self._ask_sentinel(self._known[0], now + (deadline - now) / left)
            except (RedisError, OSError):
                if left == 1:
                    raise
                self._known.rotate(-1)
        raise AssertionError("unreachable")

    def _ask_sentinel(self, address: Address, deadline: float) -> Address:
        connection = self._connect(address, deadline, is_sentinel=True)
        try:
            answer = exchange(connection, "SENTINEL", "get-master-addr-by-name", self.place.service)
        finally:
            connection.disconnect()
        if answer is None:
            raise ResponseError(f"the sentinel at {address[0]}:{address[1]} knows no {self.place.service!r}")
        return answer[0].decode(), int(answer[1])

    def _redirected(self, key: str, error: AskError, connection: Any) -> Address | None:
        """Follow a node's hint: for good, or (then it is returned) just this once."""
        address = (error.host or connection.address[0], error.port)
        if address not in self._known:
            self._known.append(address)
        if not isinstance(error, MovedError):
            return address
        self._found[key] = address
        return None

    def _idle_at(self, address: Address, deadline: float) -> Any:
        """A connection that was given back and is still good, or None."""
        while True:
            with self._lock:
                connection = self._idle[address].pop() if self._idle.get(address) else None
            if connection is None or _is_quiet(connection):
                break
            connection.disconnect()
        if connection is not None:
            connection.deadline = deadline
        return connection

    def _connect(self, address: Address, deadline: float, *, is_sentinel: bool = False) -> Any:
        place, (host, port) = self.place, address
        options: dict[str, Any] = dict(place.sentinel_credentials if is_sentinel else place.credentials)
        if place.tls is not None:
            options |= {"ssl_check_hostname": True, **dict(place.tls)}
        kind: Any = _Plain if place.tls is None else _Encrypted
        db = 0 if is_sentinel else place.db
        connection = kind(host=host, port=port, db=db, protocol=2, retry=Retry(NoBackoff(), 0), **options)
        connection.driver_info = connection.lib_name = connection.lib_version = None  # a round trip each
        connection.address, connection.deadline = address, deadline
        try:
            connection.connect()
        except BaseException:
            connection.disconnect()
            raise
        return connection

    def _lose(self, key: str, connection: Any) -> None:
        """The node does not answer, or is not the one any more: so are all connections to it."""
        connection.disconnect()
        with self._lock:
            self._found.pop(self._sought(key), None)
            suspects = self._idle.pop(connection.address, [])
        for suspect in suspects:
            suspect.disconnect()

    def _await_replicas(self, connection: Any) -> None:
        """WAIT covers all that this connection wrote, and read: so that is not undone, either."""
        patience_ms = max(1, int(connection.socket_timeout * 900))  # it answers before the deadline
        try:
            acknowledged = exchange(connection, "WAIT", self.place.wait, patience_ms)
        except REFUSALS as error:  # of the WAIT, not of what went before
            raise StoreUnavailable(f"{self.place.shown}: {error}") from error
        if acknowledged < self.place.wait:
            raise StoreUnavailable(
                f"{self.place.shown}: {acknowledged} of {self.place.wait} replicas acknowledged in time"
            )


def _run(connection: Any, script: Script, key: str, arguments: list[str]) -> Any:
    if connection.is_asked:  # it holds for one command, so that one must not fail for want of the script
        exchange(connection, "ASKING")
        return exchange(connection, "EVAL", script.text, 1, key, *arguments)
    try:
        return exchange(connection, "EVALSHA", script.sha, 1, key, *arguments)
    except NoScriptError:  # certainly not run
        return exchange(connection, "EVAL", script.text, 1, key, *arguments)


def exchange(connection: Any, *command: str | int) -> Any:
    """One command and its answer."""
    connection.send_command(*command)
    return connection.read_response()


def _is_quiet(connection: Any) -> bool:
    """Whether nothing came since the last answer, not even the end of the connection."""
    try:
        return not connection.can_read(timeout=0)
    except (RedisError, OSError):
        return False
