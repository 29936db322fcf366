"""Opening a PostgreSQL store: what cannot work is said at once and in plain words, and no password is."""

from __future__ import annotations

import logging
import secrets
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import quote

import pytest

from incumbent.cli import main
from incumbent.errors import ConfigurationError, StoreUnavailable
from incumbent.stores import open_store
from incumbent.stores.postgres import DDL
from incumbent.testing.stores.machine import PLAIN
from support.servers import fixture_of, free_port
from support.servers.postgres import PASSWORD, SERVER
from support.servers.proxy import Proxy

ROOT = Path(__file__).parents[3]
SECRET = quote(PASSWORD, safe="")

server = fixture_of(SERVER)


@pytest.fixture(autouse=True)
def _ours(server):
    if not server.is_ours:
        pytest.skip("what these tests do to a server they do to none but their own")


@pytest.fixture
def place(server):
    """A role, and a schema, its search_path, in which it may make nothing."""
    place = f"test_{secrets.token_hex(4)}"
    server.execute(
        f"CREATE ROLE {place} LOGIN PASSWORD '{PASSWORD}'",
        f"CREATE SCHEMA {place}",
        f"GRANT USAGE ON SCHEMA {place} TO {place}",
        f"ALTER ROLE {place} SET search_path = {place}",
        f"ALTER ROLE {place} SET client_min_messages = debug5",
    )
    yield place
    server.execute(f"DROP SCHEMA {place} CASCADE", f"DROP OWNED BY {place}", f"DROP ROLE {place}")


def url_of(server, user):
    return server.url.replace("postgres@", f"{user}@")


def opened(url):
    return closing(open_store(url, lease="x"))


def refused(url, match):
    with pytest.raises(ConfigurationError, match=match) as caught:
        open_store(url, lease="x")
    return caught.value


@pytest.mark.parametrize(
    ("url", "match"),
    [
        ("postgresql:nonsense", "postgresql://user@host:port/database"),
        ("postgresql:", "malformed"),
        ("postgresql://me:sesame@[::1/x", "malformed"),
        ("postgresql://me:sesame%@h/x", "malformed"),
        ("postgresql://me:sesame@h/x?wach=off", "number 1 of 1.*is it to be watch"),
        ("postgresql://me@h/x?password=sesame&frob=sesame", "number 2 of 2"),
        ("postgresql://me:sesame@h/x?watch=maybe", "watch= that is neither on nor off"),
        ("postgresql://me:sesame@h/x?connect_timeout=sesame", "malformed"),
        ("postgresql://me:sesame@h:pork/x", "port"),
        ("postgresql://me:sesame@127.0.0.1:1/x?sslmode=sesame", "sslmode"),
        ("postgresql://me:pass@sesame@h/x", "an @ in its password"),
        ("postgresql://me:12/sesame@h/x", "has an @ behind its host"),
    ],
)
def test_a_malformed_url_is_refused(url, match):
    """Without a server, and without a word of what may be a password."""
    assert "sesame" not in str(refused(url, match))


def test_a_server_that_is_down_is_no_reason(place):
    with opened(f"postgresql://127.0.0.1:{free_port()}/x") as store, pytest.raises(StoreUnavailable):
        store.get_lease(timeout=1)


def test_a_lasting_refusal_is_told_at_once(server):
    """A role and a database that are not there."""
    refused(url_of(server, "nobody"), 'role "nobody" does not exist')
    refused(f"{server.url}2", 'database "postgres2" does not exist')


def test_no_password_is_ever_told(server, caplog, tmp_path):
    """Neither the right one, which has every character that URLs are cut at, nor a wrong one."""
    caplog.set_level(logging.DEBUG)
    server.execute(f"CREATE ROLE mallory LOGIN PASSWORD '{PASSWORD}'")
    with Proxy(server.port) as proxy:
        url = server.url_at(proxy.port)
        said = [
            str(refused(url.replace("postgres@", f"mallory:{SECRET}x@"), "password authentication failed"))
        ]
        said.append(str(refused(url.replace("postgres@", "mallory@"), "no password supplied")))
        for good in (
            url.replace("postgres@", f"mallory:{SECRET}@"),
            f"{url.replace('postgres@', 'mallory@')}?password={SECRET}&watch=on",
        ):
            server.execute("GRANT CREATE ON SCHEMA public TO mallory", "DROP TABLE IF EXISTS incumbent_lease")
            with opened(good) as store:
                version = store.create_lease(PLAIN, timeout=5)
                watch = store.watch(lambda: None)
                said += [repr(store), repr(store.server), repr(vars(store)), repr(store._reach())]
                proxy.cut()
                with pytest.raises(StoreUnavailable) as caught:
                    store.update_lease(PLAIN, version, timeout=0.2)
                said += [repr(caught.value), repr(caught.value.__cause__)]
                proxy.heal()
                watch.close()
    server.execute("DROP OWNED BY mallory", "DROP ROLE mallory")
    text = "\n".join([*said, caplog.text])
    assert "sesame" not in text
    assert "mallory" in text  # from the server's own words: there was something to look at


