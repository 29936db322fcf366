"""`Campaign.resign(to=...)`: the one that is named leads next; without it somebody does, soon after (P17)."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

import pytest

from incumbent import Campaign, ConfigurationError, aio
from incumbent.lease import StoreGuarantees
from incumbent.stores.memory import MemoryStore
from support.driving import eventually, settle

RETRY = 2.0


def candidates(clock, *, watches=True, delay=0.0):
    """Three, of which the first leads; `delay` is the last one's."""
    space = MemoryStore()
    for name in "abc":
        store = MemoryStore(space=space.space)
        if not watches:
            store.guarantees = StoreGuarantees(durable=True, is_local=True)
        timing = {"retry_period": RETRY, "jitter": 0.0, "takeover_delay": delay if name == "c" else 0.0}
        yield Campaign(store, identity=name, clock=clock, **timing)


@pytest.fixture
def race(clock):
    """Makes them, and ends them."""
    with ExitStack() as stack:

        def begin(**settings):
            a, *others = candidates(clock, **settings)
            stack.enter_context(a)
            eventually(a.is_leader)
            for other in others:
                stack.enter_context(other)
                eventually(lambda other=other: other.leader == "a")
            return (a, *others)

        yield begin


def pass_time(clock, seconds):
    for _ in range(round(seconds * 10)):
        clock.advance(0.1)
        settle()


def test_the_one_that_is_named_leads_at_once_where_the_store_tells(race):
    """No time passes; it is the last one to have come, and stands back for everybody else."""
    a, b, c = race(delay=5.0)
    a.resign(to="c")
    eventually(c.is_leader)
    c.resign("b")
    eventually(b.is_leader)
    assert b.token == 3


def test_the_one_that_is_named_leads_at_its_next_look(race, clock):
    a, b, c = race(watches=False)
    a.resign(to="c")
    settle()
    pass_time(clock, RETRY + 0.1)
    eventually(c.is_leader)
    assert c.token == 2
    assert b.token is None


def test_without_the_one_that_is_named_another_leads_two_retry_periods_later(race, clock):
    a, b, c = race()
    a.resign(to="d")
    settle()
    pass_time(clock, 2 * RETRY - 0.2)
    assert not any(each.is_leader() for each in (a, b, c))
    pass_time(clock, 0.4)
    eventually(lambda: b.is_leader() or c.is_leader())


@pytest.mark.parametrize("to", ["", "a", "b\n", "b" * 2001, b"b", "\ud800"])
def test_who_cannot_be_a_successor_is_refused_at_the_door(clock, to):
    """Nobody, oneself, what no record could hold, and what nobody would see."""
    with Campaign(MemoryStore(), identity="a", clock=clock) as campaign:
        eventually(campaign.is_leader)
        with pytest.raises(ConfigurationError, match="to is"):
            campaign.resign(to=to)
        assert campaign.is_leader()


def test_asyncio_names_as_well(clock):
    space = MemoryStore()

    async def main():
        async def lead(leadership):
            await leadership.wait()

        a = aio.Campaign(MemoryStore(space=space.space), identity="a", clock=clock)
        running = asyncio.create_task(a.run(lead))
        await a.wait_until_leader()
        with pytest.raises(ConfigurationError, match="who is to resign"):
            await a.resign(to="a")
        await a.resign(to="zoe")
        await asyncio.to_thread(eventually, lambda: space.get_lease(timeout=1).lease.successor == "zoe")
        await a.stop()
        await running

    asyncio.run(main())
