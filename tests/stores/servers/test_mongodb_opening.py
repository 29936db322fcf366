"""What is wrong for good is said when a MongoDB store is opened: its URL, its user, its collection."""

from __future__ import annotations

import logging
import threading
from contextlib import closing
from urllib.parse import quote

import pytest

from incumbent.cli import main
from incumbent.errors import ConfigurationError, StoreUnavailable
from incumbent.stores import open_store
from incumbent.stores.mongodb import MongoStore
from support.servers import fixture_of
from support.servers.http_stores import LEASE, until
from support.servers.mongodb import WithUsers
from support.servers.proxy import Proxy

SECRET = "s3kr3t"
whole_server = fixture_of(WithUsers)


@pytest.fixture
def server(whole_server):
    if not whole_server.is_ours:
        pytest.skip("it needs a server whose users it may make")
    return whole_server


@pytest.fixture
def root(server):
    with closing(server.admin(username="root", password=server.password)) as client:
        yield client


@pytest.fixture
def user(server, root):
    """Makes a user who has these roles, and gives the URL; by way of a port, if it is given."""

    def make(*roles, port=None, source="admin"):
        root.admin.command("createUser", "app", pwd=server.password, roles=list(roles))
        place = f"127.0.0.1:{port or server.port}/incumbent?directConnection=true"
        return f"mongodb://app:{quote(server.password, safe='')}@{place}&authSource={source}"

    yield make
    root.admin.command("dropUser", "app")


READ_WRITE = {"role": "readWrite", "db": "incumbent"}


def refused(url, reason):
    with pytest.raises(ConfigurationError, match=reason) as caught:
        open_store(url, lease="x")
    assert SECRET not in str(caught.value)


def test_who_may_read_and_write_may_elect(user):
    with closing(open_store(user(READ_WRITE), lease="x")) as store:
        version = store.create_lease(LEASE, timeout=5)
        store.update_lease(LEASE, version, timeout=5)
        store.delete_lease()


def test_a_connection_that_fails_while_it_is_made_is_made_again(root, user):
    """Nothing was sent, so that it costs nobody anything."""
    url = f"{user(READ_WRITE)}&appName=unlucky"
    data = {"failCommands": ["saslContinue"], "appName": "unlucky", "closeConnection": True}
    root.admin.command("configureFailPoint", "failCommand", mode={"times": 1}, data=data)
    with closing(MongoStore(url, "x")) as store:
        assert store.create_lease(LEASE, timeout=5)
        left = root.admin.command("configureFailPoint", "failCommand", mode="off")
        assert left["count"] == 1, "it did not fail"
        store.delete_lease()


def test_a_wrong_password_is_refused_at_once(server, user):
    refused(user(READ_WRITE).replace("word", "swordfish"), "does not let the user in .AuthenticationFailed")


def test_a_user_of_another_database_is_refused_at_once(user):
    """It is where MongoDB looks for the user that is wrong, as often as the password."""
    refused(user(READ_WRITE, source="incumbent"), "such as authSource=admin")


def test_nobody_is_refused_at_once(server):
    refused(server.url, "may not find .* the role readWrite on the database incumbent")


def test_who_may_only_read_is_refused_at_once(user):
    refused(user({"role": "read", "db": "incumbent"}), "may not insert, update in incumbent_lease")


def test_who_may_write_elsewhere_is_refused_at_once(user):
    refused(user({"role": "readWrite", "db": "other"}), "may not find, insert, update")


def test_find_insert_and_update_are_enough(root, user, capsys):
    """Without a change stream, a watch looks once a second. `check-store` needs no more either."""
    actions = ["find", "insert", "update"]
    place = {"db": "incumbent", "collection": "incumbent_lease"}
    root.admin.command(
        "createRole", "elector", privileges=[{"resource": place, "actions": actions}], roles=[]
    )
    try:
        url = user("elector")
        with closing(open_store(url, lease="least")) as store:
            told = threading.Event()
            version = store.create_lease(LEASE, timeout=5)
            with closing(store.watch(told.set)):
                assert told.wait(5)
                told.clear()
                store.update_lease(LEASE, version, timeout=5)
                assert told.wait(5)
        assert main(["check-store", url]) == 0
        assert "left behind" in capsys.readouterr().out
    finally:
        root.admin.command("dropRole", "elector")


