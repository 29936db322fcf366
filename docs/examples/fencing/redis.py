"""A register in Redis that refuses the writes of a leader whose term is over.

A leader that pauses between "am I the leader?" and its next write may write after its successor did. No lock
can prevent that; the written-to resource can: it keeps the largest fencing token that it has seen, and in one
atomic step refuses any smaller one. Send `leadership.token` along with each write.

A script is one step for Redis. Its numbers are doubles, which do not hold every token, so tokens are compared
as they are written: the longer one is larger, and of two equally long ones the one that sorts later.

Redis must keep the register: with an append-only file that is synced at each write. A register that forgets
the largest token accepts a smaller one.
"""

from __future__ import annotations

import redis

WRITE = """
local token, seen = ARGV[1], redis.call('HGET', KEYS[1], 'token')
if seen and (#token < #seen or (#token == #seen and token < seen)) then return 0 end
redis.call('HSET', KEYS[1], 'token', token, 'value', ARGV[2])
return 1
"""


class Register:
    """One value, guarded by the largest token that ever wrote it."""

    def __init__(self, url: str, name: str) -> None:
        self.key = f"register:{name}"
        self.client = redis.Redis.from_url(url, decode_responses=True, socket_timeout=5.0)
        self.script = self.client.register_script(WRITE)

    def write(self, token: int, value: str) -> bool:
        """Write, unless a larger token was seen: then False."""
        return self.script(keys=[self.key], args=[token, value]) == 1

    def read(self) -> tuple[int, str] | None:
        """The largest token seen and what it wrote."""
        token, value = self.client.hmget(self.key, "token", "value")
        return None if token is None else (int(token), value)

    def close(self) -> None:
        """Close the connections."""
        self.client.close()


def open_register(url: str, name: str) -> Register:
    """The register of that name at a `redis://` URL; it is made by the first write."""
    return Register(url, name)
