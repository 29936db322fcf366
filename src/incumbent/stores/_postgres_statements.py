"""The statements that read and write leases, one by itself or many at once.

Many writes are one statement and one transaction: each row is compared with its own version, and what the
server says of each is its own. It locks no row that another transaction has locked, so that it waits for none
and two of them cannot wait for each other; a lease that was locked is left to be written by itself. So is
every lease if the statement fails, for one of them may be the reason.

Many creations are one statement, too. There is no way not to wait for another transaction that is about to
create the same record; all create in the order of names, so that no two wait for each other.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final, TypeAlias

from incumbent.errors import StoreUnavailable
from incumbent.stores._postgres_connection import Connection, Row, Statement
from incumbent.stores._postgres_server import CHANNEL, RECORDS, PostgresServer

TRUE: Final = b"\1"
"""What is true, in binary."""

_FIELDS: Final = (
    "holder_identity",
    "holder_session",
    "lease_duration",
    "acquire_time",
    "renew_time",
    "leader_transitions",
    "resign_requested_by",
    "version",
)
_COLUMNS: Final = ", ".join(_FIELDS)
SELECT: Final = f"SELECT {_COLUMNS} FROM incumbent_lease WHERE name = $1".encode()  # noqa: S608 - all ours
# Of a write: $1 is the name, $2 whether to tell of it, $3 the record as it is told. A payload of 8000 bytes
# would be an error: a record that is that long is not told. For each row the record goes before the name.
_TELL: Final = f"""(
    SELECT count(pg_notify('{RECORDS}', record)) FILTER (WHERE octet_length(record) < 8000)
        + count(pg_notify('{CHANNEL}', name))
    FROM told WHERE $2::boolean
)"""  # noqa: S608
_OUTCOME: Final = f"""
SELECT EXISTS (SELECT FROM told), EXISTS (SELECT FROM incumbent_lease WHERE name = $1), {_TELL}
"""  # noqa: S608
INSERT: Final = f"""
WITH told AS (
    INSERT INTO incumbent_lease (name, {_COLUMNS}) VALUES ($1, $4, $5, $6, $7, $8, $9, $10, $11)
    ON CONFLICT (name) DO NOTHING RETURNING name, $3::text AS record
) {_OUTCOME}
""".encode()  # noqa: S608
UPDATE: Final = f"""
WITH told AS (
    UPDATE incumbent_lease SET ({_COLUMNS}) = ($4, $5, $6, $7, $8, $9, $10, $11)
    WHERE name = $1 AND version = $12 RETURNING name, $3::text AS record
) {_OUTCOME}
""".encode()  # noqa: S608
DELETE: Final = f"""
WITH told AS (DELETE FROM incumbent_lease WHERE name = $1 RETURNING name, $3::text AS record) {_OUTCOME}
""".encode()  # noqa: S608

# The same parameters, each of them an array. A write is known by its new version: two may be of one lease.
_SELECT_MANY: Final = f"SELECT name, {_COLUMNS} FROM incumbent_lease WHERE name = ANY ($1::text[])".encode()  # noqa: S608
_INSERT_MANY: Final = f"""
WITH asked AS (
    SELECT * FROM unnest(
        $1::text[], $3::text[], $4::text[], $5::text[], $6::double precision[], $7::timestamptz[],
        $8::timestamptz[], $9::bigint[], $10::text[], $11::text[]
    ) AS asked (name, record, {_COLUMNS})
), done AS (
    INSERT INTO incumbent_lease (name, {_COLUMNS})
    SELECT name, {_COLUMNS} FROM asked ORDER BY name COLLATE "C"
    ON CONFLICT (name) DO NOTHING RETURNING name, version
), told AS (
    SELECT asked.name, record FROM asked JOIN done USING (version)
)
SELECT asked.version, done.name IS NOT NULL, true, true, {_TELL}
FROM asked LEFT JOIN done ON done.version = asked.version
""".encode()  # noqa: S608
_UPDATE_MANY: Final = f"""
WITH asked AS (
    SELECT * FROM unnest(
        $1::text[], $3::text[], $4::text[], $5::text[], $6::double precision[], $7::timestamptz[],
        $8::timestamptz[], $9::bigint[], $10::text[], $11::text[], $12::text[]
    ) AS asked (name, record, {_COLUMNS}, expected)
), free AS (
    SELECT name FROM incumbent_lease WHERE name = ANY ($1::text[]) FOR NO KEY UPDATE SKIP LOCKED
), done AS (
    UPDATE incumbent_lease AS kept SET ({_COLUMNS}) = ({", ".join(f"asked.{field}" for field in _FIELDS)})
    FROM asked JOIN free USING (name)
    WHERE kept.name = asked.name AND kept.version = asked.expected
    RETURNING kept.name, kept.version
), told AS (
    SELECT asked.name, record FROM asked JOIN done USING (version)
)
SELECT
    asked.version, done.name IS NOT NULL, there.name IS NOT NULL, free.name IS NOT NULL, {_TELL}
