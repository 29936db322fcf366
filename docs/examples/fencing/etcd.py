"""A register in etcd that refuses the writes of a leader whose term is over.

A leader that pauses between "am I the leader?" and its next write may write after its successor did. No lock
can prevent that; the written-to resource can: it keeps the largest fencing token that it has seen and refuses
any smaller. Read the register with its revision; if its token is larger than yours, your term is over; else
replace it in a transaction that fails if the revision is another by then, and look again.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode

import httpcore

TIMEOUT = {"connect": 5.0, "read": 5.0, "write": 5.0, "pool": 5.0}


class Register:
    """One value, guarded by the largest token that ever wrote it."""

    def __init__(self, endpoint: str, name: str) -> None:
        self.endpoint = endpoint
        self.key = b64encode(f"register/{name}".encode()).decode()
        self.connections = httpcore.ConnectionPool()

    def write(self, token: int, value: str) -> bool:
        """Write, unless a larger token was seen: then False."""
        while True:
            revision, found = self.look()
            if found is not None and found[0] > token:
                return False
            content = b64encode(json.dumps([token, value]).encode()).decode()
            unchanged = {"key": self.key, "target": "MOD", "result": "EQUAL", "mod_revision": revision}
            put = {"request_put": {"key": self.key, "value": content}}
            if self.ask("/v3/kv/txn", {"compare": [unchanged], "success": [put]}).get("succeeded"):
                return True

    def read(self) -> tuple[int, str] | None:
        """The largest token seen and what it wrote."""
        return self.look()[1]

    def look(self) -> tuple[str, tuple[int, str] | None]:
        """The register's revision and what is in it."""
        for record in self.ask("/v3/kv/range", {"key": self.key}).get("kvs", []):
            token, value = json.loads(b64decode(record["value"]))
            return record["mod_revision"], (token, value)
        return "0", None

    def ask(self, path: str, body: dict) -> dict:
        """One call of etcd's JSON gateway."""
        url, content = self.endpoint + path, json.dumps(body).encode()
        reply = self.connections.request("POST", url, content=content, extensions={"timeout": TIMEOUT})
        if reply.status != 200:
            raise OSError(f"etcd answers {reply.status}: {reply.content!r}")
        return json.loads(reply.content)

    def close(self) -> None:
        """Close the connections."""
        self.connections.close()


def open_register(url: str, name: str) -> Register:
    """The register of that name at an `etcd://host:port` URL; it is made on first use."""
    return Register("http://" + url.removeprefix("etcd://").rstrip("/"), name)
