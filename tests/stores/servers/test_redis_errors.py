"""Redis: what each failure means for a write. None is provoked by anything but a real server or network."""

from __future__ import annotations

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace

import pytest

from incumbent import open_store
from incumbent.errors import LeaseConflict, LeaseNotFound, StoreUnavailable
from incumbent.stores.redis import RedisStore
from incumbent.testing.stores.machine import ODD_LEASES, PLAIN
from support.servers import fixture_of, free_port, running
from support.servers.proxy import Proxy
from support.servers.redis import SERVER, configured

server = fixture_of(SERVER)

OTHER = ODD_LEASES["asked"]


@pytest.fixture(autouse=True)
def admin(server):
    with server.admin() as admin:
        admin.flushall()
        yield admin


@pytest.fixture
def store(server):
    with closing(RedisStore(server.url, "x")) as store:
        yield store


@pytest.fixture
def proxy(server):
    with Proxy(server.port) as proxy:
        yield proxy


@pytest.fixture
def beyond(server, proxy):
    """The same lease, through the proxy."""
    with closing(RedisStore(server.url_at(proxy.port), "x")) as store:
        yield store


def assert_not_done(store, version, match):
    """The write is refused for certain, and did not happen."""
    with pytest.raises(StoreUnavailable, match=match) as caught:
        store.update_lease(OTHER, version, timeout=2)
    assert not caught.value.outcome_unknown


# No answer.


def test_a_refused_connection_is_certain():
    """Nothing was sent."""
    with closing(open_store(f"redis://127.0.0.1:{free_port()}", lease="x")) as store:
        assert_not_done(store, "a@b", "refused")


@pytest.mark.parametrize("drops", ["drops_requests", "drops_replies"])
def test_silence_is_unknown_whether_it_was_written_or_not(store, beyond, proxy, drops):
    """One of them was carried out; nobody can tell which. It is not sent again (P7)."""
    version = beyond.create_lease(PLAIN, timeout=5)
    sent = proxy.requests
    setattr(proxy, drops, True)
    began = time.monotonic()
    with pytest.raises(StoreUnavailable) as caught:
        beyond.update_lease(OTHER, version, timeout=0.3)
    assert time.monotonic() - began < 1.3
    assert caught.value.outcome_unknown
    assert proxy.requests == sent + 1
    proxy.heal()
    assert beyond.get_lease(timeout=5).lease == (PLAIN if drops == "drops_requests" else OTHER)


def test_a_connection_lost_after_the_write_is_unknown(store, beyond, proxy):
    """It was written, and the answer is lost."""
    version = beyond.create_lease(PLAIN, timeout=5)
    proxy.drops_replies = True
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(beyond.update_lease, OTHER, version, timeout=5)
        while store.get_lease(timeout=5).lease != OTHER:
            time.sleep(0.01)
        proxy.heal()
        with pytest.raises(StoreUnavailable) as caught:
            call.result(5)
    assert caught.value.outcome_unknown


def test_a_server_killed_while_it_is_asked_is_unknown():
    """And when it is back, calls just work."""
    with (
        running(SERVER) as server,
        Proxy(server.port) as proxy,
        closing(RedisStore(server.url_at(proxy.port), "x")) as store,
    ):
        version = store.create_lease(PLAIN, timeout=5)
        server._signal(signal.SIGSTOP)
        sent = proxy.requests
        with ThreadPoolExecutor(1) as pool:
            call = pool.submit(store.update_lease, OTHER, version, timeout=5)
            while proxy.requests == sent:
                time.sleep(0.01)
            server.kill()
            with pytest.raises(StoreUnavailable) as caught:
                call.result(5)
        assert caught.value.outcome_unknown
        server.start()
        with pytest.raises(LeaseNotFound):
            store.get_lease(timeout=5)
        store.create_lease(PLAIN, timeout=5)


def test_an_idle_connection_that_was_closed_costs_nothing(admin, store):
    """It is noticed before the request is sent."""
    version = store.create_lease(PLAIN, timeout=5)
    admin.client_kill_filter(_type="normal", skipme=True)
    version = store.update_lease(PLAIN, version, timeout=5)
    admin.client_kill_filter(_type="normal", skipme=True)
    assert store.get_lease(timeout=5).version == version


def test_idle_connections_that_went_dead_cost_one_call(beyond, proxy, admin):
    """After the first that does not answer, none of the others is tried: they are closed."""
    version = beyond.create_lease(PLAIN, timeout=5)
    proxy.delay = 0.05
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: beyond.get_lease(timeout=5), range(16)))
    proxy.delay = 0.0
    assert len(admin.client_list()) > 4
    proxy.cut()
    with pytest.raises(StoreUnavailable):
        beyond.get_lease(timeout=0.2)
    until = time.monotonic() + 5
    while len(admin.client_list()) > 1:
        assert time.monotonic() < until, "they are still there"
        time.sleep(0.01)
    proxy.heal()
    assert beyond.get_lease(timeout=5).version == version


