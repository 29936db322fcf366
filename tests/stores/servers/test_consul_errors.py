"""What the Consul store makes of errors that only Consul has; test_http_stores_errors.py has the others."""

from __future__ import annotations

from contextlib import closing
from types import MappingProxyType

import pytest

from incumbent.stores import open_store
from support.servers import fixture_of, http_stores, running
from support.servers.consul import SERVER, ConsulServer
from support.servers.http_stores import LEASE, unavailable

server, name = fixture_of(SERVER), http_stores.name


class LeaderlessServer(ConsulServer):
    """It waits for a second server, which does not come."""

    settings = MappingProxyType({"bootstrap_expect": 2, "performance": {"rpc_hold_timeout": "100ms"}})

    def answers(self):
        return self.ask("GET", "/v1/status/leader") == ""


def test_without_a_majority_nothing_is_certain():
    """Whether a leader of Consul's lost its office before it wrote or after is not to be seen."""
    with running(LeaderlessServer) as server, closing(open_store(server.url, lease="x")) as store:
        if not server.is_ours:
            pytest.skip("somebody else's server has its majority")
        with unavailable(unknown=True, within=10) as caught:
            store.create_lease(LEASE, timeout=5)
        assert "No cluster leader" in str(caught.value)


def test_another_datacenter_is_another_store(server, name):
    """One that there is not is said by the first call, for it may only be out of reach."""
    with (
        closing(open_store(f"{server.url}?dc=dc1", lease=name)) as here,
        closing(open_store(f"{server.url}?dc=nowhere", lease=name)) as nowhere,
    ):
        here.create_lease(LEASE, timeout=5)
        with unavailable(unknown=True) as caught:
            nowhere.get_lease(timeout=1)
        assert "No path to datacenter" in str(caught.value)
        here.delete_lease()
