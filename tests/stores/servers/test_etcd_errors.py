"""What the etcd store makes of errors that a real etcd, or the way to it, provokes."""

from __future__ import annotations

import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress

import pytest

from incumbent.errors import ConfigurationError, LeaseConflict
from incumbent.stores import etcd, open_store
from support.http_stores import (
    LEASE,
    CountingProxy,
    answering,
    calls,
    frozen,
    heard_of,
    read_back,
    renew,
    unavailable,
    until,
)
from support.server_etcd import SERVER, Cluster
from support.servers import find_binary, fixture_of, free_port, missing

server = fixture_of(SERVER)


@pytest.fixture
def name():
    return f"lease-{secrets.token_hex(8)}"


@pytest.fixture
def proxy(server):
    if not server.is_ours:
        pytest.skip("a proxy stands before a server that was started here")
    with CountingProxy(server.port) as proxy:
        yield proxy


@pytest.fixture
def store(server, proxy, name):
    with closing(open_store(server.url_at(proxy.port), lease=name)) as store:
        yield store


@pytest.fixture
def direct(server, name):
    """The same lease, past the proxy."""
    with closing(open_store(server.url, lease=name)) as store:
        yield store


def test_a_server_that_is_down_is_opened_and_the_first_call_says_so():
    """Certainly nothing was written."""
    with closing(open_store(f"etcd://127.0.0.1:{free_port()}", lease="x")) as store:
        for call in calls(store, 7).values():
            with unavailable(unknown=False) as caught:
                call(1.0)
        assert "Connection refused" in str(caught.value)


def test_a_write_whose_reply_was_lost_is_unknown_and_was_done(proxy, store, direct):
    """It is not sent again, which would end in a conflict with itself."""
    version = store.create_lease(LEASE, timeout=5)
    passed = len(proxy.lines)
    proxy.drops_replies = True
    with unavailable(unknown=True):
        store.update_lease(LEASE, version, timeout=0.5)
    until(lambda: direct.get_lease(timeout=5).version > version)
    assert proxy.lines[passed:] == ["POST /v3/kv/txn"]
    proxy.heal()
    with pytest.raises(LeaseConflict):
        store.update_lease(LEASE, version, timeout=5)


@pytest.mark.parametrize("call", ["get", "create", "update", "delete"])
def test_a_request_that_was_lost_is_unknown_and_was_not_done(call, proxy, store, direct):
    """Who sent it cannot tell. When the way is open again the next call just works."""
    version = store.create_lease(LEASE, timeout=5)
    proxy.cut()
    with unavailable(unknown=True):
        calls(store, version)[call](0.5)
    assert direct.get_lease(timeout=5).version == version
    proxy.heal()
    store.update_lease(LEASE, version, timeout=5)


def test_a_connection_that_ends_during_a_write_leaves_it_unknown(proxy, store):
    """As when the process of the server is killed."""
    version = store.create_lease(LEASE, timeout=5)
    proxy.delay = 0.3
    threading.Timer(0.4, proxy.reset).start()
    with unavailable(unknown=True, within=5):
        store.update_lease(LEASE, version, timeout=5)
    proxy.heal()
    assert store.get_lease(timeout=5).lease == LEASE


def test_a_restart_under_load_loses_nothing_and_invents_nothing(server, store):
    """Kill -9 while the only writer writes: it meets no conflict, except with writes of unknown outcome."""
    if not server.is_ours:
        pytest.skip("somebody else's server is not killed")
    over, renewals = threading.Event(), list[int]()
    first = store.create_lease(LEASE, timeout=5)

    def write():
        version = first
        while not over.is_set():
            version = read_back(store) if version is None else renew(store, version)
            renewals.append(version)
        return version if version is not None else store.get_lease(timeout=5).version

    with ThreadPoolExecutor(1) as pool:
        writer = pool.submit(write)
        for _ in range(2):
            time.sleep(0.3)
            server.kill()
            server.start()
        done = len(renewals)
        until(lambda: len(renewals) > done + 3)
        over.set()
        assert writer.result(20) == store.get_lease(timeout=5).version
    known = [version for version in renewals if version is not None]
    assert known == sorted(known)


