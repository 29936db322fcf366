"""What a watch on Redis or PostgreSQL is told by older versions, and by strangers; and what those hear."""

from __future__ import annotations

import json
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from queue import Queue

import psycopg
import pytest

from incumbent import open_store
from incumbent.errors import StoreUnavailable
from incumbent.store import Call
from incumbent.stores._server import to_json
from incumbent.testing.stores.machine import PLAIN
from support.servers import running
from support.servers.postgres import SERVER as POSTGRES
from support.servers.redis import SERVER as REDIS
from support.servers.redis import configured

CHANNEL = "incumbent:{x}"
LONG = replace(PLAIN, holder_identity="ü" * 30_000)


@pytest.fixture(scope="module")
def redis():
    with running(REDIS) as server:
        yield server


@pytest.fixture(scope="module")
def postgres():
    with running(POSTGRES) as server:
        yield server


@contextmanager
def watched(url):
    """A store with its record, and what a watch on it is told from now on."""
    told = Queue()
    with closing(open_store(url, lease="x")) as store, closing(store.watch_lease(told.put)):
        assert told.get(timeout=10) is None  # it is connected
        store.create_lease(PLAIN, timeout=5)
        try:
            assert told.get(timeout=10) == store.get_lease(timeout=5)
            yield store, told
        finally:
            store.delete_lease()


def renewed(store, lease=PLAIN):
    store.update_lease(lease, store.get_lease(timeout=5).version, timeout=5)
    return store.get_lease(timeout=5)


def assert_only_renewals_are_told(store, told, others):
    """Each of the others is told without a record, and what is told after it is not mixed up with it."""
    for other in others:
        other()
        assert told.get(timeout=10) is None
        latest = renewed(store)
        assert told.get(timeout=10) == latest
    assert told.empty()


def test_redis_older_versions_and_strangers_tell_no_record(redis):
    """Older versions publish nothing but that there was a write; and anybody may publish anything."""
    messages = [
        "",
        "x",
        "\0",
        "db\0000",
        "db\0000\0life\0a",
        "db\0000\0life\0a\0version\0b",
        b"\xff\0db\0000",
    ]
    with watched(redis.url) as (store, told), redis.admin() as admin:
        connection = listening(admin)
        assert_only_renewals_are_told(
            store, told, [partial(admin.publish, CHANNEL, message) for message in messages]
        )
        assert listening(admin) == connection, "a message cost the connection"


def listening(admin):
    return [client["id"] for client in admin.client_list() if client["sub"] != "0"]


def test_redis_older_versions_hear_of_each_write(redis):
    """They take any message on the channel of that lease for a write."""
    with watched(redis.url) as (store, _), redis.admin() as admin, admin.pubsub() as older:
        older.subscribe(CHANNEL)
        assert older.get_message(timeout=10)["type"] == "subscribe"
        for _ in range(3):
            renewed(store)
            message = older.get_message(timeout=10)
            assert (message["type"], message["channel"]) == ("message", CHANNEL)


def test_redis_a_lease_of_that_name_in_another_database_is_another(redis):
    """All databases of a server share their channels, and are of one life."""
    with closing(open_store(f"{redis.url}/1", lease="x")) as other, watched(redis.url) as (store, told):
        create = partial(other.create_lease, PLAIN, timeout=5)
        assert_only_renewals_are_told(store, told, [create, lambda: renewed(other), other.delete_lease])


def test_redis_tells_a_record_however_long_it_is(redis):
    with watched(redis.url) as (store, told):
        latest = renewed(store, LONG)
        assert told.get(timeout=10) == latest


@pytest.mark.parametrize("settings", [{"maxmemory": "1"}, {"min_replicas_to_write": "1"}])
def test_redis_tells_no_record_that_it_refused_to_write(redis, settings):
    """Or followers wait for a leader whose renewals all fail, and then name a version that never was."""
    with watched(redis.url) as (store, told), redis.admin() as admin:
        with configured(admin, **settings), pytest.raises(StoreUnavailable):
            renewed(store)
        latest = renewed(store)
        assert told.get(timeout=10) == latest


def test_redis_writes_although_it_may_not_tell(redis):
    """The permission was taken away since the store was opened: a leader still renews, certainly."""
    with redis.admin() as admin, watched(redis.url) as (store, told):
        admin.acl_setuser("writer", enabled=True, nopass=True, keys="*", channels="*", categories=["+@all"])
        with closing(open_store(redis.url_of("writer", "x"), lease="x")) as writer:
            assert told.get(timeout=10) is None  # opening tries whether it may
            admin.acl_setuser("writer", channels=None, reset_channels=True)
            latest = renewed(writer)
        assert store.get_lease(timeout=5) == latest
        assert told.empty()


def notify(connection, *notifications):
    with connection.transaction():
        for channel, payload in notifications:
            connection.execute("SELECT pg_notify(%s, %s)", (channel, payload))


def test_postgres_older_versions_and_strangers_tell_no_record(postgres):
    """Older versions notify the name alone; and whoever may connect may notify anything."""
    other = {"name": "y", "version": "a", **PLAIN.to_fields()}
    records = ["", "x", "[]", "{}", json.dumps(other), json.dumps({**other, "name": "x", "version": 1})]
    name = ("incumbent_lease", "x")
    with (
        watched(postgres.url) as (store, told),
        psycopg.connect(postgres.url, autocommit=True) as one,
        psycopg.connect(postgres.url, autocommit=True) as two,
    ):

        def record_and_name_of_two():
            notify(one, ("incumbent_lease_record", json.dumps({**other, "name": "x"})))
            notify(two, name)

        assert_only_renewals_are_told(
            store,
            told,
            [
                lambda: notify(one, name),
                *(partial(notify, one, ("incumbent_lease_record", record), name) for record in records),
                record_and_name_of_two,
                lambda: notify(one, name),
            ],
        )


def test_postgres_older_versions_hear_the_name_at_each_write(postgres):
    """On the channel that they know, once, and nothing else: by itself, among many, and at the deletion."""
    with psycopg.connect(postgres.url, autocommit=True) as older:
        older.execute("LISTEN incumbent_lease")
        with watched(postgres.url) as (store, _):
            latest = renewed(store, LONG)
            call = Call(store, "update_lease", (PLAIN, latest.version), 5)
            assert store.call_together([call]) != [None]
        heard = [each.payload for each in older.notifies(timeout=1)]
    assert heard == ["x"] * 4


def test_postgres_a_record_that_no_notification_can_hold_is_written_and_not_told(postgres):
    """7999 bytes are the most that one takes."""
    with watched(postgres.url) as (store, told):
        renewed(store, LONG)
        assert told.get(timeout=10) is None
        without = len(to_json(replace(PLAIN, holder_identity=""), name="x", version="v" * 32))
        for length in (7999, 8000, 7999):
            latest = renewed(store, replace(PLAIN, holder_identity="a" * (length - without)))
            assert told.get(timeout=10) == (latest if length < 8000 else None)
