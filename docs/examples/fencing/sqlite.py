"""A register in SQLite that refuses the writes of a leader whose term is over.

A leader that pauses between "am I the leader?" and its next write may write after its successor did. No lock
can prevent that; the written-to resource can: it keeps the largest fencing token that it has seen, and in one
atomic step refuses any smaller one. Send `leadership.token` along with each write.
"""

from __future__ import annotations

import sqlite3

CREATE = (
    "CREATE TABLE IF NOT EXISTS register (name TEXT PRIMARY KEY, token INTEGER NOT NULL, value TEXT NOT NULL)"
)
WRITE = """
INSERT INTO register (name, token, value) VALUES (?, ?, ?)
ON CONFLICT (name) DO UPDATE SET token = excluded.token, value = excluded.value
WHERE register.token <= excluded.token
"""
READ = "SELECT token, value FROM register WHERE name = ?"


class Register:
    """One value, guarded by the largest token that ever wrote it."""

    def __init__(self, path: str, name: str) -> None:
        self.name = name
        self.connection = sqlite3.connect(path, timeout=5.0, isolation_level=None, check_same_thread=False)
        self.connection.execute(CREATE)

    def write(self, token: int, value: str) -> bool:
        """Write, unless a larger token was seen: then False."""
        return self.connection.execute(WRITE, (self.name, token, value)).rowcount == 1

    def read(self) -> tuple[int, str] | None:
        """The largest token seen and what it wrote."""
        row = self.connection.execute(READ, (self.name,)).fetchone()
        return None if row is None else (row[0], row[1])

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()


def open_register(url: str, name: str) -> Register:
    """The register of that name in the file of a `sqlite:///` URL; it is made on first use."""
    return Register(url.removeprefix("sqlite:///"), name)
