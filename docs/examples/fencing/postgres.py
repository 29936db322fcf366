"""A register in PostgreSQL that refuses the writes of a leader whose term is over.

A leader that pauses between "am I the leader?" and its next write may write after its successor did. No lock
can prevent that; the written-to resource can: it keeps the largest fencing token that it has seen, and in one
atomic statement refuses any smaller one. Send `leadership.token` along with each write.

The same condition guards any table of yours: keep the token in the row that a leader writes, or in one row a
lease that each of its transactions updates first.
"""

from __future__ import annotations

from contextlib import suppress

import psycopg

CREATE = """
CREATE TABLE IF NOT EXISTS fenced_register (name text PRIMARY KEY, token bigint NOT NULL, value text NOT NULL)
"""
WRITE = """
INSERT INTO fenced_register (name, token, value) VALUES (%s, %s, %s)
ON CONFLICT (name) DO UPDATE SET token = excluded.token, value = excluded.value
WHERE fenced_register.token <= excluded.token
"""
READ = "SELECT token, value FROM fenced_register WHERE name = %s"


class Register:
    """One value, guarded by the largest token that ever wrote it."""

    def __init__(self, url: str, name: str) -> None:
        self.name = name
        self.connection = psycopg.connect(url, autocommit=True, connect_timeout=5, tcp_user_timeout=5000)
        with suppress(psycopg.errors.DuplicateTable, psycopg.errors.UniqueViolation):  # just made by another
            self.connection.execute(CREATE)

    def write(self, token: int, value: str) -> bool:
        """Write, unless a larger token was seen: then False."""
        return self.connection.execute(WRITE, (self.name, token, value)).rowcount == 1

    def read(self) -> tuple[int, str] | None:
        """The largest token seen and what it wrote."""
        return self.connection.execute(READ, (self.name,)).fetchone()

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()


def open_register(url: str, name: str) -> Register:
    """The register of that name in the database of a `postgresql://` URL; it is made on first use."""
    return Register(url, name)
