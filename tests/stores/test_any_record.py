"""A record of any content ends as a lease or as `CorruptLease`, in every store, and as no other exception."""

from __future__ import annotations

import json
import struct
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from incumbent.errors import CorruptLease
from incumbent.lease import StoredLease
from incumbent.stores import sqlite
from incumbent.stores._server import from_json, to_json
from incumbent.testing.stores.machine import PLAIN
from support.stores.records import EXAMPLES, FIELDS, RECORDS, SCALARS, as_bytes, judged


def test_the_judge_lets_a_lease_through():
    assert judged(redis_record, {**FIELDS, "version": "v"}).lease == PLAIN


def redis_record(record):
    redis = pytest.importorskip("incumbent.stores.redis")
    return redis._stored({name.encode(): as_bytes(value) for name, value in record.items()}, "life")


@settings(max_examples=EXAMPLES)
@given(RECORDS)
def test_redis(record):
    judged(redis_record, record)


@settings(max_examples=EXAMPLES)
@given(RECORDS)
def test_mongodb(record):
    judged(pytest.importorskip("incumbent.stores.mongodb").stored_in, record)


@settings(max_examples=EXAMPLES)
@given(st.tuples(*[SCALARS] * 8) | RECORDS.map(lambda record: (*map(record.get, FIELDS), record["version"])))
def test_sqlite(row):
    judged(sqlite._stored, row)


@settings(max_examples=EXAMPLES)
@given(st.data())
def test_postgres(data):
    """Of the types of the columns, which are looked at on opening."""
    postgres = pytest.importorskip("incumbent.stores.postgres")
    text = st.text().map(str.encode) | st.binary(max_size=20) | st.none()
    whole = (st.integers(-(2**63), 2**63 - 1) | st.sampled_from([2**63 - 1, -(2**63)])).map(
        lambda value: struct.pack("!q", value)
    )
    double = st.floats().map(lambda value: struct.pack("!d", value))
    row = data.draw(st.tuples(text, text, double, whole, whole, whole, text, text))
    judged(postgres._stored, list(row))


MUTATIONS = st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=3), st.integers(0, 5)), max_size=4)


def mutated(changes):
    text = to_json(PLAIN).encode()
    for at, inserted, deleted in changes:
        text = text[:at] + inserted + text[at + deleted :]
    return text


@settings(max_examples=EXAMPLES)
@given(
    MUTATIONS.map(mutated)
    | st.binary()
    | RECORDS.map(lambda record: json.dumps(record, default=str))
    | st.integers(1, 50_000).map(lambda depth: "[" * depth)
)
def test_etcd_and_consul(text):
    with suppress(CorruptLease):
        StoredLease(from_json(text), 1)
