"""What the store on Kubernetes makes of answers that a healthy API server does not give: scripted ones."""

from __future__ import annotations

import json
import logging
import socket
import threading
from contextlib import closing, suppress

import pytest

from incumbent import open_store
from incumbent.errors import ConfigurationError, CorruptLease, LeaseConflict, LeaseNotFound, StoreUnavailable
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
        *((status, True) for status in (202, 302, 408, 500, 502, 503, 504)),
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


def missing(**differs):
    """How the API server says that a lease is not there."""
    details = {"name": "x", "group": "coordination.k8s.io", "kind": "leases"}
    status = {"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404, "details": details}
    return json.dumps(status | differs).encode()


WORD = 'leases.coordination.k8s.io "x" not found'


@pytest.mark.parametrize("content", [missing(), missing(details=None, message=WORD)], ids=["details", "text"])
@pytest.mark.parametrize("name", ["get", "update", "delete"])
def test_a_lease_is_missing_if_the_api_server_says_so(tmp_path, name, content):
    """Of this lease."""
    with scripted(tmp_path, 404, content) as server, opened(server) as far, pytest.raises(LeaseNotFound):
        CALLS[name](far)


@pytest.mark.parametrize(
    "content",
    [
        b"<html>default backend - 404</html>",
        b"404 page not found\n",
        b"",
        b'{"message": "not found"}',
        b'["x"]',
        missing(kind="Lease"),
        missing(reason="Gone"),
        missing(details={"name": "y", "kind": "leases"}),
        missing(details={"name": "x", "kind": "namespaces"}),
        missing(details=None, message='leases.coordination.k8s.io "xy" not found'),
        missing(details={}, message="the server could not find the requested resource"),
    ],
)
@each_call
def test_any_other_404_is_no_word_about_the_lease(tmp_path, call, content):
    """As of a load balancer whose servers are away: a leader leads on. Nothing was done."""
    with scripted(tmp_path, 404, content) as server, opened(server) as store:
        with pytest.raises(StoreUnavailable, match="404") as caught:
            call(store)
        assert not caught.value.outcome_unknown
        assert "\n" not in str(caught.value)


def test_where_a_lease_is_made_nothing_is_missing_but_its_namespace(tmp_path):
    """Certainly nothing was done."""
    with scripted(tmp_path, 404, missing()) as server, opened(server) as store:
        with pytest.raises(StoreUnavailable) as caught:
            store.create_lease(PLAIN, timeout=5)
        assert not caught.value.outcome_unknown


@pytest.mark.parametrize("name", ["create", "update"])
def test_a_write_that_is_answered_with_no_lease_may_have_happened(tmp_path, name):
    """As by a page to log in at."""
    with scripted(tmp_path, 200, b"<html>welcome</html>") as server, opened(server) as store:
        with pytest.raises(StoreUnavailable, match="no lease") as caught:
            CALLS[name](store)
        assert caught.value.outcome_unknown


def test_a_lease_whose_holder_the_api_server_chooses_is_not_contended_for(tmp_path):
    """Coordinated leader election: it is refused on opening, and if it is met later it is no vacancy."""
    spec = {"strategy": "OldestEmulationVersion", "holderIdentity": ""}
    content = json.dumps({"metadata": {"resourceVersion": "7"}, "spec": spec}).encode()
    with scripted(tmp_path, 200, content) as server:
        with pytest.raises(
            ConfigurationError, match=r"'x' .*coordinated.*spec.strategy is 'Oldest.*another name"
        ):
            open_store(server.url, lease="x")
        with opened(server) as store, pytest.raises(CorruptLease, match=r"spec.strategy"):
            store.get_lease(timeout=5)


@pytest.mark.parametrize(("status", "error"), [(404, LeaseNotFound), (200, LeaseConflict)])
def test_a_version_of_another_kind_is_no_precondition(tmp_path, status, error):
    """It conflicts with what is there, if anything is; nothing is written."""
    content = WHOLE if status == 200 else missing()
    with scripted(tmp_path, status, content) as server, opened(server) as store, pytest.raises(error):
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
            store._reach()._credentials.get(10)  # which takes its time on a busy machine
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
    assert told_by(tmp_path, b'{"message": "no"}\n', status=500) == []
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "status 500" in caplog.text
