"""Leases in other deployments of MongoDB: a standalone server, and three members of which one dies."""

from __future__ import annotations

import secrets
import threading
import time
from contextlib import ExitStack, closing, suppress
from dataclasses import replace

import pytest
from hypothesis import settings

from incumbent import Campaign
from incumbent.errors import StoreUnavailable
from incumbent.stores import open_store
from support.servers import fixture_of, running
from support.servers.contract import ServerContract
from support.servers.http_stores import LEASE, listeners, until
from support.servers.mongodb import Member, Standalone

MINE = replace(LEASE, holder_identity="mine")
standalone = fixture_of(Standalone)


@pytest.fixture
def alone(standalone):
    if not standalone.is_ours:
        pytest.skip("it needs a server that is no replica set")
    return standalone


@pytest.fixture
def name():
    return f"lease-{secrets.token_hex(8)}"


class TestMongoStoreOnAStandaloneServer(ServerContract):
    machine_settings = settings(max_examples=5, stateful_step_count=20, deadline=None)

    @pytest.fixture(autouse=True)
    def _server(self, alone):
        self.server = alone


def test_without_change_streams_one_look_a_second_serves_all_watches(alone, name):
    """Each is told of its own lease only; and it goes on when the server is back."""
    until(lambda: listeners() == 0)
    one, two = threading.Event(), threading.Event()
    with (
        closing(open_store(alone.url, lease=name)) as store,
        closing(open_store(alone.url, lease=f"{name}-2")) as other,
        ExitStack() as watches,
    ):
        watches.enter_context(closing(store.watch(one.set)))
        assert one.wait(20)  # it is told on connecting; who joins later need not be
        watches.enter_context(closing(other.watch(two.set)))
        one.clear()
        version = store.create_lease(LEASE, timeout=5)
        assert one.wait(5)
        assert not two.is_set()
        assert listeners() == 1
        alone.kill()
        alone.start()
        one.clear()
        store.update_lease(LEASE, version, timeout=5)
        assert one.wait(15)
    until(lambda: listeners() == 0, timeout=4)


@pytest.fixture(scope="module")
def members():
    """A replica set of three. Cut off from the others, its primary believes in itself for 5 s."""
    with ExitStack() as stack:
        members = [stack.enter_context(running(Member)) for _ in range(3)]
        if not all(member.is_ours for member in members):
            pytest.skip("it needs servers that were started here")
        hosts = [{"_id": number, "host": host(member)} for number, member in enumerate(members)]
        timing = {"electionTimeoutMillis": 5000, "heartbeatIntervalMillis": 500}
        with closing(members[0].admin()) as client:
            client.admin.command("replSetInitiate", {"_id": "rs0", "members": hosts, "settings": timing})
        primary_of(members)
        with closing(members[0].admin()) as client:  # until then they take part in no majority
            until(lambda: states(client) == ["PRIMARY", "SECONDARY", "SECONDARY"], timeout=60)
        yield members


def states(client):
    return sorted(each["stateStr"] for each in client.admin.command("replSetGetStatus")["members"])


def host(member):
    return f"127.0.0.1:{member.port}"


def primary_of(members):
    """Who it is, when there is one that is known to be."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for member in members:
            with suppress(Exception), closing(member.admin()) as client:
                if client.admin.command("hello")["isWritablePrimary"]:
                    return member
        time.sleep(0.1)
    pytest.fail("no primary was elected")


def url(members):
    return f"mongodb://{','.join(map(host, members))}/incumbent?replicaSet=rs0"


def test_what_no_majority_has_is_unknown_and_is_not_read(members, name):
    """Neither is it taken for done, nor can a failover take back what a read has shown."""
    with closing(open_store(url(members), lease=name)) as store, ExitStack() as stack:
        version = store.create_lease(LEASE, timeout=10)
        primary = primary_of(members)
        for member in members:
            if member is not primary:
                stack.enter_context(member.frozen())
        begun = time.monotonic()
        with pytest.raises(StoreUnavailable) as caught:
            store.update_lease(MINE, version, timeout=0.5)
        assert caught.value.outcome_unknown
        assert time.monotonic() - begun < 1.5
        with closing(primary.admin()) as client:
            assert client.incumbent.incumbent_lease.find_one({"_id": name})["holder_identity"] == "mine"
        assert store.get_lease(timeout=1).version == version
        stack.close()
        read = settled(store)
        assert read.version == version or read.lease == MINE
        assert store.update_lease(LEASE, read.version, timeout=10)


def settled(store):
    """What is there once there is a primary, and nothing that it has not yet made known."""
    for _ in range(60):
        with suppress(StoreUnavailable):
            before = store.get_lease(timeout=1)
            time.sleep(1)
            if store.get_lease(timeout=1) == before:
                return before
    return pytest.fail("the set did not come to rest")


def test_an_election_goes_on_when_the_primary_dies(members, name):
    """The leader keeps its term, the follower stays one, and is told when the leader stops."""
    with (
        closing(open_store(url(members), lease=name)) as one,
        closing(open_store(url(members), lease=name)) as two,
    ):
        timing = {"lease_duration": 150.0, "retry_period": 1.0}  # it outlasts what `until_renewed` waits for
        first, second = Campaign(one, **timing), Campaign(two, **timing)
        with first, second:
            until(lambda: first.is_leader() or second.is_leader())
            leader, follower = (first, second) if first.is_leader() else (second, first)
            until(lambda: follower.leader == leader.identity)
            primary_of(members).kill()
            begun = time.monotonic()
            version = until_renewed(one, None)
            until_renewed(one, version)
            print(f"renewed {time.monotonic() - begun:.1f} s after the death of the primary")  # noqa: T201
            assert leader.is_leader()
            assert not follower.is_leader()
            assert two.get_lease(timeout=5).lease.leader_transitions == 1
            begun = time.monotonic()
            leader.stop()
            assert follower.wait_until_leader(timeout=60)
            print(f"handover on a set of two: {time.monotonic() - begun:.2f} s")  # noqa: T201


def until_renewed(store, version):
    """Another version than that one."""
    end = time.monotonic() + 90  # an election of theirs takes a busy machine a while; refusals come at once
    while time.monotonic() < end:
        with suppress(StoreUnavailable):
            read = store.get_lease(timeout=1)
            if read.version != version:
                return read.version
        time.sleep(0.1)
    return pytest.fail("the lease is not renewed")
