"""The Consul store on a real Consul: the contract, and what is Consul's alone."""

from __future__ import annotations

import secrets
import threading
from base64 import b64decode
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import settings

from incumbent.errors import ConfigurationError
from incumbent.stores import consul, open_store
from support.servers import fixture_of, http_stores
from support.servers.consul import SERVER
from support.servers.contract import ServerContract
from support.servers.http_stores import LEASE, heard_of, until

server, name = fixture_of(SERVER), http_stores.name
proxy, store = http_stores.proxy, http_stores.store


class TestConsulStore(ServerContract):
    racers = 4  # Consul takes its time for each write, and two requests for each that it refuses
    machine_settings = settings(ServerContract.machine_settings, max_examples=10, stateful_step_count=20)

    def touch(self, lease):
        """Other flags on the key, for the same value alone changes nothing; unless somebody just wrote."""
        path = f"/v1/kv/incumbent/{lease}"
        found = self.server.ask("GET", path)[0]
        where = f"{path}?cas={found['ModifyIndex']}&flags={secrets.randbelow(2**31)}"
        self.server.ask("PUT", where, b64decode(found["Value"]))
        return True


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


def test_a_watch_goes_on_after_its_connection_was_lost(server, proxy, store):
    """It connects again by itself, and misses nothing: it asks from the index on that it had."""
    told = threading.Event()
    versions = [store.create_lease(LEASE, timeout=5)]
    with closing(store.watch(told.set)):
        assert told.wait(5)
        for _ in range(3):
            proxy.reset()
            until(lambda: heard_of(store, versions, told))


def test_the_first_request_has_no_content(proxy, store):
    """A server that wants TLS may hang up on what it has not read, and its reset overtake its answer."""
    assert proxy.lines[0].startswith("GET ")


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
        told.clear()
        proxy.heal()
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
