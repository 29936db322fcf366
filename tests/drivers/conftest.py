import pytest

from incumbent.testing.clock import FakeClock
from support.driving import eventually, library_threads
from support.port import Port


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def port():
    return Port()


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    """Every test of a driver ends without a thread of the library's."""
    before = library_threads()
    yield
    eventually(lambda: len(library_threads()) <= len(before))