def test_the_table_is_made_on_first_use(server, place, capfd):
    """By many at once, and quietly; afterwards it is found."""
    server.execute(f"GRANT CREATE ON SCHEMA {place} TO {place}")
    with ExitStack() as stack, ThreadPoolExecutor(8) as pool:
        urls = [f"{url_of(server, place)}?application_name=incumbent-{number}" for number in range(8)]
        opening = pool.map(lambda url: open_store(url, lease="x"), urls)
        stores = [stack.enter_context(closing(store)) for store in opening]
        version = stores[0].create_lease(PLAIN, timeout=5)
        assert all(store.get_lease(timeout=5).version == version for store in stores)
    assert server.execute(f"SELECT count(*) FROM {place}.incumbent_lease") == [(1,)]
    assert capfd.readouterr() == ("", "")


def test_who_may_not_make_the_table_is_told_what_to_run(server, place):
    """And when it has been run, to the letter, the store can be used."""
    error = refused(url_of(server, place), "missing and may not be created")
    assert " ".join(DDL.split()) in str(error)
    assert f"CREATE SCHEMA AUTHORIZATION {place}; or" in str(error)
    assert str(error).isprintable()
    server.execute(f"SET search_path = {place}", DDL)
    error = refused(url_of(server, place), "GRANT SELECT, INSERT, UPDATE ON incumbent_lease TO")
    server.execute(f"SET search_path = {place}", str(error)[str(error).index("GRANT") :])
    with opened(url_of(server, place)) as store:
        store.update_lease(PLAIN, store.create_lease(PLAIN, timeout=5), timeout=5)


def test_whoever_may_elect_may_check_the_store(server, place, capsys):
    """By the GRANT of the guide: an election deletes nothing, so a check does not need to either."""
    server.execute(
        f"SET search_path = {place}", DDL, f"GRANT SELECT, INSERT, UPDATE ON incumbent_lease TO {place}"
    )
    assert main(["check-store", url_of(server, place)]) == 0
    assert "left behind" in capsys.readouterr().out
    assert server.execute(f"SELECT holder_identity FROM {place}.incumbent_lease") == [("",)]


def test_the_guide_shows_the_same_table():
    assert f"\n{DDL};\n" in (ROOT / "docs/guides/stores/postgres.md").read_text()


def test_nowhere_to_make_the_table_is_told(server, place):
    server.execute(f"ALTER ROLE {place} SET search_path = nowhere")
    assert " ".join(DDL.split()) in str(refused(url_of(server, place), "no schema has been selected"))


@pytest.mark.parametrize(
    "other",
    [
        "CREATE TABLE incumbent_lease (id int)",
        DDL.replace("bigint", "integer"),
        DDL.replace("version text NOT NULL", "version text, more text"),
        DDL.replace(" PRIMARY KEY", ""),
        DDL.replace("CREATE TABLE", "CREATE UNLOGGED TABLE"),
        DDL.replace("incumbent_lease", "t") + ";CREATE VIEW incumbent_lease AS SELECT * FROM t",
    ],
)
def test_a_table_that_is_another_is_refused_and_left_alone(server, place, other):
    """Also one that a crash would empty, and one in which a name could stand twice."""
    server.execute(f"SET search_path = {place}", other, f"GRANT ALL ON incumbent_lease TO {place}")
    server.execute(f"GRANT CREATE ON SCHEMA {place} TO {place}")
    relations = "SELECT oid, relname FROM pg_class ORDER BY oid"
    before = server.execute(relations)
    refused(url_of(server, place), "not the table that it should be")
    assert server.execute(relations) == before


def test_a_server_that_would_forget_is_refused(server):
    """Where the URL insists on it; a role's own setting is overridden."""
    refused(f"{server.url}?options=-csynchronous_commit%3Doff", "synchronous_commit is off")
