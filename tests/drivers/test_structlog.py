"""What structlog makes of the log of a campaign, set up as it says for the standard library."""

from __future__ import annotations

import io
import json
import logging

import pytest
import structlog

from incumbent import Campaign, StoreUnavailable
from incumbent.stores.memory import MemoryStore
from support.driving import RemoteStore, settle

ALWAYS = {"lease", "identity", "state", "token", "leader"}


@pytest.fixture
def events():
    """What was logged under `incumbent` since, as dictionaries."""
    shared = [structlog.stdlib.add_log_level, structlog.stdlib.ExtraAdder()]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.dict_tracebacks,
            structlog.processors.JSONRenderer(),
        ],
    )
    handler, logger = logging.StreamHandler(io.StringIO()), logging.getLogger("incumbent")
    handler.setFormatter(formatter)
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield lambda: [json.loads(line) for line in handler.stream.getvalue().splitlines()]
    logger.removeHandler(handler)
    logger.setLevel(level)


def test_fields_arrive_as_fields_each_of_its_own_type(events, clock):
    with Campaign(MemoryStore("reports"), identity="anna", clock=clock) as campaign:
        assert campaign.is_leader()
    told = events()
    assert [(event["trigger"], event["source"], event["state"]) for event in told] == [
        ("campaign", "follower", "candidate"),
        ("win", "candidate", "leader"),
        ("stop", "leader", "stopped"),
    ]
    assert all(event.keys() >= ALWAYS | {"reason"} for event in told)
    won = told[1]
    assert {name: won[name] for name in ALWAYS} == {
        "lease": "reports",
        "identity": "anna",
        "state": "leader",
        "token": 1,
        "leader": "anna",
    }
    assert won["event"].startswith("reports: candidate -> leader: ")


def test_trouble_has_a_reason_and_a_failure_its_traceback(events, clock):
    store = RemoteStore()

    def away(*_, **__):
        raise StoreUnavailable("gone fishing")

    def work(_):
        raise ZeroDivisionError("a slip")

    with Campaign(store, clock=clock, on_started_leading=work) as campaign:
        settle(campaign)
        clock.advance(5)
        store.get_lease = store.update_lease = away
        clock.advance(20)
        settle(campaign)
    [trouble, *_] = [event for event in events() if event["level"] == "warning"]
    assert "gone fishing" in trouble["reason"]
    [failure, *_] = [event for event in events() if event["level"] == "error"]
    assert failure.keys() >= ALWAYS
    assert failure["exception"][0]["exc_value"] == "a slip"
