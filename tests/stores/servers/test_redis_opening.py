"""Redis: what is wrong and will not mend by itself is said before the first round, and no secret with it."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
import threading
import time
import traceback
from contextlib import closing
from pathlib import Path

import pytest

from incumbent import open_store
from incumbent.cli import main
from incumbent.errors import ConfigurationError, StoreUnavailable
from incumbent.stores.redis import RedisStore
from incumbent.testing.stores.machine import PLAIN
from support.servers import fixture_of, free_port, running
from support.servers.redis import SERVER, configured

server = fixture_of(SERVER)

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "stores" / "redis.md"


@pytest.fixture(autouse=True)
def admin(server):
    with server.admin() as admin:
        admin.flushall()
        yield admin


def test_the_permissions_of_the_guide_are_enough_and_none_is_too_many(server, admin):
    """With them everything works; without any one of them it is said at once (`ConfigurationError`)."""
    url = server.url_of("few", "pw")
    rules = (
        re.search(r"ACL SETUSER incumbent on '>[a-z-]+' (.*)", GUIDE.read_text())[1].replace("'", "").split()
    )
    assert len(rules) > 10
    admin.execute_command("ACL", "SETUSER", "few", "reset", "on", ">pw", *rules)
    told = threading.Event()
    with closing(open_store(url, lease="x")) as store, closing(store.watch(told.set)):
        assert told.wait(5)
        version = store.create_lease(PLAIN, timeout=5)
        told.clear()
        version = store.update_lease(PLAIN, version, timeout=5)
        assert told.wait(5)
        assert store.get_lease(timeout=5).version == version
    for rule in rules:
        admin.script_flush()
        admin.execute_command("ACL", "SETUSER", "few", "reset", "on", ">pw", *(set(rules) - {rule}))
        with pytest.raises(ConfigurationError):
            print(rule, open_store(url, lease="x"))  # noqa: T201 - seen when it is not missed
    admin.acl_deluser("few")


def test_whoever_may_elect_may_check_the_store(server, admin, capsys):
    """By the permissions of the guide: an election deletes nothing, so a check does not need to either."""
    rules = (
        re.search(r"ACL SETUSER incumbent on '>[a-z-]+' (.*)", GUIDE.read_text())[1].replace("'", "").split()
    )
    admin.execute_command("ACL", "SETUSER", "few", "reset", "on", ">pw", *rules)
    assert main(["check-store", server.url_of("few", "pw")]) == 0
    out = capsys.readouterr().out
    assert "left behind" in out
    assert "pw@" not in out
    (key,) = admin.keys()
    assert admin.hget(key, "holder_identity") == ""
    admin.acl_deluser("few")


def test_once_gives_up_where_writes_are_refused(server, admin, capfd):
    """Reads work, writes do not, as without replicas or with a full disk: 69 within two lease durations."""
    with configured(admin, min_replicas_to_write="1"):
        command = [sys.executable, "-m", "incumbent", "run", "--once", "--store", server.url, "--lease", "x"]
        ended = subprocess.run(
            [*command, "--lease-duration", "1", "--", "echo", "ran"], timeout=60, check=False
        )
    out, err = capfd.readouterr()
    assert (ended.returncode, out) == (69, "")
    assert "NOREPLICAS" in err.splitlines()[-1]


def test_a_policy_that_evicts_leases_is_refused(server, admin):
    """Where there is a limit. Other policies evict what has an expiry, which no lease has."""
    with configured(admin, maxmemory_policy="allkeys-lru"):
        open_store(server.url, lease="x").close()
        with configured(admin, maxmemory="1gb"):
            with pytest.raises(ConfigurationError, match="noeviction"):
                open_store(server.url, lease="x")
            for policy in ("noeviction", "volatile-lru"):
                admin.config_set("maxmemory-policy", policy)
                open_store(server.url, lease="x").close()


def test_something_else_at_the_key_and_a_database_that_there_is_not_are_refused(server, admin):
    """Waiting mends neither."""
    admin.set("incumbent:{x}", "text")
    with pytest.raises(ConfigurationError, match="WRONGTYPE"):
        open_store(server.url, lease="x")
    admin.delete("incumbent:{x}")
    with pytest.raises(ConfigurationError, match="DB index"):
        open_store(f"{server.url}/99", lease="x")


def test_a_server_that_does_not_answer_is_passed_over_in_time(server):
    """It is opened, and the first call says so."""
    began = time.monotonic()
    with server.frozen():
        store = open_store(server.url, lease="x")
    assert time.monotonic() - began < 8
    store.close()


@pytest.mark.parametrize(
    ("url", "match"),
    [
        ("redis://", "host"),
        ("redis://h:port", "host"),
        ("redis://h:0", "host"),
        ("redis://h,i", "several hosts"),
        ("redis://[::1", "is no URL"),
        ("redis://h/x", "number of a database"),
        ("redis://h/0/1", "number of a database"),
        ("redis://h?wait=some", "wait= that is no number"),
        ("redis://h?wait=1000", "wait= that is no number"),
        ("redis://h?prefx=a:", "number 1 of 1.*is it to be prefix"),
        ("redis://h/99999999999", "number of a database"),
        ("redis+unix://h/path", "names no socket"),
        ("redis+unix://", "names no socket"),
        ("unix:///path?db=x", "number of a database"),
        ("rediss+unix:///path", "no scheme known"),
        ("redis://h?wait=1&wait=2", "twice"),
        ("redis://h?socket_timeout=1", "there are only"),
        ("redis://h?ssl_ca_certs=/dev/null", "there are only"),
        ("rediss://h?ssl_ca_certs=/no/such.pem", "no such file"),
        ("redis+sentinel://h", "no service"),
        ("redis+cluster://h/1", "only database 0"),
        ("redis://u:secret/1@h", "%2F"),
        ("redis://u:secret?1@h", "%2F"),
        ("redis://u:secret#1@h", "%2F"),
    ],
)
def test_a_malformed_url_is_refused_without_telling_what_is_secret(url, match):
    """What is wrong, and what to do."""
    with pytest.raises(ConfigurationError, match=match) as caught:
        open_store(url, lease="x")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("who", ["", "default@"])
def test_the_password_may_be_where_redis_cli_finds_it(server, admin, who, monkeypatch):
    """What the URL says comes first."""
    monkeypatch.setenv("REDISCLI_AUTH", "right")
    url = f"redis://{who}127.0.0.1:{server.port}"
    with configured(admin, requirepass="right"):
        with closing(open_store(url, lease="x")) as store:
            assert "right" not in repr(vars(store))
        with pytest.raises(ConfigurationError, match="password"):
            open_store(server.url_of("default", "wrong"), lease="x")


@pytest.mark.parametrize("variable", ["REDISCLI_AUTH", "ETCDCTL_USER", "CONSUL_HTTP_TOKEN"])
def test_a_secret_that_can_be_none_is_refused_and_not_told(variable, monkeypatch):
    """It would end up in a header, or in a message of a client's."""
    monkeypatch.setenv(variable, "SECRET\nX: y")
    kind = {"R": "redis", "E": "etcd", "C": "consul"}[variable[0]]
    with pytest.raises(ConfigurationError, match=f"{variable} has control characters") as refused:
        open_store(f"{kind}://127.0.0.1:1", lease="x")
    assert "SECRET" not in "".join(traceback.format_exception(refused.value))


