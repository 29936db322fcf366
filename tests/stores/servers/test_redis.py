"""Redis: the contract, what a call costs, notification and handover."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack, closing, suppress
from dataclasses import replace

import pytest

from incumbent import Campaign, open_store
from incumbent.errors import CorruptLease, LeaseNotFound, StoreUnavailable
from incumbent.stores.redis import RedisStore
from incumbent.testing.contract import LeaseStoreContract
from incumbent.testing.store_machine import PLAIN
from support.proxy import Proxy
from support.server_redis import SERVER
from support.servers import fixture_of

server = fixture_of(SERVER)


class TestRedisStore(LeaseStoreContract):
    @pytest.fixture(autouse=True)
    def _server(self, server):
        self.server = server

    def open_store(self, lease):
        return open_store(self.server.url, lease=lease)

    def delete_lease(self, lease):
        with closing(RedisStore(self.server.url, lease)) as store, suppress(LeaseNotFound):
            store.delete_lease()
        return True

    def stalled(self, lease):
        return self.server.frozen() if self.server.is_ours else None
