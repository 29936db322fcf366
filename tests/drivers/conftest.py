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


@pytest.fixture(autouse=True)
def _no_action_has_failed(caplog):
    """Nor did the thread of all campaigns have to go on after a defect, which it does with a line."""
    yield
    assert "an action of the scheduler failed" not in [
        line.getMessage() for line in caplog.get_records("call")
    ]
