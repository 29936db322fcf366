"""Calls that are made together, on real servers: one trip, what costs only itself, and cut connections."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack, closing

import psycopg
import pytest

from incumbent import Campaign, CorruptLease, LeaseConflict, LeaseNotFound, StoreUnavailable, open_store
from incumbent.runtime import threaded
from incumbent.store import BatchStore, Call
from incumbent.testing.stores.machine import PLAIN
from support.driving import eventually
from support.servers import running
from support.servers.batches import MANY, RENEWED, opened, renewals, together
from support.servers.etcd import SERVER as ETCD
from support.servers.postgres import SERVER as POSTGRES
from support.servers.proxy import Proxy
from support.servers.redis import SERVER as REDIS
from support.servers.redis import with_replica


@pytest.fixture(scope="module", params=[REDIS, POSTGRES, ETCD], ids=["redis", "postgres", "etcd"])
def server(request):
    with running(request.param) as server:
        if not server.is_ours:
            pytest.skip("what is done to a server here is done to none but its own")
        yield server


@pytest.fixture
def leases(server):
    with opened(server.url, "x") as stores_and_versions:
        yield stores_and_versions


def damage(server, lease):
    """Behind everybody's back."""
    if isinstance(server, REDIS):
        with server.admin() as admin:
            admin.hset(f"incumbent:{{{lease}}}", "renew_time", "yesterday")
    elif isinstance(server, ETCD):
        server.put(f"incumbent/{lease}", b"yesterday")
    else:
        server.execute(f"UPDATE incumbent_lease SET renew_time = 'infinity' WHERE name = '{lease}'")


def test_no_calls_have_no_outcomes(server):
    """Nor has one of a store that is closed: it is left out."""
    with closing(open_store(server.url, lease="x")) as store:
        (closed := open_store(server.url, lease="x")).close()
        assert store.call_together([]) == []
        assert store.call_together([Call(closed, "get_lease", (), 5)]) == [None]


def test_many_renewals_are_one_request_and_so_are_many_reads(server):
    """Counted on the wire; the server's answer is awaited once."""
    with Proxy(server.port) as proxy, opened(server.url_at(proxy.port), "y") as (stores, versions):
        written = together(renewals(stores, versions))
        assert not set(written) & set(versions)
        before, proxy.delay = time.monotonic(), 0.2
        written = together(renewals(stores, written))
        read = together([Call(store, "get_lease", (), 5) for store in stores])
        assert time.monotonic() - before < 0.2 * MANY / 2
        proxy.delay = 0
        assert [each.version for each in read] == written
        assert {each.lease for each in read} == {RENEWED}


def test_one_that_is_damaged_missing_or_overtaken_costs_only_itself(server, leases):
    """In one batch, beside those that succeed."""
    stores, versions = leases
    damage(server, "x-0")
    stores[1].delete_lease()
    overtaken = stores[2].update_lease(PLAIN, versions[2], timeout=5)
    calls = renewals(stores, versions)
    calls[0] = Call(stores[0], "get_lease", (), 5)
    outcomes = together([*calls, *(Call(store, "get_lease", (), 5) for store in stores[1:3])])
    assert isinstance(outcomes[0], CorruptLease)
    assert isinstance(outcomes[1], LeaseNotFound)
    assert isinstance(outcomes[2], LeaseConflict)
    assert isinstance(outcomes[-2], LeaseNotFound)
    assert outcomes[-1].version == overtaken
    for store, version in zip(stores[3:], outcomes[3:-2], strict=True):
        assert store.get_lease(timeout=5).version == version
    stores[1].create_lease(PLAIN, timeout=5)


def test_what_has_expired_is_not_sent(leases):
    """And that is known; the others are written."""
    stores, versions = leases
    calls = renewals(stores, versions)
    calls[3] = calls[3]._replace(timeout=1e-9)
    outcomes = together(calls)
    assert isinstance(outcomes[3], StoreUnavailable)
    assert not outcomes[3].outcome_unknown
    assert stores[3].get_lease(timeout=5).version == versions[3]
    assert stores[4].get_lease(timeout=5).version == outcomes[4]


@pytest.mark.parametrize("cut", ["deafen", "silence", "reset"])
def test_a_connection_that_is_cut_makes_each_unknown_and_none_a_success(server, cut):
    """In the middle of a batch: some landed, or all, or none, and none is said to have."""
    with Proxy(server.port) as proxy, opened(server.url, "z") as (behind, first), ExitStack() as stack:
        url = server.url_at(proxy.port)
        stores = [stack.enter_context(closing(open_store(url, lease=store.name))) for store in behind]
        versions = together(renewals(stores, first))
        if cut == "reset":
            proxy.delay = 0.3
            threading.Timer(0.1, proxy.reset).start()
        else:
            setattr(proxy, "drops_replies" if cut == "deafen" else "drops_requests", True)
        outcomes = together(renewals(stores, versions, timeout=1))
        assert {type(outcome) for outcome in outcomes} == {StoreUnavailable}
        assert all(outcome.outcome_unknown for outcome in outcomes)
        proxy.heal()
        landed = [
            store.get_lease(timeout=5).version != old for store, old in zip(behind, versions, strict=True)
        ]
        assert all(landed) if cut == "deafen" else not any(landed)
        read = together([Call(store, "get_lease", (), 5) for store in stores])
        assert [each.version != old for each, old in zip(read, versions, strict=True)] == landed


