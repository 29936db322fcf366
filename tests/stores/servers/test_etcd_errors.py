"""What the etcd store makes of errors that only etcd has; test_http_stores_errors.py has the others."""

from __future__ import annotations

import threading
import time
from contextlib import closing, suppress

import pytest

from incumbent.errors import LeaseConflict
from incumbent.stores import _etcd_server, open_store
from support.servers import find_binary, fixture_of, http_stores, missing
from support.servers.etcd import SERVER, Cluster
from support.servers.http_stores import LEASE, read_back, renew, unavailable, until

server, name, proxy = fixture_of(SERVER), http_stores.name, http_stores.proxy
store, direct = http_stores.store, http_stores.direct


def test_out_of_space_is_certain(server, store, direct):
    """The write is refused, and etcd goes on answering reads."""
    version = store.create_lease(LEASE, timeout=5)
    alarm = {"alarm": "NOSPACE", "memberID": 0}
    server.post("/v3/maintenance/alarm", {"action": "ACTIVATE", **alarm})
    try:
        with unavailable(unknown=False) as caught:
            store.update_lease(LEASE, version, timeout=5)
    finally:
        server.post("/v3/maintenance/alarm", {"action": "DEACTIVATE", **alarm})
    assert "space exceeded" in str(caught.value)
    assert direct.get_lease(timeout=5).version == version


@pytest.fixture
def cluster(tmp_path):
    if find_binary("etcd") is None:
        missing(f"no etcd here: {SERVER.install}")
    cluster = Cluster(tmp_path)
    yield cluster
    cluster.stop()


def test_calls_and_watches_leave_a_member_that_is_silent(cluster, name, monkeypatch):
    """The first of the URL accepts connections, and no more. One call is lost to it, and one stream."""
    monkeypatch.setattr(_etcd_server, "_SILENCE", 0.5)
    told = threading.Event()
    with closing(open_store(cluster.url, lease=name)) as store:
        version = store.create_lease(LEASE, timeout=5)
        with cluster.members[0].frozen():
            written = [written_at_last(store, version)]
            with closing(store.watch(told.set)):
                until(lambda: heard_at_last(store, written, told), timeout=60)


def test_elections_go_on_when_the_leader_of_the_cluster_is_killed(cluster, name):
    """By the endpoints that are left; with one member of three no write is acknowledged."""
    told = threading.Event()
    with closing(open_store(cluster.url, lease=name)) as store, closing(store.watch(told.set)):
        version = store.create_lease(LEASE, timeout=5)
        dead = cluster.leader()
        dead.kill()
        written = [written_at_last(store, version)]
        until(lambda: heard_at_last(store, written, told), timeout=60)
        next(member for member in cluster.members if member is not dead).kill()
        with unavailable(unknown=True, within=4):
            store.update_lease(LEASE, written[0], timeout=2)


def test_a_watch_on_a_member_without_a_leader_ends(cluster, name, caplog):
    """It would be silent for as long as the member is cut off from the others; another may know more."""
    alone = cluster.members[2]
    told = threading.Event()
    with closing(open_store(alone.url, lease=name)) as store, closing(store.watch(told.set)):
        assert told.wait(5)
        for member in cluster.members[:2]:
            member.kill()
        until(lambda: "no leader" in caplog.text)


def heard_at_last(store, written, told):
    told.clear()
    written[:] = [written_at_last(store, written[0])]
    return told.wait(0.5)


def written_at_last(store, version):
    """Renew until it is acknowledged, reading back whatever is unknown, as an election does."""
    end, newer = time.monotonic() + 30, None
    while newer in {None, version}:
        assert time.monotonic() < end, "no write is acknowledged"
        with suppress(LeaseConflict):
            newer = renew(store, version)
        version = version if newer else read_back(store) or version
    return newer
