"""A worker that empties a queue in order: one at a time may, or the order is lost.

Each item is written with the token, so that a worker which was paused cannot write after its successor.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

from incumbent import aio, open_store

Take = Callable[[], Awaitable[str]]
Write = Callable[[str, int], Awaitable[None]]


async def work(leadership: aio.Leadership, *, take: Take, write: Write) -> None:
    """Until the term ends: then this task is cancelled, at the next `await`."""
    while True:
        item = await take()
        leadership.check()
        await write(item, leadership.token)


async def main(take: Take, write: Write) -> None:
    """Contend until this process is told to end, by SIGTERM or Ctrl-C."""
    campaign = aio.Campaign(open_store(os.environ["STORE"], lease="worker"))
    loop = asyncio.get_running_loop()
    running = asyncio.create_task(campaign.run(partial(work, take=take, write=write)))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, running.cancel)  # the work is cancelled, then the lease is released
    with suppress(asyncio.CancelledError):
        await running
