"""Leases in MongoDB: the contract, and what is special about it, on a real server."""

from __future__ import annotations

from contextlib import closing, suppress

import pytest

from incumbent.errors import LeaseNotFound
from incumbent.stores import open_store
from incumbent.testing.contract import LeaseStoreContract
from support.server_mongodb import SERVER
from support.servers import fixture_of

server = fixture_of(SERVER)


class TestMongoStore(LeaseStoreContract):
    @pytest.fixture(autouse=True)
    def _server(self, server):
        self.server = server

    def open_store(self, lease):
        return open_store(self.server.url, lease=lease)

    def delete_lease(self, lease):
        with closing(self.open_store(lease)) as store, suppress(LeaseNotFound):
            store.delete_lease()
        return True

    def stalled(self, lease):
        return self.server.frozen()
