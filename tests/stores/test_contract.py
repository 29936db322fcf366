"""Our stores are held against the same contract as anybody's."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import pytest

from incumbent import errors
from incumbent.stores._sqlite_file import shared_file
from incumbent.stores.memory import MemorySpace, MemoryStore
from incumbent.stores.sqlite import SqliteStore
from incumbent.testing.stores.contract import LeaseStoreContract


class TestMemoryStore(LeaseStoreContract):
    @pytest.fixture(autouse=True)
    def _space(self):
        self.space = MemorySpace()

    def open_store(self, lease):
        return MemoryStore(lease, space=self.space)

    def delete_lease(self, lease):
        return deleted(self.open_store(lease))

    # Nobody but this process can touch what is in its memory, so the hook is not given.


@pytest.mark.timeout(1200)  # two thousand commits, each on the disk before it counts
class TestSqliteStore(LeaseStoreContract):
    slack = 4.0  # less than the five seconds that a call would take that heeds no timeout

    @pytest.fixture(autouse=True)
    def _path(self, tmp_path):
        self.path = str(tmp_path / "leases.db")

    def open_store(self, lease):
        return SqliteStore(self.path, lease)

    def delete_lease(self, lease):
        return deleted(self.open_store(lease))

    def touch(self, lease):
        """A column of somebody's own, and the version made anew."""
        with closing(sqlite3.connect(self.path, isolation_level=None)) as database:
            with suppress(sqlite3.OperationalError):
                database.execute("ALTER TABLE lease ADD COLUMN note TEXT NOT NULL DEFAULT ''")
            fresh = "note = hex(randomblob(4)), version = hex(randomblob(16))"
            changed = database.execute(f"UPDATE lease SET {fresh} WHERE name = ?", (lease,)).rowcount
        return changed == 1

    def stalled(self, lease):
        """Another thread's call on the same file hangs."""
        return hanging(self.path)


@contextmanager
def hanging(path) -> Iterator[None]:
    file = shared_file(path, timeout=1)
    with file.reading(1):
        yield
    file.let_go()


def deleted(store):
    with closing(store), suppress(errors.LeaseNotFound):
        store.delete_lease()
    return True
