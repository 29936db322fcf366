"""A real Redis for the tests: without persistence, unless its arguments say otherwise."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import redis

from incumbent.errors import StoreUnavailable
from support.servers import Server, find_binary, running


class RedisServer(Server):
    """One server. A subclass gives it other arguments, such as a file to keep or a master to follow.

    `INCUMBENT_TEST_REDIS_BINARY=valkey-server` has every test of the Redis store on Valkey.
    """

    name = "redis"
    binary = os.environ.get("INCUMBENT_TEST_REDIS_BINARY", "redis-server")
    install = "apt-get install redis-server"
    arguments: tuple[str, ...] = ("--save", "", "--appendonly", "no")

    def command(self) -> list[str]:
        """See `Server`."""
        where = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.directory)]
        return [find_binary(self.binary), *where, *self.arguments]

    def answers(self) -> bool:
        """See `Server`."""
        with self.admin() as admin:
            return admin.ping()

    def url_at(self, port: int) -> str:
        """See `Server`."""
        return f"redis://127.0.0.1:{port}"

    def admin(self) -> redis.Redis:
        """A client of its own, for what operators do."""
        return redis.Redis.from_url(self.url, decode_responses=True)

    def await_replica(self) -> None:
        """Wait until a replica has all that this server has."""
        with self.admin() as admin:
            admin.ping()  # WAIT is for what came before the last command of the same connection
            assert admin.wait(1, 10_000) >= 1

    def url_of(self, username: str, password: str) -> str:
        """The URL by which that user logs in."""
        return self.url.replace("redis://", f"redis://{username}:{password}@")


@contextmanager
def configured(admin: redis.Redis, **settings: str) -> Iterator[None]:
    """So configured for a while."""
    settings = {name.replace("_", "-"): value for name, value in settings.items()}
    before = {name: admin.config_get(name)[name] for name in settings}
    try:
        for name, value in settings.items():
            admin.config_set(name, value)
        yield
    finally:
        for name, value in before.items():
            admin.config_set(name, value)


def eventually(do: Callable[[], Any], seconds: float = 30) -> Any:
    """What it returns, once it does."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with suppress(StoreUnavailable, AssertionError):
            return do()
        time.sleep(0.05)
    return do()


def true(condition: object) -> object:
    """It, if it is true."""
    assert condition
    return condition


SERVER = RedisServer


@contextmanager
def with_replica(master: RedisServer) -> Iterator[RedisServer]:
    """A replica that has all that the master has."""

    class Replica(SERVER):
        arguments = (*SERVER.arguments, "--replicaof", "127.0.0.1", str(master.port))

    with master.admin() as admin:
        admin.config_set("repl-diskless-sync-delay", "0")
    with running(Replica) as replica:
        with replica.admin() as admin:
            while admin.info("replication")["master_link_status"] != "up":
                time.sleep(0.02)
        yield replica
