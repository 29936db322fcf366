"""What cannot be what it is given for is refused at the door, with an error that says so and no secret."""

from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import replace

import pytest

from incumbent import Campaign, ConfigurationError, Observer, StoreGuarantees, aio
from incumbent.stores.memory import MemoryStore

SECRET = "s3kr3t"
URL = f"redis://admin:{SECRET}@host"
NO_TIMES = [float("nan"), float("inf"), 10**400, "5", b"5", [], object(), True, "x" * 100_000]
KINDS = [Campaign, aio.Campaign, Observer]


class Broken:
    """Even its repr fails."""

    def __repr__(self):
        raise RuntimeError("no repr")


@pytest.fixture
def store():
    with closing(MemoryStore("x")) as store:
        yield store


def refusal(call, *arguments, **options):
    """One line, not too long, without what is secret."""
    with pytest.raises(ConfigurationError) as caught:
        call(*arguments, **options)
    said = str(caught.value)
    assert said.isprintable()
    assert len(said) < 400
    assert SECRET not in said
    return said


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("store", [URL, URL.encode(), [URL], {"url": URL}, "x" * 100_000, Broken(), None])
def test_a_url_is_no_store(kind, store):
    """The mistake that is made first: what stands in it is not for a log."""
    assert "open_store(url, lease=...)" in refusal(kind, store)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "guarantees",
    [
        None,
        {"durable": True},
        replace(StoreGuarantees(), durable="no"),
        replace(StoreGuarantees(), can_watch=1),
        replace(StoreGuarantees(), is_local=None),
        replace(StoreGuarantees(), resolution=float("nan")),
        replace(StoreGuarantees(), resolution=-1),
    ],
)
def test_a_store_promises_what_is_known(kind, guarantees):
    """The election rests on it, and the text "no" counts as true."""

    class Promising(MemoryStore):
        pass

    Promising.guarantees = guarantees
    refusal(kind, Promising("x"))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("clock", [0, 12.5, "utc", object(), Broken()])
def test_a_clock_is_one(kind, store, clock):
    assert "give a Clock" in refusal(kind, store, clock=clock)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rng", 7),
        ("rng", "x"),
        ("release_on_cancel", "false"),
        ("release_on_cancel", 0),
        ("release_on_cancel", None),
    ],
)
def test_a_campaign_is_given_what_it_asks_for(store, name, value):
    assert refusal(Campaign, store, **{name: value}).startswith(f"{name} is ")


@pytest.mark.parametrize("call", [7, "print", Broken(), "x" * 100_000])
def test_a_callback_can_be_called(store, call):
    refusal(Observer, store, on_change=call)
    refusal(Campaign, store, on_new_leader=call)
    refusal(asyncio.run, aio.Campaign(store).run(call))


@pytest.mark.parametrize("trace", [7, b"path", True, object(), "a\0b", "\ud800", Broken()])
def test_a_trace_is_a_path_or_can_be_told(store, trace, tmp_path):
    """And the files that were opened before it are closed: a warning would be an error here."""
    for each in (trace, [tmp_path, trace]):
        assert refusal(Campaign(store, trace=each).start).startswith("trace is ")


@pytest.mark.parametrize("timeout", NO_TIMES)
def test_a_time_to_wait_is_a_number_of_seconds(store, timeout):
    """Of NaN nobody would wake, and a text would be taken a billion times."""
    with Campaign(store) as campaign:
        assert campaign.wait_until_leader(10)
        refusal(campaign.wait_until_leader, timeout)
        refusal(campaign.leadership.wait, timeout)
        refusal(campaign.stop, timeout)
        assert campaign.is_leader(), "what was refused was not done"


@pytest.mark.parametrize("timeout", [-1, -0.5, float("-inf")])
def test_less_than_no_time_has_passed(store, timeout):
    """As it is left by whoever counts down."""
    with Campaign(store) as campaign:
        campaign.wait_until_leader(timeout)
        assert campaign.wait_until_leader(10)
        assert not campaign.leadership.wait(timeout)
        campaign.stop(timeout)
        assert campaign.state == "stopped"

    async def waits():
        async with aio.Campaign(store) as campaign:
            await campaign.wait_until_leader(timeout)
            assert await campaign.wait_until_leader(10)

    asyncio.run(waits())
