"""What can go wrong with an open file, and what is said and still true then. All of it happens here."""

from __future__ import annotations

import resource
import threading
import time
from contextlib import closing, contextmanager

import pytest

from incumbent.errors import LeaseConflict, LeaseNotFound
from incumbent.store import WatchableStore
from incumbent.stores import _sqlite_file, _sqlite_schema
from incumbent.stores.sqlite import SqliteStore
from support.stores.files import LEASE, LONG, raw, unavailable


class TestUnavailable:
    """Until COMMIT is sent nothing has happened, and the store says so; of a failed COMMIT nobody knows."""

    def test_a_locked_file(self, path, store):
        """Writing is refused in time and certainly did not happen; reading goes on."""
        version = store.create_lease(LEASE, timeout=1)
        with raw(path) as other:
            other.execute("BEGIN IMMEDIATE")
            started = time.monotonic()
            error = unavailable(lambda: store.update_lease(LONG, version, timeout=0.2))
            assert 0.1 < time.monotonic() - started < 4  # five, if it were not for the timeout
            assert not error.outcome_unknown
            assert "kept it locked for too long" in str(error)
            assert store.get_lease(timeout=1).version == version
        store.update_lease(LONG, version, timeout=1)

    def test_a_lock_that_ends_in_time_is_waited_for(self, path, store):
        """A busy file is no failure as long as the timeout lasts."""
        with raw(path) as other:
            other.execute("BEGIN IMMEDIATE")
            timer = threading.Timer(0.1, other.execute, ["ROLLBACK"])
            timer.start()
            store.create_lease(LEASE, timeout=5)
            timer.join()

    def test_a_database_that_is_full(self, store):
        """SQLite's own limit stands for the disk's: the write did not happen, the next one may."""
        version = store.create_lease(LEASE, timeout=1)
        with store._file.reading(1) as connection:
            connection.execute("PRAGMA max_page_count = 1")
        error = unavailable(lambda: store.update_lease(LONG, version, timeout=1))
        assert "the disk is full: free some space" in str(error)
        assert not error.outcome_unknown
        assert store.get_lease(timeout=1).version == version
        store.update_lease(LEASE, version, timeout=1)

    def test_a_commit_that_fails(self, path, store):
        """The outcome is unknown; reading tells it, and writing goes on from there (P7)."""
        version = store.create_lease(LEASE, timeout=1)
        log = path.with_name(path.name + "-wal")
        with file_size_limit(log.stat().st_size + 100):
            error = unavailable(lambda: store.update_lease(LONG, version, timeout=1))
        assert error.outcome_unknown
        read = store.get_lease(timeout=1)
        assert (read.lease == LONG) != (read.version == version)
        store.update_lease(LONG, read.version, timeout=1)

    def test_a_failure_within_a_transaction_leaves_none_behind(self, store):
        """The next call would else read, and write, what was true long ago."""
        version = store.create_lease(LEASE, timeout=1)
        with pytest.raises(LeaseConflict):
            store.create_lease(LONG, timeout=1)
        with pytest.raises(LeaseConflict):
            store.update_lease(LONG, "another", timeout=1)
        with pytest.raises(KeyboardInterrupt):
            self._interrupted(store)
        with store._file.reading(1) as connection:
            assert not connection.in_transaction
        assert store.get_lease(timeout=1).version == version

    @staticmethod
    def _interrupted(store):
        with store._file.writing(1) as connection:
            connection.execute("UPDATE lease SET version = 'mine'")
            raise KeyboardInterrupt

    def test_what_is_acknowledged_is_on_the_disk(self, store):
        """A log, synced at every commit (FULL): `durable` is declared, so it must be."""
        with store._file.reading(1) as connection:
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
            assert connection.execute("PRAGMA synchronous").fetchone() == (2,)

    def test_a_closed_store(self, store):
        """It does nothing any more, and nothing has happened."""
        store.close()
        for call in (
            lambda: store.get_lease(timeout=1),
            lambda: store.create_lease(LEASE, timeout=1),
            lambda: store.update_lease(LEASE, "v", timeout=1),
            store.delete_lease,
        ):
            error = unavailable(call)
            assert "is closed" in str(error)
            assert not error.outcome_unknown

    def test_it_does_not_watch(self, store):
        """And does not declare that it does."""
        assert not store.guarantees.can_watch
        assert not isinstance(store, WatchableStore)


