"""Redis: behind sentinels, with replicas."""

from __future__ import annotations

from contextlib import ExitStack, closing
from queue import Queue

import pytest

from incumbent import open_store
from incumbent.errors import ConfigurationError, StoreUnavailable
from incumbent.stores.redis import RedisStore
from incumbent.testing.stores.machine import ODD_LEASES, PLAIN
from support.servers import free_port, running
from support.servers.redis import SERVER, eventually, true

OTHER = ODD_LEASES["asked"]


class Sentinel(SERVER):
    """A sentinel, which watches over nothing as yet."""

    def prepare(self):
        (self.directory / "sentinel.conf").write_text(
            f"port {self.port}\nbind 127.0.0.1\ndir {self.directory}\n"
        )

    def command(self):
        binary = super().command()[0]
        return [binary, str(self.directory / "sentinel.conf"), "--sentinel"]


@pytest.fixture
def watched():
    """A master, its replica, and a sentinel that needs nobody else to fail over."""
    with ExitStack() as stack:
        master = stack.enter_context(running(SERVER))
        with master.admin() as admin:
            admin.config_set("repl-diskless-sync-delay", "0")

        class Replica(SERVER):
            arguments = (*SERVER.arguments, "--replicaof", "127.0.0.1", str(master.port))

        replica, sentinel = stack.enter_context(running(Replica)), stack.enter_context(running(Sentinel))
        admin, of_replica = sentinel.admin(), replica.admin()
        stack.enter_context(admin), stack.enter_context(of_replica)
        eventually(lambda: true(of_replica.info("replication")["master_link_status"] == "up"))
        admin.execute_command("SENTINEL", "MONITOR", "leases", "127.0.0.1", master.port, 1)
        # It may know of no good replica yet when it tries first.
        soon = ("down-after-milliseconds", "500", "failover-timeout", "3000")
        admin.execute_command("SENTINEL", "SET", "leases", *soon)
        eventually(lambda: true(admin.execute_command("SENTINEL", "REPLICAS", "leases")))
        yield master, replica, sentinel


def test_sentinels_lead_to_the_master_and_to_its_successor(watched):
    """One that is down is passed over. After the failover calls and notifications go on, in a new life."""
    master, _, sentinel = watched
    url = f"redis+sentinel://127.0.0.1:{free_port()},127.0.0.1:{sentinel.port}/leases?wait=0"
    told = Queue()
    with closing(open_store(url, lease="x")) as store, closing(store.watch_lease(told.put)):
        assert told.get(timeout=5) is None
        version = store.create_lease(PLAIN, timeout=5)
        assert told.get(timeout=5) == store.get_lease(timeout=5)
        master.await_replica()
        master.kill()
        with pytest.raises(StoreUnavailable):
            store.get_lease(timeout=0.3)
        read = eventually(lambda: store.get_lease(timeout=1))
        assert read.lease == PLAIN
        assert read.version != version
        assert told.get(timeout=30) is None, "the reconnection was not told"
        eventually(lambda: store.update_lease(OTHER, read.version, timeout=1))
        assert told.get(timeout=5) == store.get_lease(timeout=1), "it was not told in its new life"


def test_a_demoted_master_is_left(watched):
    """It refuses the write for certain, even on a connection that stayed; the next call asks sentinels."""
    master, replica, sentinel = watched
    with ExitStack() as stack:
        url = f"redis+sentinel://127.0.0.1:{sentinel.port}/leases?wait=0"
        store = stack.enter_context(closing(RedisStore(url, "x")))
        old, new, ask = (stack.enter_context(each.admin()) for each in (master, replica, sentinel))
        version = store.create_lease(PLAIN, timeout=5)
        master.await_replica()
        ask.execute_command("SENTINEL", "REMOVE", "leases")
        new.replicaof("NO", "ONE")
        old.replicaof("127.0.0.1", replica.port)
        ask.execute_command("SENTINEL", "MONITOR", "leases", "127.0.0.1", replica.port, 1)
        with pytest.raises(StoreUnavailable, match="read only") as caught:
            store.update_lease(PLAIN, version, timeout=5)
        assert not caught.value.outcome_unknown
        version = store.update_lease(PLAIN, version, timeout=5)
        with closing(RedisStore(replica.url, "x")) as there:
            assert there.get_lease(timeout=5).version == version


def test_a_master_that_was_frozen_through_the_failover_acknowledges_nothing(watched):
    """Thawed, it takes writes until it is told of its successor: without a replica's word they are none."""
    master, replica, sentinel = watched
    with closing(open_store(f"redis+sentinel://127.0.0.1:{sentinel.port}/leases", lease="x")) as store:
        version = store.create_lease(PLAIN, timeout=5)
        with replica.admin() as new, sentinel.admin() as ask, master.frozen():
            eventually(lambda: true(new.info("replication")["role"] == "master"))
            ask.shutdown()  # nobody tells the old master
        with pytest.raises(StoreUnavailable, match=r"0 of 1 replicas") as caught:
            store.update_lease(OTHER, version, timeout=3)
        assert caught.value.outcome_unknown


def test_a_server_with_replicas_is_refused_until_the_url_says_what_they_must_have(watched):
    """Whether there is somebody to promote one or not: operators do, and managed services."""
    master, replica, _ = watched
    with pytest.raises(ConfigurationError, match=r"has replicas.*wait=1.*wait=0"):
        open_store(master.url, lease="x")
    for url in (f"{master.url}?wait=1", f"{master.url}?wait=0"):
        open_store(url, lease="x").close()
    with closing(open_store(replica.url, lease="x")) as store, pytest.raises(StoreUnavailable):
        store.create_lease(PLAIN, timeout=1)  # it is no master, so it is its master that has replicas


def test_sentinels_that_do_not_know_the_service_are_refused(watched):
    """Waiting does not mend a wrong name."""
    *_, sentinel = watched
    with pytest.raises(ConfigurationError, match="knows no 'unknown'"):
        open_store(f"redis+sentinel://127.0.0.1:{sentinel.port}/unknown", lease="x")
