"""What is in a file of leases, and what a process holds of it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from incumbent.errors import ConfigurationError, CorruptLease, LeaseConflict, LeaseNotFound
from incumbent.stores.sqlite import SqliteStore, list_leases
from support.stores.files import LEASE, LONG, raw


class TestRecords:
    """What is in the file."""

    @pytest.mark.parametrize(
        "damage",
        [
            "lease_duration = -1",
            "lease_duration = 'soon'",
            "holder_identity = x'00ff'",
            "holder_session = CAST(x'ff' AS TEXT)",
            "renew_time = 'yesterday'",
            "acquire_time = '2024-02-29T12:00:00'",
            "leader_transitions = 'many'",
            "leader_transitions = -1",
            "renew_time = '9999-12-31T23:59:59.999999+00:00'",
            "holder_identity = printf('%.*c', 1000000, 'a')",
            "lease_duration = 9e999",
            "version = x'00ff'",
            "version = ''",
        ],
    )
    def test_a_malformed_record_is_no_lease_and_no_vacancy(self, damage, path, store):
        """It is told as what it is, hides no other, and can be deleted."""
        version = store.create_lease(LEASE, timeout=1)
        with closing(SqliteStore(str(path), "y")) as other:
            other.create_lease(LEASE, timeout=1)
        with raw(path) as connection:
            connection.execute(f"UPDATE lease SET {damage} WHERE name = 'x'")
        with pytest.raises(CorruptLease, match="repair or delete it by hand"):
            store.get_lease(timeout=1)
        with pytest.raises(LeaseConflict):
            store.create_lease(LEASE, timeout=1)
        bad, good = list_leases(str(path)).values()
        assert isinstance(bad, CorruptLease)
        assert good.lease == LEASE
        assert version not in (None, good.version)
        store.delete_lease()
        with pytest.raises(LeaseNotFound):
            store.delete_lease()

    def test_a_file_tells_all_its_leases(self, path, store):
        """By name, in order, with the versions to write with."""
        version = store.create_lease(LONG, timeout=1)
        with closing(SqliteStore(str(path), "a\u00df")) as other:
            other_version = other.create_lease(LEASE, timeout=1)
        told = list_leases(str(path))
        assert [*told] == ["a\u00df", "x"]
        assert (told["x"].lease, told["x"].version) == (LONG, version)
        assert (told["a\u00df"].lease, told["a\u00df"].version) == (LEASE, other_version)

    def test_a_file_without_leases_tells_none(self, path):
        """And an impossible one is refused as by a store."""
        assert list_leases(str(path)) == {}
        with pytest.raises(ConfigurationError, match="no directory"):
            list_leases(str(path / "missing" / "x.db"))

    def test_all_stores_of_a_file_share_one_connection(self, path):
        """Ten thousand leases in one process need no thirty thousand open files; the last one closes it."""
        before = open_files()
        stores = [SqliteStore(str(path), f"lease-{number}") for number in range(100)]
        for store in stores:
            store.create_lease(LEASE, timeout=1)
        assert open_files() <= before + 3
        for store in stores[1:]:
            store.close()
            store.close()
        with closing(SqliteStore(str(path), "late")):
            assert stores[0].get_lease(timeout=1).lease == LEASE
            assert open_files() <= before + 3
        stores[0].close()
        assert open_files() <= before

    def test_close_does_not_wait_for_a_call_that_hangs(self, path, monkeypatch):
        """The call closes the connection when it ends."""
        monkeypatch.setattr("incumbent.stores._sqlite_file._PATIENCE", 0.05)
        store = SqliteStore(str(path), "x")
        file = store._file
        with file.reading(1):
            store.close()
            assert file._connection is not None
        assert file._connection is None


def open_files():
    return len([*Path("/proc/self/fd").iterdir()])
