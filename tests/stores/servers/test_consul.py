"""The Consul store on a real Consul: the contract, what it costs, what it notices, and a fence in Consul."""

from __future__ import annotations

import importlib.util
import os
import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import settings

from incumbent.errors import ConfigurationError, CorruptLease, LeaseConflict, LeaseNotFound
from incumbent.stores import consul, open_store
from incumbent.testing.contract import LeaseStoreContract
from support.http_stores import CORRUPT, LEASE, CountingProxy, frozen, handover, heard_of, listeners, until
from support.server_consul import SERVER
from support.servers import fixture_of

server = fixture_of(SERVER)
EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "fencing" / "consul.py"


class TestConsulStore(LeaseStoreContract):
    racers = 4  # Consul takes its time for each write, and two requests for each that it refuses
    machine_settings = settings(LeaseStoreContract.machine_settings, max_examples=10, stateful_step_count=20)

    @pytest.fixture(autouse=True)
    def _server(self, server):
        self.server = server

    def open_store(self, lease):
        return open_store(self.server.url, lease=lease)

    def delete_lease(self, lease):
        with closing(self.open_store(lease)) as store, suppress(LeaseNotFound):
            store.delete_lease()
        return True

    def stalled(self, lease):
        return frozen(self.server) if self.server.is_ours else None


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
    """By way of the proxy."""
    with closing(open_store(server.url_at(proxy.port), lease=name)) as store:
        yield store


def test_a_renewal_is_one_request_and_so_is_a_read(proxy, store, name):
    """By what passes on the wire, over one connection."""
    version = store.create_lease(LEASE, timeout=5)
    passed, connections = len(proxy.lines), proxy.connections
    for _ in range(10):
        version = store.update_lease(LEASE, version, timeout=5)
    assert proxy.lines[passed:] == ["PUT /v1/txn"] * 10
    store.get_lease(timeout=5)
    assert proxy.lines[passed + 10 :] == [f"GET /v1/kv/incumbent/{name}"]
    assert proxy.connections == connections


def test_what_is_refused_takes_one_look_more(proxy, store):
    """Whether there is another record, or none: Consul's refusal does not say."""
    version = store.create_lease(LEASE, timeout=5)
    store.update_lease(LEASE, version, timeout=5)
    passed = len(proxy.lines)
    with pytest.raises(LeaseConflict):
        store.update_lease(LEASE, version, timeout=5)
    assert len(proxy.lines) == passed + 2
    store.delete_lease()
    with pytest.raises(LeaseNotFound):
        store.update_lease(LEASE, version, timeout=5)


@pytest.mark.parametrize("version", [None, "7", 0, -1, True, 2**70, 1.0, ("a",)], ids=repr)
def test_a_version_of_another_kind_is_a_conflict(store, version):
    """0 in particular, which is Consul's word for a missing record, and `True`, which equals 1."""
    with pytest.raises(LeaseNotFound):
        store.update_lease(LEASE, version, timeout=5)
    store.create_lease(LEASE, timeout=5)
    with pytest.raises(LeaseConflict):
        store.update_lease(LEASE, version, timeout=5)


@pytest.mark.parametrize("value", CORRUPT.values(), ids=CORRUPT)
def test_what_is_no_lease_is_corrupt(server, store, name, value):
    """And no vacancy: it is repaired by hand."""
    server.put(f"incumbent/{name}", value)
    with pytest.raises(CorruptLease):
        store.get_lease(timeout=5)
    with pytest.raises(LeaseConflict):
        store.create_lease(LEASE, timeout=5)
    store.delete_lease()


@pytest.mark.parametrize(
    ("lease", "key"),
    [
        ("a/b ü", "a%2Fb%20%C3%BC"),
        ("..", "%2E%2E"),
        (".", "%2E"),
        ("%2E", "%252E"),
        ("?#&", "%3F%23%26"),
    ],
)
def test_the_key_is_what_the_guide_says(server, lease, key):
    """So that rules can be written; names are no paths, though Consul takes paths apart."""
    url = f"{server.url}/prod/eu"
    with closing(open_store(url, lease=lease)) as store:
        version = store.create_lease(LEASE, timeout=5)
        assert store.get_lease(timeout=5).version == version
        found = server.ask("GET", "/v1/kv/prod/eu/?keys")
        assert found == [f"prod/eu/incumbent/{key}"]
        store.delete_lease()


@pytest.mark.parametrize("prefix", ["/a", "a//b", "a/../b", "."])
def test_a_prefix_that_is_no_path_is_told_on_opening(server, prefix):
    with pytest.raises(ConfigurationError, match="prefix"):
        open_store(f"{server.url}/{prefix}", lease="x")


def test_versions_go_on_after_a_restart(server, store):
    """And the first call after it succeeds, although its connection is gone."""
    if not server.is_ours:
        pytest.skip("somebody else's server is not restarted")
    version = store.create_lease(LEASE, timeout=5)
    server.restart()
    newer = store.update_lease(LEASE, version, timeout=5)
    assert newer > version
    server.kill()
    server.start()
    assert store.get_lease(timeout=5).version == newer


