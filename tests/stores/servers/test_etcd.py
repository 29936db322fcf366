"""The etcd store on a real etcd: the contract, and what is etcd's alone."""

from __future__ import annotations

import threading
from contextlib import closing

from incumbent.stores import _etcd_server, open_store
from support.servers import fixture_of, http_stores
from support.servers.contract import ServerContract
from support.servers.etcd import SERVER, encoded
from support.servers.http_stores import LEASE, until

server, name = fixture_of(SERVER), http_stores.name
proxy, store = http_stores.proxy, http_stores.store


class TestEtcdStore(ServerContract):
    def touch(self, lease):
        """The same value again is another revision; unless somebody wrote in between."""
        key = encoded(f"incumbent/{lease}".encode())
        found = self.server.post("/v3/kv/range", {"key": key})["kvs"][0]
        unchanged = {"key": key, "target": "MOD", "modRevision": found["mod_revision"]}
        again = {"requestPut": {"key": key, "value": found["value"]}}
        self.server.post("/v3/kv/txn", {"compare": [unchanged], "success": [again]})
        return True


def test_a_renewal_is_one_transaction(server, store):
    """By etcd's own count."""
    version = store.create_lease(LEASE, timeout=5)
    handled = server.requests("Txn")
    for _ in range(10):
        version = store.update_lease(LEASE, version, timeout=5)
    assert server.requests("Txn") - handled == 10


def test_the_key_is_what_the_guide_says(server):
    """So that permissions can be given; names are no paths."""
    url = f"{server.url}/prod/eu"
    with closing(open_store(url, lease="a/b ü")) as store:
        version = store.create_lease(LEASE, timeout=5)
        key = b"prod/eu/incumbent/a%2Fb%20%C3%BC"
        found = server.post("/v3/kv/range", {"key": encoded(key)})
        assert int(found["kvs"][0]["mod_revision"]) == version
        store.delete_lease()


def test_a_watch_goes_on_after_its_connection_was_lost(server, proxy, store):
    """It connects again by itself, and tells of it: something may have changed meanwhile."""
    told = threading.Event()
    version = store.create_lease(LEASE, timeout=5)
    with closing(store.watch(told.set)):
        assert told.wait(5)
        told.clear()
        proxy.reset()
        assert told.wait(10)
        told.clear()
        store.update_lease(LEASE, version, timeout=5)
        assert told.wait(5)


def test_a_watch_that_hears_nothing_is_begun_anew(monkeypatch, proxy, store):
    """A connection may be dead without anybody being told."""
    monkeypatch.setattr(_etcd_server, "_SILENCE", 0.2)
    told = threading.Event()
    with closing(store.watch(told.set)):
        assert told.wait(5)
        proxy.cut()
        until(lambda: proxy.lines.count("POST /v3/watch") > 1)
        proxy.heal()
        told.clear()
        assert told.wait(10)
