"""Where there can be no file of leases, and how that is said. All of it really happens here."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from incumbent.errors import ConfigurationError
from incumbent.stores import _sqlite_file, _sqlite_schema, sqlite
from incumbent.stores.sqlite import SqliteStore
from support.stores.files import LEASE, raw, unavailable


def refused(path):
    with pytest.raises(ConfigurationError) as caught:
        SqliteStore(str(path), "x")
    assert str(path) in str(caught.value)
    return str(caught.value)


class TestOpening:
    """A place where there can be no store is refused at once, in plain words, and left as it was."""

    def test_a_directory(self, tmp_path):
        assert "is a directory" in refused(tmp_path)

    @pytest.mark.parametrize("url", ["redis://u:s3kr3t@h", "postgresql://u:s3kr3t@h/d"])
    def test_a_url(self, url, tmp_path, monkeypatch):
        """Of another kind of store: its password is not shown."""
        monkeypatch.chdir(tmp_path)
        with pytest.raises(ConfigurationError, match=r"^path is a URL: give it to open_store\(") as caught:
            SqliteStore(url, "x")
        assert "s3kr3t" not in str(caught.value)

    def test_a_missing_directory(self, tmp_path):
        assert f"no directory {tmp_path / 'missing'}: create it" in refused(
            tmp_path / "missing" / "leases.db"
        )

    def test_a_pipe(self, path):
        """SQLite would hang on it."""
        os.mkfifo(path)
        assert "no regular file" in refused(path)

    def test_what_is_no_database(self, path):
        path.write_bytes(b"dear diary, " * 1000)
        assert "no SQLite database: give another path" in refused(path)
        assert path.read_bytes() == b"dear diary, " * 1000

    @pytest.mark.parametrize(
        "mark", ["CREATE TABLE cat (name)", "PRAGMA user_version = 1", "PRAGMA application_id = 9"]
    )
    def test_another_programs_database(self, mark, path):
        with raw(path) as connection:
            connection.execute(mark)
        before = path.read_bytes()
        assert "database of another program" in refused(path)
        assert path.read_bytes() == before

    @pytest.mark.parametrize("version", [0, 2])
    def test_a_schema_of_another_version(self, version, path):
        """A newer one, or one that is no longer what was written."""
        SqliteStore(str(path), "x").close()
        with raw(path) as connection:
            connection.execute(f"PRAGMA user_version = {version}")
        assert f"schema is version {version}, but this program knows version 1: upgrade" in refused(path)

    def test_a_damaged_file(self, path):
        with closing(SqliteStore(str(path), "x")) as store:
            store.create_lease(LEASE, timeout=1)
        damaged = path.read_bytes()
        path.write_bytes(damaged[:100] + b"\xff" * (len(damaged) - 100))
        assert "damaged: restore or delete it" in refused(path)

    def test_what_may_not_be_written(self):
        """A file, a directory without one, a directory with one."""
        place = Path(tempfile.mkdtemp())
        try:
            read_only, locked = place / "leases.db", place / "locked"
            locked.mkdir()
            for file in (read_only, locked / "old.db"):
                SqliteStore(str(file), "x").close()
                file.chmod(0o666)
            read_only.chmod(0o444)
            locked.chmod(0o555)
            place.chmod(0o777)
            with as_nobody():
                for file in (read_only, locked / "new.db", locked / "old.db"):
                    assert "check the permissions of the file and its directory" in refused(file)
        finally:
            locked.chmod(0o777)
            shutil.rmtree(place)

    def test_a_refused_file_is_let_go_of(self, path):
        """It can be opened as soon as it is put right."""
        path.write_bytes(b"dear diary, " * 1000)
        refused(path)
        assert str(path) not in _sqlite_file._registry
        path.unlink()
        with closing(SqliteStore(str(path), "x")) as store:
            store.create_lease(LEASE, timeout=1)

    def test_a_file_that_is_locked_for_now_is_no_mistake(self, path, monkeypatch):
        """It is opened; its calls say what is wrong, and work when it is over (P13)."""
        monkeypatch.setattr(sqlite, "OPEN_TIMEOUT", 0.05)
        with raw(path) as other:
            other.execute("BEGIN EXCLUSIVE")
            store = SqliteStore(str(path), "x")
            error = unavailable(lambda: store.create_lease(LEASE, timeout=0.05))
            assert "kept it locked for too long" in str(error)
            assert not error.outcome_unknown
            other.execute("ROLLBACK")
        store.create_lease(LEASE, timeout=1)
        store.close()

    def test_a_refusal_at_once_is_tried_again(self, path, monkeypatch):
        """Of those who open a new file at once, SQLite refuses some without heeding its busy timeout."""
        answers = iter([sqlite3.OperationalError("database is locked"), None])

        def prepare(connection, path):
            if error := next(answers):
                raise error
            return _sqlite_schema.prepare(connection, path)

        monkeypatch.setattr(_sqlite_file, "prepare", prepare)
        with closing(SqliteStore(str(path), "x")) as store:
            assert store._file._connection is not None


@contextmanager
def as_nobody():
    """Without the rights of root, whom no permission stops."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)
