"""What the store on Kubernetes makes of answers that a healthy API server does not give: scripted ones."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from contextlib import closing, suppress

import pytest

from incumbent.errors import CorruptLease, LeaseConflict, LeaseNotFound, StoreUnavailable
from incumbent.stores.kubernetes import KubernetesStore
from incumbent.testing.stores.machine import PLAIN
from support.driving import eventually
from support.servers.http_stores import unavailable
from support.servers.scripted_kubernetes import kubeconfig, scripted, url_of

CALLS = {
    "get": lambda store, timeout=5: store.get_lease(timeout=timeout),
    "create": lambda store, timeout=5: store.create_lease(PLAIN, timeout=timeout),
    "update": lambda store, timeout=5: store.update_lease(PLAIN, "7", timeout=timeout),
    "delete": lambda store, timeout=5: store.delete_lease(timeout=timeout),
}
WHOLE = b'{"metadata": {"resourceVersion": "7"}, "spec": {}}'
each_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


def opened(server):
    return closing(KubernetesStore(server.url, "x"))


@pytest.mark.parametrize(
    ("status", "is_unknown"),
    [
        *((status, False) for status in (400, 401, 403, 410, 413, 415, 422, 429)),
        *((status, True) for status in (202, 302, 500, 502, 503, 504)),
    ],
)
@each_call
def test_a_refusal_is_certain_and_a_breakdown_is_not(tmp_path, call, status, is_unknown):
    """What was turned away did not happen; who failed at it, or sent elsewhere, may have done it (P7)."""
    with (
        scripted(tmp_path, status, b'{"message": "the reason"}', Location="/") as server,
        opened(server) as store,
    ):
        with pytest.raises(StoreUnavailable, match=f"status {status}: the reason") as caught:
            call(store)
        assert caught.value.outcome_unknown is is_unknown
        assert "secret" not in str(caught.value)
        assert len(server.requests) == 1, "it was sent again"


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("get", LeaseNotFound),
        ("create", StoreUnavailable),
        ("update", LeaseNotFound),
        ("delete", LeaseNotFound),
    ],
)
def test_where_there_is_nothing(tmp_path, name, error):
    """A lease that is to be created cannot be missing: its namespace is. Certainly nothing was done."""
    with scripted(tmp_path, 404, b'{"message": "the namespace is gone"}') as server, opened(server) as store:
        with pytest.raises(error) as caught:
            CALLS[name](store)
        assert not getattr(caught.value, "outcome_unknown", False)


@pytest.mark.parametrize(("status", "error"), [(404, LeaseNotFound), (200, LeaseConflict)])
def test_a_version_of_another_kind_is_no_precondition(tmp_path, status, error):
    """It conflicts with what is there, if anything is; nothing is written."""
    with scripted(tmp_path, status, WHOLE) as server, opened(server) as store, pytest.raises(error):
        store.update_lease(PLAIN, 7, timeout=5)
    assert [method for method, _ in server.requests] == ["GET"]


@pytest.mark.parametrize(
    "content",
    [
        b"<html>welcome</html>",
        b"{}",
        b'{"metadata": {"resourceVersion": "7"}, "spec": "text"}',
        b'{"metadata": {"resourceVersion": "7"}, "spec": {"leaseTransitions": "many"}}',
        b'{"metadata": {"resourceVersion": "7"}, "spec": {"renewTime": 7}}',
        b'{"metadata": null, "spec": {}}',
    ],
)
def test_what_is_no_lease_is_no_vacancy(tmp_path, content):
    """But corrupt, as of a server that is another (P13)."""
    with scripted(tmp_path, 200, content) as server, opened(server) as store, pytest.raises(CorruptLease):
        store.get_lease(timeout=5)


@pytest.mark.parametrize("name", ["create", "update"])
def test_somebody_was_faster(tmp_path, name):
    with scripted(tmp_path, 409) as server, opened(server) as store, pytest.raises(LeaseConflict):
        CALLS[name](store)


@pytest.mark.parametrize(
    "content", [b"<html>what</html>", b"[1]", b"\xff\xfe"], ids=["html", "list", "binary"]
)
def test_an_answer_that_is_no_object_is_told_as_it_is(tmp_path, content):
    """As of a proxy on the way."""
    with scripted(tmp_path, 502, content) as server, opened(server) as store:
        with pytest.raises(StoreUnavailable) as caught:
            store.get_lease(timeout=5)
        assert content.decode(errors="replace") in str(caught.value)


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_asks_for_quiet_has_it(tmp_path, status):
    """Nothing is sent meanwhile, so nothing can have happened; then all is as before."""
    with scripted(tmp_path, status, Retry_After="1") as server, opened(server) as store:
        with pytest.raises(StoreUnavailable, match=f"status {status}"):
            store.get_lease(timeout=5)
        begun = time.monotonic()
        with pytest.raises(StoreUnavailable, match="of quiet") as caught:
            store.create_lease(PLAIN, timeout=5)
        assert not caught.value.outcome_unknown
        assert len(server.requests) == 1

        def is_heard():
            with suppress(StoreUnavailable):
                store.get_lease(timeout=5)
            return len(server.requests) > 1

        eventually(is_heard)
        assert time.monotonic() - begun > 0.8


def test_quiet_lasts_no_longer_than_a_lease_could_bear(tmp_path):
    """Whatever the server asks for: at most five seconds."""
    with scripted(tmp_path, 429, Retry_After="3600") as server, opened(server) as store:
        for told in ("status 429", r"asked for [0-5]\.\d s of quiet"):
            with pytest.raises(StoreUnavailable, match=told):
                store.get_lease(timeout=5)


@pytest.mark.parametrize("pause", ["", "Wed, 21 Oct 2026 07:28:00 GMT", "-1", "1.5"])
def test_a_pause_that_is_not_in_seconds_is_none(tmp_path, pause):
    with scripted(tmp_path, 503, Retry_After=pause) as server, opened(server) as store:
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match="status 503"):
                store.get_lease(timeout=5)


@pytest.fixture
def listening(tmp_path):
    """A server that has yet to call accept, and a store on it: the kernel takes two connections, no more."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        place = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with closing(KubernetesStore(url_of(kubeconfig(tmp_path / "kubeconfig", it=place)), "x")) as store:
            yield listener, store


