"""Leases in a table of a PostgreSQL database. Needs `pip install 'incumbent[postgres]'`.

Every write is one statement and a transaction of its own: `UPDATE ... WHERE name = ... AND version = ...`,
with the `NOTIFY` that wakes the followers in it. PostgreSQL compares the version again once it has the row's
lock, so of two writers that name one version one finds nothing to update.

A version is 128 random bits: it cannot come again, not even if the record, or the table, is deleted and made
anew or restored from a backup.

What the server acknowledged has been written to its disk. A standby that takes over has it too only if it is
a synchronous one: else efficiency, not safety, unless fenced.

URLs are libpq's, `postgresql://user@host:port/database?option=value&...`, with several hosts if there are
standbys, and all of its options. These are set unless the URL sets them: `target_session_attrs=read-write`,
keepalives; and in any case `client_encoding`. One option is ours: `watch=off`. Then this store neither tells
of its writes nor listens, and followers poll. It is needed behind a pooler that gives each transaction a new
session (PgBouncer's `pool_mode = transaction`), for then nothing is done that belongs to a session. It is
advisable for very many leases: the server commits what tells one after the other.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Final

from incumbent.errors import CorruptLease
from incumbent.lease import Lease, StoredLease, StoreGuarantees, Version
from incumbent.shown import redacted, shown
from incumbent.store import Watch
from incumbent.stores._kinds import KINDS
from incumbent.stores._postgres_connection import Row
from incumbent.stores._postgres_server import CHANNEL, DDL, PostgresServer
from incumbent.stores._postgres_url import parse_url
from incumbent.stores._server import ServerStore
from incumbent.unique import unique

__all__ = ["DDL", "PostgresStore", "open_url"]

OPEN_TIMEOUT: Final = 5.0
"""Seconds that opening a store may take to look at the table."""

_TRUE: Final = b"\1"
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=timezone.utc)
_COLUMNS: Final = (
    "holder_identity, holder_session, lease_duration, acquire_time, renew_time, leader_transitions, "
    "resign_requested_by, version"
)
_SELECT: Final = f"SELECT {_COLUMNS} FROM incumbent_lease WHERE name = $1".encode()  # noqa: S608 - all ours
# Of a write: $1 is the name, $2 whether to tell of it.
_OUTCOME: Final = f"""
SELECT
    EXISTS (SELECT FROM done),
    EXISTS (SELECT FROM incumbent_lease WHERE name = $1),
    (SELECT count(pg_notify('{CHANNEL}', name)) FROM done WHERE $2::boolean)
