"""A PostgreSQL server as one process reaches it: its connections, its table, and who listens to it."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from functools import partial
from typing import Final

from incumbent.errors import ConfigurationError, CorruptLease, StoreUnavailable
from incumbent.lease import Lease, StoredLease
from incumbent.shown import Secret
from incumbent.stores._postgres_connection import (
    Connection,
    Notification,
    Refused,
    Row,
    Statement,
    addresses,
)
from incumbent.stores._server import Listener, Server, fields_from_json

CHANNEL: Final = "incumbent_lease"
"""The channel of notifications; the payload is the lease's name."""
RECORDS: Final = "incumbent_lease_record"
"""The channel on which the record is notified, right before the name. Older versions of this library do not
know it: they hear the name, and send no more."""

DDL: Final = """\
CREATE TABLE IF NOT EXISTS incumbent_lease (
    name text COLLATE "C" PRIMARY KEY,
    holder_identity text NOT NULL,
    holder_session text NOT NULL,
    lease_duration double precision NOT NULL,
    acquire_time timestamp with time zone NOT NULL,
    renew_time timestamp with time zone NOT NULL,
    leader_transitions bigint NOT NULL,
    resign_requested_by text NOT NULL,
    version text NOT NULL
)"""
"""The statement that creates the table, for users who may not run it themselves."""
_DDL_TO_COPY: Final = " ".join(DDL.split())  # messages are one line
# COLLATE "C": an index in another order breaks when the system's library changes that order.

_TABLE: Final = b"""
SELECT
    current_setting('synchronous_commit'),
    c.relkind = 'r' AND c.relpersistence = 'p' AND EXISTS (
        SELECT FROM pg_index WHERE indrelid = c.oid AND indisprimary AND indkey::text = '1'
    ),
    (
        SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum)
        FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
    ),
    has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
        AND has_table_privilege(c.oid, 'UPDATE'),
    quote_ident(current_user)
FROM (SELECT to_regclass('incumbent_lease')) AS here (oid) LEFT JOIN pg_class AS c ON c.oid = here.oid
"""
_COLUMNS: Final = (
    b"name text, holder_identity text, holder_session text, lease_duration double precision, "
    b"acquire_time timestamp with time zone, renew_time timestamp with time zone, leader_transitions bigint, "
    b"resign_requested_by text, version text"
)
_TRUE: Final = b"\1"

_SESSION: Final = "-c statement_timeout=5s -c synchronous_commit=on"
"""A statement whose caller gave up must not wait for a lock for ever; and what a server that is set to forget
acknowledges is worth nothing."""
_DEFAULTS: Final = {
    "fallback_application_name": "incumbent",
    "target_session_attrs": "read-write",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
}
_POOLER_HINT: Final = ": behind a pooler such as PgBouncer add watch=off to the URL"
_LISTEN_TIMEOUT: Final = 5.0
"""Seconds for connecting the listener."""
_MOST_IDLE: Final = 8
"""Connections kept: as many as there are threads that call a store (`THREADS_PER_POOL`)."""

_MISSING_TABLE: Final = "42P01"
_CREATED_BY_ANOTHER: Final = {"23505", "42P07"}
_MAY_NOT_CREATE: Final = {"42501", "3F000"}


