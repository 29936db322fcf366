"""What the Consul and the etcd store make of errors that a real server, or the way to it, provokes."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from incumbent.errors import ConfigurationError, LeaseConflict
from incumbent.stores import open_store
from support.servers import free_port, http_stores
from support.servers.http_stores import LEASE, WRITE, answering, calls, read_back, renew, unavailable, until

server, name, proxy = http_stores.server, http_stores.name, http_stores.proxy
store, direct = http_stores.store, http_stores.direct
each_kind = pytest.mark.parametrize("kind", ["consul", "etcd"])
NO_ANSWER = {"consul": "Consul answers 404", "etcd": "no answer of etcd"}


def open_later(kind, port):
    """Without the look at the server that opening takes."""
    from incumbent.stores.consul import ConsulStore  # noqa: PLC0415 - only if the client is here
    from incumbent.stores.etcd import EtcdStore  # noqa: PLC0415

    of_kind = {"consul": ConsulStore, "etcd": EtcdStore}[kind]
    return of_kind(f"{kind}://127.0.0.1:{port}", "x")


@each_kind
def test_a_server_that_is_down_is_opened_and_the_first_call_says_so(kind):
    """Certainly nothing was written."""
    with closing(open_store(f"{kind}://127.0.0.1:{free_port()}", lease="x")) as store:
        for call in calls(store, 7).values():
            with unavailable(unknown=False) as caught:
                call(1.0)
        assert "Connection refused" in str(caught.value)


def test_a_write_whose_reply_was_lost_is_unknown_and_was_done(server, proxy, store, direct):
    """It is not sent again, which would end in a conflict with itself."""
    version = store.create_lease(LEASE, timeout=5)
    passed = len(proxy.lines)
    proxy.drops_replies = True
    with unavailable(unknown=True):
        store.update_lease(LEASE, version, timeout=0.5)
    until(lambda: direct.get_lease(timeout=5).version > version)
    assert proxy.lines[passed:] == [WRITE[server.name]]
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
    proxy.delay, passed = 2.0, len(proxy.lines)
    threading.Thread(target=lambda: (until(lambda: len(proxy.lines) > passed), proxy.reset())).start()
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
        assert writer.result(60) == store.get_lease(timeout=5).version
    known = [version for version in renewals if version is not None]
    assert known == sorted(known)


@each_kind
def test_a_reply_that_drips_does_not_stretch_the_time(kind):
    """The timeout is for the call, not for each byte."""
    with (
        answering(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 100, pause=0.05) as port,
        closing(open_later(kind, port)) as store,
        unavailable(unknown=True),
    ):
        store.update_lease(LEASE, 7, timeout=0.5)


@each_kind
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
def test_what_is_another_server_is_no_vacancy(kind, reply, is_hopeless):
    """Least of all a lease that is missing, which could be taken."""
    with answering(reply) as port:
        if is_hopeless:
            with pytest.raises(ConfigurationError, match=NO_ANSWER[kind]):
                open_store(f"{kind}://127.0.0.1:{port}", lease="x")
        with closing(open_later(kind, port)) as store, unavailable(unknown=not is_hopeless):
            store.get_lease(timeout=1)
