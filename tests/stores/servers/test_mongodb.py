"""Leases in MongoDB on a real server: the contract, what a call costs, what is noticed, and a fence."""

from __future__ import annotations

import importlib.util
import os
import secrets
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest

from incumbent.errors import CorruptLease, LeaseConflict, LeaseNotFound
from incumbent.stores import open_store
from support.servers import fixture_of
from support.servers.contract import ServerContract
from support.servers.http_stores import LEASE, handover, listeners, until
from support.servers.mongodb import SERVER
from support.servers.proxy import Proxy

server = fixture_of(SERVER)
EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "fencing" / "mongodb.py"
WATCHING_THE_SERVER = {"hello", "isMaster", "ping", "serverStatus", "endSessions", "getMore", "aggregate"}
RECORD = {**LEASE.to_fields(), "version": "v"}
CORRUPT = {
    "no-version": LEASE.to_fields(),
    "odd-version": {**RECORD, "version": 7},
    "no-lease": {"version": "v"},
    "no-duration": {**RECORD, "lease_duration": None},
    "rounded": {**RECORD, "leader_transitions": 1.0},
    "no-zone": {**RECORD, "renew_time": "2024-02-29T12:00:00"},
    "local-date": {**RECORD, "renew_time": datetime(2024, 2, 29, tzinfo=timezone.utc), "acquire_time": 3},
    "nested": {**RECORD, "holder_identity": {"name": "a"}},
}


class TestMongoStore(ServerContract):
    def touch(self, lease):
        """Another field, and the version made anew; a field alone would not even change that."""
        if not self.server.is_ours:
            return False
        change = {"note": secrets.token_hex(4), "version": secrets.token_hex(16)}
        with closing(self.server.admin()) as client:
            leases = client.incumbent.incumbent_lease
            return leases.update_one({"_id": lease}, {"$set": change}).matched_count == 1


@pytest.fixture
def ours(server):
    if not server.is_ours:
        pytest.skip("it needs a server that was started here")
    return server


@pytest.fixture
def leases(ours):
    """The collection, for what happens behind the store's back."""
    with closing(ours.admin()) as client:
        yield client.incumbent.incumbent_lease


@pytest.fixture
def name():
    return f"lease-{secrets.token_hex(8)}"


@pytest.fixture
def store(server, name):
    with closing(open_store(server.url, lease=name)) as store:
        yield store
        with suppress(LeaseNotFound):
            store.delete_lease()


def handled(leases):
    """How many commands of each kind the server has handled, but for those that only look after it."""
    counts = leases.database.client.admin.command("serverStatus")["metrics"]["commands"]
    totals = {kind: count["total"] for kind, count in counts.items() if isinstance(count, dict)}
    return {kind: total for kind, total in totals.items() if total and kind not in WATCHING_THE_SERVER}


def difference(before, after):
    return {kind: total - before.get(kind, 0) for kind, total in after.items() if total != before.get(kind)}


def test_a_renewal_is_one_request_and_so_is_a_read(store, leases):
    """By the server's own count of all commands; and so are a creation and a refused creation."""
    version = store.create_lease(LEASE, timeout=5)
    before = handled(leases)
    for _ in range(20):
        version = store.update_lease(LEASE, version, timeout=5)
    assert difference(before, handled(leases)) == {"update": 20}
    before = handled(leases)
    for _ in range(20):
        store.get_lease(timeout=5)
    assert difference(before, handled(leases)) == {"find": 20}
    before = handled(leases)
    with pytest.raises(LeaseConflict):
        store.create_lease(LEASE, timeout=5)
    assert difference(before, handled(leases)) == {"insert": 1}


@pytest.mark.parametrize("version", [None, 7, "", b"x", ("a",), 1.5, frozenset()], ids=repr)
def test_a_version_of_another_kind_is_a_conflict(store, version):
    """None in particular, which MongoDB takes for a field that is not there."""
    with pytest.raises(LeaseNotFound):
        store.update_lease(LEASE, version, timeout=5)
    store.create_lease(LEASE, timeout=5)
    with pytest.raises(LeaseConflict):
        store.update_lease(LEASE, version, timeout=5)


@pytest.mark.parametrize("record", CORRUPT.values(), ids=CORRUPT)
def test_what_is_no_lease_is_corrupt(leases, store, name, record):
    """And no vacancy, nor can a version be guessed: it is repaired by hand."""
    leases.insert_one({"_id": name, **record})
    with pytest.raises(CorruptLease):
        store.get_lease(timeout=5)
    with pytest.raises(LeaseConflict):
        store.create_lease(LEASE, timeout=5)
    with pytest.raises(LeaseConflict):
        store.update_lease(LEASE, None, timeout=5)


def test_the_document_is_what_the_guide_says(leases, store, name):
    """Readable by people; whoever writes one of the same form is understood."""
    version = store.create_lease(LEASE, timeout=5)
    assert leases.find_one({"_id": name}) == {"_id": name, "version": version, **LEASE.to_fields()}
    leases.replace_one({"_id": name}, {**RECORD, "renew_time": datetime(2024, 3, 1, tzinfo=timezone.utc)})
    assert store.get_lease(timeout=5).lease.renew_time == datetime(2024, 3, 1, tzinfo=timezone.utc)


