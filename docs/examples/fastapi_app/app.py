"""A FastAPI service of which each replica serves, and one does the background work.

Run it on each machine: `STORE=postgresql://elector@db.example/app uvicorn app:app`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Response

from incumbent import LeaseStore, aio, open_store


def make_app(store: LeaseStore, **settings) -> FastAPI:
    """The service; the settings are the campaign's."""
    campaign = aio.Campaign(store, **settings)
    done: list[int] = []

    async def lead(leadership: aio.Leadership) -> None:
        while not await leadership.wait(1.0):
            done.append(leadership.token)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with campaign:
            running = asyncio.create_task(campaign.run(lead))
            yield
        await running  # the work has ended, and the lease is released: another replica leads at once

    app = FastAPI(lifespan=lifespan)

    @app.get("/leader")
    def leader(response: Response) -> dict[str, str | bool | None]:
        """200 in the leader and 503 elsewhere, for a load balancer."""
        response.status_code = 200 if campaign.is_leader() else 503
        return {"leads": campaign.is_leader(), "leader": campaign.leader}

    app.state.campaign, app.state.done = campaign, done
    return app


if "STORE" in os.environ:
    app = make_app(open_store(os.environ["STORE"], lease="background"))
