"""Whatever somebody has put in a lease's place in a real MongoDB is a lease or corrupt, and nothing else."""

from __future__ import annotations

from contextlib import closing

import bson
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from incumbent.errors import LeaseConflict
from incumbent.stores import open_store
from incumbent.testing.stores.machine import PLAIN
from support.servers import fixture_of
from support.servers.mongodb import SERVER
from support.stores.records import EXAMPLES, FIELDS, RECORDS, judged

server = fixture_of(SERVER)
OF_BSON = st.sampled_from(
    [
        *(bson.MinKey(), bson.ObjectId(), bson.Regex("("), bson.Code("x"), bson.Timestamp(1, 1)),
        *(bson.Decimal128("NaN"), bson.Int64(2**63 - 1), bson.Binary(b"x", 4), bson.DatetimeMS(2**62)),
    ]
)
DOCUMENTS = RECORDS | st.dictionaries(st.sampled_from([*FIELDS, "version"]), OF_BSON).map(
    lambda changes: {**FIELDS, "version": "v", **changes}
)
NOT_STORABLE = (bson.errors.BSONError, OverflowError, ValueError)
"""What the client does not even send, such as an integer of 65 bits."""


@pytest.fixture(scope="module")
def put(server):
    """Put a document there; the store of that lease."""
    with (
        closing(server.admin()) as admin,
        closing(open_store(server.url, lease="any")) as store,
    ):
        leases = admin.incumbent.incumbent_lease

        def put(document):
            try:
                bson.encode(document)
            except NOT_STORABLE:
                assume(False)
            leases.replace_one({"_id": "any"}, document, upsert=True)
            return store

        yield put
        leases.delete_one({"_id": "any"})


@settings(max_examples=EXAMPLES, deadline=None)
@given(document=DOCUMENTS)
def test_any_record(put, document):
    """And nobody creates one over it."""
    store = put({**document, "_id": "any"})
    judged(lambda _: store.get_lease(timeout=10), None)
    with pytest.raises(LeaseConflict):
        store.create_lease(PLAIN, timeout=10)
