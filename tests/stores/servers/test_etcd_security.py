"""The etcd store where etcd wants to know who asks, or speaks TLS."""

from __future__ import annotations

import logging
import threading
from contextlib import ExitStack, closing

import pytest

from incumbent.errors import ConfigurationError
from incumbent.store import Call
from incumbent.stores import open_store
from support.servers import fixture_of, http_stores, running
from support.servers.etcd import SERVER, TlsEtcdServer
from support.servers.http_stores import LEASE, heard_of, unavailable, until

server, name, proxy = fixture_of(SERVER), http_stores.name, http_stores.proxy
PASSWORD = "hunter2-and-more"


@pytest.fixture(scope="module")
def locked():
    """A server that wants to know who asks."""
    with running(SERVER) as server:
        if not server.is_ours:
            pytest.skip("somebody else's users are left alone")
        server.require_login(PASSWORD, reader="reader")
        yield server


@pytest.fixture(scope="module")
def tls():
    with running(TlsEtcdServer) as server:
        if not server.is_ours:
            pytest.skip("somebody else's server has its own certificate")
        yield server


def test_who_is_logged_in_elects(locked, name, caplog, capfd):
    """A token that the server forgot costs no call, and the password is nowhere to be seen."""
    caplog.set_level(logging.DEBUG)
    told = threading.Event()
    url = f"etcd://root:{PASSWORD}@127.0.0.1:{locked.port}"
    with closing(open_store(url, lease=name)) as store:
        version = store.create_lease(LEASE, timeout=5)
        locked.restart()
        written = [store.update_lease(LEASE, version, timeout=5)]
        with closing(store.watch(told.set)):
            until(lambda: heard_of(store, written, told))
            locked.restart()
            until(lambda: heard_of(store, written, told))  # it listens again
        locked.stop()
        with unavailable(unknown=False) as caught:
            store.update_lease(LEASE, written[0], timeout=1)
        locked.start()
        shown = f"{store!r} {store._reach()._address!r} {caught.value} {caplog.text} {capfd.readouterr()}"
        assert PASSWORD not in shown
        store.delete_lease()


@pytest.mark.parametrize(
    ("who", "variables"),
    [
        ("", {"ETCDCTL_USER": f"root:{PASSWORD}"}),
        ("", {"ETCDCTL_USER": "root", "ETCDCTL_PASSWORD": PASSWORD}),
        ("root@", {"ETCDCTL_PASSWORD": PASSWORD}),
        ("root@", {"ETCDCTL_USER": f"root:{PASSWORD}"}),
        (f"root:{PASSWORD}@", {"ETCDCTL_USER": "root:wrong"}),
    ],
)
def test_the_login_may_be_where_etcdctl_finds_it(locked, name, who, variables, monkeypatch):
    """So that no password need be in a URL; what the URL says comes first."""
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    with closing(open_store(f"etcd://{who}127.0.0.1:{locked.port}", lease=name)) as store:
        store.create_lease(LEASE, timeout=5)
        assert PASSWORD not in f"{store!r} {store._reach()._address!r}"
        store.delete_lease()


def test_another_users_password_is_not_tried(monkeypatch):
    """Of `reader@` and the password of root, the latter stays where it is."""
    monkeypatch.setenv("ETCDCTL_USER", f"root:{PASSWORD}")
    with pytest.raises(ConfigurationError, match="half a login"):
        open_store("etcd://reader@127.0.0.1:1", lease="x")


@pytest.mark.parametrize(
    ("who", "why"),
    [
        ("", "user name is empty"),
        ("root:wrong-hunter2@", "authentication failed"),
        (f"reader:{PASSWORD}@", "permission denied"),
    ],
    ids=["nobody", "wrong-password", "reader"],
)
def test_who_may_not_elect_is_told_on_opening(locked, name, who, why):
    with pytest.raises(ConfigurationError, match=why) as caught:
        open_store(f"etcd://{who}127.0.0.1:{locked.port}", lease=name)
    assert "hunter2" not in str(caught.value)


