"""The Consul store where Consul wants a token, or speaks TLS."""

from __future__ import annotations

import json
import logging
import threading
from contextlib import closing

import pytest

from incumbent.errors import ConfigurationError
from incumbent.stores import open_store
from support.servers import http_stores, running
from support.servers.consul import MANAGEMENT, LockedConsulServer, TlsConsulServer
from support.servers.http_stores import LEASE, heard_of, unavailable, until

name = http_stores.name
WRITES = 'key_prefix "incumbent/" { policy = "write" }'
READS = 'key_prefix "incumbent/" { policy = "read" }'


@pytest.fixture(scope="module")
def locked():
    with running(LockedConsulServer) as server:
        if not server.is_ours:
            pytest.skip("somebody else's rules are left alone")
        yield server


@pytest.fixture(scope="module")
def tls():
    with running(TlsConsulServer) as server:
        if not server.is_ours:
            pytest.skip("somebody else's server has its own certificate")
        yield server


def test_who_has_a_token_elects(locked, name, caplog, capfd):
    """With the rights that the guide gives it; and the token is nowhere to be seen."""
    caplog.set_level(logging.DEBUG)
    told, token = threading.Event(), locked.new_token(WRITES)
    url = f"consul://:{token}@127.0.0.1:{locked.port}"
    with closing(open_store(url, lease=name)) as store, closing(store.watch(told.set)):
        versions = [store.create_lease(LEASE, timeout=5)]
        until(lambda: heard_of(store, versions, told))
        locked.stop()
        with unavailable(unknown=False) as caught:
            store.update_lease(LEASE, versions[0], timeout=1)
        locked.start()
        shown = f"{store!r} {store._reach()._address!r} {caught.value} {caplog.text} {capfd.readouterr()}"
        assert token not in shown
        until(lambda: heard_of(store, versions, told))
        store.delete_lease()


def test_the_token_may_be_where_consuls_client_finds_it(locked, name, monkeypatch, tmp_path):
    """In a file, which comes first, or in a variable."""
    (tmp_path / "token").write_text(f"{locked.new_token(WRITES)}\n")
    url = f"consul://127.0.0.1:{locked.port}"
    monkeypatch.setenv("CONSUL_HTTP_TOKEN", locked.new_token(WRITES))
    with closing(open_store(url, lease=name)) as store:
        store.create_lease(LEASE, timeout=5)
        store.delete_lease()
    monkeypatch.setenv("CONSUL_HTTP_TOKEN", "hunter2")
    with pytest.raises(ConfigurationError, match="ACL not found"):
        open_store(url, lease=name)
    monkeypatch.setenv("CONSUL_HTTP_TOKEN_FILE", str(tmp_path / "token"))
    with closing(open_store(url, lease=name)) as store:
        store.create_lease(LEASE, timeout=5)
        store.delete_lease()
    monkeypatch.setenv("CONSUL_HTTP_TOKEN_FILE", str(tmp_path / "nowhere"))
    with pytest.raises(ConfigurationError, match="CONSUL_HTTP_TOKEN_FILE names cannot be read"):
        open_store(url, lease=name)


@pytest.mark.parametrize(
    ("kind", "why"),
    [("nobody", "Permission denied"), ("stranger", "ACL not found"), ("reader", "Permission denied")],
)
def test_who_may_not_elect_is_told_on_opening(locked, name, kind, why):
    tokens = {"nobody": "", "stranger": ":hunter2@"}
    who = tokens[kind] if kind in tokens else f":{locked.new_token(READS)}@"
    with pytest.raises(ConfigurationError, match=why) as caught:
        open_store(f"consul://{who}127.0.0.1:{locked.port}", lease=name)
    assert who.strip(":@") == "" or who.strip(":@") not in str(caught.value)


def test_who_may_not_list_is_told_on_opening(locked, name):
    """Where the server wants a right of its own for that; else what may not be read is left out."""
    token = locked.new_token(f'key "incumbent/{name}" {{ policy = "write" }}')
    with pytest.raises(ConfigurationError, match="Permission denied"):
        open_store(f"consul://:{token}@127.0.0.1:{locked.port}", lease=name)


def test_a_right_that_is_withdrawn_is_certain(locked, name):
    """While it runs, a refusal is an answer like others: nothing was written."""
    token = locked.new_token(WRITES)
    with closing(open_store(f"consul://:{token}@127.0.0.1:{locked.port}", lease=name)) as store:
        version = store.create_lease(LEASE, timeout=5)
        accessor = locked.ask("GET", "/v1/acl/token/self", token=token)["AccessorID"]
        nothing = {"AccessorID": accessor, "Policies": []}
        locked.ask("PUT", f"/v1/acl/token/{accessor}", json.dumps(nothing).encode())
        with unavailable(unknown=False) as caught:
            store.update_lease(LEASE, version, timeout=5)
        assert "Permission denied" in str(caught.value)
    with closing(open_store(f"consul://:{MANAGEMENT}@127.0.0.1:{locked.port}", lease=name)) as store:
        assert store.get_lease(timeout=5).version == version
        store.delete_lease()


def test_tls_with_the_certificates_that_are_named(tls, name):
    """And a watch over it that ends at once."""
    options = {
        "ca": tls.file("consul-agent-ca.pem"),
        "cert": tls.file("dc1-client-consul-0.pem"),
        "key": tls.file("dc1-client-consul-0-key.pem"),
    }
    told = threading.Event()
    url = f"{tls.url}?{'&'.join(f'{option}={value}' for option, value in options.items())}"
    with closing(open_store(url, lease=name)) as store:
        watch = store.watch(told.set)
        versions = [store.create_lease(LEASE, timeout=5)]
        until(lambda: heard_of(store, versions, told))
        watch.close()
        store.delete_lease()


def test_no_certificate_of_ours_is_told_on_opening(tls, name):
    """By TLS 1.3 the server says so only after the request was sent; it has read nothing of it."""
    with pytest.raises(ConfigurationError, match=r"(?i)certificate"):
        open_store(f"{tls.url}?ca={tls.file('consul-agent-ca.pem')}", lease=name)


def test_a_certificate_that_nobody_vouches_for_is_told_on_opening(tls, name):
    with pytest.raises(ConfigurationError, match="CERTIFICATE_VERIFY_FAILED"):
        open_store(tls.url, lease=name)


def test_no_tls_where_there_is_is_told_on_opening(tls, name):
    """Each time: its answer does not depend on how the request came in pieces."""
    for _ in range(50):
        with pytest.raises(ConfigurationError, match="HTTPS"):
            open_store(f"consul://127.0.0.1:{tls.port}", lease=name)
