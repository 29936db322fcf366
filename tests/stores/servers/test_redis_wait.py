"""Redis with `wait=N`: what too few replicas have is neither written nor read."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest

from incumbent.errors import LeaseNotFound, StoreUnavailable
from incumbent.stores.redis import RedisStore
from incumbent.testing.stores.machine import ODD_LEASES, PLAIN
from support.servers import running
from support.servers.redis import SERVER, with_replica


@pytest.fixture
def pair():
    with running(SERVER) as master, with_replica(master) as replica:
        yield master, replica


def test_what_too_few_replicas_have_is_neither_written_nor_read(pair):
    """Its outcome is unknown until they have it: no look by the writer resolves it earlier (P7)."""
    master, replica = pair
    with closing(RedisStore(f"{master.url}?wait=1", "x")) as store:
        version = store.create_lease(PLAIN, timeout=5)
        with replica.frozen():
            with pytest.raises(StoreUnavailable, match=r"0 of 1 replicas|in time") as caught:
                store.update_lease(ODD_LEASES["asked"], version, timeout=0.5)
            assert caught.value.outcome_unknown
            with pytest.raises(StoreUnavailable, match=r"0 of 1 replicas|in time"):
                store.get_lease(timeout=0.5)
        assert store.get_lease(timeout=10).lease == ODD_LEASES["asked"]


def test_waiting_for_replicas_wakes_nobody_and_needs_no_more_than_the_guide_grants(pair):
    """A read waits by a message of its own: one that watchers hear would make each read cause the next."""
    master, _ = pair
    granted = (">pw", "~incumbent:*", "&incumbent:*", "+@all")
    with master.admin() as admin:
        admin.execute_command("ACL", "SETUSER", "guided", "on", *granted)
    with (
        closing(RedisStore(f"{master.url_of('guided', 'pw')}?wait=1", "x")) as store,
        closing(RedisStore(f"{master.url}?wait=1", "x")) as watching,
    ):
        told = threading.Semaphore(0)
        with closing(watching.watch(told.release)):
            assert told.acquire(timeout=10)  # that it listens now
            for _ in range(10):
                with pytest.raises(LeaseNotFound):
                    store.get_lease(timeout=5)
            store.create_lease(PLAIN, timeout=5)
            assert told.acquire(timeout=10)
            assert store.get_lease(timeout=5).lease == PLAIN
            assert not told.acquire(timeout=0.2)


def test_a_wait_that_is_forbidden_leaves_the_write_unknown(pair):
    """What the server refuses is the waiting, not the write, which has happened."""
    master, _ = pair
    with master.admin() as admin:
        admin.execute_command("ACL", "SETUSER", "few", "on", ">pw", "~*", "&*", "+@all", "-wait")
        with closing(RedisStore(f"{master.url_of('few', 'pw')}?wait=1", "x")) as store:
            with pytest.raises(StoreUnavailable, match="permission") as caught:
                store.create_lease(PLAIN, timeout=5)
            assert caught.value.outcome_unknown
        assert admin.exists("incumbent:{x}")
