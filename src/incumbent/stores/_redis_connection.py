"""One connection to a Redis, with a deadline for everything that waits on it."""

from __future__ import annotations

import hashlib
import socket
import time
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from redis.backoff import NoBackoff
from redis.connection import Connection, SSLConnection, UnixDomainSocketConnection
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    RedisError,
    ResponseError,
)
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from incumbent.stores._redis_place import Address, Place

REFUSALS: Final = (ResponseError, AuthenticationError, AuthorizationError, BusyLoadingError)
"""Errors that a server answers. Any other error of the client may hide a command that was carried out."""

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


class Command(NamedTuple):
    """A script to run, with the key and the arguments that it takes."""

    script: Script
    key: str
    arguments: list[str]


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


class _Local(_Deadline, UnixDomainSocketConnection):  # type: ignore[misc]
    pass


def connect(place: Place, address: Address, deadline: float, *, is_sentinel: bool = False) -> Any:
    """A connection that is logged in; raises what the client does."""
    host, port = address
    credentials = (place.sentinel_credentials if is_sentinel else place.credentials).value
    kind: Any = _Local if place.kind == "unix" else _Plain if place.tls is None else _Encrypted
    options: dict[str, Any] = {"path": host} if kind is _Local else {"host": host, "port": port}
    if place.tls is not None:
        options |= {"ssl_check_hostname": True, **place.tls}
    options |= {"db": 0 if is_sentinel else place.db, **credentials}
    connection = kind(protocol=2, retry=Retry(NoBackoff(), 0), **options)
    connection.driver_info = connection.lib_name = connection.lib_version = None  # a round trip each
    connection.address, connection.deadline = address, deadline
    try:
        connection.connect()
    except BaseException as error:
        connection.disconnect()
        # A server that does not know the command AUTH quotes what came with it.
        error.args = tuple(_without(credentials.get("password"), each) for each in error.args)
        raise
    return connection


def exchange(connection: Any, *command: str | int) -> Any:
    """Send one command and return its answer."""
    connection.send_command(*command)
    return connection.read_response()


def exchange_all(connection: Any, *commands: tuple[str | int, ...]) -> list[Any]:
    """Some commands at once, and their answers; raises the first refusal when all answers have been read."""
    answers: list[Any] = []
    exchange_each(connection, commands, answers)
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers


def exchange_each(connection: Any, commands: Sequence[tuple[str | int, ...]], answers: list[Any]) -> None:
    """Some commands at once; their answers, refusals among them, are added to `answers` as they come."""
    connection.send_packed_command([b"".join(map(_packed, commands))])
    for _ in commands:
        try:
            answers.append(connection.read_response())
        except REFUSALS as error:  # noqa: PERF203
            answers.append(error)


def _packed(command: tuple[str | int, ...]) -> bytes:
    """As the client would pack it, which takes three times as long: half of what a call among many costs."""
    parts = [str(part).encode() for part in command]
    return b"*%d\r\n%b" % (len(parts), b"".join([b"$%d\r\n%b\r\n" % (len(part), part) for part in parts]))


def is_quiet(connection: Any) -> bool:
    """Whether nothing came since the last answer, not even the end of the connection."""
    try:
        return not connection.can_read(timeout=0)
    except (RedisError, OSError):
        return False


def _without(secret: str | None, said: object) -> object:
    return said.replace(secret, "...") if secret and isinstance(said, str) else said
