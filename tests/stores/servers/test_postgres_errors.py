"""What the PostgreSQL store says of each failure, provoked on a real server: never a success that was none.

What happens after a failure is tested in `test_postgres_recovery.py`, and before the first call in
`test_postgres_opening.py`.
"""

from __future__ import annotations

import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import psycopg
import pytest

from incumbent.errors import StoreUnavailable
from incumbent.stores import open_store
from incumbent.stores._postgres_connection import Statement
from incumbent.testing.stores.machine import ODD_LEASES, PLAIN
from support.driving import eventually
from support.servers import fixture_of, free_port
from support.servers.postgres import SERVER
from support.servers.proxy import Proxy

NEW = ODD_LEASES["unicode"]
SLACK = 1.0

server = fixture_of(SERVER)


@pytest.fixture(autouse=True)
def _ours(server):
    if not server.is_ours:
        pytest.skip("what these tests do to a server they do to none but their own")


@pytest.fixture
def name():
    return f"test-{secrets.token_hex(8)}"


@pytest.fixture
def store(server, name):
    with closing(open_store(server.url, lease=name)) as store:
        yield store


@pytest.fixture
def proxy(server):
    with Proxy(server.port) as proxy:
        yield proxy


@pytest.fixture
def behind(server, proxy, name):
    """The same lease, reached through the proxy."""
    with closing(open_store(server.url_at(proxy.port), lease=name)) as store:
        yield store


@contextmanager
def unavailable(*, unknown, match=None):
    with pytest.raises(StoreUnavailable, match=match) as caught:
        yield
    assert caught.value.outcome_unknown is unknown


@contextmanager
def locked(server, name):
    """Another session has the record's lock. What is given ends it."""
    with psycopg.connect(server.url) as connection:
        connection.execute("SELECT FROM incumbent_lease WHERE name = %s FOR UPDATE", (name,))
        yield connection
        connection.rollback()


def waiting(server, name="UPDATE incumbent_lease"):
    query = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE %s"
    with psycopg.connect(server.url) as connection:
        return [pid for (pid,) in connection.execute(query, (f"%{name}%",))]


def test_a_refused_connection_did_nothing(server, name):
    """Nobody listens there; opening says nothing of it, for the server may come up."""
    with closing(open_store(server.url_at(free_port()), lease=name)) as store:
        with unavailable(unknown=False, match="refused"):
            store.create_lease(PLAIN, timeout=5)
        with unavailable(unknown=False):
            store.get_lease(timeout=5)


def test_a_host_without_an_address_did_nothing(name):
    store = open_store("postgresql://nowhere.invalid/x", lease=name)
    with closing(store), unavailable(unknown=False, match=r"nowhere\.invalid"):
        store.create_lease(PLAIN, timeout=5)


def test_a_write_whose_reply_was_dropped_is_unknown_and_happened(store, behind, proxy):
    version = store.create_lease(PLAIN, timeout=5)
    behind.get_lease(timeout=5)
    proxy.drops_replies = True
    with unavailable(unknown=True):
        behind.update_lease(NEW, version, timeout=0.3)
    eventually(lambda: store.get_lease(timeout=5).lease == NEW)
    proxy.heal()
    assert behind.get_lease(timeout=5).lease == NEW


def test_a_creation_whose_reply_was_dropped_is_unknown_and_happened(store, behind, proxy):
    proxy.drops_replies = True
    with closing(behind), unavailable(unknown=True):
        behind.create_lease(NEW, timeout=1)
    assert store.get_lease(timeout=5).lease == NEW


def test_a_write_that_was_dropped_is_unknown_and_did_not_happen(store, behind, proxy):
    version = store.create_lease(PLAIN, timeout=5)
    proxy.drops_requests = True
    with unavailable(unknown=True):
        behind.update_lease(NEW, version, timeout=0.3)
    assert store.get_lease(timeout=5).version == version


def test_a_connection_that_ends_after_the_write_was_sent_is_unknown(server, store, behind, proxy, name):
    version = store.create_lease(PLAIN, timeout=5)
    with locked(server, name), ThreadPoolExecutor(1) as pool:
        writing = pool.submit(behind.update_lease, NEW, version, timeout=10)
        eventually(lambda: waiting(server))
        proxy.reset()
        with unavailable(unknown=True, match="lost"):
            writing.result(5)
    behind.get_lease(timeout=5)


def test_a_backend_that_is_ended_during_the_write_is_unknown(server, store, name):
    """Its last words may come after its commit, so they are not believed."""
    version = store.create_lease(PLAIN, timeout=5)
    with locked(server, name), ThreadPoolExecutor(1) as pool:
        writing = pool.submit(store.update_lease, NEW, version, timeout=10)
        [pid] = eventually(lambda: waiting(server))
        server.execute(f"SELECT pg_terminate_backend({pid})")
        with unavailable(unknown=True, match="terminating connection"):
            writing.result(5)
    assert store.get_lease(timeout=5).version == version


def test_calls_end_in_time_when_nothing_gets_through(store, behind, proxy):
    """On a connection that is there, and while connecting."""
    version = store.create_lease(PLAIN, timeout=5)
    behind.get_lease(timeout=5)
    proxy.cut()
    for unknown in (True, False, False):
        began = time.monotonic()
        with unavailable(unknown=unknown, match="in time"):
            behind.update_lease(NEW, version, timeout=0.3)
        assert 0.25 < time.monotonic() - began < 0.3 + SLACK
    proxy.heal()
    behind.update_lease(NEW, version, timeout=5)