def test_who_may_not_watch_is_told_on_opening(locked, name):
    """The rights to the one key suffice for the calls, but a watch is of all leases."""
    url = f"etcd://narrow:{PASSWORD}@127.0.0.1:{locked.port}"
    locked.grant("narrow", PASSWORD, f"incumbent/{name}".encode())
    with pytest.raises(ConfigurationError, match="permission denied"):
        open_store(url, lease=name)
    locked.grant("narrow", PASSWORD, b"incumbent/", b"incumbent0")
    open_store(url, lease=name).close()


def test_a_permission_that_is_withdrawn_is_certain(locked, name):
    """While it runs, a refusal is an answer like others: nothing was written."""
    url = f"etcd://writer:{PASSWORD}@127.0.0.1:{locked.port}"
    locked.grant("writer", PASSWORD, b"incumbent/", b"incumbent0")
    with closing(open_store(url, lease=name)) as store:
        version = store.create_lease(LEASE, timeout=5)
        locked.revoke("writer", PASSWORD)
        with unavailable(unknown=False):
            store.update_lease(LEASE, version, timeout=5)


def test_nobody_writes_together_what_they_may_not_write_alone(locked, name):
    """Where many servers check nothing that is nested."""
    urls = [f"etcd://{user}:{PASSWORD}@127.0.0.1:{locked.port}" for user in ("root", "some")]
    locked.grant("some", PASSWORD, b"incumbent/", b"incumbent0")
    with ExitStack() as stack:
        _, _, theirs, other = stores = [
            stack.enter_context(closing(open_store(url, lease=f"{name}{number}")))
            for url in urls
            for number in range(2)
        ]
        versions = [store.create_lease(LEASE, timeout=5) for store in stores[:2]]
        calls = [
            Call(store, "update_lease", (LEASE, version), 5)
            for store, version in zip((theirs, other), versions, strict=True)
        ]
        locked.revoke("some", PASSWORD)
        assert theirs.call_together(calls) == [None, None]
        locked.grant("some", PASSWORD, b"incumbent/", b"incumbent0")
        assert [store.get_lease(timeout=5).version for store in stores[:2]] == versions
        assert None not in theirs.call_together(calls)


def test_a_password_where_none_is_needed_is_no_error(server, proxy, name):
    """As with etcd's own clients; and it is asked once, not at every renewal."""
    with closing(open_store(f"etcd://root:x@127.0.0.1:{proxy.port}", lease=name)) as store:
        version = store.create_lease(LEASE, timeout=5)
        passed = len(proxy.lines)
        store.update_lease(LEASE, version, timeout=5)
        assert proxy.lines[passed:] == ["POST /v3/kv/txn"]
        store.delete_lease()


def test_tls_with_the_authority_that_is_named(tls, name):
    """And a watch over it that ends at once."""
    with closing(open_store(f"{tls.url}?ca={tls.certificate}", lease=name)) as store:
        told = threading.Event()
        watch = store.watch(told.set)
        version = store.create_lease(LEASE, timeout=5)
        assert told.wait(5)
        watch.close()
        assert store.update_lease(LEASE, version, timeout=5) > version


def test_a_certificate_that_nobody_vouches_for_is_told_on_opening(tls, name):
    with pytest.raises(ConfigurationError, match="CERTIFICATE_VERIFY_FAILED"):
        open_store(tls.url, lease=name)


def test_tls_where_there_is_none_and_none_where_there_is(server, tls, name):
    """Both times etcd hangs up, as a server does that restarts: it is the first call that says so."""
    with (
        closing(open_store(f"etcds://127.0.0.1:{server.port}", lease=name)) as store,
        unavailable(unknown=False),
    ):
        store.create_lease(LEASE, timeout=1)
    with (
        closing(open_store(f"etcd://127.0.0.1:{tls.port}", lease=name)) as store,
        unavailable(unknown=True),
    ):
        store.create_lease(LEASE, timeout=1)


def test_a_file_that_is_no_certificate_is_told_on_opening(tmp_path):
    (tmp_path / "ca.pem").write_text("nothing")
    for path in ("ca.pem", "missing.pem"):
        with pytest.raises(ConfigurationError, match="ca="):
            open_store(f"etcds://127.0.0.1?ca={tmp_path / path}", lease="x")
