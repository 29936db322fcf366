"""A TCP proxy on loopback, between one client and a server, that does to the connection what networks do."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")
PIECE = 65536


class Proxy:
    """Forwards to a loopback port. Any thread may change, at any time, what it does:

    Attributes:
        delay: Seconds by which each piece is late, in both directions.
        drops_requests: What the client sends is lost; the connection stays.
        drops_replies: What the server sends is lost; the connection stays.
        requests: How many pieces the client has sent.
    """

    def __init__(self, server_port: int) -> None:
        self.delay = 0.0
        self.drops_requests = False
        self.drops_replies = False
        self.requests = 0
        self._server_port = server_port
        self._writers = set[asyncio.StreamWriter]()
        self._serving = set[asyncio.Task[None]]()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._listener = self._run(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port: int = self._listener.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """Nothing gets through any more, and nobody is told."""
        self.drops_requests = self.drops_replies = True

    def heal(self) -> None:
        """Everything gets through again. Connections that lost something are reset, as TCP would do."""
        self._run(self._heal())

    def reset(self) -> None:
        """End every connection at once."""
        self._run(self._reset())

    def close(self) -> None:
        """End all of it."""
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _heal(self) -> None:
        if self.drops_requests or self.drops_replies:
            await self._reset()  # first of all: what comes now must not get through on an old connection
        self.delay, self.drops_requests, self.drops_replies = 0.0, False, False

    async def _reset(self) -> None:
        for writer in tuple(self._writers):
            writer.transport.abort()

    async def _close(self) -> None:
        # A listener that is closed forgets the sockets that it has just accepted: it accepts no more first.
        self._loop.remove_reader(self._listener.sockets[0])
        while asyncio.all_tasks() - {asyncio.current_task()}:
            for task in tuple(self._serving):  # none before its first step: it would close nothing
                task.cancel()
            await asyncio.sleep(0)
        self._listener.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = [writer]
        self._writers.add(writer)
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", self._server_port)
            ends.append(upstream_writer)
            self._writers.add(upstream_writer)
            await asyncio.gather(
                self._pump(reader, upstream_writer, "drops_requests"),
                self._pump(upstream_reader, writer, "drops_replies"),
            )
        except (OSError, asyncio.CancelledError):  # no server there; or this is the end of the proxy
            pass
        finally:
            self._serving.discard(task)
            for end in ends:
                self._writers.discard(end)
                end.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, drops: str) -> None:
        with suppress(OSError):
            while piece := await reader.read(PIECE):
                self.requests += drops == "drops_requests"
                if self.delay:
                    await asyncio.sleep(self.delay)
                if not getattr(self, drops):
                    writer.write(piece)
                    await writer.drain()
        writer.transport.abort()
