"""One connection to PostgreSQL, on which every wait has an end.

psycopg's cursors wait for as long as the server takes, and one that is frozen, or behind a network that
swallows packets, takes minutes. So this talks to libpq, by psycopg's public layer over it, without blocking.
(The names of hosts are resolved here for the same reason: libpq would do it while it holds up every thread.
How long that takes is the resolver's to say.)
"""

from __future__ import annotations

import re
import selectors
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

import psycopg
from psycopg import pq
from psycopg.conninfo import make_conninfo
from psycopg.pq import abc

from incumbent.errors import StoreUnavailable

Row: TypeAlias = list[bytes | None]


class Statement(NamedTuple):
    """A statement, and the values of its parameters as text."""

    sql: bytes
    values: Sequence[bytes | None]


class Notification(NamedTuple):
    """A notification; `pid` is of the server's process that sent it."""

    channel: str
    pid: int
    payload: str


READ_ONLY: Final = "25006"
_LASTING: Final = re.compile(
    r"authentication failed|no password supplied|does not exist|no pg_hba\.conf entry|not permitted to log in"
    r"|permission denied|unsupported startup parameter|no such (user|database)|^invalid |certificate"
    r"|server does not support SSL|^could not match "
)
"""Messages about a login that will fail again. libpq gives no error codes there, only words; where they are
not English, the trouble is taken for one that may pass."""


READ: Final = selectors.EVENT_READ
WRITE: Final = selectors.EVENT_WRITE
_Selector: Final = getattr(selectors, "PollSelector", selectors.SelectSelector)
"""Windows has no poll; select knows only the first 1024 files of a process."""

_QUOTABLE: Final = frozenset({"host", "hostaddr", "port", "user", "dbname"})


class Refused(StoreUnavailable):
    """The server answered, and said no: nothing was done.

    Attributes:
        sqlstate: PostgreSQL's code for why; "" if it refused to connect.
        is_lasting: Whether it would refuse to connect again, until somebody changes something.
    """

    def __init__(self, message: str, *, sqlstate: str = "", is_lasting: bool = False) -> None:
        super().__init__(message, outcome_unknown=False)
        self.sqlstate: Final = sqlstate
        self.is_lasting: Final = is_lasting


class Connection:
    """For one thread at a time.

    Args:
        params: What to connect to, as libpq names it.
        deadline: When connecting is given up, on the monotonic clock.

    Raises:
        StoreUnavailable: There is no connection.
    """

    def __init__(self, params: Mapping[str, str], deadline: float) -> None:
        self._pg = _connected(params, deadline)
        self._pg.nonblocking = 1
        self._is_whole = True

    @property
    def is_whole(self) -> bool:
        """Whether the next statement will reach the server, as far as one can tell without asking it."""
        try:
            # An idle server has nothing to say but that it hangs up.
            return self._is_whole and not _wait({self._pg.socket: READ}, time.monotonic())
        except psycopg.Error:
            return False

    def query(self, sql: bytes, values: Sequence[bytes | None] = (), *, deadline: float) -> list[Row]:
        """The rows, in binary, once the transaction has been committed.

        Raises:
            Refused: The statement failed, and was rolled back.
            StoreUnavailable: No answer; unknown is whether the statement did what it says.
        """
        if time.monotonic() >= deadline:
            raise StoreUnavailable("no time was left to send the statement", outcome_unknown=False)
        self._is_whole = False
        try:
            self._send(sql, values, deadline)
            results = list(self._results(deadline))
        except psycopg.Error as error:
            raise StoreUnavailable(f"the connection was lost: {_line(str(error))}") from error
        except TimeoutError:
            raise StoreUnavailable("no answer in time") from None
        # The rows are sent before the commit: one failure behind them and they never were.
        failures = [_refusal(result) for result in results if result.status == pq.ExecStatus.FATAL_ERROR]
        # What has no code is libpq's own failure; what the server said last may have come after the commit.
        if self._pg.status != pq.ConnStatus.OK or not all(error.sqlstate for error in failures):
            raise StoreUnavailable(f"the connection was lost: {_line(self._pg.get_error_message())}")
        self._is_whole = all(error.sqlstate != READ_ONLY for error in failures)
        if failures:
            raise failures[0]
        result = results[-1]
        return [
            [result.get_value(row, column) for column in range(result.nfields)]
            for row in range(result.ntuples)
        ]

    def notifications(self, stop: socket.socket) -> Iterator[Notification]:
        """What is notified, in its order, until something can be read from `stop`.

        Raises:
            StoreUnavailable: The connection was lost.
        """
        sources = {self._pg.socket: READ, stop.fileno(): READ}
        while True:
            while (notification := self._pg.notifies()) is not None:
                channel, pid, payload = notification
                yield Notification(channel.decode(), pid, payload.decode())
            if stop.fileno() in _wait(sources, None):
                return
            try:
                self._pg.consume_input()
            except psycopg.Error as error:
                raise StoreUnavailable(f"the connection was lost: {_line(str(error))}") from error

    def close(self) -> None:
        """End it. What was sent may still be done."""
        self._is_whole = False
        self._pg.finish()

    def _send(self, sql: bytes, values: Sequence[bytes | None], deadline: float) -> None:
        self._pg.send_query_params(sql, [*values], result_format=pq.Format.BINARY)
        while self._pg.flush():
            ready = self._await(READ | WRITE, deadline)
            if ready & READ:
                self._pg.consume_input()

    def _results(self, deadline: float) -> Iterator[abc.PGresult]:
        while True:
            while self._pg.is_busy():
                self._await(READ, deadline)
                self._pg.consume_input()
            result = self._pg.get_result()
            if result is None:
                return
            yield result

    def _await(self, events: int, deadline: float) -> int:
        return _awaited(self._pg, events, deadline)


