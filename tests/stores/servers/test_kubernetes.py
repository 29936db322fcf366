"""The store on Kubernetes against a real API server, and what client-go writes on the same objects."""

from __future__ import annotations

import re
import secrets
import subprocess
import sys
import threading
import time
import urllib.error
from contextlib import ExitStack, closing, suppress
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from incumbent import Campaign, open_store
from incumbent.errors import ConfigurationError, CorruptLease, LeaseNotFound
from incumbent.stores._kubernetes_record import ANNOTATION
from incumbent.stores.kubernetes import object_name
from incumbent.testing.stores.machine import PLAIN
from support.driving import eventually
from support.servers import fixture_of
from support.servers.contract import ServerContract
from support.servers.kubernetes import ADMIN, SERVER, lease_fixture

server = fixture_of(SERVER)
store = lease_fixture()

CLIENT_GO = {
    "holderIdentity": "go-1",
    "leaseDurationSeconds": 15,
    "acquireTime": "2026-01-02T03:04:05.000006Z",
    "renewTime": "2026-01-02T03:04:06.000007Z",
    "leaseTransitions": 4,
}


class TestKubernetesStore(ServerContract):
    def delete_lease(self, lease):
        with suppress(LeaseNotFound, ConfigurationError), closing(self.open_store(lease)) as store:
            store.delete_lease()
        return True

    def touch(self, lease):
        """As `kubectl label` does."""
        label = {"metadata": {"labels": {"touched": secrets.token_hex(4)}}}
        self.server.ask(f"/apis/coordination.k8s.io/v1/namespaces/default/leases/{lease}", "PATCH", label)
        return True


def path(store):
    return f"/apis/coordination.k8s.io/v1/namespaces/default/leases/{store.name}"


def put_as_client_go(server, store, *, metadata=None, **spec):
    """Write as client-go does: read the object, change the spec, put it back; or create it."""
    found = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": store.name}}
    method, where = "POST", path(store).rpartition("/")[0]
    with suppress(LeaseNotFound):
        store.get_lease(timeout=5)
        found, method, where = server.object(store), "PUT", path(store)
    found["metadata"] |= metadata or {}
    found["spec"] = {**found.get("spec", {}), **CLIENT_GO, **spec}
    server.ask(where, method, found)


def test_a_lease_of_client_gos_is_read_and_taken_over_without_losing_a_field(server, store):
    """Foreign labels and annotations stay; the token grows beyond client-go's count (P11)."""
    mark = {"labels": {"app": "scheduler"}, "annotations": {"team": "a"}}
    put_as_client_go(server, store, metadata=mark)

    read = store.get_lease(timeout=5)
    assert (read.lease.holder_identity, read.lease.lease_duration) == ("go-1", 15.0)
    assert read.lease.leader_transitions == 4

    mine = replace(PLAIN, leader_transitions=5)
    store.update_lease(mine, read.version, timeout=5)
    assert store.get_lease(timeout=5).lease == mine
    after = server.object(store)
    assert after["metadata"]["labels"] == mark["labels"]
    assert after["metadata"]["annotations"]["team"] == "a"
    assert after["spec"]["holderIdentity"] == mine.holder_identity
    assert after["spec"]["leaseTransitions"] == 5


def test_client_go_takes_over_from_us_and_its_record_is_anothers(server, store):
    """Our annotation is still there, but it is not believed any more: the session is another's (P2)."""
    store.create_lease(replace(PLAIN, leader_transitions=7), timeout=5)
    put_as_client_go(server, store, holderIdentity="go-1", leaseTransitions=8)
    assert ANNOTATION in server.object(store)["metadata"]["annotations"]

    taken = store.get_lease(timeout=5).lease
    assert taken.holder_identity == "go-1"
    assert taken.holder_session != PLAIN.holder_session
    assert taken.leader_transitions == 8

    put_as_client_go(server, store, leaseTransitions=8, renewTime="2026-01-02T03:04:09.000000Z")
    assert store.get_lease(timeout=5).lease.holder_session == taken.holder_session
    assert store.get_lease(timeout=5).lease.leader_transitions == 8


def test_the_token_outgrows_a_count_that_began_anew(server, store):
    """Also where client-go's count is behind ours, as beyond 32 bits (P11)."""
    store.create_lease(replace(PLAIN, leader_transitions=2**40), timeout=5)
    assert server.object(store)["spec"]["leaseTransitions"] == 2**31 - 1
    put_as_client_go(server, store, leaseTransitions=3)
    assert store.get_lease(timeout=5).lease.leader_transitions == 2**40 + 1


def test_a_strategy_counts_where_the_api_server_knows_it(server, store):
    """Coordinated leader election came with Kubernetes 1.31; an older API server drops the fields."""
    put_as_client_go(server, store, strategy="OldestEmulationVersion", preferredHolder="go-2")
    if "strategy" in server.object(store)["spec"]:
        with pytest.raises(CorruptLease, match="strategy"):
            store.get_lease(timeout=5)
    else:
        assert store.get_lease(timeout=5).lease.holder_identity == "go-1"


@pytest.mark.parametrize("spec", [{"holderIdentity": ""}, {"holderIdentity": None}], ids=["empty", "absent"])
def test_what_client_go_released_is_vacant(server, store, spec):
    """Its `ReleaseOnCancel` writes an empty holder, and a duration of one second."""
    put_as_client_go(server, store, **spec, leaseDurationSeconds=1)
    assert store.get_lease(timeout=5).lease.is_vacant