@pytest.mark.parametrize("call", ["get_lease", "create_lease", "update_lease"])
def test_each_call_ends_in_time_on_a_cut_connection_and_works_afterwards(beyond, proxy, call):
    """Connected or not: the deadline is one for connecting and asking together."""
    arguments = {"get_lease": (), "create_lease": (PLAIN,), "update_lease": (PLAIN, "a@b")}[call]
    for prepare in (lambda: None, lambda: suppress_missing(beyond)):
        prepare()
        proxy.cut()
        began = time.monotonic()
        with pytest.raises(StoreUnavailable):
            getattr(beyond, call)(*arguments, timeout=0.2)
        assert time.monotonic() - began < 1.2
        proxy.heal()


def suppress_missing(store):
    with suppress(LeaseNotFound):
        store.get_lease(timeout=5)


def test_a_slow_handshake_does_not_outlast_the_deadline(server, admin, proxy):
    """However many answers connecting waits for, each of them in time."""
    url = f"redis://default:pw@127.0.0.1:{proxy.port}/1"
    with configured(admin, requirepass="pw"), closing(RedisStore(url, "x")) as store:
        proxy.delay = 0.3
        began = time.monotonic()
        with pytest.raises(StoreUnavailable) as caught:
            store.get_lease(timeout=0.8)
        assert time.monotonic() - began < 0.8 + 0.9
        assert not caught.value.outcome_unknown


# Answers that say no.


def test_a_server_that_may_not_write_refuses_for_certain(server, admin, store):
    """A replica; one with too few replicas; one whose memory is full; one that runs a script for long."""
    version = store.create_lease(PLAIN, timeout=5)
    with configured(admin, min_replicas_to_write="1"):
        assert_not_done(store, version, "NOREPLICAS")
    with configured(admin, maxmemory="1"):
        assert_not_done(store, version, "OOM|maxmemory")
    admin.replicaof("127.0.0.1", free_port())
    assert_not_done(store, version, "read only replica")
    assert store.get_lease(timeout=5).lease == PLAIN
    admin.replicaof("NO", "ONE")
    assert store.get_lease(timeout=5).lease == PLAIN


def test_a_server_that_is_busy_refuses_for_certain(server, admin, store):
    """With a script of somebody else's."""
    version = store.create_lease(PLAIN, timeout=5)
    with configured(admin, busy_reply_threshold="50"), ThreadPoolExecutor(1) as pool:
        endless = pool.submit(admin.eval, "while true do end", 0)
        time.sleep(0.5)
        assert_not_done(store, version, "BUSY")
        with server.admin() as another:
            another.script_kill()
        assert endless.exception(10) is not None
    assert store.get_lease(timeout=5).version == version


def test_a_server_without_room_for_clients_is_unavailable(server, admin, store):
    """It is no fault of the settings: the store can be opened."""
    with configured(admin, maxclients="1"):
        open_store(server.url, lease="x").close()
        with pytest.raises(StoreUnavailable, match="max number of clients"):
            store.get_lease(timeout=5)


def test_a_login_that_is_withdrawn_refuses_for_certain(server, admin):
    """By a password that was changed, and by a permission that was taken away."""
    admin.execute_command("ACL", "SETUSER", "few", "on", ">pw", "~*", "&*", "+@all")
    with closing(RedisStore(server.url_of("few", "pw"), "x")) as store:
        version = store.create_lease(PLAIN, timeout=5)
        admin.execute_command("ACL", "SETUSER", "few", "-hset")
        assert_not_done(store, version, "can't run this command|no permissions")
        admin.execute_command("ACL", "SETUSER", "few", "resetpass", ">other")
        admin.client_kill_filter(_type="normal", skipme=True)
        assert_not_done(store, version, "password")
    admin.acl_deluser("few")


def test_no_success_is_reported_that_did_not_happen():
    """Under load, while the server is killed and started again: every answer agrees with what it kept."""

    class Keeping(SERVER):
        arguments = ("--appendonly", "yes", "--appendfsync", "always")

    with running(Keeping) as server:
        done, begun, cut_short = threading.Event(), threading.Barrier(5), []

        def write(number):
            written = 0
            with closing(RedisStore(server.url, f"load-{number}")) as store:
                kept, lease = store.create_lease(PLAIN, timeout=5), PLAIN
                begun.wait(30)
                while not done.is_set() or written < 10:
                    wanted = replace(PLAIN, leader_transitions=lease.leader_transitions + 1)
                    outcome = attempt(store, wanted, kept)
                    if isinstance(outcome, str):
                        kept, lease = outcome, wanted
                        written += 1
                        continue
                    found = patient_read(store)
                    assert found.lease in ((lease, wanted) if outcome else (lease,))
                    cut_short.extend([number] * outcome)
                    kept, lease = found.version, found.lease

        with ThreadPoolExecutor(4) as pool:
            writers = [pool.submit(write, number) for number in range(4)]
            begun.wait(30)
            for kills in range(1, 21):
                time.sleep(0.3)
                server.kill()
                server.start()
                if kills >= 3 and cut_short:
                    break
            done.set()
            for writer in writers:
                writer.result(60)
    assert cut_short, "no write was cut short: nothing was tried"


def attempt(store, lease, version):
    """The new version; or whether the outcome is unknown."""
    try:
        return store.update_lease(lease, version, timeout=2)
    except StoreUnavailable as error:
        return error.outcome_unknown
    except LeaseConflict:
        return False


def patient_read(store):
    while True:
        with suppress(StoreUnavailable):
            return store.get_lease(timeout=2)
        time.sleep(0.02)
