"""The PostgreSQL store on a real server: the contract, what a call costs, records, watching, handing over."""

from __future__ import annotations

import importlib.util
import secrets
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import pytest

from incumbent import Campaign
from incumbent.errors import ConfigurationError, CorruptLease, LeaseConflict
from incumbent.stores import open_store
from incumbent.testing.stores.machine import ODD_LEASES, PLAIN
from support.driving import eventually
from support.servers import fixture_of
from support.servers.contract import ServerContract
from support.servers.postgres import SERVER
from support.servers.proxy import Proxy

ROOT = Path(__file__).parents[3]
RETRY_PERIOD = 10.0

server = fixture_of(SERVER)


class TestPostgresStore(ServerContract):
    def touch(self, lease):
        """As a trigger or a migration may do: the version made anew. Another column is refused on opening."""
        self.server.execute(
            f"UPDATE incumbent_lease SET version = md5(random()::text) WHERE name = '{lease}'"
        )
        return True


class Counting(Proxy):
    """Counts what the client sends: a piece each time that it does not wait for an answer before."""

    pieces = 0

    async def _pump(self, reader, writer, drops):
        await super()._pump(Counted(self, reader) if drops == "drops_requests" else reader, writer, drops)


class Counted:
    def __init__(self, proxy, reader):
        self.proxy, self.reader = proxy, reader

    async def read(self, size):
        piece = await self.reader.read(size)
        self.proxy.pieces += bool(piece)
        return piece


@pytest.fixture
def ours(server):
    if not server.is_ours:
        pytest.skip("what this test does to a server it does to none but its own")


@pytest.fixture
def name(server, ours):
    name = f"test-{secrets.token_hex(8)}"
    yield name
    server.execute(f"DELETE FROM incumbent_lease WHERE name = '{name}'")


@pytest.fixture
def store(server, name):
    with closing(open_store(server.url, lease=name)) as store:
        yield store


def test_a_renewal_and_a_read_cost_one_request_each(server, name):
    """Counted on the wire: one piece from the client for each, and nothing else."""
    with Counting(server.port) as proxy, closing(open_store(server.url_at(proxy.port), lease=name)) as store:
        version = store.create_lease(PLAIN, timeout=5)
        before = proxy.pieces
        for _ in range(20):
            version = store.update_lease(PLAIN, version, timeout=5)
        renewals = proxy.pieces - before
        for _ in range(20):
            store.get_lease(timeout=5)
        assert (renewals, proxy.pieces - before - renewals) == (20, 20)


@pytest.mark.parametrize("version", [None, 1, "", "\0", "\ud800", "x" * 32, ("a",), PLAIN], ids=repr)
def test_a_version_of_another_store_is_a_conflict(store, version):
    """Also where it begins with the right one and goes on with what text cannot hold."""
    right = store.create_lease(PLAIN, timeout=5)
    for wrong in (version, f"{right}\0", right.encode()):
        with pytest.raises(LeaseConflict):
            store.update_lease(ODD_LEASES["unicode"], wrong, timeout=5)
    assert store.get_lease(timeout=5).version == right
    store.delete_lease()


@pytest.mark.parametrize(
    "damage",
    [
        "lease_duration = 'NaN'",
        "lease_duration = -1",
        "lease_duration = 'Infinity'",
        "acquire_time = 'infinity'",
        "renew_time = '-infinity'",
        "renew_time = '0044-03-15 BC'",
        "renew_time = '10000-01-01 00:00 UTC'",
        "leader_transitions = -1",
        "renew_time = '9999-12-31 23:59:59 UTC'",
        "holder_identity = repeat('a', 1000000)",
        "version = ''",
        "version = 'a b'",
        "holder_identity = NULL",
    ],
)
def test_a_record_that_is_no_lease_is_corrupt(server, store, damage):
    """However it came to be: it is never taken for a vacancy."""
    store.create_lease(PLAIN, timeout=5)
    server.execute(
        "ALTER TABLE incumbent_lease ALTER holder_identity DROP NOT NULL",
        f"UPDATE incumbent_lease SET {damage}",
    )
    with pytest.raises(CorruptLease):
        store.get_lease(timeout=5)
    store.delete_lease()
    server.execute("ALTER TABLE incumbent_lease ALTER holder_identity SET NOT NULL")


def test_a_record_is_for_people_too(server, store, name):
    """Its columns are typed, and its times are points in time in whatever zone the server shows them."""
    store.create_lease(PLAIN, timeout=5)
    [row] = server.execute(
        f"SELECT holder_identity, renew_time, leader_transitions FROM incumbent_lease WHERE name = '{name}'"
    )
    assert row == (PLAIN.holder_identity, PLAIN.renew_time, PLAIN.leader_transitions)


def test_settings_of_a_session_change_no_record(server, name):
    """A role may have another time zone, date style and number of digits: records come back exactly."""
    odd = "-ctimezone%3DAmerica/New_York%20-cdatestyle%3DGerman%20-cextra_float_digits%3D-15"
    with closing(open_store(f"{server.url}?options={odd}", lease=name)) as store:
        for lease in ODD_LEASES.values():
            store.create_lease(lease, timeout=5)
            assert store.get_lease(timeout=5).lease == lease
            store.delete_lease()


