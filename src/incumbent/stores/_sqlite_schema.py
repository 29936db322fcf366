"""What a SQLite file of leases looks like, and plain words for everything that may be wrong with one."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path
from typing import Final

from incumbent.errors import ConfigurationError

COLUMNS: Final = (
    "holder_identity",
    "holder_session",
    "lease_duration",
    "acquire_time",
    "renew_time",
    "leader_transitions",
    "resign_requested_by",
)
SCHEMA_VERSION: Final = 1
APPLICATION_ID: Final = 0x1EA5E5
_CREATE: Final = """
CREATE TABLE lease (
  name TEXT PRIMARY KEY, version TEXT NOT NULL,
  holder_identity TEXT NOT NULL, holder_session TEXT NOT NULL, lease_duration REAL NOT NULL,
  acquire_time TEXT NOT NULL, renew_time TEXT NOT NULL, leader_transitions INTEGER NOT NULL,
  resign_requested_by TEXT NOT NULL
) WITHOUT ROWID
"""

# SQLite's own texts, the same in all versions; Python 3.10 has no error codes.
_ADVICE: Final = {
    "lock": "other programs kept it locked for too long",
    "full": "the disk is full: free some space",
    "readonly": "it may not be written: check the permissions of the file and its directory",
    "unable to open": "it cannot be opened or created: check the permissions of the file and its directory",
    "not a database": "it is no SQLite database: give another path",
    "malformed": "it is damaged: restore or delete it",
}
_HOPELESS: Final = ("readonly", "unable to open", "not a database", "malformed")


def told(path: str, error: sqlite3.Error) -> str:
    """What went wrong and what to do."""
    advice = [advice for text, advice in _ADVICE.items() if text in str(error)]
    return f"{path}: {'; '.join([*advice, f'SQLite says: {error}'])}"


def is_hopeless(error: sqlite3.Error) -> bool:
    """Whether trying again will not help, but another path or other permissions will."""
    return any(text in str(error) for text in _HOPELESS)


def is_locked(error: sqlite3.Error) -> bool:
    """Whether other users of the file were in the way."""
    return "lock" in str(error)


def check_path(path: str) -> None:
    """Say plainly what SQLite only calls "unable to open database file".

    Raises:
        ConfigurationError: There can be no file of leases.
    """
    parent = Path(path).parent
    if not parent.is_dir():
        raise ConfigurationError(
            f"{path}: there is no directory {parent}: create it; or mind that sqlite:/// is followed by a "
            f"relative path and sqlite://// by an absolute one"
        )
    try:
        mode = Path(path).stat().st_mode
    except OSError:
        return
    if stat.S_ISDIR(mode):
        raise ConfigurationError(f"{path}: this is a directory: give the path of a file in it")
    if not stat.S_ISREG(mode):
        raise ConfigurationError(f"{path}: this is no regular file: give another path")


def prepare(connection: sqlite3.Connection, path: str) -> None:
    """Make sure that the file is ours, and that it keeps what it acknowledged.

    Raises:
        ConfigurationError: It is somebody else's, or of a newer version of this program.
    """
    # Text that is no UTF-8 is then refused where the lease is checked, as any other malformed field.
    connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    _is_new(connection, path)
    if connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
        raise ConfigurationError(f"{path}: SQLite cannot keep its log there: use a file on a local disk")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("BEGIN IMMEDIATE")
    is_new = _is_new(connection, path)
    if is_new:
        connection.execute(_CREATE)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    # In every case, because only a write finds out whether the file may be written.
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("COMMIT" if is_new else "ROLLBACK")


def _is_new(connection: sqlite3.Connection, path: str) -> bool:
    application, schema, tables = connection.execute(
        "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_master) "
        "FROM pragma_application_id, pragma_user_version"
    ).fetchone()
    if application == APPLICATION_ID:
        if schema != SCHEMA_VERSION:
            raise ConfigurationError(
                f"{path}: its schema is version {schema}, but this program knows version {SCHEMA_VERSION}: "
                f"upgrade this program or give another path"
            )
        return False
    if application or schema or tables:
        raise ConfigurationError(f"{path}: this is the database of another program: give another path")
    return True
