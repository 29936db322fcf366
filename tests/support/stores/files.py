"""What the tests of SQLite files share."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timezone

import pytest

from incumbent.errors import StoreUnavailable
from incumbent.lease import Lease

NOON = datetime(2024, 2, 29, 12, tzinfo=timezone.utc)
LEASE = Lease("a", "s", 15.0, NOON, NOON, 1)
LONG = replace(LEASE, holder_identity="x" * 50_000)


def raw(path):
    """A connection of another program; any thread may use it."""
    return closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False))


def unavailable(call):
    """The failure of a call that must fail."""
    with pytest.raises(StoreUnavailable) as caught:
        call()
    return caught.value
