"""A register in Consul that refuses the writes of a leader whose term is over.

A leader that pauses between "am I the leader?" and its next write may write after its successor did. No lock
can prevent that; the written-to resource can: it keeps the largest fencing token that it has seen and refuses
any smaller. Read the register with its index; if its token is larger than yours, your term is over; else
replace it by a check-and-set that fails if the index is another by then, and look again.
"""

from __future__ import annotations

import json
from base64 import b64decode
from urllib.parse import quote

import httpcore

TIMEOUT = {"connect": 5.0, "read": 5.0, "write": 5.0, "pool": 5.0}


class Register:
    """One value, guarded by the largest token that ever wrote it."""

    def __init__(self, endpoint: str, name: str) -> None:
        self.url = f"{endpoint}/v1/kv/register/{quote(name, safe='')}"
        self.connections = httpcore.ConnectionPool()

    def write(self, token: int, value: str) -> bool:
        """Write, unless a larger token was seen: then False."""
        while True:
            index, found = self.look()
            if found is not None and found[0] > token:
                return False
            if self.ask("PUT", f"?cas={index}", json.dumps([token, value]).encode()) is True:
                return True

    def read(self) -> tuple[int, str] | None:
        """The largest token seen and what it wrote."""
        return self.look()[1]

    def look(self) -> tuple[int, tuple[int, str] | None]:
        """The register's index and what is in it."""
        for record in self.ask("GET", "?consistent") or ():
            token, value = json.loads(b64decode(record["Value"]))
            return record["ModifyIndex"], (token, value)
        return 0, None

    def ask(self, method: str, query: str, content: bytes | None = None) -> object:
        """One call of Consul's HTTP API; None for a key that is missing."""
        reply = self.connections.request(
            method, self.url + query, content=content, extensions={"timeout": TIMEOUT}
        )
        if reply.status not in {200, 404}:
            raise OSError(f"Consul answers {reply.status}: {reply.content!r}")
        return json.loads(reply.content) if reply.status == 200 else None

    def close(self) -> None:
        """Close the connections."""
        self.connections.close()


def open_register(url: str, name: str) -> Register:
    """The register of that name at a `consul://host:port` URL; it is made on first use."""
    return Register("http://" + url.removeprefix("consul://").rstrip("/"), name)
