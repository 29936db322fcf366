"""Redis: the contract, what a call costs, notification and handover."""

from __future__ import annotations

import importlib.util
import os
import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from itertools import pairwise
from pathlib import Path

import pytest

from incumbent import Campaign, open_store
from incumbent.errors import CorruptLease, LeaseConflict, LeaseNotFound, StoreUnavailable
from incumbent.stores.redis import RedisStore
from incumbent.testing.stores.machine import PLAIN
from support.servers import fixture_of
from support.servers.contract import ServerContract
from support.servers.proxy import Proxy
from support.servers.redis import SERVER

server = fixture_of(SERVER)


class TestRedisStore(ServerContract):
    def touch(self, lease):
        """Another field of the hash, and the version made anew."""
        change = {"note": secrets.token_hex(4), "version": secrets.token_hex(16)}
        with self.server.admin() as admin:
            admin.hset(f"incumbent:{{{lease}}}", mapping=change)
        return True


@pytest.fixture
def store(server):
    with closing(open_store(server.url, lease="x")) as store:
        yield store
        with suppress(LeaseNotFound):
            store.delete_lease()


def test_a_renewal_and_a_read_are_one_request_each(server, store):
    """Counted on the wire, in steady state; and no call makes a connection of its own."""
    with Proxy(server.port) as proxy, closing(RedisStore(server.url_at(proxy.port), "x")) as measured:
        version = measured.create_lease(PLAIN, timeout=5)
        measured.get_lease(timeout=5)
        with server.admin() as admin:
            connections, sent = admin.info("stats")["total_connections_received"], [proxy.requests]
            for _ in range(20):
                version = measured.update_lease(PLAIN, version, timeout=5)
            sent.append(proxy.requests)
            for _ in range(20):
                measured.get_lease(timeout=5)
            sent.append(proxy.requests)
            assert admin.info("stats")["total_connections_received"] == connections
    assert [later - earlier for earlier, later in pairwise(sent)] == [20, 20]


def test_a_forgotten_script_costs_a_request_and_no_renewal(server, store):
    """After SCRIPT FLUSH, and after a restart, the script is sent with the call: it was not run before."""
    version = store.create_lease(PLAIN, timeout=5)
    with server.admin() as admin:
        admin.script_flush()
    version = store.update_lease(PLAIN, version, timeout=5)
    assert store.get_lease(timeout=5).version == version


def test_a_record_is_readable_and_has_no_expiry(server, store):
    """`redis-cli hgetall` shows it field by field, and Redis will never remove it by itself (P4)."""
    version = store.create_lease(PLAIN, timeout=5)
    with server.admin() as admin:
        record = admin.hgetall("incumbent:{x}")
        assert admin.ttl("incumbent:{x}") == -1
    assert record["holder_identity"] == "host-1"
    assert f"{record['version']}@{record['life']}" == version


@pytest.mark.parametrize("version", [None, 7, ("a", 1), "", "@", "x", b"x"])
def test_a_version_of_another_store_is_a_conflict(store, version):
    """And no error of another kind; where there is no record, it is missing."""
    with pytest.raises(LeaseNotFound):
        store.update_lease(PLAIN, version, timeout=5)
    mine = store.create_lease(PLAIN, timeout=5)
    with pytest.raises(LeaseConflict):
        store.update_lease(PLAIN, version, timeout=5)
    assert store.get_lease(timeout=5).version == mine


@pytest.mark.parametrize(
    "damage",
    [
        {"leader_transitions": "many"},
        {"renew_time": "yesterday"},
        {"lease_duration": "-1"},
        {"version": ""},
        {"version": "a@b"},
        {"renew_time": "9999-12-31T23:59:59.999999+00:00"},
        {"holder_identity": "a" * 1_000_000},
        {"leader_transitions": "9" * 5000},
        {"holder_identity": b"\xff"},
        {"holder_identity": None},
    ],
)
def test_a_damaged_record_is_corrupt_and_is_not_replaced(server, store, damage):
    """It is neither a lease nor a vacancy: nobody may take it (P13)."""
    store.create_lease(PLAIN, timeout=5)
    with server.admin() as admin:
        for field, value in damage.items():
            if value is None:
                admin.hdel("incumbent:{x}", field)
            else:
                admin.hset("incumbent:{x}", field, value)
    with pytest.raises(CorruptLease):
        store.get_lease(timeout=5)
    with pytest.raises(LeaseConflict):
        store.create_lease(PLAIN, timeout=5)


def test_something_else_at_the_key_is_corrupt(server, store):
    """As long as it is there, nothing is written."""
    with server.admin() as admin:
        admin.set("incumbent:{x}", "text")
    with pytest.raises(CorruptLease, match="is no hash"):
        store.get_lease(timeout=5)
    with pytest.raises(LeaseConflict):
        store.create_lease(PLAIN, timeout=5)
    with pytest.raises(StoreUnavailable, match="WRONGTYPE") as caught:
        store.update_lease(PLAIN, "a@b", timeout=5)
    assert not caught.value.outcome_unknown


def test_other_prefixes_are_other_leases(server, store):
    """`prefix` says what keys begin with."""
    store.create_lease(PLAIN, timeout=5)
    with closing(RedisStore(f"{server.url}?prefix=team-a/", "x")) as other:
        other.create_lease(PLAIN, timeout=5)
        with server.admin() as admin:
            assert admin.exists("team-a/{x}") == 1
        other.delete_lease()