def addresses(params: Mapping[str, str]) -> list[dict[str, str]]:
    """The same parameters once for each address that their hosts have.

    libpq would try one after the other by itself, but would never give up on one that does not answer.

    Raises:
        StoreUnavailable: No name could be resolved.
    """
    hosts = params.get("host", "").split(",")
    ports = params.get("port", "").split(",")
    ports = ports * len(hosts) if len(ports) == 1 else ports
    if "hostaddr" in params or len(ports) != len(hosts):
        return [dict(params)]
    found, trouble = [], ""
    for host, port in zip(hosts, ports, strict=True):
        one = {**params, "host": host, "port": port}
        if host == "" or host[0] in "/@":  # a socket of this machine
            found.append(one)
            continue
        try:
            infos = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except OSError as error:
            trouble = f"host {host!r} has no address: {error}"
            continue
        found += [
            {**one, "hostaddr": address} for address in dict.fromkeys(str(info[4][0]) for info in infos)
        ]
    if not found:
        raise StoreUnavailable(trouble, outcome_unknown=False)
    return found


def _connected(params: Mapping[str, str], deadline: float) -> abc.PGconn:
    connection = pq.PGconn.connect_start(make_conninfo("", **params).encode())
    try:
        while connection.status != pq.ConnStatus.BAD:
            status = connection.connect_poll()
            if status == pq.PollingStatus.OK:
                return connection
            if status == pq.PollingStatus.FAILED:
                break
            is_reading = status == pq.PollingStatus.READING
            _awaited(connection, READ if is_reading else WRITE, deadline)
    except BaseException as error:
        connection.finish()
        if isinstance(error, TimeoutError):
            raise StoreUnavailable("no connection in time", outcome_unknown=False) from None
        if isinstance(error, psycopg.Error):
            raise StoreUnavailable(_redacted(str(error), params), outcome_unknown=False) from None
        raise
    message = _redacted(connection.get_error_message(), params)
    connection.finish()
    raise Refused(message, is_lasting=_LASTING.search(message) is not None)


def _awaited(connection: abc.PGconn, events: int, deadline: float) -> int:
    """Wait for one of the events; which came.

    Raises:
        TimeoutError: None did.
    """
    ready = _wait({connection.socket: events}, deadline)
    if not ready:
        raise TimeoutError
    return ready[connection.socket]


def _wait(sources: Mapping[int, int], deadline: float | None) -> dict[int, int]:
    """Return the sources (file descriptors with the events to wait for) that are ready by the deadline."""
    left = None if deadline is None else max(0.0, deadline - time.monotonic())
    with _Selector() as selector:
        for source, events in sources.items():
            selector.register(source, events)
        return {key.fd: events for key, events in selector.select(left)}


def _refusal(result: abc.PGresult) -> Refused:
    sqlstate = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
    return Refused(f"{sqlstate} {_line(result.get_error_message())}", sqlstate=sqlstate)


def _redacted(message: str, params: Mapping[str, str]) -> str:
    """Return the message of libpq without the values of parameters, any of which it may quote."""
    for name, value in params.items():
        if name not in _QUOTABLE and value:
            message = message.replace(f'"{value}"', '"..."')
    return _line(message)


def _line(message: str) -> str:
    return " ".join(message.split()) or "no reason given"


__all__ = ["READ_ONLY", "Connection", "Notification", "Refused", "Row", "Statement", "addresses"]