"""  # noqa: S608
_INSERT: Final = f"""
WITH done AS (
    INSERT INTO incumbent_lease (name, {_COLUMNS}) VALUES ($1, $3, $4, $5, $6, $7, $8, $9, $10)
    ON CONFLICT (name) DO NOTHING RETURNING name
) {_OUTCOME}
""".encode()  # noqa: S608
_UPDATE: Final = f"""
WITH done AS (
    UPDATE incumbent_lease SET ({_COLUMNS}) = ($3, $4, $5, $6, $7, $8, $9, $10)
    WHERE name = $1 AND version = $11 RETURNING name
) {_OUTCOME}
""".encode()  # noqa: S608
_DELETE: Final = f"""
WITH done AS (DELETE FROM incumbent_lease WHERE name = $1 RETURNING name) {_OUTCOME}
""".encode()  # noqa: S608


class PostgresStore(ServerStore[PostgresServer]):
    """One lease in a PostgreSQL database. All leases of one URL in a process share their connections.

    Any thread may use it. A forked child opens connections of its own.

    Args:
        url: See the module.
        name: The lease's name.

    Attributes:
        guarantees: What `incumbent stores` says, but for `watch=off`.

    Raises:
        ConfigurationError: The URL or the name is wrong, or the server is up and there can be no store on it:
            it refuses the login, or the table is not as it should be, or it may not be created or used. A
            server that is only out of reach for now is no such case: the first call says so.
    """

    def __init__(self, url: str, name: str) -> None:
        params, can_watch = parse_url(url)
        super().__init__(name, url, lambda: PostgresServer(redacted(url), params, can_watch=can_watch))
        self.guarantees: Final[StoreGuarantees] = replace(KINDS["postgres"].guarantees, can_watch=can_watch)
        self._key: Final = name.encode()
        try:
            self._reach().check(OPEN_TIMEOUT)
        except BaseException:
            self.close()
            raise

    def get_lease(self, *, timeout: float) -> StoredLease:
        """See `LeaseStore.get_lease`."""
        rows = self._reach().query(_SELECT, [self._key], timeout)
        if not rows:
            self._not_found()
        return _stored(rows[0])

    def create_lease(self, lease: Lease, *, timeout: float) -> Version:
        """See `LeaseStore.create_lease`."""
        version = unique()
        was_done, _ = self._write(_INSERT, [*_values(lease), version.encode()], timeout)
        if not was_done:
            self._conflict()
        return version

    def update_lease(self, lease: Lease, version: Version, *, timeout: float) -> Version:
        """See `LeaseStore.update_lease`."""
        new_version = unique()
        # A version of another kind is none of ours, and equals none: NULL does not equal anything.
        expected = version.encode() if isinstance(version, str) and version.isalnum() else None
        was_done, was_there = self._write(_UPDATE, [*_values(lease), new_version.encode(), expected], timeout)
        if not was_there:
            self._not_found()
        if not was_done:
            self._conflict(version)
        return new_version

    def delete_lease(self, *, timeout: float = OPEN_TIMEOUT) -> None:
        """Remove the record: for tests and operators, no election does it. Needs the right to DELETE.

        Raises:
            LeaseNotFound: There is no record.
        """
        was_done, _ = self._write(_DELETE, [], timeout)
        if not was_done:
            self._not_found()

    def watch(self, notify: Callable[[], None]) -> Watch:
        """See `WatchableStore.watch`.

        Raises:
            NotImplementedError: The URL says `watch=off`.
        """
        if not self.guarantees.can_watch:
            raise NotImplementedError("the store's URL says watch=off: poll get_lease")
        return super().watch(notify)

    def _write(self, sql: bytes, values: list[bytes | None], timeout: float) -> tuple[bool, bool]:
        """Whether it was done, and whether there was a record when the statement began."""
        tells = b"t" if self.guarantees.can_watch else b"f"
        [[was_done, was_there, _]] = self._reach().query(sql, [self._key, tells, *values], timeout)
        return was_done == _TRUE, was_there == _TRUE


def open_url(url: str, lease: str) -> PostgresStore:
    """The store at `postgresql://...`; see `open_store`."""
    return PostgresStore(url, lease)


def _values(lease: Lease) -> list[bytes | None]:
    return [str(value).encode() for value in lease.to_fields().values()]


def _stored(row: Row) -> StoredLease:
    values = [value for value in row if value is not None]
    if len(values) < len(row):  # NULL must not be taken for "", which is a vacancy
        raise CorruptLease("the record has a NULL in it; repair or delete it by hand")
    identity, session, duration, acquire_time, renew_time, transitions, asked_by, version = values
    fields = {
        "holder_identity": _text(identity),
        "holder_session": _text(session),
        "lease_duration": struct.unpack("!d", duration)[0],
        "acquire_time": _moment(acquire_time),
        "renew_time": _moment(renew_time),
        "leader_transitions": _integer(transitions),
        "resign_requested_by": _text(asked_by),
    }
    if not _text(version).isalnum():  # none that a write could name
        raise CorruptLease(f"the record's version is {shown(version)}; repair or delete it by hand")
    return StoredLease(Lease.from_fields(fields), _text(version))


def _text(value: bytes) -> str:
    """A database of the encoding SQL_ASCII keeps any bytes; what is no UTF-8 is refused with the lease."""
    return value.decode(errors="surrogateescape")


def _moment(value: bytes) -> datetime | str:
    """Decode a time; one beyond the calendar is refused with the lease."""
    try:
        return _EPOCH + timedelta(microseconds=_integer(value))
    except OverflowError:
        return "beyond the calendar"


def _integer(value: bytes) -> int:
    return int.from_bytes(value, "big", signed=True)
