"""A real API server that is too busy: what is sent again, when, and what is known of it."""

from __future__ import annotations

import json
import threading
import time
from contextlib import ExitStack, closing
from dataclasses import replace

import pytest

from incumbent import Campaign
from incumbent.errors import LeaseConflict, StoreUnavailable
from incumbent.stores.kubernetes import KubernetesStore
from incumbent.testing.stores.machine import PLAIN
from support.servers import fixture_of
from support.servers.front import Said, in_front, once
from support.servers.kubernetes import SERVER, lease_fixture, proxied

server = fixture_of(SERVER)
store = lease_fixture()

RELEASED = replace(PLAIN, holder_identity="", holder_session="")
ASKED = {"Retry-After": "1"}
AWAY = [Said(429), Said(503), Said(500), Said(502), Said(404, b"<html>default backend - 404</html>")]
BUSY = [Said(status, headers=ASKED) for status in (429, 503, 500)]
each_trouble = pytest.mark.parametrize("said", AWAY + BUSY, ids=lambda said: f"{said.status}-{said.headers}")
each_busy = pytest.mark.parametrize("said", BUSY, ids=lambda said: f"{said.status}")


@each_trouble
def test_a_release_is_sent_again_within_its_time(server, store, said):
    """Whether or not the server names a pause, and also if that is longer than the time that is left."""
    version = store.create_lease(PLAIN, timeout=5)
    with (
        in_front(server, once("PATCH", said)) as front,
        closing(KubernetesStore(front.url, store.name)) as far,
    ):
        assert far.update_lease(RELEASED, version, timeout=1.0) == store.get_lease(timeout=5).version
    assert store.get_lease(timeout=5).lease.is_vacant
    assert front.count("PATCH") == 2


@each_busy
def test_a_release_is_sent_even_into_a_pause_that_another_call_was_asked_for(server, store, said):
    """As by the renewal just before."""
    version = store.create_lease(PLAIN, timeout=5)
    with (
        in_front(server, once("PATCH", said)) as front,
        closing(KubernetesStore(front.url, store.name)) as far,
    ):
        with pytest.raises(StoreUnavailable):
            far.update_lease(PLAIN, version, timeout=0.5)
        far.update_lease(RELEASED, version, timeout=1.0)
    assert store.get_lease(timeout=5).lease.is_vacant


@pytest.mark.parametrize("is_lost", [False, True], ids=["before", "after"])
def test_a_release_whose_connection_ends_is_sent_again(server, store, is_lost):
    """As of a load balancer that has closed it; whether or not it was carried out."""
    version = store.create_lease(PLAIN, timeout=5)
    with proxied(server, store) as (proxy, far):
        far.get_lease(timeout=5)
        proxy.drops_requests, proxy.drops_replies = not is_lost, is_lost
        before = server.requests()["PATCH"]
        threading.Timer(1.0, proxy.heal).start()
        assert far.update_lease(RELEASED, version, timeout=10) == store.get_lease(timeout=5).version
        assert server.requests()["PATCH"] - before == 1 + is_lost
    assert store.get_lease(timeout=5).lease.is_vacant


def test_a_release_to_a_server_that_is_starting_is_sent_when_it_is_there(server, store):
    """As while API servers roll."""
    version = store.create_lease(PLAIN, timeout=5)
    with in_front(server, once("PATCH")) as front:
        url = front.url
    with closing(KubernetesStore(url, store.name)) as far:
        with pytest.raises(StoreUnavailable) as caught:
            far.update_lease(RELEASED, version, timeout=1)
        assert not caught.value.outcome_unknown
        port = int(front.http.server_port)
        again = threading.Timer(0.5, lambda: stack.enter_context(in_front(server, once("PATCH"), port)))
        with ExitStack() as stack:
            again.start()
            assert far.update_lease(RELEASED, version, timeout=10) == store.get_lease(timeout=5).version


@pytest.mark.parametrize("status", [429, 503])
def test_a_pause_is_kept_by_who_has_the_time_and_by_all_others(server, store, status):
    """The call that was told waits and asks again; one that has less time than the pause is not sent."""
    version = store.create_lease(PLAIN, timeout=5)
    says = once("PATCH", Said(status, headers=ASKED))
    with in_front(server, says) as front, closing(KubernetesStore(front.url, store.name)) as far:
        begun = time.monotonic()
        with pytest.raises(StoreUnavailable, match=f"status {status}"):
            far.update_lease(PLAIN, version, timeout=0.5)
        with pytest.raises(StoreUnavailable, match="of quiet") as caught:
            far.update_lease(PLAIN, version, timeout=0.3)
        assert not caught.value.outcome_unknown
        assert front.count("PATCH") == 1
        far.update_lease(PLAIN, version, timeout=10)
        assert time.monotonic() - begun > 0.9
        assert front.count("PATCH") == 2