FROM asked
LEFT JOIN done ON done.version = asked.version
LEFT JOIN free ON free.name = asked.name
LEFT JOIN incumbent_lease AS there ON there.name = asked.name
""".encode()  # noqa: S608
_VERSION: Final = 10
"""The place of the new version among the values of a write."""

_Values: TypeAlias = Sequence[Sequence["bytes | None"]]


def query_together(server: PostgresServer, asked: Sequence[tuple[Statement, float]]) -> list[object]:
    """Make reads in one statement, creations in another, and replacements in a third.

    Args:
        server: Where.
        asked: `SELECT`, `INSERT` and `UPDATE`, with their deadlines.

    Returns:
        The rows of each; or the exception that it would raise; or None if it has to be made by itself.
    """
    answers: list[object] = [None] * len(asked)
    for sql, many in (
        (SELECT, _read),
        (INSERT, partial(_write, _INSERT_MANY)),
        (UPDATE, partial(_write, _UPDATE_MANY)),
    ):
        places = [place for place, (statement, _) in enumerate(asked) if statement.sql is sql]
        if places:
            found = _query(server, [asked[place] for place in places], many)
            for place, answer in zip(places, found, strict=True):
                answers[place] = answer
    return answers


def _query(
    server: PostgresServer,
    asked: Sequence[tuple[Statement, float]],
    many: Callable[[Connection, _Values, float], list[object]],
) -> list[object]:
    deadline = max(until for _, until in asked)
    late = StoreUnavailable(f"{server.shown}: no time was left to send it", outcome_unknown=False)
    answers, sent = list[object]([late]) * len(asked), list[int]()
    try:
        with server.connected(deadline) as connection:
            now = time.monotonic()
            sent = [place for place, (_, until) in enumerate(asked) if until > now]
            values = [asked[place][0].values for place in sent]
            found = many(connection, values, deadline) if sent else []
    except StoreUnavailable as error:
        if not sent:
            return [error] * len(asked)
        found = [error if error.outcome_unknown else None] * len(sent)
    for place, answer in zip(sent, found, strict=True):
        answers[place] = answer
    return answers


def _read(connection: Connection, values: _Values, deadline: float) -> list[object]:
    names = [name for (name,) in values]
    rows = connection.query(_SELECT_MANY, [_array(names)], deadline=deadline)
    found = {name: row for name, *row in rows}
    return [[found[name]] if name in found else [] for name in names]


def _write(sql: bytes, connection: Connection, values: _Values, deadline: float) -> list[object]:
    names, (tells, *_), *columns = zip(*values, strict=True)
    arrays = [_array(names), tells, *map(_array, columns)]
    rows = connection.query(sql, arrays, deadline=deadline)
    found = {version: outcome for version, *outcome in rows}
    return [_written(found[version]) for version in columns[_VERSION - 2]]


def _written(outcome: Row) -> list[Row] | None:
    """As `INSERT` and `UPDATE` answer; None for a record that is there, but was locked."""
    was_done, was_there, was_free, told = outcome
    return None if was_there == TRUE != was_free else [[was_done, was_there, told]]


def _array(values: Iterable[bytes | None]) -> bytes:
    """An array of texts, as text."""
    return b"{" + b",".join(map(_element, values)) + b"}"


def _element(value: bytes | None) -> bytes:
    if value is None:
        return b"NULL"
    return b'"' + value.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


__all__ = ["DELETE", "INSERT", "SELECT", "TRUE", "UPDATE", "query_together"]
