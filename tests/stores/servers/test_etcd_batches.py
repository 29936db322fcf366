"""Calls that are made together in one transaction of etcd: what is its own; test_batches.py has the rest."""

from __future__ import annotations

from dataclasses import replace

import pytest

from incumbent import LeaseConflict
from incumbent.store import Call
from incumbent.testing.stores.machine import PLAIN
from support.servers import fixture_of
from support.servers.batches import MANY, RENEWED, opened, renewals, together
from support.servers.etcd import SERVER

server = fixture_of(SERVER)


@pytest.fixture
def leases(server):
    with opened(server.url, "x") as stores_and_versions:
        yield stores_and_versions


def test_what_one_transaction_cannot_hold_is_for_the_next(server, leases):
    """By etcd's own count; a server allows 128 operations, and nests none at the 128th."""
    stores, versions = leases
    reads = [Call(stores[0], "get_lease", (), 5)] * 127
    handled = server.requests("Txn")
    outcomes = together([*reads, *renewals(stores[1:], versions[1:])])
    assert server.requests("Txn") - handled == 2
    assert set(outcomes[:127]) == {stores[0].get_lease(timeout=5)}
    assert outcomes[-1] == stores[-1].get_lease(timeout=5).version


def test_the_second_write_of_a_lease_is_made_by_itself(leases):
    """A transaction writes no key twice, and the others are not to pay for it."""
    stores, versions = leases
    calls = renewals([*stores, stores[3]], [*versions, versions[3]])
    *written, second = together([*calls, Call(stores[3], "get_lease", (), 5)])[:-1]
    assert second is None
    assert not set(written) & {None, *versions}
    with pytest.raises(LeaseConflict):
        stores[3].update_lease(RENEWED, versions[3], timeout=5)


def test_what_is_too_large_together_is_made_by_itself(leases):
    """Of a request that etcd refuses, nothing was done."""
    stores, versions = leases
    large = replace(PLAIN, holder_identity="x" * 50_000)
    calls = [
        Call(store, "update_lease", (large, version), 5)
        for store, version in zip(stores, versions, strict=True)
    ]
    assert together(calls) == [None] * MANY
    stores[0].update_lease(large, versions[0], timeout=5)


def test_an_alarm_leaves_each_to_be_refused_by_itself(server, leases):
    """Reads, which are still answered, are then made, too."""
    stores, versions = leases
    alarm = {"alarm": "NOSPACE", "memberID": 0}
    server.post("/v3/maintenance/alarm", {"action": "ACTIVATE", **alarm})
    calls = [*renewals(stores, versions), Call(stores[0], "get_lease", (), 5)]
    assert together(calls) == [None] * (MANY + 1)
    server.post("/v3/maintenance/alarm", {"action": "DEACTIVATE", **alarm})
    assert stores[1].get_lease(timeout=5).version == versions[1]