def test_a_write_that_waits_for_a_lock_ends_in_time_and_leaves_nothing_behind(server, name, store):
    """The server gives it up as well: else one would wait there for each that was given up here."""
    url = f"{server.url}?options=-cstatement_timeout%3D1500"
    with closing(open_store(url, lease=name)) as impatient:
        version = impatient.create_lease(PLAIN, timeout=5)
        with locked(server, name):
            began = time.monotonic()
            with unavailable(unknown=True, match="in time"):
                impatient.update_lease(NEW, version, timeout=0.2)
            assert time.monotonic() - began < 0.2 + SLACK
            eventually(lambda: not waiting(server), timeout=5)
    assert store.get_lease(timeout=5).version == version


def test_a_write_that_the_server_gave_up_did_not_happen(server, name, store):
    url = f"{server.url}?options=-cstatement_timeout%3D1000"
    version = store.create_lease(PLAIN, timeout=5)
    with (
        closing(open_store(url, lease=name)) as impatient,
        locked(server, name),
        unavailable(unknown=False, match="57014"),
    ):
        impatient.update_lease(NEW, version, timeout=10)
    assert store.get_lease(timeout=5).version == version


def test_a_session_gives_up_in_time_and_keeps_what_it_acknowledges(server, name):
    """Without any option in the URL, and whatever the database says."""
    forgetful = "ALTER DATABASE postgres SET synchronous_commit = off"
    server.execute(forgetful)
    try:
        settings = b"SELECT current_setting('statement_timeout'), current_setting('synchronous_commit')"
        with closing(open_store(f"{server.url}?", lease=name)) as store:
            assert store._reach().query(Statement(settings, []), 5) == [[b"5s", b"on"]]
    finally:
        server.execute(forgetful.replace("= off", "= on"))


def test_a_write_that_fails_as_it_is_committed_did_not_happen(server, store, name):
    """The server sends its rows before it commits: they are no success yet."""
    version = store.create_lease(PLAIN, timeout=5)
    server.execute(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'too late'; END $$",
        "CREATE CONSTRAINT TRIGGER fail AFTER INSERT OR UPDATE ON incumbent_lease "
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail()",
    )
    try:
        with unavailable(unknown=False, match="too late"):
            store.update_lease(NEW, version, timeout=5)
        with closing(open_store(server.url, lease=f"{name}-2")) as other, unavailable(unknown=False):
            other.create_lease(NEW, timeout=5)
    finally:
        server.execute("DROP FUNCTION fail CASCADE")
    assert store.get_lease(timeout=5).version == version


def test_a_read_only_server_did_nothing_and_is_asked_again(server, store, name):
    """Whether it turns out at the write, or already while connecting."""
    version = store.create_lease(PLAIN, timeout=5)
    read_only = "ALTER DATABASE postgres SET default_transaction_read_only"
    server.execute(f"{read_only} = on")
    try:
        with closing(open_store(f"{server.url}?target_session_attrs=any", lease=name)) as any_server:
            with unavailable(unknown=False, match="25006"):
                any_server.update_lease(NEW, version, timeout=5)
            assert any_server.get_lease(timeout=5).version == version
            with closing(open_store(f"{server.url}?", lease=name)) as writer:
                with unavailable(unknown=False, match="read-only"):
                    writer.update_lease(NEW, version, timeout=5)
                writable = f"SET default_transaction_read_only = off; {read_only} = off"
                server.execute(*writable.split("; "))
                version = writer.update_lease(PLAIN, version, timeout=5)
            with unavailable(
                unknown=False
            ):  # that session began while everything was read-only; it was the last
                any_server.update_lease(NEW, version, timeout=5)
            any_server.update_lease(NEW, version, timeout=5)
    finally:
        server.execute("SET default_transaction_read_only = off", f"{read_only} = off")


def test_a_right_that_was_taken_away_did_nothing(server, name, store):
    version = store.create_lease(PLAIN, timeout=5)
    server.execute("CREATE ROLE clerk LOGIN", "GRANT SELECT, INSERT, UPDATE ON incumbent_lease TO clerk")
    with closing(open_store(server.url.replace("postgres@", "clerk@"), lease=name)) as clerk:
        version = clerk.update_lease(PLAIN, version, timeout=5)
        server.execute("REVOKE UPDATE ON incumbent_lease FROM clerk")
        with unavailable(unknown=False, match="42501"):
            clerk.update_lease(NEW, version, timeout=5)
    assert store.get_lease(timeout=5).version == version
    server.execute("DROP OWNED BY clerk", "DROP ROLE clerk")


def test_too_many_connections_did_nothing(server, name, store):
    """And pass: it is no reason not to open."""
    store.create_lease(PLAIN, timeout=5)
    server.execute("CREATE ROLE crowd LOGIN CONNECTION LIMIT 0")
    crowd = open_store(server.url.replace("postgres@", "crowd@"), lease=name)
    with closing(crowd), unavailable(unknown=False, match="too many connections"):
        crowd.get_lease(timeout=5)
    server.execute("DROP ROLE crowd")
