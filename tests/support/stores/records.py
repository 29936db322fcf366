"""Records as nobody would write them, and the judge of what is made of one."""

from __future__ import annotations

import os

from hypothesis import strategies as st

from incumbent.errors import CorruptLease
from incumbent.lease import StoredLease
from incumbent.testing.stores.machine import PLAIN

EXAMPLES = int(os.environ.get("INCUMBENT_EXAMPLES", "200"))
FIELDS = PLAIN.to_fields()
TIMES = st.sampled_from(
    [
        *("9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00+23:59", "2024-02-29", "24:00"),
        "2024-02-29T12:00:00.1+00:00",
    ]
)
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | TIMES | st.datetimes()
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner))
RECORDS = st.dictionaries(st.sampled_from([*FIELDS, "version", "life", "_id", "x"]), VALUES).map(
    lambda changes: {**FIELDS, "version": "v", "_id": "name", **changes}
)


def judged(read, record):
    """What reading it gives; what is said of it is short, and in one line."""
    said = ""
    try:
        found = read(record)
    except CorruptLease as error:
        found, said = None, str(error)
    assert found is None or isinstance(found, StoredLease)
    assert len(said) < 1000
    assert said.isprintable()
    return found


def as_bytes(value):
    """As it would be in a field of a hash in Redis."""
    return value if isinstance(value, bytes) else str(value).encode(errors="surrogatepass")