@pytest.mark.parametrize("text", ["'; DROP TABLE incumbent_lease; --", '%s $1 \\ "', "ж" * 1000, "\n", " x "])
def test_names_are_data(server, text):
    """Whatever is in them, up to 2000 bytes; of a watch, too."""
    changed = threading.Event()
    with closing(open_store(server.url, lease=text)) as store:
        watch = store.watch(changed.set)
        assert changed.wait(10)
        changed.clear()
        version = store.create_lease(PLAIN, timeout=5)
        assert changed.wait(10)
        watch.close()
        store.update_lease(PLAIN, version, timeout=5)
        store.delete_lease()


def test_a_name_that_is_too_long_is_refused(server):
    """2001 bytes are more than an index entry and a notification are sure to hold."""
    with pytest.raises(ConfigurationError, match="at most 2000 bytes"):
        open_store(server.url, lease="x" * 2001)


def listeners(server):
    return server.execute(
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'incumbent' AND query LIKE 'LISTEN%'"
    )


def watchers():
    return [thread for thread in threading.enumerate() if thread.name == "incumbent-watch"]


def test_all_watches_share_one_connection_which_ends_with_the_last(server, ours):
    """And at once: it is not waited for that something happens on it."""
    eventually(lambda: not listeners(server) and not watchers())  # those of earlier tests
    with ExitStack() as stack:
        stores = [stack.enter_context(closing(open_store(server.url, lease=f"l{i}"))) for i in range(3)]
        connected = threading.Event()
        watches = [stores[0].watch(connected.set)]
        assert connected.wait(10)  # it is told on connecting; who joins later need not be
        watches += [each.watch(lambda: None) for each in stores[1:]]
        assert (len(listeners(server)), len(watchers())) == (1, 1)
        for watch in watches:
            watch.close()
        watches[0].close()
        eventually(lambda: not watchers(), timeout=2.0)
        eventually(lambda: not listeners(server))


def test_a_lost_listener_connects_again_and_tells_of_it(server, store):
    """What changed meanwhile is not known, so everybody is told; and later changes are told again."""
    changed = threading.Event()
    with closing(store.watch(changed.set)):
        assert changed.wait(10)
        changed.clear()
        [[lost]] = listeners(server)
        server.execute(f"SELECT pg_terminate_backend({lost})")
        assert changed.wait(10), "nobody was told after the reconnection"
        assert [lost] not in [[*row] for row in listeners(server)]
        changed.clear()
        store.create_lease(PLAIN, timeout=5)
        assert changed.wait(10), "a change after the reconnection was not told"


FORKING = """
import os, sys, warnings
from dataclasses import replace
from incumbent.stores import open_store
from incumbent.testing.stores.machine import PLAIN
warnings.simplefilter("ignore", DeprecationWarning)
store = open_store(sys.argv[1], lease=sys.argv[2])
version = store.create_lease(PLAIN, timeout=5)
mine = store._reach()._idle[0]._pg.backend_pid
child = os.fork()
for who in ("child", "parent"):
    if (who == "child") == (child == 0):
        version = store.get_lease(timeout=5).version
        store.update_lease(replace(PLAIN, holder_identity=who), version, timeout=5)
        print(who, store._reach()._idle[0]._pg.backend_pid == mine, flush=True)
    if who == "child":
        if child == 0:
            store.close()
            os._exit(0)
        os.waitpid(child, 0)
store.close()
"""


def test_a_forked_child_has_connections_of_its_own(server, name, store):
    """And leaves the parent's alone."""
    run = subprocess.run(
        [sys.executable, "-c", FORKING, server.url, name],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (run.stdout.split("\n")[:2], run.stderr) == (["child False", "parent True"], "")
    assert store.get_lease(timeout=5).lease == replace(PLAIN, holder_identity="parent")


def test_stopping_hands_over_by_notification(server, name, record_property):
    """The follower neither waits for the lease to expire nor for its next poll."""
    settings = {"lease_duration": 6 * RETRY_PERIOD, "retry_period": RETRY_PERIOD}
    with ExitStack() as stack:
        stores = [stack.enter_context(closing(open_store(server.url, lease=name))) for _ in range(2)]
        first, second = (Campaign(each, **settings) for each in stores)
        stack.callback(second.stop)
        stack.callback(first.stop)
        first.start()
        assert first.wait_until_leader(timeout=20)
        second.start()
        eventually(lambda: second.leader == first.identity)
        assert not second.is_leader()
        began = time.monotonic()
        first.stop()
        assert second.wait_until_leader(timeout=20)
        took = time.monotonic() - began
    print(f"handover after {1000 * took:.1f} ms")  # noqa: T201
    record_property("handover_s", took)
    assert took < RETRY_PERIOD / 2


def test_the_register_refuses_an_old_token(server):
    """The example of fencing: decided by the server, in one statement, whoever is connected."""
    spec = importlib.util.spec_from_file_location("fencing", ROOT / "docs/examples/fencing/postgres.py")
    fencing = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fencing)
    with (
        closing(fencing.open_register(server.url, "r")) as old,
        closing(fencing.open_register(server.url, "r")) as new,
    ):
        assert old.read() is None
        assert old.write(7, "seven")
        assert new.write(8, "eight")
        assert not old.write(7, "late")
        assert new.write(8, "again")
        assert old.read() == new.read() == (8, "again")