def test_a_server_that_is_down_makes_none_unknown():
    """No connection was made, so nothing was sent."""
    with running(REDIS) as server, closing(open_store(server.url, lease="x")) as store:
        server.kill()
        outcomes = together(renewals([store] * 3, ["a@b"] * 3))
        assert not any(outcome.outcome_unknown for outcome in outcomes)


def test_campaigns_that_wait_together_go_together(server, monkeypatch):
    """And each leads its own lease, and goes on to."""
    sizes, perform = [], threaded.perform_together
    monkeypatch.setattr(
        threaded, "perform_together", lambda asked: (sizes.append(len(asked)), perform(asked))[1]
    )
    with ExitStack() as stack:
        stores = [
            stack.enter_context(closing(open_store(server.url, lease=f"c-{number}")))
            for number in range(MANY)
        ]
        assert all(isinstance(store, BatchStore) for store in stores)
        for store in stores:
            store.create_lease(PLAIN.released(PLAIN.renew_time), timeout=5)
            stack.callback(store.delete_lease)
        campaigns = [Campaign(store, retry_period=0.2, jitter=0.0) for store in stores]
        for campaign in campaigns:
            campaign.start()
        eventually(lambda: all(campaign.is_leader() for campaign in campaigns), timeout=30)
        tokens = [campaign.token for campaign in campaigns]
        sizes.clear()
        eventually(lambda: len(sizes) > 20, timeout=30)
        assert [campaign.token for campaign in campaigns] == tokens
        assert all(campaign.is_leader() for campaign in campaigns)
        for campaign in campaigns:
            campaign.stop()


class TestRedis:
    """What is its own."""

    @pytest.fixture
    def server(self):
        with running(REDIS) as server:
            yield server

    def test_a_forgotten_script_has_each_made_by_itself(self, server, leases):
        """None of them ran; by itself, the first one brings the script."""
        stores, versions = leases
        with server.admin() as admin:
            admin.script_flush()
        assert together(renewals(stores, versions)) == [None] * MANY
        stores[0].update_lease(PLAIN, versions[0], timeout=5)
        outcomes = together(renewals(stores, versions))
        assert isinstance(outcomes[0], LeaseConflict)
        assert len(set(outcomes[1:])) == MANY - 1

    def test_what_too_few_replicas_have_is_unknown_of_each(self, server):
        """With `wait=1`: it is asked for once, after all of them."""
        with with_replica(server) as replica, opened(f"{server.url}?wait=1", "w") as (stores, first):
            versions = together(renewals(stores, first))
            with replica.frozen():
                outcomes = together(renewals(stores, versions, timeout=0.5))
            assert {type(outcome) for outcome in outcomes} == {StoreUnavailable}
            assert all(outcome.outcome_unknown for outcome in outcomes)
            assert stores[0].get_lease(timeout=10).lease == RENEWED


class TestPostgres:
    """What is its own."""

    @pytest.fixture
    def server(self):
        with running(POSTGRES) as server:
            yield server

    def test_a_row_that_is_locked_costs_only_itself(self, server, leases):
        """It is left to be written by itself, which waits; the others are written at once."""
        stores, versions = leases
        with psycopg.connect(server.url) as other:
            other.execute("SELECT FROM incumbent_lease WHERE name = 'x-7' FOR UPDATE")
            outcomes = together(renewals(stores, versions))
            assert outcomes[7] is None
            assert all(isinstance(each, str) for place, each in enumerate(outcomes) if place != 7)
        stores[7].update_lease(RENEWED, versions[7], timeout=5)

    def test_batches_in_opposite_orders_do_not_wait_for_each_other(self, server, leases):
        """Two threads that renew the same leases, one from either end: no deadlock, and no failure."""
        stores, _ = leases
        troubles, until = [], time.monotonic() + 2

        def renew(order):
            while time.monotonic() < until:
                read = together([Call(store, "get_lease", (), 5) for store in order])
                calls = renewals(order, [each.version for each in read])
                troubles.extend(
                    each
                    for each in together(calls)
                    if not (each is None or isinstance(each, (str, LeaseConflict)))
                )

        threads = [threading.Thread(target=renew, args=(order,)) for order in (stores, stores[::-1])]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert troubles == []

    def test_of_those_who_create_the_same_in_opposite_orders_one_wins_each(self, server, leases):
        """Two batches wait for a third transaction, then for each other unless both go by name."""
        stores, _ = leases
        for store in stores:
            store.delete_lease()
        outcomes = []

        def create(order):
            calls = [Call(store, "create_lease", (PLAIN,), 5) for store in (*order, order[0])]
            outcomes.extend(together(calls))

        def waiting():
            locks = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            return server.execute(locks)[0][0]

        threads = [threading.Thread(target=create, args=(order,)) for order in (stores, stores[::-1])]
        with psycopg.connect(server.url) as other:
            columns = "'', '', 1, now(), now(), 1, '', 'a'"
            other.execute(f"INSERT INTO incumbent_lease VALUES ('x-3', {columns})")
            for number, thread in enumerate(threads):
                thread.start()
                eventually(lambda number=number: waiting() > number, timeout=4)
            other.rollback()
        for thread in threads:
            thread.join()
        created = [answer for answer in outcomes if isinstance(answer, str)]
        assert len(created) == MANY
        assert all(isinstance(answer, (str, LeaseConflict)) for answer in outcomes)
        assert {store.get_lease(timeout=5).version for store in stores} == set(created)
