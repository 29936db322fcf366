"""Whatever somebody has put at a lease's key of a real Redis is a lease or corrupt, and nothing else."""

from __future__ import annotations

from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from incumbent.errors import LeaseConflict
from incumbent.stores.redis import RedisStore
from incumbent.testing.stores.machine import PLAIN
from support.servers import fixture_of
from support.servers.redis import SERVER
from support.stores.records import EXAMPLES, RECORDS, as_bytes, judged

server = fixture_of(SERVER)
KEY = "incumbent:{any}"
HASHES = RECORDS.map(lambda record: {name: as_bytes(value) for name, value in record.items()})
OTHERS = (
    st.text() | st.binary() | st.lists(st.binary(), min_size=1) | st.dictionaries(st.binary(), st.binary())
)


@pytest.fixture(scope="module")
def put(server):
    """Put something at the key; the store of that lease."""
    with server.admin() as admin, closing(RedisStore(server.url, "any")) as store:

        def put(found):
            with admin.pipeline() as pipeline:
                pipeline.delete(KEY)
                if isinstance(found, dict) and found:
                    pipeline.hset(KEY, mapping=found)
                elif isinstance(found, list):
                    pipeline.rpush(KEY, *found)
                else:
                    pipeline.set(KEY, "" if isinstance(found, dict) else as_bytes(found))
                pipeline.execute()
            return store

        yield put
        admin.delete(KEY)


@settings(max_examples=EXAMPLES, deadline=None)
@given(found=HASHES | OTHERS)
def test_any_record(put, found):
    """And nobody creates one over it."""
    store = put(found)
    judged(lambda _: store.get_lease(timeout=10), None)
    with pytest.raises(LeaseConflict):
        store.create_lease(PLAIN, timeout=10)
