"""The store on MongoDB where the server speaks TLS, and wants to know who asks."""

from __future__ import annotations

import logging
import threading
from contextlib import closing

import pytest

from incumbent.errors import ConfigurationError
from incumbent.stores import open_store
from incumbent.stores.mongodb import MongoStore
from support.servers import fixture_of, free_port
from support.servers.http_stores import LEASE, unavailable
from support.servers.mongodb import WithTls

whole_server = fixture_of(WithTls)


@pytest.fixture
def server(whole_server):
    if not whole_server.is_ours:
        pytest.skip("somebody else's server has its own certificates")
    return whole_server


def url(server, *, ca="ca.pem", me="client.pem", more=""):
    files = {"tlsCAFile": ca, "tlsCertificateKeyFile": me}
    options = [f"&{name}={server.directory}/{file}" for name, file in files.items() if file]
    return f"{server.url}&tls=true{''.join(options)}{more}"


def test_it_elects_and_listens_where_both_vouch_for_themselves(server):
    told = threading.Event()
    with closing(open_store(url(server), lease="x")) as store, closing(store.watch(told.set)):
        assert told.wait(10), "it was not told of the connection"
        told.clear()
        version = store.create_lease(LEASE, timeout=5)
        assert told.wait(10)
        assert store.get_lease(timeout=5).version == version
        store.update_lease(LEASE, version, timeout=5)
        store.delete_lease()


@pytest.mark.parametrize("ca", ["other-ca.pem", ""], ids=["another", "the system's"])
def test_a_server_that_nobody_vouches_for_is_refused_on_opening(server, ca):
    """Trying again will not mend it; with what will."""
    with pytest.raises(
        ConfigurationError, match=r"CERTIFICATE_VERIFY_FAILED.*: name the authority.* tlsCAFile="
    ):
        open_store(url(server, ca=ca), lease="x")


def test_a_server_of_another_name_is_refused_on_opening(server):
    """Its certificate is for another host."""
    with pytest.raises(ConfigurationError, match=r"Hostname mismatch.* as its certificate does"):
        open_store(url(server).replace("127.0.0.1", "localhost"), lease="x")


def test_a_set_of_which_one_member_may_do_is_opened(server):
    """The others may come back, and one of them be the primary."""
    members = f"127.0.0.1:{server.port},127.0.0.1:{free_port()}"
    far = url(server, ca="other-ca.pem").replace(f"127.0.0.1:{server.port}", members)
    far = far.replace("directConnection=true", "replicaSet=rs0")
    with closing(open_store(far, lease="x")) as store, unavailable(unknown=False) as caught:
        store.get_lease(timeout=1)
    for reason in ("CERTIFICATE_VERIFY_FAILED", "Connection refused"):
        assert reason in str(caught.value), "it is told what each of them is"
    assert "configured timeouts" not in str(caught.value)


@pytest.mark.parametrize("me", ["", "stranger.pem"])
def test_who_has_no_certificate_is_hung_up_on(server, me):
    """As by a server that restarts, so it is the first call that says so: nothing was written."""
    with closing(MongoStore(url(server, me=me), "x")) as store, unavailable(unknown=False) as caught:
        store.create_lease(LEASE, timeout=1)
    assert "127.0.0.1" in str(caught.value)


def test_without_tls_there_is_no_answer(server):
    with closing(MongoStore(server.url, "x")) as store, unavailable(unknown=False):
        store.create_lease(LEASE, timeout=1)


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"ca": "missing.pem"}, "tlsCAFile=, but there is no such file"),
        ({"me": "missing.pem"}, "tlsCertificateKeyFile=, but there is no such file"),
        ({"ca": "ca.key"}, "certificates as PEM files"),
        ({"me": "ca.pem"}, "certificates as PEM files"),
    ],
    ids=str,
)
def test_a_file_that_is_no_certificate_is_refused_on_opening(server, files, reason):
    with pytest.raises(ConfigurationError, match=reason):
        open_store(url(server, **files), lease="x")


def test_the_password_of_a_key_is_used_and_never_told(server, caplog, capfd):
    """Not where it is right, nor where it is wrong or the server is away."""
    caplog.set_level(logging.DEBUG)
    password = f"&tlsCertificateKeyFilePassword={server.password}"
    locked = url(server, me="locked.pem", more=password)
    with closing(open_store(locked, lease="x")) as store:
        store.create_lease(LEASE, timeout=5)
        store.delete_lease()
        server.stop()
        with unavailable(unknown=False) as caught:
            store.create_lease(LEASE, timeout=1)
        server.start()
        told = [repr(store), str(caught.value)]
    for wrong in (
        f"{locked}s",
        locked.replace(password, f"&tlsCertificateKeyFilePasswort={server.password}"),
    ):
        with pytest.raises(ConfigurationError) as refused:
            open_store(wrong, lease="x")
        told.append(str(refused.value))
    assert server.password not in f"{told} {caplog.text} {capfd.readouterr()}"