class PostgresServer(Server):
    """Connections that are made when needed, kept when whole, and one more for listening.

    Args:
        shown: The URL without secrets.
        given: What to connect to, as libpq names it.
        can_watch: Whether a connection is a session of its own.
    """

    def __init__(self, shown: str, given: Mapping[str, str], *, can_watch: bool) -> None:
        super().__init__(shown)
        self._connect_timeout = float(given.get("connect_timeout", 0))
        params = {**_DEFAULTS, **given, "client_encoding": "UTF8"}
        if can_watch:
            options = given.get("options", os.environ.get("PGOPTIONS", ""))
            params["options"] = f"{_SESSION} {options}"
        self._params: Final = Secret(params)
        self._lock = threading.Lock()
        self._idle: list[Connection] = []
        self._is_closed = False
        self._has_table = False

    def query(self, statement: Statement, timeout: float) -> list[Row]:
        """The rows of one statement; see `Connection.query`. The first one looks for the table before.

        Raises:
            StoreUnavailable: It failed, or there was no answer within `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        with self.connected(deadline) as connection:
            return connection.query(*statement, deadline=deadline)

    @contextmanager
    def connected(self, deadline: float) -> Iterator[Connection]:
        """A connection to a server that has the table.

        Raises:
            StoreUnavailable: There is none; or what was done with it failed.
        """
        try:
            with self._connection(deadline) as connection:
                if not self._has_table:
                    self._see_to_table(connection, deadline)
                yield connection
        except ConfigurationError as error:
            raise StoreUnavailable(str(error), outcome_unknown=False) from error
        except StoreUnavailable as error:
            if isinstance(error, Refused) and error.sqlstate == _MISSING_TABLE:
                self._has_table = False
            raise StoreUnavailable(f"{self.shown}: {error}", outcome_unknown=error.outcome_unknown) from error

    def check(self, timeout: float) -> None:
        """Look once whether there can be leases here; pass over a server that is out of reach.

        Raises:
            ConfigurationError: There can be none until somebody changes something.
        """
        deadline = time.monotonic() + timeout
        try:
            if not self._has_table:
                with self._connection(deadline) as connection:
                    self._see_to_table(connection, deadline)
        except Refused as error:
            if error.is_lasting:
                hint = _POOLER_HINT if "startup parameter" in str(error) else ""
                raise ConfigurationError(f"{self.shown}: no connection: {error}{hint}") from error
        except StoreUnavailable:
            pass

    def listen(self, listener: Listener) -> None:
        """See `Server.listen`."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            listener.interrupt_by(partial(_wake, theirs))
            deadline = time.monotonic() + _LISTEN_TIMEOUT
            with closing(self._connect(deadline)) as connection:
                for channel in (CHANNEL, RECORDS):  # in this order: no record without the name behind it
                    connection.query(f"LISTEN {channel}".encode(), deadline=deadline)
                listener.connected()
                record: Notification | None = None
                for each in connection.notifications(ours):
                    if each.channel == RECORDS:
                        record = each
                        continue
                    is_told = record is not None and record.pid == each.pid
                    read = partial(_told, each.payload, record.payload) if record and is_told else None
                    listener.heard(each.payload, read)
                    record = None

    def close(self) -> None:
        """See `Server.close`."""
        with self._lock:
            self._is_closed = True
        self._close_idle()

    @contextmanager
    def _connection(self, deadline: float) -> Iterator[Connection]:
        connection = self._take() or self._connect(deadline)
        try:
            yield connection
        finally:
            self._give_back(connection)

    def _take(self) -> Connection | None:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection = self._idle.pop()
            if connection.is_whole:
                return connection
            connection.close()

    def _give_back(self, connection: Connection) -> None:
        is_whole = connection.is_whole
        with self._lock:
            is_kept = is_whole and not self._is_closed and len(self._idle) < _MOST_IDLE
            if is_kept:
                self._idle.append(connection)
        if not is_kept:
            connection.close()
        if not is_whole:
            self._close_idle()  # What broke this one broke them too: none may cost another call its time.

    def _close_idle(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _connect(self, deadline: float) -> Connection:
        candidates = addresses(self._params.value)
        while True:
            params = candidates.pop(0)
            left = (deadline - time.monotonic()) / (1 + len(candidates))
            limit = min(left, self._connect_timeout or left)
            try:
                return Connection(params, time.monotonic() + limit)
            except StoreUnavailable:
                if not candidates:
                    raise

    def _see_to_table(self, connection: Connection, deadline: float) -> None:
        """Find the table, or make it.

        Raises:
            ConfigurationError: It is not as it should be, or may not be made or used.
        """
        [row] = connection.query(_TABLE, deadline=deadline)
        if row[2] is None:
            self._create_table(connection, deadline, (row[4] or b"").decode())
            [row] = connection.query(_TABLE, deadline=deadline)
        synchronous_commit, is_table, columns, is_allowed, user = row
        if is_table != _TRUE or columns != _COLUMNS:
            raise ConfigurationError(
                f"{self.shown}: incumbent_lease is not the table that it should be: have another search_path "
                f"(options=-csearch_path%3D...), or drop it and run: {_DDL_TO_COPY}"
            )
        if is_allowed != _TRUE:
            raise ConfigurationError(
                f"{self.shown}: the user may not use the table: have its owner run "
                f"GRANT SELECT, INSERT, UPDATE ON incumbent_lease TO {(user or b'').decode()}"
            )
        if synchronous_commit == b"off":
            raise ConfigurationError(
                f"{self.shown}: synchronous_commit is off, so that a crash would undo what was acknowledged: "
                f"ALTER ROLE {(user or b'').decode()} SET synchronous_commit = on"
            )
        self._has_table = True

    def _create_table(self, connection: Connection, deadline: float, user: str) -> None:
        try:
            connection.query(DDL.encode(), deadline=deadline)
        except Refused as error:
            if error.sqlstate in _MAY_NOT_CREATE:
                raise ConfigurationError(
                    f"{self.shown}: the table of leases is missing and may not be created ({error}): have "
                    f"somebody who may run, for a table of {user}'s own, CREATE SCHEMA AUTHORIZATION {user}; "
                    f"or {_DDL_TO_COPY}; GRANT SELECT, INSERT, UPDATE ON "
                    f"incumbent_lease TO {user}"
                ) from error
            if error.sqlstate not in _CREATED_BY_ANOTHER:
                raise


def _told(name: str, record: str) -> StoredLease:
    """The lease of that name, from the payload that the writer made."""
    fields = fields_from_json(record)
    lease = Lease.from_fields(fields)
    if (fields.get("name"), type(fields.get("version"))) != (name, str):
        raise CorruptLease("the notification is of another lease, or of somebody else")
    return StoredLease(lease, fields["version"])


def _wake(sleeper: socket.socket) -> None:
    with suppress(OSError):  # it has woken up by itself, and is gone
        sleeper.send(b"\0")
