"""The settings of campaigns and observers: what is meant where nothing is said, and what no time is."""

import inspect

import pytest

from incumbent import Campaign, ConfigurationError, Observer
from incumbent.runtime import lifecycle, threads
from incumbent.stores.memory import MemoryStore

OF_A_CAMPAIGN = {
    "lease_duration": 15.0,
    "retry_period": 2.0,
    "jitter": 0.1,
    "takeover_delay": 0.0,
    "stop_timeout": 30.0,
    "release_on_cancel": True,
    "hold_for": 0.0,
}
OF_AN_OBSERVER = {"every": 2.0, "lease_duration": 15.0, "request_timeout": 5.0}
OF_A_RUN = {"once": False, "handle_signals": True}


@pytest.mark.parametrize(
    ("kind", "meant"), [(Campaign, OF_A_CAMPAIGN), (Observer, OF_AN_OBSERVER), (Campaign.run, OF_A_RUN)]
)
def test_what_is_meant_where_nothing_is_said(kind, meant):
    """A service that says nothing has the same lease after an update. All else is settled by these."""
    defaults = {name: each.default for name, each in inspect.signature(kind).parameters.items()}
    assert {
        name: said for name, said in defaults.items() if said not in {None, inspect.Parameter.empty}
    } == meant


def test_no_time_is_a_time(clock):
    """Work that is given none to end, and a term that holds nobody back."""
    with Campaign(
        MemoryStore(), clock=clock, stop_timeout=0, hold_for=0, takeover_delay=0, jitter=0
    ) as campaign:
        assert campaign.is_leader()


@pytest.mark.parametrize("name", ["stop_timeout", "hold_for"])
@pytest.mark.parametrize("value", [-1, "5", float("nan"), float("inf")])
def test_what_is_no_time_is_refused(name, value):
    with pytest.raises(ConfigurationError, match=name):
        Campaign(MemoryStore(), **{name: value})


def test_at_the_end_of_the_process_it_is_waited_for_as_long_as_it_may_take(clock, monkeypatch):
    """The work, then a request that is not answered; for all campaigns from the same instant."""
    campaign = Campaign(MemoryStore(), clock=clock, stop_timeout=7, request_timeout=3)
    runner = None
    with campaign:
        runner, waits = lifecycle.registry[campaign], []
        monkeypatch.setattr(threads, "monotonic", lambda: 104.0)
        monkeypatch.setattr(campaign._driver, "join", lambda timeout: waits.append(timeout) or False)
        assert runner.join(100.0) is False
        monkeypatch.undo()
        assert waits == [6.0]
    assert runner.join(0.0) is True


def test_one_that_nobody_would_stop_at_the_end_of_the_process_may_be_stopped(clock):
    """As after a second Ctrl-C, which takes it from those that are waited for."""
    campaign = Campaign(MemoryStore(), clock=clock)
    campaign.start()
    del lifecycle.registry[campaign]
    campaign.stop()
    assert campaign.state == "stopped"
    assert campaign not in lifecycle.registry