def test_a_reply_that_drips_does_not_stretch_the_time():
    """The timeout is for the call, not for each byte."""
    with (
        answering(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 100, pause=0.05) as port,
        closing(open_later(f"etcd://127.0.0.1:{port}")) as store,
        unavailable(unknown=True),
    ):
        store.update_lease(LEASE, 7, timeout=0.5)


def open_later(url, lease="x"):
    """Without the look at the server that opening takes."""
    from incumbent.stores.etcd import EtcdStore  # noqa: PLC0415 - only if the client is here

    return EtcdStore(url, lease)


def test_out_of_space_is_certain(server, store, direct):
    """The write is refused, and etcd goes on answering reads."""
    version = store.create_lease(LEASE, timeout=5)
    alarm = {"alarm": "NOSPACE", "memberID": 0}
    server.post("/v3/maintenance/alarm", {"action": "ACTIVATE", **alarm})
    try:
        with unavailable(unknown=False) as caught:
            store.update_lease(LEASE, version, timeout=5)
    finally:
        server.post("/v3/maintenance/alarm", {"action": "DEACTIVATE", **alarm})
    assert "space exceeded" in str(caught.value)
    assert direct.get_lease(timeout=5).version == version


@pytest.mark.parametrize(
    ("reply", "is_hopeless"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", False),
        (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", False),
        (b"+OK hello\r\n", False),
    ],
    ids=["404", "empty", "502", "other-protocol"],
)
def test_what_is_no_etcd_is_no_vacancy(reply, is_hopeless):
    """Least of all a lease that is missing, which could be taken."""
    with answering(reply) as port:
        url = f"etcd://127.0.0.1:{port}"
        if is_hopeless:
            with pytest.raises(ConfigurationError, match="no answer of etcd"):
                open_store(url, lease="x")
        with closing(open_later(url)) as store, unavailable(unknown=not is_hopeless):
            store.get_lease(timeout=1)


@pytest.fixture
def cluster(tmp_path):
    if find_binary("etcd") is None:
        missing(f"no etcd here: {SERVER.install}")
    cluster = Cluster(tmp_path)
    yield cluster
    cluster.stop()


def test_calls_and_watches_leave_a_member_that_is_silent(cluster, name, monkeypatch):
    """The first of the URL accepts connections, and no more. One call is lost to it, and one stream."""
    monkeypatch.setattr(etcd, "_SILENCE", 0.5)
    told = threading.Event()
    with closing(open_store(cluster.url, lease=name)) as store:
        version = store.create_lease(LEASE, timeout=5)
        with frozen(cluster.members[0]):
            written = [written_at_last(store, version)]
            with closing(store.watch(told.set)):
                until(lambda: heard_of(store, written, told))


def test_elections_go_on_when_the_leader_of_the_cluster_is_killed(cluster, name):
    """By the endpoints that are left; with one member of three no write is acknowledged."""
    told = threading.Event()
    with closing(open_store(cluster.url, lease=name)) as store, closing(store.watch(told.set)):
        version = store.create_lease(LEASE, timeout=5)
        dead = cluster.leader()
        dead.kill()
        written = [written_at_last(store, version)]
        until(lambda: heard_of(store, written, told))
        next(member for member in cluster.members if member is not dead).kill()
        with unavailable(unknown=True, within=4):
            store.update_lease(LEASE, written[0], timeout=2)


def test_a_watch_on_a_member_without_a_leader_ends(cluster, name, caplog):
    """It would be silent for as long as the member is cut off from the others; another may know more."""
    alone = cluster.members[2]
    told = threading.Event()
    with closing(open_store(alone.url, lease=name)) as store, closing(store.watch(told.set)):
        assert told.wait(5)
        for member in cluster.members[:2]:
            member.kill()
        until(lambda: "no leader" in caplog.text)


def written_at_last(store, version):
    """Renew until it is acknowledged, reading back whatever is unknown, as an election does."""
    end, newer = time.monotonic() + 30, None
    while newer in {None, version}:
        assert time.monotonic() < end, "no write is acknowledged"
        with suppress(LeaseConflict):
            newer = renew(store, version)
        version = version if newer else read_back(store) or version
    return newer
