"""On a clock that the test moves: order is kept over a change of leaders."""

import asyncio
from functools import partial

from worker import work

from incumbent import aio


def test_items_keep_their_order_when_the_leader_changes(fake_clock, memory_store):
    written = []

    async def main():
        queue = asyncio.Queue()

        async def write(item, token):
            written.append((item, token))

        first, second = (aio.Campaign(memory_store(), clock=fake_clock) for _ in range(2))
        lead = partial(work, take=queue.get, write=write)
        async with first, second:
            tasks = [asyncio.create_task(campaign.run(lead)) for campaign in (first, second)]
            await first.wait_until_leader()
            await queue.put("one")
            await fake_clock.advance_async(10)
            await first.stop()
            await queue.put("two")
            await fake_clock.advance_async(10)
            await second.stop()
            await asyncio.gather(*tasks)

    asyncio.run(main())
    assert written == [("one", 1), ("two", 2)]