def test_a_record_and_its_version_outlive_the_server(ours, store):
    """Killed as by a power cut; and the first call afterwards succeeds, although its connection is gone."""
    version = store.create_lease(LEASE, timeout=5)
    ours.kill()
    ours.start()
    newer = store.update_lease(LEASE, version, timeout=5)
    ours.restart()
    assert store.get_lease(timeout=5).version == newer


def test_a_forked_child_has_connections_of_its_own(store, name):
    """It needs no warning about a client from before the fork, and leaves the parent's alone."""
    version = store.create_lease(LEASE, timeout=5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads and forks: that is what is tried here
        pid = os.fork()
    if pid == 0:
        with suppress(BaseException):
            warnings.simplefilter("error")
            store.update_lease(replace(LEASE, holder_identity="child"), version, timeout=5)
            store.close()
        os._exit(0)
    os.waitpid(pid, 0)
    read = store.get_lease(timeout=5)
    assert read.lease.holder_identity == "child"
    store.update_lease(LEASE, read.version, timeout=5)


def background():
    """The threads that a store leaves to pymongo and to its listener."""
    return [thread for thread in threading.enumerate() if thread.name.startswith(("pymongo", "incumbent-w"))]


def test_the_last_store_closed_leaves_no_thread(ours, name):
    """And does not wait, even if the server has stopped to answer."""
    until(lambda: not background())
    store = open_store(ours.url, lease=name)
    told = threading.Event()
    watch = store.watch(told.set)
    assert told.wait(5)
    store.create_lease(LEASE, timeout=5)  # in a session, which pymongo would like to end
    assert background()
    with ours.frozen():
        begun = time.monotonic()
        watch.close()
        store.close()
        assert time.monotonic() - begun < 1.5
        until(lambda: not background())


def test_all_watches_of_a_server_share_one_stream(leases, store, name, server):
    """Each is told of its own lease only; and with the last one it ends."""
    until(lambda: listeners() == 0)
    one, two = threading.Event(), threading.Event()
    with closing(open_store(server.url, lease=f"{name}-2")) as other:
        before = handled_streams(leases)
        with ExitStack() as watches:
            watches.enter_context(closing(store.watch(one.set)))
            assert one.wait(20)  # it is told on connecting; who joins later need not be
            watches.enter_context(closing(other.watch(two.set)))
            one.clear()
            store.create_lease(LEASE, timeout=5)
            assert one.wait(5)
            assert not two.is_set()
            other.create_lease(LEASE, timeout=5)
            assert two.wait(5)
            assert handled_streams(leases) == before + 1
        until(lambda: listeners() == 0, timeout=4)
        other.delete_lease()


def handled_streams(leases):
    return leases.database.client.admin.command("serverStatus")["metrics"]["commands"]["aggregate"]["total"]


def test_a_watch_goes_on_after_its_connection_was_lost(ours, name):
    """Whether pymongo resumes the stream or it is begun anew: no change is missed."""
    with Proxy(ours.port) as proxy, closing(open_store(ours.url_at(proxy.port), lease=name)) as store:
        told = threading.Event()
        version = store.create_lease(LEASE, timeout=5)
        with closing(store.watch(told.set)):
            assert told.wait(5)
            told.clear()
            proxy.cut()
            with closing(open_store(ours.url, lease=name)) as direct:
                version = direct.update_lease(LEASE, version, timeout=5)
            proxy.heal()
            assert told.wait(15)
            told.clear()
            store.update_lease(LEASE, version, timeout=5)
            assert told.wait(5)
        store.delete_lease()


def test_a_watch_goes_on_after_the_server_was_killed(ours, store):
    """It is resumed where it was, or all are told: no change is missed."""
    told = threading.Event()
    version = store.create_lease(LEASE, timeout=5)
    with closing(store.watch(told.set)):
        assert told.wait(5)
        ours.kill()
        ours.start()
        told.clear()
        store.update_lease(LEASE, version, timeout=5)
        assert told.wait(15)


def test_a_watch_goes_on_after_the_collection_was_dropped(leases, store):
    """And tells of it."""
    told = threading.Event()
    store.create_lease(LEASE, timeout=5)
    with closing(store.watch(told.set)):
        assert told.wait(5)
        told.clear()
        leases.drop()
        assert told.wait(5)
        until(lambda: told.is_set() and not told.clear() and not told.wait(0.5))  # it has settled down
        store.create_lease(LEASE, timeout=5)
        assert told.wait(5)


def test_a_follower_takes_over_by_notification(server, name):
    """In a fraction of the time that polling takes."""
    took = handover(server.url, name, retry_period=10.0)
    print(f"handover on mongodb: {took * 1000:.0f} ms")  # noqa: T201 - to be looked at
    assert took < 2


def test_the_fence_refuses_an_older_token(server, name):
    """In one atomic step, whoever writes at the same time, and whoever makes the register."""
    spec = importlib.util.spec_from_file_location("fencing_mongodb", EXAMPLE)
    fencing = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fencing)
    with closing(fencing.open_register(server.url, name)) as old, ThreadPoolExecutor(8) as pool:
        assert old.read() is None
        outcomes = [*pool.map(lambda token: old.write(token, str(token)), range(41, 1, -1))]
        assert outcomes[0]
        assert old.read() == (41, "41")
        with closing(fencing.open_register(server.url, name)) as new:
            assert new.write(2**53 + 1, "new")
            assert not old.write(41, "late")
            assert new.write(2**53 + 1, "again")
            assert old.read() == (2**53 + 1, "again")
