"""Work whose call runs nothing is refused at the door."""

from functools import partial

import pytest

from incumbent import Campaign, ConfigurationError
from incumbent.stores.memory import MemoryStore
from support.driving import eventually


async def coroutine(*_):
    pass


def generator(*_):
    yield


async def asynchronous_generator(*_):
    yield


class Called:
    async def __call__(self, *_):
        pass


class Bound:
    async def work(self, *_):
        pass


CREATORS = (
    *(coroutine, generator, asynchronous_generator),
    *(partial(coroutine, 1), partial(partial(coroutine, 1), 2), Called(), partial(Called(), 1), Bound().work),
)
CALLBACKS = ("on_started_leading", "on_stopped_leading", "on_new_leader", "report_metric")


@pytest.mark.parametrize("name", CALLBACKS)
@pytest.mark.parametrize("callback", CREATORS)
def test_a_callback_whose_call_only_creates_something_is_refused(name, callback):
    """Nobody would await or iterate it: the term would end at once, and the work never run."""
    with pytest.raises(ConfigurationError, match=f"{name} is .* nobody runs; give a plain"):
        Campaign(MemoryStore(), **{name: callback})


def test_work_that_returns_a_coroutine_has_failed(clock, caplog):
    """No signature tells: the term ends, and the log says why."""
    with Campaign(MemoryStore(), clock=clock, on_started_leading=lambda _: coroutine()):
        eventually(lambda: "it returned a coroutine" in caplog.text)
    assert "incumbent.aio.Campaign" in caplog.text


def test_asynchronous_work_is_told_where_to_go():
    with pytest.raises(ConfigurationError, match=r"incumbent\.aio\.Campaign"):
        Campaign(MemoryStore(), on_started_leading=coroutine)


@pytest.mark.parametrize("callback", [print, partial(print, 1), [].append, lambda *_: None, Campaign])
def test_what_is_called_and_runs_is_taken(callback):
    Campaign(MemoryStore(), on_started_leading=callback)