def test_a_pause_lasts_no_longer_than_a_lease_could_bear(server, store):
    """Whatever the server asks for: at most five seconds."""
    says = once("GET", Said(429, headers={"Retry-After": "3600"}))
    with in_front(server, says) as front, closing(KubernetesStore(front.url, store.name)) as far:
        for told in ("status 429", r"asked for [0-5]\.\d s of quiet"):
            with pytest.raises(StoreUnavailable, match=told):
                far.get_lease(timeout=1)


@pytest.mark.parametrize(("status", "is_unknown"), [(429, False), (503, True)])
def test_what_was_turned_away_did_not_happen_and_what_was_not_available_may_have(
    server, store, status, is_unknown
):
    """429 is said before a request is begun; a proxy says 503 also when it lost one on the way (P7)."""
    version = store.create_lease(PLAIN, timeout=5)
    always = [Said(status)] * 20
    with (
        in_front(server, once("PATCH", *always)) as front,
        closing(KubernetesStore(front.url, store.name)) as far,
    ):
        with pytest.raises(StoreUnavailable) as caught:
            far.update_lease(RELEASED, version, timeout=1.0)
        assert caught.value.outcome_unknown is is_unknown
        assert 3 <= front.count("PATCH") <= 10
    assert store.get_lease(timeout=5).version == version


@pytest.mark.parametrize("write", ["create", "update"])
def test_a_write_that_took_effect_before_it_was_sent_again_is_known_by_its_mark(server, store, write):
    """The copy conflicts with the first one, which is ours: the version of that is the answer."""
    late = Said(503, headers=ASKED, is_late=True)
    version = store.create_lease(PLAIN, timeout=5) if write == "update" else None
    says = once("POST" if write == "create" else "PATCH", late)
    with in_front(server, says) as front, closing(KubernetesStore(front.url, store.name)) as far:
        if write == "create":
            written = far.create_lease(PLAIN, timeout=10)
        else:
            written = far.update_lease(replace(PLAIN, leader_transitions=9), version, timeout=10)
    assert store.get_lease(timeout=5).version == written


def test_a_conflict_after_503_with_a_record_of_anothers_leaves_it_unknown(server, store):
    """The first copy may have taken effect, and have been overwritten since."""
    version = store.create_lease(PLAIN, timeout=5)
    other = replace(PLAIN, holder_identity="another", leader_transitions=9)

    def says(method, path):
        if method != "PATCH" or front.count("PATCH") > 1:
            return None
        store.update_lease(other, version, timeout=5)
        return Said(503, headers=ASKED)

    with in_front(server, says) as front, closing(KubernetesStore(front.url, store.name)) as far:
        with pytest.raises(StoreUnavailable) as caught:
            far.update_lease(RELEASED, version, timeout=10)
        assert caught.value.outcome_unknown
    assert store.get_lease(timeout=5).lease == other


def test_a_conflict_after_429_is_a_conflict(server, store):
    """What was turned away cannot be what is there now."""
    version = store.create_lease(PLAIN, timeout=5)
    store.update_lease(PLAIN, version, timeout=5)
    says = once("PATCH", Said(429, headers=ASKED))
    with in_front(server, says) as front, closing(KubernetesStore(front.url, store.name)) as far:
        with pytest.raises(LeaseConflict):
            far.update_lease(RELEASED, version, timeout=10)
        assert front.count("GET") == 0


@pytest.mark.parametrize("status", [429, 503])
def test_a_leader_whose_release_is_turned_away_still_hands_over(server, store, status):
    """Not one lease duration later."""
    timing = {"lease_duration": 60.0, "retry_period": 1.0}

    def says(method, path):
        if "watch=true" in path:
            return Said(403)
        if method == "PATCH" and leader_is_done and not refused:
            refused.append(path)
            return Said(status, headers=ASKED)
        return None

    leader_is_done, refused = [], []
    with in_front(server, says) as front, closing(KubernetesStore(front.url, store.name)) as far:
        leader, follower = Campaign(far, **timing), Campaign(store, **timing)
        with leader, follower:
            assert leader.wait_until_leader(10) or follower.wait_until_leader(10)
            if not leader.is_leader():
                follower.resign()
                assert leader.wait_until_leader(30)
            leader_is_done.append(True)
            leader.stop()
            assert refused
            assert follower.wait_until_leader(30)
    assert json.loads(server.ask("/version"))["major"] == "1", "it was a real one"