def test_an_object_without_a_spec_is_vacant(server, store):
    """As `kubectl create` makes one."""
    body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": store.name}}
    server.ask(path(store).rpartition("/")[0], "POST", body)
    read = store.get_lease(timeout=5)
    assert read.lease.is_vacant
    store.update_lease(PLAIN, read.version, timeout=5)
    assert store.get_lease(timeout=5).lease == PLAIN


@pytest.mark.parametrize(
    "annotation", ["{", "7", '{"holder_identity": "x"}'], ids=["cut", "number", "incomplete"]
)
def test_a_damaged_annotation_is_a_corrupt_lease(server, store, annotation):
    """Never a vacancy (P13)."""
    put_as_client_go(server, store, metadata={"annotations": {ANNOTATION: annotation}})
    with pytest.raises(CorruptLease):
        store.get_lease(timeout=5)


def test_held_for_nobody_knows_how_long_is_a_corrupt_lease(server, store):
    """A holder without a duration would be waited for for ever, or not at all."""
    put_as_client_go(server, store, leaseDurationSeconds=None)
    with pytest.raises(CorruptLease, match="leaseDurationSeconds"):
        store.get_lease(timeout=5)


ODD_NAMES = [
    "Nightly Report",
    "nightly report",
    "a_b",
    "a/b",
    "a..b",
    "-a",
    "x" * 254,
    "ü",
    "日本",
    "lease",
    "*",
]


def test_any_name_names_a_lease_of_its_own(server):
    """Also one that Kubernetes does not take: its object has one that can be read, and no other lease has."""
    with ExitStack() as stack:
        stores = [stack.enter_context(closing(open_store(server.url, lease=name))) for name in ODD_NAMES]
        for number, store in enumerate(stores, 1):
            stack.callback(store.delete_lease)
            store.create_lease(replace(PLAIN, leader_transitions=number), timeout=5)
        for number, store in enumerate(stores, 1):
            assert store.get_lease(timeout=5).lease.leader_transitions == number
            assert server.object(store)["metadata"]["name"] == store.object_name
        assert stores[0].object_name.startswith("nightly-report-")
        told = threading.Event()
        with closing(stores[0].watch(told.set)):
            assert told.wait(10)
            time.sleep(0.3)  # a watch begins with what is there: that is told, too
            told.clear()
            stores[0].update_lease(PLAIN, stores[0].get_lease(timeout=5).version, timeout=5)
            assert told.wait(10)


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
)
@example("a", "A")
@example("A", "a-559aead08264d579")
def test_object_names_are_valid_stable_and_of_one_lease_each(one, another):
    """A name that Kubernetes takes is its own."""
    made = object_name(one)
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", made)
    assert len(made) <= 253
    assert object_name(one) == object_name(made) == made
    if one != another and object_name(another) == made:
        assert made in (one, another), "it is the one that the other was made into"


PEER = """
import sys
from kubernetes import config
from kubernetes.leaderelection import electionconfig, leaderelection
from kubernetes.leaderelection.resourcelock.leaselock import LeaseLock
kubeconfig, name = sys.argv[1:]
config.load_kube_config(kubeconfig)
lock = LeaseLock(name, "default", "the-peer")
settings = dict(lease_duration=3, renew_deadline=2, retry_period=1)
leaderelection.LeaderElection(
    electionconfig.Config(lock, onstarted_leading=lambda: None, onstopped_leading=None, **settings)
).run()
"""


def labelled(server, store):
    """Whether it has a label now: a last request of the peer may come between."""
    found = server.object(store)
    found["metadata"]["labels"] = {"kept": "yes"}
    with suppress(urllib.error.HTTPError):
        return server.ask(path(store), "PUT", found)
    return False


def test_the_official_clients_elector_and_ours_take_turns(server, store, tmp_path):
    """A real peer process over the same object: it leads, dies, we lead; we go without a word, it leads."""
    kubeconfig = server.kubeconfig(ADMIN, server.port)
    command = [sys.executable, "-c", PEER, str(kubeconfig), store.name]

    def holder():
        with suppress(LeaseNotFound):
            return store.get_lease(timeout=5).lease.holder_identity

    with (tmp_path / "log").open("w") as log:
        peer = subprocess.Popen(command, stderr=log)
        try:
            eventually(lambda: holder() == "the-peer", timeout=30)
            ours = Campaign(
                store, identity="ours", lease_duration=3.0, retry_period=0.3, release_on_cancel=False
            )
            with ours:
                assert not ours.wait_until_leader(timeout=5)
                peer.kill()
                peer.wait(10)
                eventually(lambda: labelled(server, store))
                assert ours.wait_until_leader(timeout=15)
                token = ours.token
                peer = subprocess.Popen(command, stderr=log)
                time.sleep(5)
                assert ours.is_leader()
            eventually(lambda: holder() == "the-peer", timeout=30)
            taken = store.get_lease(timeout=5).lease
            assert taken.leader_transitions > token
            assert server.object(store)["metadata"]["labels"] == {"kept": "yes"}
        finally:
            peer.kill()
            peer.wait(10)