def test_a_right_that_is_taken_away_is_not_done(root, user):
    with closing(open_store(user(READ_WRITE), lease="x")) as store:
        version = store.create_lease(LEASE, timeout=5)
        root.admin.command("revokeRolesFromUser", "app", roles=[READ_WRITE])
        with pytest.raises(StoreUnavailable, match="Unauthorized") as caught:
            store.update_lease(LEASE, version, timeout=5)
        assert not caught.value.outcome_unknown
        root.admin.command("grantRolesToUser", "app", roles=[READ_WRITE])
        store.update_lease(LEASE, version, timeout=5)
        store.delete_lease()


def test_a_password_that_was_changed_is_not_done(server, root, user):
    """Connections that are open stay so; new ones are refused."""
    with (
        Proxy(server.port) as proxy,
        closing(open_store(user(READ_WRITE, port=proxy.port), lease="x")) as store,
    ):
        version = store.create_lease(LEASE, timeout=5)
        root.admin.command("updateUser", "app", pwd="another")
        store.update_lease(LEASE, version, timeout=5)
        proxy.cut()
        with pytest.raises(StoreUnavailable):
            store.get_lease(timeout=0.1)
        proxy.heal()

        def refused():
            with pytest.raises(StoreUnavailable) as caught:
                store.create_lease(LEASE, timeout=5)
            assert not caught.value.outcome_unknown
            return "AuthenticationFailed" in str(caught.value)

        until(refused)
        root.admin.command("updateUser", "app", pwd=server.password)
        until(lambda: works(store))
        store.delete_lease()


def works(store):
    try:
        return store.get_lease(timeout=5)
    except StoreUnavailable:
        return None


def test_a_password_is_told_to_nobody(server, user, caplog):
    """Not in a representation, a message or a log, ours or pymongo's, whatever goes wrong."""
    caplog.set_level(logging.DEBUG)
    with closing(open_store(user(READ_WRITE), lease="x")) as store, closing(store.watch(lambda: None)):
        version = store.create_lease(LEASE, timeout=5)
        server.stop()
        said = []
        for call in (store.get_lease, lambda timeout: store.update_lease(LEASE, version, timeout=timeout)):
            with pytest.raises(StoreUnavailable) as caught:
                call(timeout=0.2)
            said.append(f"{caught.value!r} {caught.value} {caught.value.__cause__!r}")
        until(lambda: "not listening" in caplog.text)
        server.start()
        store.delete_lease()
    texts = [repr(store), repr(store.server[0]), *said, caplog.text]
    assert not any(secret in text for text in texts for secret in (SECRET, quote(server.password, safe="")))


WRONG_URLS = {
    "mongodb://127.0.0.1:1/": "names no database",
    "mongodb://127.0.0.1:1": "names no database",
    "mongodb://127.0.0.1:1/db.collection": "names no database",
    "mongodb://127.0.0.1:1/db%00": "names no database",
    "mongodb://127.0.0.1:1/db%5C": "names no database",
    "mongodb://127.0.0.1:1/db%2Ecollection": "names no database",
    "mongodb://127.0.0.1:1/db%20%24": "percent-encoded",
    "mongodb://127.0.0.1:1/db?colour=blue": "option",
    "mongodb://127.0.0.1:1/db?connectTimeoutMS=soon": "option",
    "mongodb://127.0.0.1:port/db": "percent-encoded",
    "mongodb://u:s3kr3t/word@127.0.0.1:1/db": "percent-encoded",
    "mongodb://u:s3kr3t@word@127.0.0.1:1/db": "percent-encoded",
    "mongodb://u:s3kr3t:word@127.0.0.1:1/db": "percent-encoded",
    "mongodb://127.0.0.1:1,127.0.0.1:2/db?directConnection=true": "options that go together",
    "mongodb://127.0.0.1:1/db?tls=true&tlsCAFile=/nowhere.pem": "no such file",
}


@pytest.mark.parametrize("url", WRONG_URLS)
def test_a_wrong_url_is_refused_at_once(url):
    """With the rule, and nothing of the password."""
    refused(url, WRONG_URLS[url])


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"capped": True, "size": 100_000}, "capped"),
        ({"collation": {"locale": "en", "strength": 1}}, "collation"),
        ({"viewOn": "other", "pipeline": []}, "view"),
    ],
    ids=["capped", "collation", "view"],
)
def test_a_collection_of_another_kind_is_refused_at_once(root, user, options, reason):
    """One that forgets, one that takes two names for one, one that cannot be written."""
    root.incumbent.drop_collection("incumbent_lease")
    root.incumbent.create_collection("incumbent_lease", **options)
    try:
        refused(user(READ_WRITE), f"no plain collection .{reason}")
    finally:
        root.incumbent.drop_collection("incumbent_lease")
