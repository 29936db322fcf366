"""Leases in a table of a PostgreSQL database. Needs `pip install 'incumbent[postgres]'`.

Every write is one statement and a transaction of its own: `UPDATE ... WHERE name = ... AND version = ...`,
with the `NOTIFY` that tells the followers in it. Renewals that wait at the same time are one statement, and
share its transaction (see `_postgres_statements`). PostgreSQL compares the version again once it has the
row's lock, so of two writers that name one version one finds nothing to update.

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
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Final, TypeVar

from incumbent.errors import CorruptLease
from incumbent.lease import Lease, StoredLease, StoreGuarantees, Version
from incumbent.shown import redacted, shown
from incumbent.store import Call, Watch
from incumbent.stores._kinds import KINDS
from incumbent.stores._postgres_connection import Row, Statement
from incumbent.stores._postgres_server import DDL, PostgresServer
from incumbent.stores._postgres_statements import DELETE, INSERT, SELECT, TRUE, UPDATE, query_together
from incumbent.stores._postgres_url import parse_url
from incumbent.stores._server import ServerStore, Steps, conclude, to_json
from incumbent.unique import unique

__all__ = ["DDL", "PostgresStore", "open_url"]

OPEN_TIMEOUT: Final = 5.0
"""Seconds that opening a store may take to look at the table."""

_EPOCH: Final = datetime(2000, 1, 1, tzinfo=timezone.utc)

T = TypeVar("T")


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
        return self._alone(self._get_lease(), timeout)

    def create_lease(self, lease: Lease, *, timeout: float) -> Version:
        """See `LeaseStore.create_lease`."""
        return self._alone(self._create_lease(lease), timeout)

    def update_lease(self, lease: Lease, version: Version, *, timeout: float) -> Version:
        """See `LeaseStore.update_lease`."""
        return self._alone(self._update_lease(lease, version), timeout)

    def call_together(self, calls: Sequence[Call]) -> Sequence[object]:
        """See `BatchStore.call_together`: one statement for all reads, all creations, all replacements."""
        return self._call_together(calls, query_together)

    def delete_lease(self, *, timeout: float = OPEN_TIMEOUT) -> None:
        """Remove the record: for tests and operators, no election does it. Needs the right to DELETE.

        Raises:
            LeaseNotFound: There is no record.
        """
        self._alone(self._delete_lease(), timeout)

    def watch_lease(self, notify: Callable[[StoredLease | None], None]) -> Watch:
        """See `LeaseWatchableStore.watch_lease`.

        Raises:
            NotImplementedError: The URL says `watch=off`.
        """
        if not self.guarantees.can_watch:
            raise NotImplementedError("the store's URL says watch=off: poll get_lease")
        return super().watch_lease(notify)

    def _alone(self, steps: Steps[Statement, T], timeout: float) -> T:
        return conclude(steps, self._reach().query(next(steps), timeout))

    def _get_lease(self) -> Steps[Statement, StoredLease]:
        rows = yield Statement(SELECT, [self._key])
        if not rows:
            self._not_found()
        return _stored(rows[0])

    def _create_lease(self, lease: Lease) -> Steps[Statement, Version]:
        version = unique()
        values = [*_values(lease), version.encode()]
        was_done, _ = yield from self._write(INSERT, values, to_json(lease, name=self.name, version=version))
        if not was_done:
            self._conflict()
        return version

    def _update_lease(self, lease: Lease, version: Version) -> Steps[Statement, Version]:
        new_version = unique()
        # A version of another kind is none of ours, and equals none: NULL does not equal anything.
        expected = version.encode() if isinstance(version, str) and version.isalnum() else None
        values = [*_values(lease), new_version.encode(), expected]
        record = to_json(lease, name=self.name, version=new_version)
        was_done, was_there = yield from self._write(UPDATE, values, record)
        if not was_there:
            self._not_found()
        if not was_done:
            self._conflict(version)
        return new_version

    def _delete_lease(self) -> Steps[Statement, None]:
        was_done, _ = yield from self._write(DELETE, [], None)
        if not was_done:
            self._not_found()

    def _write(
        self, sql: bytes, values: list[bytes | None], record: str | None
    ) -> Steps[Statement, tuple[bool, bool]]:
        """Whether it was done, and whether there was a record when the statement began."""
        tells = b"t" if self.guarantees.can_watch else b"f"
        told = record.encode() if record is not None and self.guarantees.can_watch else None
        [[was_done, was_there, _]] = yield Statement(sql, [self._key, tells, told, *values])
        return was_done == TRUE, was_there == TRUE


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
