"""The schema of a SQLite file of leases, and plain words for everything that may be wrong with one."""

from __future__ import annotations

import os
import re
import sqlite3
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from incumbent.errors import ConfigurationError
from incumbent.shown import shown

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
LOG_PAGES: Final = 16
"""The bound of the write-ahead log: 64 KiB, where SQLite would let it grow to 4 MiB. Then it is
written over, so that a disk that fills up meanwhile stops no renewal."""

_PAGE: Final = 4096
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
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_HOPELESS: Final = ("readonly", "unable to open", "not a database", "malformed")


def told(path: str, error: sqlite3.Error) -> str:
    """Describe an error and what to do about it."""
    advice = [advice for text, advice in _ADVICE.items() if text in str(error)]
    return f"{path}: {'; '.join([*advice, f'SQLite says: {error}'])}"


def is_hopeless(error: sqlite3.Error) -> bool:
    """Whether trying again will not help, but another path or other permissions will."""
    return any(text in str(error) for text in _HOPELESS)


def is_full(error: sqlite3.Error) -> bool:
    """Whether the disk is."""
    return "full" in str(error)


def is_locked(error: sqlite3.Error) -> bool:
    """Whether other users of the file were in the way."""
    return "lock" in str(error)


def absolute(path: object) -> str:
    """The path from the root; `~` is the user's home.

    Raises:
        ConfigurationError: It is no path, or leads nowhere.
    """
    if not isinstance(path, (str, Path)) or _CONTROLS.search(str(path)):
        raise ConfigurationError(f"path is {shown(path)}: give a path without control characters")
    if "://" in str(path):  # its password is not for a message, nor a name for a file
        raise ConfigurationError("path is a URL: give it to open_store(url, lease=...), or a path")
    try:
        return str(Path(path).expanduser().absolute())
    except (OSError, RuntimeError) as error:  # nobody has that home, or the working directory is gone
        raise ConfigurationError(
            f"path is {shown(str(path))}: {error}: give another, from the root"
        ) from None


def check_path(path: str) -> None:
    """Say plainly what SQLite only calls "unable to open database file".

    Raises:
        ConfigurationError: There can be no file of leases.
    """
    parent = Path(path).parent
    try:
        is_there = parent.is_dir()
    except OSError as error:  # such as a name that is too long, or a directory that may not be entered
        raise ConfigurationError(f"{path}: there can be no such file: {error.strerror}") from None
    if not is_there:
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
    connection.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")
    connection.execute(f"PRAGMA journal_size_limit = {2 * LOG_PAGES * _PAGE}")  # if it grew for a long record
    connection.execute("BEGIN IMMEDIATE")
    is_new = _is_new(connection, path)
    if is_new:
        connection.execute(_CREATE)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    # In every case, because only a write finds out whether the file may be written.
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("COMMIT" if is_new else "ROLLBACK")
    if is_new:
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")  # the file grows now, while there is room
        _sync_directory(path)


def _sync_directory(path: str) -> None:
    """See to it that a crash of the machine does not lose the name of a new file.

    SQLite does so for its logs only, and may have been built not to. Where it is forbidden, it is left.
    """
    with suppress(OSError):
        directory = os.open(Path(path).resolve().parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


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
