"""What a store's URL means, and what is said of a wrong one."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import datetime, timezone
from pathlib import Path

import pytest

from incumbent.errors import ConfigurationError, LeaseConflict, LeaseNotFound, StoreUnavailable
from incumbent.lease import Lease
from incumbent.stores import open_store
from incumbent.stores.memory import MemorySpace, MemoryStore

NOON = datetime(2024, 2, 29, 12, tzinfo=timezone.utc)
LEASE = Lease("a", "s", 15.0, NOON, NOON, 1)


def test_memory_is_one_space_for_the_process(request):
    """Two who open it by one name contend for one lease; another name is another lease."""
    with (
        closing(open_store("memory:", lease=request.node.name)) as one,
        closing(open_store("memory:", lease=request.node.name)) as two,
        closing(open_store("memory:", lease=request.node.name + "-2")) as other,
    ):
        version = one.create_lease(LEASE, timeout=1)
        assert two.get_lease(timeout=1).version == version
        with pytest.raises(LeaseNotFound):
            other.get_lease(timeout=1)
        two.delete_lease()


@pytest.mark.parametrize("url", [Path("leases.db"), b"memory:", None, 7])
def test_what_is_no_url_is_refused_with_an_example(url):
    """As a path in place of a URL: in our words, and briefly."""
    with pytest.raises(ConfigurationError) as caught:
        open_store(url, lease="x")
    assert "sqlite:" in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("path", ["a\0b", "\ud800", "~nosuchuser/x.db", "~nosuchuser"])
def test_what_is_no_path_is_refused(path):
    """NUL, half a character, the home of nobody."""
    with pytest.raises(ConfigurationError, match=r"control characters|home directory"):
        open_store(f"sqlite:///{path}", lease="x")


def test_memory_stores_have_spaces_of_their_own_unless_told():
    """Tests do not meet each other's leases, and candidates of one test can share."""
    space = MemorySpace()
    one, two, alone = MemoryStore(space=space), MemoryStore(space=space), MemoryStore()
    one.create_lease(LEASE, timeout=1)
    assert two.get_lease(timeout=1).lease == LEASE
    with pytest.raises(LeaseNotFound):
        alone.get_lease(timeout=1)


class YieldingLock:
    """Whoever lets go of it lets all others go first."""

    def __init__(self):
        self.lock = threading.Lock()

    def __enter__(self):
        self.lock.acquire()

    def __exit__(self, *_):
        self.lock.release()
        time.sleep(0.01)


@pytest.mark.parametrize("exists", [False, True], ids=["create", "update"])
def test_memory_decides_and_writes_in_one_step(exists):
    """Even if every other thread comes in as soon as it can, one of them wins."""
    store = MemoryStore()
    version = store.create_lease(LEASE, timeout=1) if exists else None
    store.space.lock = YieldingLock()

    def write(_):
        with suppress(LeaseConflict):
            if exists:
                return store.update_lease(LEASE, version, timeout=1)
            return store.create_lease(LEASE, timeout=1)

    with ThreadPoolExecutor(4) as pool:
        assert [*pool.map(write, range(4))].count(None) == 3


def test_a_watcher_that_fails_does_not_fail_the_write(caplog):
    """The write is done and says so; the failure is logged, and other watchers are told (P13)."""
    store, told = MemoryStore(), []
    store.watch(lambda: 1 / 0)
    store.watch(lambda: told.append(store.get_lease(timeout=1).version))  # may call the store
    assert told == [store.create_lease(LEASE, timeout=1)]
    assert "a watcher of lease 'lease' failed" in caplog.text


def test_a_closed_store_tells_and_does_nothing():
    """A fake that forgave a use after close would hide it."""
    space = MemorySpace()
    store, told = MemoryStore(space=space), []
    store.watch(lambda: told.append(1))
    store.close()
    MemoryStore(space=space).create_lease(LEASE, timeout=1)
    assert told == []
    for call in (
        lambda: store.get_lease(timeout=1),
        lambda: store.create_lease(LEASE, timeout=1),
        lambda: store.update_lease(LEASE, 1, timeout=1),
        lambda: store.watch(lambda: None),
        store.delete_lease,
    ):
        with pytest.raises(StoreUnavailable, match="closed") as caught:
            call()
        assert not caught.value.outcome_unknown


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("sqlite:///leases.db", "work/leases.db"),
        ("sqlite:///state/leases.db", "work/state/leases.db"),
        ("sqlite:///~/leases.db", "home/leases.db"),
        ("sqlite:////{}/far/le%20ases.db", "far/le%20ases.db"),
    ],
)
def test_sqlite_urls_name_files(url, file, tmp_path, monkeypatch):
    """Three slashes and a relative path, four and an absolute one, or the home; nothing is decoded."""
    for directory in ("work/state", "home", "far"):
        (tmp_path / directory).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with closing(open_store(url.format(str(tmp_path).lstrip("/")), lease="x")) as store:
        assert store.name == "x"
        assert str(tmp_path / file) in repr(store)
        monkeypatch.chdir(tmp_path)  # the path was settled when the store was opened
        store.create_lease(LEASE, timeout=1)
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.db")] == [file]


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("", "no scheme known here: give one of memory:, sqlite:"),
        ("leases.db", "no scheme known here"),
        ("mysql://user:secret@host/db", "store '...' has no scheme known here"),
        ("zookeeper://u:p@host/x?password=secret", "store '...' has no scheme known here"),
        ("zookeeper://u:secret?1@host", "store '...' has no scheme known here"),
        ("zookeeper://host?password=x@secret", "store '...' has no scheme known here"),
        ("memory:x", "more than memory:"),
        ("REDIS://u:secret@host", "no scheme known here (is it to be redis:?)"),
        ("memory", "no scheme known here"),
        ("sqlite:", "names no file"),
        ("sqlite:///", "names no file"),
        ("sqlite://", "names no file"),
        ("sqlite:x.db", "names no file"),
        ("sqlite://host/x.db", "names no file"),
        ("sqlite:///:memory:", "or memory: for a lease within one process"),
        ("sqlite:///x.db?mode=ro", "has options, but sqlite has none"),
        ("sqlite:///x.db#1", "has options, but sqlite has none"),
    ],
)
def test_a_wrong_url_is_refused(url, told, tmp_path, monkeypatch):
    """With the value, the rule and what to do; never with a password; and nothing is created."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError) as caught:
        open_store(url, lease="x")
    assert told in str(caught.value)
    assert "secret" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("lease", ["", "a\0b", "\ud800", None, 7])
@pytest.mark.parametrize("url", ["memory:", "sqlite:///x.db", "unknown://host"])
def test_a_lease_needs_a_name(url, lease, tmp_path, monkeypatch):
    """One that every store can hold."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match="lease is "):
        open_store(url, lease=lease)
    assert list(tmp_path.iterdir()) == []


def test_only_the_store_in_use_is_imported():
    """What a program does not use costs it nothing, and need not be there."""
    program = (
        "import sys, incumbent.stores as stores; stores.open_store('memory:', lease='x');"
        "print([name for name in sys.modules if 'sqlite' in name and 'incumbent' in name])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_watcher_and_a_log_that_fail_do_not_fail_the_write(broken_log):
    store, told = MemoryStore(), []
    store.watch(lambda: 1 / 0)
    store.watch(lambda: told.append(True))
    assert store.create_lease(LEASE, timeout=1)
    assert told == [True]