def test_no_credentials_are_told(server, admin, caplog):
    """In no message, log line or repr, whatever goes wrong."""
    caplog.set_level(logging.DEBUG)
    texts = []
    with configured(admin, requirepass="right"):
        with pytest.raises(ConfigurationError, match="password") as wrong:
            open_store(server.url_of("default", "hunter2%40"), lease="x")
        texts.append(str(wrong.value))
        for port in (server.port, free_port()):
            url = f"redis://default:hunter2%40@127.0.0.1:{port}"
            with closing(RedisStore(url, "x")) as store:
                watch = store.watch(lambda: None)
                for call in (
                    lambda: store.get_lease(timeout=1),
                    lambda: store.update_lease(PLAIN, "a@b", timeout=1),
                ):
                    with pytest.raises(StoreUnavailable) as caught:
                        call()
                    texts += [str(caught.value), repr(caught.value), repr(caught.value.__cause__)]
                texts += [
                    repr(store),
                    repr(store.server),
                    repr(vars(store)),
                    repr(vars(store._reach().nodes)),
                ]
                time.sleep(0.2)
                watch.close()
    assert "not listening" in caplog.text
    assert not [text for text in [*texts, caplog.text] if "hunter2" in text]


def test_a_server_that_quotes_what_it_does_not_know_tells_no_password(caplog):
    """Of a command that it does not know, a Redis quotes the arguments: AUTH may have another name."""

    class Renamed(SERVER):
        arguments = (*SERVER.arguments, "--rename-command", "AUTH", "LOGIN")

    with running(Renamed) as server:
        url = server.url_of("", "hunter2%40")
        with pytest.raises(ConfigurationError, match="unknown command") as refused:
            open_store(url, lease="x")
        with closing(RedisStore(url, "x")) as store, pytest.raises(StoreUnavailable) as caught:
            store.get_lease(timeout=1)
        for error in (refused.value, caught.value):
            text = "".join(traceback.format_exception(error))
            assert "unknown command" in text
            assert "hunter2" not in text
    assert "hunter2" not in caplog.text
