"""How much of a disk a file of leases takes, and what happens when it is full. Small volumes are mounted."""

from __future__ import annotations

import os
import subprocess
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest

from incumbent.errors import ConfigurationError, StoreUnavailable
from incumbent.stores import _sqlite_schema, open_store
from incumbent.stores.sqlite import SqliteStore
from support.stores.files import LEASE, LONG

LONGEST_LOG = 2 * _sqlite_schema.LOG_PAGES * 4096


@pytest.fixture
def volume(tmp_path):
    """Mounts one of so many kilobytes."""
    with ExitStack() as stack:

        def mount(kilobytes):
            command = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(tmp_path)]
            if os.geteuid() or subprocess.run(command, check=False, capture_output=True).returncode:
                pytest.skip("it takes the right to mount")
            stack.callback(subprocess.run, ["umount", "-l", str(tmp_path)], check=True)
            return tmp_path

        yield mount


def fill(volume):
    """What another program does to a disk."""
    with suppress(OSError), (volume / "junk").open("wb", buffering=0) as junk:
        while junk.write(bytes(4096)):
            pass


def log_of(path):
    return path.with_name(f"{path.name}-wal").stat().st_size


def renewed(store, version, times, lease=LEASE):
    for _ in range(times):
        version = store.update_lease(lease, version, timeout=5)
    return version


def test_the_log_stays_short(path, store):
    """Of 500 renewals, and again after a record that is longer than all of it."""
    version = renewed(store, store.create_lease(LEASE, timeout=5), 500)
    assert log_of(path) <= LONGEST_LOG
    version = renewed(store, version, 3, LONG)
    renewed(store, version, 50)
    assert log_of(path) <= LONGEST_LOG


def test_a_small_volume_is_enough(volume):
    """For a file, its log and the memory that its users share; and for who comes after them."""
    path = volume(160) / "leases.db"
    with closing(SqliteStore(str(path), "x")) as store, closing(SqliteStore(str(path), "y")) as other:
        renewed(other, other.create_lease(LEASE, timeout=5), 50)
        version = renewed(store, store.create_lease(LEASE, timeout=5), 50)
    with closing(SqliteStore(str(path), "x")) as store:
        renewed(store, version, 50)


def test_a_disk_that_fills_up_stops_no_renewal(volume):
    """The log was as long as it gets, and is written over."""
    path = volume(400) / "leases.db"
    with closing(SqliteStore(str(path), "x")) as store:
        version = renewed(store, store.create_lease(LEASE, timeout=5), 50)
        fill(path.parent)
        renewed(store, version, 100)


def test_a_log_that_was_short_when_the_disk_filled_up_is_used_again(volume):
    """One renewal fails for want of room; what is in the log is moved, and the next one has it."""
    path = volume(400) / "leases.db"
    with closing(SqliteStore(str(path), "x")) as store:
        version = renewed(store, store.create_lease(LEASE, timeout=5), 3)
        fill(path.parent)
        with pytest.raises(StoreUnavailable, match="the disk is full: free some space"):
            renewed(store, version, 3)
        version = store.get_lease(timeout=5).version
        store.update_lease(LEASE, version, timeout=5)


def test_who_comes_back_to_a_full_disk_goes_on_where_the_disk_was_left(volume):
    """The log goes with the last user, and its room is there for the next."""
    path = volume(400) / "leases.db"
    with closing(SqliteStore(str(path), "x")) as store:
        version = renewed(store, store.create_lease(LEASE, timeout=5), 50)
        fill(path.parent)
    with closing(SqliteStore(str(path), "x")) as store:
        renewed(store, version, 10)


def test_the_name_of_a_new_file_is_on_the_disk(tmp_path, monkeypatch):
    """Its directory is synced once the file is made, and only then."""
    synced, fsync = [], os.fsync

    def noted(descriptor):
        synced.append(Path(f"/proc/self/fd/{descriptor}").resolve())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    (tmp_path / "there").mkdir()
    (tmp_path / "link.db").symlink_to(tmp_path / "there" / "leases.db")
    for _ in range(2):
        SqliteStore(str(tmp_path / "link.db"), "x").close()
    assert synced == [tmp_path / "there"]


def test_all_stores_of_a_file_share_threads(path, tmp_path):
    """What a campaign goes by is the file, however it is named."""
    with (
        closing(SqliteStore(str(path), "x")) as one,
        closing(open_store(f"sqlite:///{path}", lease="y")) as two,
        closing(SqliteStore(str(tmp_path / "other.db"), "x")) as other,
    ):
        assert one.server == two.server
        assert one.server != other.server


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("~nosuchuser/x.db", "home"),
        ("x" * 300 + ".db", "cannot be opened"),
        ("y" * 300 + "/x.db", "no such file"),
        ("a\0b", "control characters"),
        ("a\x1b[2Jb", "control characters"),
        (7, "give a path"),
        (None, "give a path"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused(path, why, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=why) as caught:
        SqliteStore(path, "x")
    assert str(caught.value).isprintable()
    assert list(tmp_path.iterdir()) == []


def test_a_working_directory_that_is_gone_leads_nowhere(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(ConfigurationError, match="from the root"):
        SqliteStore("leases.db", "x")