def test_one_connection_listens_for_all_leases_and_is_closed_at_once(server):
    """However many watches there are; those that come later are noticed too, and the last one ends it."""
    with ExitStack() as stack, server.admin() as admin:
        watches = []
        for number in range(30):
            store = stack.enter_context(closing(RedisStore(server.url, f"watched-{number}")))
            told = threading.Event()
            watches.append((store, told, store.watch(told.set)))
        for store, told, _ in watches:
            assert told.wait(5), "the beginning was not told"
            told.clear()
            store.create_lease(PLAIN, timeout=5)
            stack.callback(store.delete_lease)
            assert told.wait(5), "the creation was not told"
        assert len(listening(admin)) == 1
        for _, _, watch in watches[1:]:
            watch.close()
        assert len(listening(admin)) == 1
        watches[0][2].close()
        assert within(2, lambda: not listening(admin))
        assert within(2, lambda: not listeners())


def test_who_watches_hears_nothing_of_other_leases(server, store):
    """A process is woken for the leases that it watches: a server may have thousands of others."""
    told = []
    with closing(store.watch(lambda: told.append(1))), server.admin() as admin:
        assert within(5, lambda: told)
        assert admin.pubsub_channels("*") == ["incumbent:{x}"]


def test_a_watch_goes_on_after_the_connection_was_lost(server, store):
    """It connects anew, and tells at once that anything may have changed meanwhile (P12)."""
    told = threading.Event()
    with ExitStack() as stack:
        proxy = stack.enter_context(Proxy(server.port))
        watched = stack.enter_context(closing(RedisStore(server.url_at(proxy.port), "x")))
        stack.enter_context(closing(watched.watch(told.set)))
        assert told.wait(5)
        told.clear()
        proxy.reset()
        assert told.wait(5), "the reconnection was not told"
        told.clear()
        store.create_lease(PLAIN, timeout=5)
        assert told.wait(5), "a change after the reconnection was not told"


def test_a_connection_that_went_dead_is_replaced(server, monkeypatch):
    """Nobody says that it did; its silence does. One that only has nothing to tell is kept."""
    monkeypatch.setattr("incumbent.stores.redis._SILENCE", 2.0)
    told = threading.Event()
    with ExitStack() as stack:
        proxy = stack.enter_context(Proxy(server.port))
        watched = stack.enter_context(closing(RedisStore(server.url_at(proxy.port), "x")))
        admin = stack.enter_context(server.admin())
        stack.enter_context(closing(watched.watch(told.set)))
        assert told.wait(5)
        connection = listening(admin)
        time.sleep(5)
        assert listening(admin) == connection
        proxy.drops_replies = True
        assert within(10, lambda: listening(admin) != connection), "it was kept"
        told.clear()
        proxy.drops_replies = False
        assert told.wait(10), "the reconnection was not told"


def test_a_release_hands_over_within_a_round_trip_or_so(server, capsys):
    """By notification, not at the next poll."""
    leads = threading.Event()
    with ExitStack() as stack:
        first, second = (
            stack.enter_context(closing(open_store(server.url, lease="handover"))) for _ in range(2)
        )
        stack.callback(first.delete_lease)
        first.create_lease(PLAIN.released(PLAIN.renew_time), timeout=5)  # a missing one is waited out
        settings = {"lease_duration": 60.0, "retry_period": 10.0}
        one = Campaign(first, **settings)
        two = Campaign(second, on_started_leading=lambda term: leads.set() or term.wait(), **settings)
        one.start()
        assert one.wait_until_leader(timeout=30)
        two.start()
        stack.callback(two.stop)
        assert within(5, lambda: two.leader == one.identity)
        began = time.monotonic()
        one.stop()
        assert leads.wait(10)
        took = time.monotonic() - began
    with capsys.disabled():
        print(f"\nredis: handed over in {took * 1000:.1f} ms", end=" ")  # noqa: T201 - measured
    assert took < 5


def test_a_forked_child_has_connections_of_its_own(server, store):
    """Parent and child use one object at the same time, and each gets the answers to its own calls."""
    version = store.create_lease(PLAIN, timeout=5)
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        seen = [store.get_lease(timeout=5).version for _ in range(50)]
        os.write(writes, b"same" if set(seen) == {version} else b"other")
        os._exit(0)
    for _ in range(50):
        assert store.get_lease(timeout=5).version == version
    os.waitpid(child, 0)
    assert os.read(reads, 10) == b"same"
    os.close(reads), os.close(writes)


def test_the_example_refuses_an_older_token(server):
    """By the server, in one step; exactly, even where tokens are too large for a double."""
    register = fencing().open_register(server.url, "test")
    with closing(register), closing(fencing().open_register(server.url, "test")) as late:
        register.client.delete(register.key)
        assert register.read() is None
        assert register.write(9, "nine")
        assert register.write(9, "nine again")
        assert late.write(10, "ten")
        assert not register.write(9, "too late")
        assert register.read() == (10, "ten")
        assert register.write(2**63 - 1, "last")
        assert not late.write(2**63 - 2, "one less")
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda token: register.write(token, str(token)), range(100)))
        assert register.read() == (2**63 - 1, "last")


def fencing():
    path = Path(__file__).parents[3] / "docs" / "examples" / "fencing" / "redis.py"
    spec = importlib.util.spec_from_file_location("fencing_redis", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def listening(admin):
    return [client["id"] for client in admin.client_list() if client["sub"] != "0"]


def listeners():
    return [thread for thread in threading.enumerate() if thread.name == "incumbent-watch"]


def within(seconds, holds):
    end = time.monotonic() + seconds
    while not (found := holds()) and time.monotonic() < end:
        time.sleep(0.01)
    return found
