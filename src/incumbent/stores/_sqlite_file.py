"""One connection to one SQLite file, shared by the leases that a process keeps in it.

What is hard about it: SQLite's locks belong to a process, so nothing may be carried through a fork; and a
file can be deleted or replaced while it is open, after which two processes could each write "the" lease.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from incumbent.errors import ConfigurationError, StoreUnavailable
from incumbent.stores._sqlite_schema import (
    absolute,
    check_path,
    is_full,
    is_hopeless,
    is_locked,
    prepare,
    told,
)

_RETRY_PERIOD: Final = 0.01
_PATIENCE: Final = 1.0
"""Seconds that closing and forking wait for another thread's call to end."""


class SqliteFile:
    """Get one with `shared_file`; call `let_go` once when done."""

    def __init__(self, path: str) -> None:
        self.path: Final = path
        self.users = 0
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._inode: tuple[int, int] | None = None
        self._is_unsafe = False
        self._is_full = False

    def open(self, timeout: float) -> None:
        """Open it if that can be done within `timeout` seconds; otherwise the next call tries.

        Raises:
            ConfigurationError: It never can.
        """
        with suppress(StoreUnavailable, sqlite3.Error), self._locked(timeout):
            pass

    def let_go(self) -> None:
        """The last user closes the connection, or the call that is still under way when it ends."""
        with _registry_lock:
            self.users -= 1
            if self.users > 0:
                return
            _registry.pop(self.path, None)
        if self._lock.acquire(timeout=_PATIENCE):
            self._disconnect()
            self._lock.release()

    @contextmanager
    def reading(self, timeout: float) -> Iterator[sqlite3.Connection]:
        """The connection, for one statement that changes nothing.

        Raises:
            StoreUnavailable: The file could not be read in time.
        """
        try:
            with self._locked(timeout) as connection:
                yield connection
        except ConfigurationError as error:
            raise StoreUnavailable(str(error), outcome_unknown=False) from error
        except sqlite3.Error as error:
            self._is_full = self._is_full or is_full(error)
            raise StoreUnavailable(told(self.path, error), outcome_unknown=False) from error

    @contextmanager
    def writing(self, timeout: float) -> Iterator[sqlite3.Connection]:
        """The connection within a transaction that commits at the end; anything raised undoes it.

        Raises:
            StoreUnavailable: Nothing was written; or, with `outcome_unknown`, the commit itself failed.
        """
        with self.reading(timeout) as connection:
            connection.execute("BEGIN IMMEDIATE")
            self._check_unmoved(outcome_unknown=False)
            yield connection
            try:
                connection.execute("COMMIT")
            except sqlite3.Error as error:
                # The log may hold all of it or not, whatever this connection believes: look anew.
                self._disconnect()
                self._is_full = self._is_full or is_full(error)
                raise StoreUnavailable(told(self.path, error)) from error
            self._check_unmoved(outcome_unknown=True)

    @contextmanager
    def _locked(self, timeout: float) -> Iterator[sqlite3.Connection]:
        """The connection to the file that is at the path now, for one thread."""
        deadline = time.monotonic() + timeout
        if not self._lock.acquire(timeout=min(max(timeout, 0.0), threading.TIMEOUT_MAX)):
            raise StoreUnavailable(f"{self.path}: another thread's call did not end", outcome_unknown=False)
        try:
            if self._connection is not None and _inode(self.path) != self._inode:
                self._disconnect()
            connection = self._connection or self._connect(deadline)
            _set_patience(connection, deadline)
            if self._is_full:
                self._is_full = False
                with suppress(sqlite3.Error):  # moves what is in the log, so that its room can be reused
                    connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
            yield connection
        finally:
            if self.users == 0 or (self._connection is not None and self._connection.in_transaction):
                self._disconnect()
            self._lock.release()

    def _connect(self, deadline: float) -> sqlite3.Connection:
        if self._is_unsafe:
            raise ConfigurationError(
                f"{self.path}: this process was forked in the middle of a transaction, and SQLite does not "
                f"bear that: start a new program instead"
            )
        check_path(self.path)
        while True:
            inode = _inode(self.path)
            try:
                connection = _open(self.path, deadline)
            except sqlite3.Error as error:
                if is_hopeless(error):
                    raise ConfigurationError(told(self.path, error)) from error
                if not is_locked(error) or time.monotonic() >= deadline:
                    raise
                # Changing to the write-ahead log is refused at once while others open the file.
                time.sleep(_RETRY_PERIOD)
                continue
            self._connection, self._inode = connection, _inode(self.path)
            if self._inode is not None and inode in (None, self._inode):
                return connection
            self._disconnect()  # the file was replaced meanwhile: which one is open, nobody knows

    def _disconnect(self) -> None:
        """Close, which also rolls back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _check_unmoved(self, *, outcome_unknown: bool) -> None:
        if _inode(self.path) != self._inode:
            message = f"{self.path}: the file was deleted or replaced while it was being written"
            raise StoreUnavailable(message, outcome_unknown=outcome_unknown)

    # Not even an idle connection may exist in a forked child: SQLite would believe in locks that only the
    # parent has. So all are closed before a fork, and each side opens its own when it next needs one.

    def _before_fork(self) -> bool:
        if not self._lock.acquire(timeout=_PATIENCE):
            return False
        self._disconnect()
        return True

    def _after_fork(self) -> None:
        self._lock.release()

    def _forked_in_use(self) -> None:
        _abandoned.append(self._connection)  # not even to be closed here
        self._connection, self._is_unsafe, self._lock = None, True, threading.Lock()


def shared_file(path: str, *, timeout: float) -> SqliteFile:
    """This process's one connection to the file, opened if it can be.

    Raises:
        ConfigurationError: It never can.
    """
    path = absolute(path)
    with _registry_lock:
        file = _registry.setdefault(path, SqliteFile(path))
        file.users += 1
    try:
        file.open(timeout)
    except BaseException:
        file.let_go()
        raise
    return file


def _open(path: str, deadline: float) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        _set_patience(connection, deadline)
        prepare(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _set_patience(connection: sqlite3.Connection, deadline: float) -> None:
    milliseconds = min(max(int((deadline - time.monotonic()) * 1000), 0), 2**31 - 1)
    connection.execute(f"PRAGMA busy_timeout = {milliseconds}")


def _inode(path: str) -> tuple[int, int] | None:
    """Identify the file at the path. While a file is open its number is not given to another."""
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


_registry: Final[dict[str, SqliteFile]] = {}
_registry_lock: Final = threading.RLock()
_ready_to_fork: Final[list[SqliteFile]] = []
_abandoned: Final[list[sqlite3.Connection | None]] = []


def _before_fork() -> None:
    _registry_lock.acquire()
    _ready_to_fork.extend(file for file in _registry.values() if file._before_fork())  # noqa: SLF001


def _after_fork_in_parent() -> None:
    for file in _ready_to_fork:
        file._after_fork()  # noqa: SLF001
    _ready_to_fork.clear()
    _registry_lock.release()


def _after_fork_in_child() -> None:
    for file in _registry.values():
        if file not in _ready_to_fork:
            file._forked_in_use()  # noqa: SLF001
    _after_fork_in_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child
    )
