"""The contract of stores, held by one on the real server of a test module."""

from __future__ import annotations

from contextlib import closing, suppress

import pytest

from incumbent.errors import LeaseNotFound
from incumbent.stores import open_store
from incumbent.testing.stores.contract import LeaseStoreContract


class ServerContract(LeaseStoreContract):
    """The module has a fixture `server`."""

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
        return self.server.frozen() if self.server.is_ours else None