@each_call
def test_a_connection_that_does_not_come_about_is_certain(listening, call):
    """It took too long, but nothing was sent."""
    listener, store = listening
    with socket.socket() as first, socket.socket() as second:
        for waiting in (first, second):
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        with pytest.raises(StoreUnavailable, match="ConnectTimeoutError") as caught:
            call(store, 0.3)
        assert not caught.value.outcome_unknown


@each_call
def test_a_connection_that_ends_without_an_answer_leaves_it_unknown(listening, call):
    """As when the API server is killed; and nothing is sent again."""
    listener, store = listening
    listener.settimeout(10)
    heard = []

    def hang_up():
        connection, _ = listener.accept()
        with connection:
            heard.append(connection.recv(65536))
        with suppress(TimeoutError):
            listener.settimeout(0.3)
            heard.append(listener.accept())

    thread = threading.Thread(target=hang_up)
    thread.start()
    with pytest.raises(StoreUnavailable) as caught:
        call(store)
    thread.join(10)
    assert caught.value.outcome_unknown
    assert len(heard) == 1


@pytest.mark.parametrize("head", [b"A: b\r\n" * 100, b"Content-Length: 99\r\n\r\n"], ids=["head", "body"])
@each_call
def test_an_answer_that_drips_does_not_stretch_the_time(listening, call, head):
    """The timeout is for the call, not for each byte."""
    listener, store = listening
    over = threading.Event()

    def drip():
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\n" + head[: -2 if head.startswith(b"A") else None])
            while not over.wait(0.05):
                connection.sendall(b"x")

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        with unavailable(unknown=True, within=1.5):
            call(store, 0.3)
    finally:
        over.set()
        thread.join(10)


def told_by(tmp_path, *pieces, status=200, times=3):
    """What a watch on a server that says this, and then hangs up, is told: how often, and all it logs."""
    lines = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    told = []
    with (
        scripted(tmp_path, status, lines, Transfer_Encoding="chunked") as server,
        opened(server) as store,
        closing(store.watch(lambda: told.append(len(server.requests)))),
    ):
        eventually(lambda: len(server.requests) >= times)
    return told


def event(kind, name):
    return json.dumps({"type": kind, "object": {"metadata": {"name": name}}}).encode() + b"\n"


def test_a_watch_is_told_of_every_connection(tmp_path, caplog):
    """Also where no lease is left to be told of: it may have been deleted meanwhile."""
    told = told_by(tmp_path)
    assert {1, 2} <= set(told)
    assert not caplog.records


def test_a_watch_whose_start_is_too_old_begins_anew(tmp_path, caplog):
    """410, as an event: no trouble, and nobody's change."""
    gone = {"type": "ERROR", "object": {"kind": "Status", "metadata": {}, "code": 410}}
    told = told_by(tmp_path, json.dumps(gone).encode() + b"\n", event("MODIFIED", "x"))
    assert told.count(1) == 1
    assert {1, 2} <= set(told)
    assert not caplog.records


def test_events_come_in_any_pieces(tmp_path, caplog):
    """A piece of the stream is no line; and only what happened to this lease is told."""
    whole = event("ADDED", "x") + event("MODIFIED", "y") + event("DELETED", "x")
    told = told_by(tmp_path, whole[:20], whole[20:90], whole[90:-1], whole[-1:])
    assert told.count(1) == 3, "the connection, and two events"
    assert not caplog.records


def test_a_watch_that_is_refused_has_not_begun(tmp_path, caplog):
    """It is said once, and tried again."""
    caplog.set_level(logging.INFO, logger="incumbent")
    assert told_by(tmp_path, b'{"message": "no"}\n', status=403) == []
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "status 403" in caplog.text
