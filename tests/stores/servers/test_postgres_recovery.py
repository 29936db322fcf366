"""The PostgreSQL store after failures of a real server: the next calls just work, whatever it was."""

from __future__ import annotations

import secrets
import socket
import threading
import time
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace

import pytest

from incumbent.errors import LeaseConflict, LeaseNotFound, StoreUnavailable
from incumbent.stores import open_store
from incumbent.testing.stores.machine import ODD_LEASES, PLAIN
from support.servers import fixture_of, free_port
from support.servers.postgres import SERVER
from support.servers.proxy import Proxy

NEW = ODD_LEASES["unicode"]

server = fixture_of(SERVER)


@pytest.fixture(autouse=True)
def _ours(server):
    if not server.is_ours:
        pytest.skip("what these tests do to a server they do to none but their own")


@pytest.fixture
def name():
    return f"test-{secrets.token_hex(8)}"


@pytest.fixture
def store(server, name):
    with closing(open_store(server.url, lease=name)) as store:
        yield store


def use_many_connections(store):
    """As many as calls run at once."""
    reached = store._reach()
    with ExitStack() as stack:
        for _ in range(8):
            stack.enter_context(reached._connection(time.monotonic() + 5))
    assert len(reached._idle) == 8


@pytest.mark.parametrize("ended_by", ["restart", "crash", "pg_terminate_backend"])
def test_connections_that_ended_while_idle_cost_no_call(server, store, ended_by):
    """However many there were: the first write afterwards is done."""
    version = store.create_lease(PLAIN, timeout=5)
    use_many_connections(store)
    if ended_by == "restart":
        server.restart()
    elif ended_by == "crash":
        server.kill()
        server.start()
    else:
        ours = "FROM pg_stat_activity WHERE application_name = 'incumbent'"
        server.execute(f"SELECT pg_terminate_backend(pid, 5000) {ours}")
    version = store.update_lease(NEW, version, timeout=5)
    assert store.get_lease(timeout=5).version == version


def test_after_a_freeze_the_next_calls_work(server, store):
    """What was sent may still have been done: that is all that is unknown."""
    version = store.create_lease(PLAIN, timeout=5)
    use_many_connections(store)
    with server.frozen(), pytest.raises(StoreUnavailable):
        store.update_lease(NEW, version, timeout=0.2)
    read = store.get_lease(timeout=5)
    assert read.lease in (PLAIN, NEW)
    try:
        store.update_lease(PLAIN, read.version, timeout=5)
    except LeaseConflict:  # it was done only now
        read = store.get_lease(timeout=5)
        assert read.lease == NEW
        store.update_lease(PLAIN, read.version, timeout=5)


def test_connections_that_were_cut_off_cost_one_call_in_all(server, name):
    """What broke one broke the others: they are not tried one after the other."""
    with Proxy(server.port) as proxy, closing(open_store(server.url_at(proxy.port), lease=name)) as store:
        version = store.create_lease(PLAIN, timeout=5)
        use_many_connections(store)
        proxy.cut()
        with pytest.raises(StoreUnavailable):
            store.get_lease(timeout=0.2)
        assert store._reach()._idle == []
        proxy.heal()
        store.update_lease(NEW, version, timeout=5)


class Incrementing(threading.Thread):
    """Adds one, again and again, until it is told to end."""

    def __init__(self, url, name, end):
        super().__init__(daemon=True)
        self.url, self.name_of_lease, self.end = url, name, end
        self.done, self.unknown = [], 0

    def run(self):
        with closing(open_store(self.url, lease=self.name_of_lease)) as store:
            while not self.end.is_set():
                self.increment(store)

    def increment(self, store):
        try:
            read = store.get_lease(timeout=2)
            count = read.lease.leader_transitions + 1
            lease = replace(PLAIN, leader_transitions=count, holder_session=secrets.token_hex(8))
            self.done.append(store.update_lease(lease, read.version, timeout=2))
        except LeaseConflict:
            pass
        except StoreUnavailable as error:
            self.unknown += error.outcome_unknown


def test_increments_survive_a_restart_and_a_crash_under_load(server, store, name):
    """What was acknowledged is there, once; and beyond it no more than what was of unknown outcome."""
    store.create_lease(replace(PLAIN, leader_transitions=0), timeout=5)
    end = threading.Event()
    threads = [Incrementing(server.url, name, end) for _ in range(4)]
    for thread in threads:
        thread.start()
    for end_it in (server.stop, server.kill):
        progress(threads)
        end_it()
        time.sleep(0.1)
        server.start()
    progress(threads)
    end.set()
    for thread in threads:
        thread.join(20)
    done = [version for thread in threads for version in thread.done]
    unknown = sum(thread.unknown for thread in threads)
    assert len(set(done)) == len(done)
    assert len(done) <= store.get_lease(timeout=5).lease.leader_transitions <= len(done) + unknown


def progress(threads):
    """Each of them succeeds a few times more."""
    goals = [len(thread.done) + 5 for thread in threads]
    end = time.monotonic() + 30
    while any(len(thread.done) < goal for thread, goal in zip(threads, goals, strict=True)):
        assert time.monotonic() < end, "somebody no longer gets through"
        time.sleep(0.01)


def test_a_server_that_comes_up_later_is_found(server, name):
    """Opening is no reason for it to be up; its table is made by the first call."""
    server.execute("DROP TABLE IF EXISTS incumbent_lease")
    server.stop()
    try:
        store = open_store(server.url, lease=name)
        with pytest.raises(StoreUnavailable):
            store.get_lease(timeout=1)
    finally:
        server.start()
    with closing(store):
        store.create_lease(PLAIN, timeout=5)


def test_a_table_that_was_dropped_is_made_again(server, store):
    """The call that misses it did nothing; the next one finds it."""
    version = store.create_lease(PLAIN, timeout=5)
    server.execute("DROP TABLE incumbent_lease")
    with pytest.raises(StoreUnavailable, match="42P01") as caught:
        store.update_lease(NEW, version, timeout=5)
    assert not caught.value.outcome_unknown
    with pytest.raises(LeaseNotFound):
        store.update_lease(NEW, version, timeout=5)
    store.create_lease(NEW, timeout=5)


@contextmanager
def silent():
    """A port where connections are accepted, by the system, and never answered."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def test_of_several_hosts_one_that_answers_is_enough(server, name):
    """Wherever it stands in the URL, and whether the others refuse or never answer."""
    with silent() as port:
        for order in (
            (port, free_port(), server.port),
            (server.port, port),
            (free_port(), port, server.port),
        ):
            hosts = ",".join(f"127.0.0.1:{each}" for each in order)
            with closing(open_store(f"postgresql://postgres@{hosts}/postgres", lease=name)) as store:
                began = time.monotonic()
                with pytest.raises(LeaseNotFound):
                    store.get_lease(timeout=3)
                assert time.monotonic() - began < 3


def test_connect_timeout_leaves_time_for_other_hosts(server, name):
    """The whole of a call's time is shared out evenly, unless the URL gives each host less."""
    with silent() as port:
        hosts = f"127.0.0.1:{port},127.0.0.1:{server.port}"
        url = f"postgresql://postgres@{hosts}/postgres?connect_timeout=1"
        with closing(open_store(url, lease=name)) as store:
            store._reach()._close_idle()
            began = time.monotonic()
            with pytest.raises(LeaseNotFound):
                store.get_lease(timeout=20)
            assert 1 <= time.monotonic() - began < 8
