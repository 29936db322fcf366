import logging

import pytest

from incumbent.runtime import pools


@pytest.fixture
def quiet():
    """Without the log, where a thousand calls that fail on purpose would be formatted."""
    logging.getLogger("incumbent").setLevel(logging.CRITICAL + 1)
    yield
    logging.getLogger("incumbent").setLevel(logging.NOTSET)


@pytest.fixture
def small_pools(monkeypatch):
    """Three threads fill a pool, so that its limit is met."""
    monkeypatch.setattr(pools, "THREADS_PER_POOL", 3)
