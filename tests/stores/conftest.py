from __future__ import annotations

from contextlib import closing

import pytest

from incumbent.stores.sqlite import SqliteStore


@pytest.fixture
def path(tmp_path):
    return tmp_path / "leases.db"


@pytest.fixture
def store(path):
    with closing(SqliteStore(str(path), "x")) as store:
        yield store
