"""Leases in one SQLite file, for many processes on one machine.

Every write is a transaction of its own, begun with the write lock in hand (`BEGIN IMMEDIATE`), so that the
version it compares is the one it replaces. Until `COMMIT` is sent nothing has happened; if `COMMIT` itself
fails, the outcome is unknown.

A version is 128 random bits: it cannot come again, not even if the record, or the file, is deleted and made
anew or brought back from a backup, as a counter in the file would.

The file must be on a local disk. SQLite's write-ahead log needs memory shared by its users, and the locks of
network file systems are not to be relied on.
"""

from __future__ import annotations

import sqlite3
from typing import Final, NoReturn

from incumbent.errors import ConfigurationError, CorruptLease, LeaseConflict, LeaseNotFound, StoreUnavailable
from incumbent.lease import Lease, StoredLease, Version
from incumbent.shown import redacted, shown
from incumbent.stores import check_lease_name
from incumbent.stores._kinds import KINDS
from incumbent.stores._sqlite_file import shared_file
from incumbent.stores._sqlite_schema import COLUMNS
from incumbent.unique import unique

OPEN_TIMEOUT: Final = 5.0
"""Seconds that opening a file may wait for other processes."""

_PREFIX: Final = "sqlite:///"
_NAMES: Final = ", ".join(COLUMNS)
_SELECT: Final = f"SELECT {_NAMES}, version FROM lease WHERE name = ?"  # noqa: S608 - the names are ours
_INSERT: Final = (
    f"INSERT INTO lease ({_NAMES}, version, name) "  # noqa: S608
    f"VALUES ({'?, ' * len(COLUMNS)}?, ?) ON CONFLICT (name) DO NOTHING"
)
_UPDATE: Final = (
    f"UPDATE lease SET {', '.join(f'{column} = ?' for column in COLUMNS)}, version = ? "  # noqa: S608
    "WHERE name = ? AND version = ?"
)


class SqliteStore:
    """One lease in a SQLite file. All stores of one file in a process share one connection.

    Any thread may use it. A forked child opens a connection of its own.

    Args:
        path: The file; created if it is missing. `~` is the user's home.
        name: The lease's name.

    Attributes:
        server: The file. Campaigns whose stores have the same one share the threads that call the store.

    Raises:
        ConfigurationError: There can be no store there: a directory, a missing parent, a file that may not
            be written or is something else, a schema of a newer version. A file that is only locked for now
            is no such case: the first call says so.
    """

    guarantees: Final = KINDS["sqlite"].guarantees

    def __init__(self, path: str, name: str) -> None:
        check_lease_name(name)
        self.name: Final = name
        self._file = shared_file(path, timeout=OPEN_TIMEOUT)
        self.server: Final = (type(self).__name__, self._file.path)
        self._is_closed = False

    def __repr__(self) -> str:
        return f"<SqliteStore path={self._file.path!r} lease={shown(self.name)}>"

    def get_lease(self, *, timeout: float) -> StoredLease:
        """See `LeaseStore.get_lease`."""
        self._check_open()
        with self._file.reading(timeout) as connection:
            row = connection.execute(_SELECT, (self.name,)).fetchone()
        if row is None:
            self._not_found()
        return _stored(row)

    def create_lease(self, lease: Lease, *, timeout: float) -> Version:
        """See `LeaseStore.create_lease`."""
        self._check_open()
        version = unique()
        with self._file.writing(timeout) as connection:
            if connection.execute(_INSERT, (*_values(lease), version, self.name)).rowcount == 0:
                raise LeaseConflict(f"lease {shown(self.name)} exists")
        return version

    def update_lease(self, lease: Lease, version: Version, *, timeout: float) -> Version:
        """See `LeaseStore.update_lease`."""
        self._check_open()
        new_version = unique()
        # A version of another kind is none of ours, and equals none: NULL does not equal anything.
        expected = version if isinstance(version, str) else None
        with self._file.writing(timeout) as connection:
            if connection.execute(_UPDATE, (*_values(lease), new_version, self.name, expected)).rowcount == 0:
                if connection.execute(_SELECT, (self.name,)).fetchone() is None:
                    self._not_found()
                raise LeaseConflict(f"lease {shown(self.name)} is no longer at version {shown(version)}")
        return new_version

    def delete_lease(self, *, timeout: float = OPEN_TIMEOUT) -> None:
        """Remove the record: for tests and operators, no election does it.

        Raises:
            LeaseNotFound: There is no record.
        """
        self._check_open()
        with self._file.writing(timeout) as connection:
            if connection.execute("DELETE FROM lease WHERE name = ?", (self.name,)).rowcount == 0:
                self._not_found()

    def close(self) -> None:
        """Let go of the file. Every other method raises `StoreUnavailable` from now on."""
        if not self._is_closed:
            self._is_closed = True
            self._file.let_go()

    def _check_open(self) -> None:
        if self._is_closed:
            raise StoreUnavailable(f"{self!r} is closed: open another", outcome_unknown=False)

    def _not_found(self) -> NoReturn:
        raise LeaseNotFound(f"there is no lease {shown(self.name)} in {self._file.path}")


def open_url(url: str, lease: str) -> SqliteStore:
    """The store at `sqlite:///PATH`; see `open_store`."""
    return SqliteStore(path_of(url), lease)


def path_of(url: str) -> str:
    """The path in a `sqlite:///` URL; see `open_store` for what the slashes mean.

    Raises:
        ConfigurationError: It is no such URL, names no file, or carries options.
    """
    path = url[len(_PREFIX) :]
    if not url.startswith(_PREFIX) or path in ("", ":memory:"):
        raise ConfigurationError(
            f"store {redacted(url)!r} names no file: give sqlite:///relative/path.db or "
            f"sqlite:////absolute/path.db, or memory: for a lease within one process"
        )
    if "?" in path or "#" in path:
        raise ConfigurationError(
            f"store {redacted(url)!r} has options, but sqlite has none: leave out what follows the path"
        )
    if "@" in path.partition(":")[2]:
        raise ConfigurationError(
            f"store {redacted(url)!r} has a login, but a file has none: give sqlite:///relative/path.db"
        )
    return path


def list_leases(path: str, *, timeout: float = OPEN_TIMEOUT) -> dict[str, StoredLease | CorruptLease]:
    """Every lease in a file by its name, in order; what is no lease is given as the error that says why.

    The file is created if it is missing, as by `SqliteStore`.

    Raises:
        ConfigurationError: There can be no store there; see `SqliteStore`.
        StoreUnavailable: The file could not be read within `timeout` seconds.
    """
    file = shared_file(path, timeout=timeout)
    try:
        with file.reading(timeout) as connection:
            rows = connection.execute(f"SELECT name, {_NAMES}, version FROM lease ORDER BY name").fetchall()  # noqa: S608
    finally:
        file.let_go()
    return {name: _stored_or_error(row) for name, *row in rows}


def _values(lease: Lease) -> tuple[str | float | int, ...]:
    fields = lease.to_fields()
    return tuple(fields[column] for column in COLUMNS)


def _stored(row: sqlite3.Row | list[object]) -> StoredLease:
    *values, version = row
    if not isinstance(version, str) or not version.isalnum():  # none that a write could name
        raise CorruptLease(f"the record's version is {shown(version)}; repair or delete it by hand")
    return StoredLease(Lease.from_fields(dict(zip(COLUMNS, values, strict=True))), version)


def _stored_or_error(row: list[object]) -> StoredLease | CorruptLease:
    try:
        return _stored(row)
    except CorruptLease as error:
        return error
