"""What the tests of the stores that speak HTTP share: requests counted on the wire, and odd servers."""

from __future__ import annotations

import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime, timezone

import pytest

from incumbent import Campaign
from incumbent.errors import StoreUnavailable
from incumbent.lease import Lease
from incumbent.stores import open_store
from incumbent.stores._server import to_json
from support.servers import running
from support.servers.consul import ConsulServer
from support.servers.etcd import EtcdServer
from support.servers.proxy import Proxy

NOON = datetime(2024, 2, 29, 12, tzinfo=timezone.utc)
LEASE = Lease("a", "s", 15.0, NOON, NOON, 1)
CORRUPT = {
    "no-json": b"\xff\x00 what",
    "empty": b"",
    "no-object": b"[1]",
    "no-lease": b"{}",
    "nested": b"[" * 100_000,
    "nested-field": b'{"holder_identity":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "long": to_json(LEASE).replace('"a"', f'"{"a" * 100_000}"').encode(),
    "year-9999": to_json(LEASE).replace("2024", "9999").encode(),
    "digits": to_json(LEASE).replace('"leader_transitions":1', f'"leader_transitions":{"9" * 5000}').encode(),
    "no-time": b'{"holder_identity":"a","holder_session":"s","lease_duration":15,"acquire_time":"noon",'
    b'"renew_time":"noon","leader_transitions":1}',
}


# Fixtures: a module that wants one gives it the same name.


@pytest.fixture(scope="module", params=[ConsulServer, EtcdServer], ids=lambda kind: kind.name)
def server(request):
    """One of each kind."""
    with running(request.param) as server:
        yield server


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


@pytest.fixture
def direct(server, name):
    """The same lease, past the proxy."""
    with closing(open_store(server.url, lease=name)) as store:
        yield store


WRITE = {"consul": "PUT /v1/txn", "etcd": "POST /v3/kv/txn"}


class CountingProxy(Proxy):
    """Notes the first line of each request that passes.

    Attributes:
        lines: Method and path, in order.
        connections: How many were made.
    """

    def __init__(self, server_port: int) -> None:
        self.lines: list[str] = []
        self.connections = 0
        super().__init__(server_port)

    async def _serve(self, reader, writer):
        self.connections += 1
        await super()._serve(reader, writer)

    async def _pump(self, reader, writer, drops):
        if drops == "drops_requests":
            reader = _Noting(reader, self.lines)
        await super()._pump(reader, writer, drops)


class _Noting:
    def __init__(self, reader, requests):
        self.reader, self.lines = reader, requests

    async def read(self, size):
        piece = await self.reader.read(size)
        for line in piece.split(b"\r\n"):
            if line.endswith(b" HTTP/1.1"):
                self.lines.append(line.decode().removesuffix(" HTTP/1.1").partition("?")[0])
        return piece


@contextmanager
def answering(reply: bytes, *, pause: float = 0.0) -> Iterator[int]:
    """A server that says the same to everybody, one byte each `pause` seconds if it is given; its port."""
    over = threading.Event()

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(65536)
            for byte in reply if pause else b"":
                if over.wait(pause):
                    return
                connection.send(bytes([byte]))
            if not pause:
                connection.sendall(reply)

    def accept() -> None:
        with suppress(OSError):
            while not over.is_set():
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            over.set()
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def handover(url: str, lease: str, retry_period: float) -> float:
    """Seconds from the leader's `stop()` until the follower leads, by notification or by polling."""
    with closing(open_store(url, lease=lease)) as one, closing(open_store(url, lease=lease)) as two:
        settings = {"lease_duration": 6 * retry_period, "retry_period": retry_period}
        first, second = Campaign(one, **settings), Campaign(two, **settings)
        first.start()
        try:
            assert first.wait_until_leader(timeout=20)
            second.start()
            until(lambda: second.leader == first.identity)
            time.sleep(0.5)  # the follower has settled down to listen
            begun = time.monotonic()
            first.stop()
            assert second.wait_until_leader(timeout=20)
            return time.monotonic() - begun
        finally:
            first.stop()
            second.stop()


def until(condition, *, timeout: float = 60.0) -> None:
    """Wait until it is so."""
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "it never came about"
        time.sleep(0.01)


def listeners() -> int:
    """How many threads listen to a server."""
    return sum(thread.name == "incumbent-watch" for thread in threading.enumerate())


def calls(store, version):
    """Every call there is, by its name, to be given a timeout."""
    return {
        "get": lambda timeout: store.get_lease(timeout=timeout),
        "create": lambda timeout: store.create_lease(LEASE, timeout=timeout),
        "update": lambda timeout: store.update_lease(LEASE, version, timeout=timeout),
        "delete": lambda timeout: store.delete_lease(timeout=timeout),
    }


@contextmanager
def unavailable(*, unknown, within=2.0):
    """What is done is answered in time, with the error that says so."""
    begun = time.monotonic()
    with pytest.raises(StoreUnavailable) as caught:
        yield caught
    assert time.monotonic() - begun < within
    assert caught.value.outcome_unknown is unknown, caught.value


def renew(store, version):
    """One renewal, and what is known of the record after it: its version; None if nothing is."""
    try:
        return store.update_lease(LEASE, version, timeout=5)
    except StoreUnavailable as error:
        time.sleep(0.05)
        return None if error.outcome_unknown else version


def read_back(store):
    """The version of the record; None if the store does not say."""
    with suppress(StoreUnavailable):
        return store.get_lease(timeout=5).version
    time.sleep(0.05)
    return None


def heard_of(store, versions, told) -> bool:
    """Write once more, keep the version, and see whether the watch tells of it."""
    told.clear()
    versions[:] = [store.update_lease(LEASE, versions[0], timeout=5)]
    return told.wait(0.5)
