"""What goes wrong between the store on Kubernetes and a real API server."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import Counter
from contextlib import closing
from dataclasses import replace

import pytest

from incumbent import Campaign, open_store
from incumbent.errors import ConfigurationError, LeaseConflict, LeaseNotFound, StoreUnavailable
from incumbent.stores import _kubernetes_requests
from incumbent.stores.kubernetes import KubernetesStore
from incumbent.testing.stores.machine import PLAIN
from support.driving import eventually
from support.servers import fixture_of, free_port
from support.servers.http_stores import listeners
from support.servers.kubernetes import NOBODY, SERVER, lease_fixture, proxied
from support.servers.proxy import Proxy

server = fixture_of(SERVER)
store = lease_fixture()


@pytest.mark.parametrize("version", ["", "0", 7, None, ("1",), "no-number"], ids=repr)
def test_a_version_of_another_kind_conflicts(store, version):
    """And above all does not count as "whatever it is at"."""
    store.create_lease(PLAIN, timeout=5)
    with pytest.raises((LeaseConflict, StoreUnavailable)) as caught:
        store.update_lease(replace(PLAIN, leader_transitions=9), version, timeout=5)
    assert not getattr(caught.value, "outcome_unknown", False)
    assert store.get_lease(timeout=5).lease == PLAIN


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("kubernetes://", "names no namespace"),
        ("kubernetes:///default", "names no namespace"),
        ("kubernetes://default/x", "names no namespace"),
        ("kubernetes://default?token=secret", "number 1 of 1"),
        ("kubernetes://default#context", "names no namespace"),
        ("kubernetes://default?kubeconfig=/no/such/file", "no credentials"),
    ],
)
def test_a_wrong_url_is_refused(url, told):
    """With what to do."""
    with pytest.raises(ConfigurationError, match=told) as caught:
        open_store(url, lease="x")
    assert "secret" not in str(caught.value).replace("?token=secret", "")


def test_credentials_that_do_not_suffice_are_refused_at_once(server):
    """A stranger: what is missing is named before the first round; a wrong token is said to be wrong."""
    with pytest.raises(ConfigurationError, match=r"may not get leases in 'default': bind a role"):
        open_store(server.url_for(NOBODY), lease="x")
    with pytest.raises(ConfigurationError, match="does not accept these credentials") as caught:
        open_store(server.url_for("secret-of-a-forger"), lease="x")
    assert "forger" not in str(caught.value)


def test_a_namespace_that_is_not_there_is_said_to_be_missing(server):
    with pytest.raises(ConfigurationError, match="no namespace 'nowhere'"):
        open_store(server.url.replace("default", "nowhere"), lease="x")


def test_a_server_out_of_reach_is_opened_and_says_so_at_the_first_call(server):
    """A write that found no connection certainly did not happen."""
    with closing(open_store(server.url_at(free_port()), lease="x")) as store:
        for call in (store.get_lease, lambda timeout: store.create_lease(PLAIN, timeout=timeout)):
            with pytest.raises(StoreUnavailable) as caught:
                call(timeout=2)
            assert not caught.value.outcome_unknown


def test_a_lost_reply_leaves_the_outcome_unknown(server, store):
    """The write landed; nobody heard of it (P7). It is not sent again, which would conflict with itself."""
    version = store.create_lease(PLAIN, timeout=5)
    before = server.requests()
    with proxied(server, store) as (proxy, far):
        far.get_lease(timeout=5)
        proxy.drops_replies = True
        written = replace(PLAIN, leader_transitions=2)
        with pytest.raises(StoreUnavailable) as caught:
            far.update_lease(written, version, timeout=3)
        assert caught.value.outcome_unknown
        assert store.get_lease(timeout=5).lease == written
        assert (server.requests() - before)["PATCH"] == 1
        proxy.heal()
        assert far.get_lease(timeout=5).lease == written


def test_connecting_is_part_of_a_calls_time(server, store):
    """A slow network does not double it."""
    with Proxy(server.port) as proxy, closing(KubernetesStore(server.url_at(proxy.port), store.name)) as far:
        proxy.delay = 0.3  # five pieces, one after another
        with pytest.raises(StoreUnavailable):
            far.get_lease(timeout=1.2)
        with pytest.raises(LeaseNotFound):
            far.get_lease(timeout=10)


def test_a_connection_that_breaks_is_replaced(server, store):
    """A renewal after a break, or after a restart of the server, is not lost to a stale connection."""
    version = store.create_lease(PLAIN, timeout=5)
    with proxied(server, store) as (proxy, far):
        version = far.update_lease(PLAIN, version, timeout=5)
        proxy.reset()
        time.sleep(0.1)  # until the reset has arrived
        version = far.update_lease(PLAIN, version, timeout=5)
    server.restart()
    store.update_lease(PLAIN, version, timeout=5)


def test_no_credential_is_ever_told(server, store, caplog):
    """Not in what is raised, nor in what is logged or shown."""
    caplog.set_level(logging.DEBUG, logger="incumbent")
    url = server.url_for("secret-of-a-forger")
    told = [repr(store)]
    for wrong in (url, server.url_for(NOBODY)):
        with pytest.raises(ConfigurationError) as caught:
            open_store(wrong, lease="x")
        told.append(str(caught.value))
    assert "secret" not in "\n".join((*told, caplog.text))


def test_a_renewal_is_one_request(server, store):
    """And so is a look: counted by the server itself."""
    version = store.create_lease(PLAIN, timeout=5)
    before = server.requests()
    for _ in range(10):
        version = store.update_lease(PLAIN, version, timeout=5)
    assert server.requests() - before == Counter(PATCH=10)
    for _ in range(10):
        store.get_lease(timeout=5)
    assert server.requests() - before == Counter(PATCH=10, GET=10)


def test_a_watch_outlives_its_connection(server, store):
    """After a break all are told, and then of changes again."""
    version = store.create_lease(PLAIN, timeout=5)
    with proxied(server, store) as (proxy, far):
        told = threading.Event()
        with closing(far.watch(told.set)):
            assert told.wait(10)
            time.sleep(0.3)  # a watch begins with what is there: that is told, too
            told.clear()
            proxy.reset()
            assert told.wait(10), "it was not told of the new connection"
            time.sleep(0.3)  # a watch begins with what is there: that is told, too
            told.clear()
            store.update_lease(PLAIN, version, timeout=5)
            assert told.wait(10)
    eventually(lambda: not any(thread.name == "incumbent-watch" for thread in threading.enumerate()))


def test_a_watch_on_which_nothing_happens_lasts(store, monkeypatch, caplog):
    """The time to connect is not the time to wait for a change. It ends as soon as it is closed."""
    eventually(lambda: listeners() == 0)
    monkeypatch.setattr(_kubernetes_requests, "CHECK_TIMEOUT", 2.0)
    told = []
    with closing(store.watch(lambda: told.append(time.monotonic()))):
        eventually(lambda: told)
        time.sleep(3)  # nothing to wait for, and that is it
    eventually(lambda: listeners() == 0, timeout=5)
    assert len(told) == 1
    assert not caplog.records


def test_a_stop_hands_over_by_notification(server, store):
    """The successor does not wait for its next poll."""
    timing = {"lease_duration": 60.0, "retry_period": 10.0}
    with closing(open_store(server.url, lease=store.name)) as other:
        leader, follower = Campaign(store, **timing), Campaign(other, **timing)
        with leader:
            assert leader.wait_until_leader(10)
            with follower:
                time.sleep(0.5)  # it looks, and waits
                started = time.monotonic()
                threading.Thread(target=leader.stop).start()
                assert follower.wait_until_leader(10)
                took = time.monotonic() - started
    print(f"handover on kubernetes: {took * 1e3:.0f} ms")  # noqa: T201 - measured
    assert took < 5


def test_a_forked_child_has_connections_of_its_own(server, store):
    """And leaves the parent's alone."""
    version = store.create_lease(PLAIN, timeout=5)
    pid = os.fork()
    if pid == 0:
        os._exit(0 if store.get_lease(timeout=5).version == version else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    store.update_lease(PLAIN, version, timeout=5)
