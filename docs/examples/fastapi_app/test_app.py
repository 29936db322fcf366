"""Two replicas in one process, one after the other in office, on a clock that the test moves."""

import asyncio
from contextlib import AsyncExitStack

import httpx
from app import make_app


async def ask(app):
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://replica") as client:
        return (await client.get("/leader")).status_code


async def both(first, second, clock):
    async with AsyncExitStack() as later:
        async with first.router.lifespan_context(first):
            await first.state.campaign.wait_until_leader()
            await later.enter_async_context(second.router.lifespan_context(second))
            await clock.advance_async(30)
            assert (await ask(first), await ask(second)) == (200, 503)
            assert set(first.state.done) == {1}
            assert not second.state.done
        await clock.advance_async(5)
        assert await ask(second) == 200
        assert set(second.state.done) == {2}


def test_one_replica_works_and_the_other_one_takes_over(fake_clock, memory_store):
    asyncio.run(
        both(
            make_app(memory_store(), clock=fake_clock), make_app(memory_store(), clock=fake_clock), fake_clock
        )
    )