def test_a_forked_child_has_connections_of_its_own(server, proxy, store):
    """And leaves the parent's alone."""
    version = store.create_lease(LEASE, timeout=5)
    connections = proxy.connections
    pid = os.fork()
    if pid == 0:
        with suppress(BaseException):
            store.update_lease(replace(LEASE, holder_identity="child"), version, timeout=5)
        os._exit(0)
    os.waitpid(pid, 0)
    assert store.get_lease(timeout=5).lease.holder_identity == "child"
    assert proxy.connections == connections + 1


def test_all_watches_of_a_server_share_one_row_of_queries(server, proxy, store, name):
    """Of queries that wait, over one connection. Each is told of its own lease."""
    url = server.url_at(proxy.port)
    one, two = threading.Event(), threading.Event()
    with closing(open_store(url, lease=f"{name}-2")) as other:
        connections = proxy.connections + 1
        with closing(store.watch(one.set)), closing(other.watch(two.set)):
            until(lambda: one.is_set() and two.is_set())  # they are told on connecting
            one.clear(), two.clear()
            store.create_lease(LEASE, timeout=5)
            assert one.wait(5)
            assert not two.is_set()
            other.create_lease(LEASE, timeout=5)
            assert two.wait(5)
            assert proxy.connections <= connections + 1  # and one for the calls
            assert "GET /v1/kv/incumbent/" in proxy.lines
        until(lambda: listeners() == 0, timeout=2)
        other.delete_lease()


def test_a_watch_goes_on_after_its_connection_was_lost(server, proxy, store):
    """It connects again by itself, and misses nothing: it asks from the index on that it had."""
    told = threading.Event()
    versions = [store.create_lease(LEASE, timeout=5)]
    with closing(store.watch(told.set)):
        assert told.wait(5)
        for _ in range(3):
            proxy.reset()
            until(lambda: heard_of(store, versions, told))


def test_a_query_that_is_not_answered_ends(monkeypatch, proxy, store):
    """A connection may be dead without anybody being told (consul#1843)."""
    monkeypatch.setattr(consul, "_WAIT", 0.3)
    monkeypatch.setattr(consul, "OPEN_TIMEOUT", 0.3)
    told = threading.Event()
    with closing(store.watch(told.set)):
        assert told.wait(5)
        proxy.cut()
        connections = proxy.connections
        until(lambda: proxy.connections > connections)
        proxy.heal()
        told.clear()
        assert told.wait(10)


class Scripted(BaseHTTPRequestHandler):
    """Answers each query that waits with the next index, and keeps it; the last one waits for good."""

    protocol_version = "HTTP/1.1"
    indexes, asked, over = (50, 60, 3, 7), [], threading.Event()

    def do_GET(self):
        self.asked.append(int(self.path.partition("index=")[2].partition("&")[0]))
        if len(self.asked) > len(self.indexes):
            self.over.wait(10)
            return
        self.send_response(404)
        self.send_header("X-Consul-Index", str(self.indexes[len(self.asked) - 1]))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


def test_an_index_that_goes_backwards_is_begun_from_the_start():
    """Else a watch would wait for servers that were made anew to catch up. All are told, too."""
    told = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Scripted) as http:
        http.daemon_threads = True
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        url = f"consul://127.0.0.1:{http.server_address[1]}"
        with (
            closing(consul.ConsulStore(url, "x")) as store,
            closing(store.watch(lambda: told.append(len(Scripted.asked)))),
        ):
            until(lambda: len(Scripted.asked) == 5)
        Scripted.over.set()
        http.shutdown()
        thread.join()
    assert Scripted.asked == [0, 50, 60, 0, 7]
    assert told == [1, 4]


def test_closing_the_last_watch_ends_its_thread_though_the_server_is_frozen(server, store):
    """`close` waits for nothing."""
    told = threading.Event()
    watch = store.watch(told.set)
    assert told.wait(5)
    with frozen(server):
        begun = time.monotonic()
        watch.close()
        until(lambda: listeners() == 0, timeout=2)
        assert time.monotonic() - begun < 2


def test_a_follower_takes_over_by_notification(server, name):
    """In a fraction of the time that polling takes."""
    took = handover(server.url, name, retry_period=10.0)
    print(f"handover on consul: {took * 1000:.0f} ms")  # noqa: T201 - to be looked at
    assert took < 2


def test_the_fence_refuses_an_older_token(server, name):
    """In one atomic step, whoever writes at the same time."""
    spec = importlib.util.spec_from_file_location("fencing_consul", EXAMPLE)
    fencing = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fencing)
    with closing(fencing.open_register(server.url, name)) as old, ThreadPoolExecutor(8) as pool:
        assert old.read() is None
        assert old.write(1, "one")
        with closing(fencing.open_register(server.url, name)) as new:
            assert new.write(2, "two")
            assert not old.write(1, "late")
            assert new.write(2, "again")
            assert old.read() == (2, "again")
            tokens = list(range(3, 43))
            outcomes = [*pool.map(lambda token: new.write(token, str(token)), reversed(tokens))]
            assert outcomes[0]
            assert new.read() == (42, "42")
