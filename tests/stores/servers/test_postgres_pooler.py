"""The PostgreSQL store through a real PgBouncer, each of whose transactions is in another session."""

from __future__ import annotations

import subprocess
import threading
import time
from contextlib import closing, suppress

import psycopg
import pytest
from hypothesis import settings

from incumbent.errors import ConfigurationError, LeaseNotFound
from incumbent.stores import open_store
from incumbent.stores._postgres_connection import Statement
from incumbent.testing.stores.contract import LeaseStoreContract
from incumbent.testing.stores.machine import PLAIN
from support.servers import PATIENCE, find_binary, fixture_of, free_port, missing, run_as
from support.servers.postgres import SERVER

SETTINGS = """\
[databases]
postgres = host=127.0.0.1 port={server_port} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
server_round_robin = 1
min_pool_size = 4
default_pool_size = 4
"""

server = fixture_of(SERVER)


@pytest.fixture(scope="module")
def url(server):
    """Of the database, through the pooler."""
    binary = find_binary("pgbouncer")
    if binary is None:
        missing("no pgbouncer here: apt-get install pgbouncer")
    if not server.is_ours:
        pytest.skip("no pooler is put before a server of somebody's own")
    port, file = free_port(), server.directory / "pgbouncer.ini"
    file.write_text(SETTINGS.format(server_port=server.port, port=port))
    process = subprocess.Popen(
        [binary, "-q", file], user=run_as("postgres"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        url, end = server.url_at(port), time.monotonic() + PATIENCE
        while not answers(url):
            assert time.monotonic() < end, "PgBouncer does not answer"
            time.sleep(0.02)
        yield url
    finally:
        process.kill()
        process.wait()


def answers(url):
    with suppress(psycopg.OperationalError), psycopg.connect(url, connect_timeout=10):
        return True
    return False


class TestBehindPgBouncer(LeaseStoreContract):
    timeout = 30.0  # of a busy machine
    machine_settings = settings(max_examples=5, stateful_step_count=20, deadline=None)

    @pytest.fixture(autouse=True)
    def _url(self, url):
        self.url = f"{url}?watch=off"

    def open_store(self, lease):
        return open_store(self.url, lease=lease)

    def delete_lease(self, lease):
        with closing(self.open_store(lease)) as store, suppress(LeaseNotFound):
            store.delete_lease()
        return True


def test_each_call_may_be_in_another_session(url):
    """Otherwise nothing above would have tested anything."""
    with closing(open_store(f"{url}?watch=off", lease="x")) as store:
        asked = Statement(b"SELECT pg_backend_pid()::text", [])
        sessions = {store._reach().query(asked, 5)[0][0] for _ in range(8)}
    assert len(sessions) > 1


def test_it_says_what_to_add_to_the_url(url):
    with pytest.raises(ConfigurationError, match="add watch=off to the URL"):
        open_store(url, lease="x")


def test_followers_poll_there(url):
    """It is declared for that URL alone."""
    with closing(open_store(f"{url}?watch=off", lease="x")) as store:
        assert not store.guarantees.can_watch
        with pytest.raises(NotImplementedError, match="watch=off"):
            store.watch(print)


def test_what_listens_is_not_told_of_what_was_written_there(server, url):
    """Telling would hold up the commits of all who tell; a lost notification only costs time."""
    changed = threading.Event()
    with (
        closing(open_store(server.url, lease="x")) as direct,
        closing(open_store(f"{url}?watch=off", lease="x")) as pooled,
        closing(direct.watch(changed.set)),
    ):
        assert changed.wait(60)
        changed.clear()
        version = pooled.create_lease(PLAIN, timeout=5)
        assert not changed.wait(0.1)
        direct.update_lease(PLAIN, version, timeout=5)
        assert changed.wait(60)
        pooled.delete_lease()
