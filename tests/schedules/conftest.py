import logging

import pytest


@pytest.fixture
def quiet():
    """Without the log, where a thousand calls that fail on purpose would be formatted."""
    logging.getLogger("incumbent").setLevel(logging.CRITICAL + 1)
    yield
    logging.getLogger("incumbent").setLevel(logging.NOTSET)