@contextmanager
def file_size_limit(size):
    """No file may be written beyond `size`: a full disk as it meets a log."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class TestMovedFile:
    """The lease is in the file that is at the path now; one that is gone is never written."""

    @pytest.mark.parametrize("suffixes", [[""], ["", "-wal", "-shm"]], ids=["file", "file-and-log"])
    def test_a_deleted_file_is_an_empty_one(self, suffixes, path, store):
        """The record is missing; what is written next is in the new file, under a new version."""
        old = store.create_lease(LEASE, timeout=1)
        for suffix in suffixes:
            path.with_name(path.name + suffix).unlink()
        with pytest.raises(LeaseNotFound):
            store.get_lease(timeout=1)
        new = store.create_lease(LEASE, timeout=1)
        with pytest.raises(LeaseConflict):
            store.update_lease(LEASE, old, timeout=1)
        with raw(path) as connection:
            assert connection.execute("SELECT version FROM lease").fetchall() == [(new,)]

    def test_versions_do_not_come_again_from_a_backup(self, path, store):
        """A late write of after the backup must not replace a record of after its return."""
        old = store.create_lease(LEASE, timeout=1)
        backup = path.with_name("backup.db")
        with raw(path) as source, raw(backup) as target:
            source.backup(target)
        late = [store.update_lease(LEASE, old, timeout=1)]
        backup.replace(path)
        for suffix in ("-wal", "-shm"):  # or SQLite would play the log of the one on the other
            path.with_name(path.name + suffix).unlink()
        assert store.get_lease(timeout=1).version == old
        new = store.update_lease(LEASE, old, timeout=1)
        assert new not in late
        with pytest.raises(LeaseConflict):
            store.update_lease(LONG, late[0], timeout=1)

    def test_a_file_deleted_before_the_write(self, path, store, monkeypatch):
        """The write that waited for a lock is refused, and certainly did not happen."""
        version = store.create_lease(LEASE, timeout=1)
        with raw(path) as other:
            other.execute("BEGIN IMMEDIATE")
            looked, set_patience = threading.Event(), _sqlite_file._set_patience
            monkeypatch.setattr(
                _sqlite_file, "_set_patience", lambda *given: (set_patience(*given), looked.set())
            )

            def delete():
                looked.wait(10)  # from here on the file may go
                path.unlink()
                other.execute("ROLLBACK")

            deleting = threading.Thread(target=delete)
            deleting.start()
            error = unavailable(lambda: store.update_lease(LONG, version, timeout=5))
            deleting.join()
        assert "deleted or replaced" in str(error)
        assert not error.outcome_unknown
        with pytest.raises(LeaseNotFound):
            store.get_lease(timeout=1)

    def test_a_file_deleted_during_the_write(self, path, store):
        """The commit succeeded where nobody looks: it is not reported as done."""
        error = unavailable(lambda: self._write_and_delete(path, store))
        assert error.outcome_unknown
        with pytest.raises(LeaseNotFound):
            store.get_lease(timeout=1)

    @staticmethod
    def _write_and_delete(path, store):
        with store._file.writing(1) as connection:
            connection.execute("DELETE FROM lease")
            path.unlink()

    def test_a_file_deleted_while_it_is_opened(self, path, monkeypatch):
        """Nobody knows which file is open then: it is opened again."""
        deletions = iter([path.unlink])

        def prepare(connection, path):
            _sqlite_schema.prepare(connection, path)
            next(deletions, lambda: None)()

        monkeypatch.setattr(_sqlite_file, "prepare", prepare)
        with closing(SqliteStore(str(path), "x")) as store:
            version = store.create_lease(LEASE, timeout=1)
        with raw(path) as connection:
            assert connection.execute("SELECT version FROM lease").fetchall() == [(version,)]

    def test_a_directory_that_goes_and_comes_back(self, tmp_path):
        """Unavailable meanwhile, as an unmounted disk is; no call ends the store (P13)."""
        place = tmp_path / "place"
        place.mkdir()
        with closing(SqliteStore(str(place / "leases.db"), "x")) as store:
            version = store.create_lease(LEASE, timeout=1)
            place.rename(tmp_path / "elsewhere")
            for call in (
                lambda: store.get_lease(timeout=1),
                lambda: store.update_lease(LONG, version, timeout=1),
            ):
                error = unavailable(call)
                assert f"no directory {place}" in str(error)
                assert not error.outcome_unknown
            (tmp_path / "elsewhere").rename(place)
            assert store.get_lease(timeout=1).version == version
