"""The same campaign for asyncio: the work is a task, cancelled and awaited when its term ends.

Renewals run on threads as always, so a blocked event loop costs no lease. It does delay the cancellation of
the work: what must be exclusive asks `leadership.check()` before each step, or is fenced.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from types import TracebackType
from typing import Any, TypeVar

from incumbent import campaign as threaded
from incumbent import leadership as term
from incumbent.errors import ConfigurationError, ElectionError
from incumbent.store import LeaseStore

__all__ = ["Campaign", "Leadership"]

T = TypeVar("T")


class Leadership:
    """What the work is given; see `incumbent.Leadership`. Here `wait` is awaited, and blocks no loop."""

    def __init__(self, leadership: term.Leadership) -> None:
        self._inner = leadership
        self.identity = leadership.identity
        self.token = leadership.token

    @property
    def reason(self) -> str | None:
        """Why it is over, or is to be; None while it simply goes on."""
        return self._inner.reason

    @property
    def deadline(self) -> float:
        """The reading of the campaign's clock, in seconds, at which it ends unless it is renewed before."""
        return self._inner.deadline

    def is_valid(self) -> bool:
        """Whether this term goes on, at this instant."""
        return self._inner.is_valid()

    def check(self) -> None:
        """Do nothing while this term goes on.

        Raises:
            LeadershipLost: The term is over.
        """
        self._inner.check()

    async def wait(self, timeout: float | None = None) -> bool:  # on the campaign's clock
        """Wait until the work is to end (True), or until `timeout` seconds have passed (False)."""
        return await _in_thread(partial(self._inner.wait, timeout))


class Campaign:
    """Contends for one lease while an event loop does the work.

    Use it as an asynchronous context manager: it contends from entry to exit. Takes what
    `incumbent.Campaign` takes, but for `on_started_leading`, which is given to `run`. The other callbacks
    are plain functions and are called on threads.

    Raises:
        ConfigurationError: A setting is wrong; see `ElectorConfig`.
    """

    def __init__(self, store: LeaseStore, **settings: Any) -> None:
        if "on_started_leading" in settings:
            raise ConfigurationError("on_started_leading is given: give the work to run(lead) instead")
        self._inner = threaded.Campaign(store, on_started_leading=self._work, **settings)
        self._lead: Callable[[Leadership], Awaitable[object]] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[object] | None = None
        self._starting: asyncio.Future[None] | None = None

    @property
    def identity(self) -> str:
        """The candidate's name."""
        return self._inner.identity

    @property
    def state(self) -> str:
        """One of follower, candidate, leader and stopped."""
        return self._inner.state

    @property
    def leader(self) -> str | None:
        """The identity last observed as holder, or None."""
        return self._inner.leader

    @property
    def token(self) -> int | None:
        """The fencing token, while leading (P11)."""
        return self._inner.token

    def is_leader(self) -> bool:
        """Whether this process leads, at this instant, by its own clock (P3)."""
        return self._inner.is_leader()

    async def run(self, lead: Callable[[Leadership], Awaitable[object]]) -> None:
        """Contend until `stop`, running `lead(leadership)` as a task in each term.

        The task is cancelled and awaited when its term ends. When it returns by itself, or raises, the term
        ends as it does for `on_started_leading`. To stop, cancel `run`, or await `stop`.

        Raises:
            ElectionError: It runs already, or this is a forked child.
        """
        if self._lead is not None:
            raise ElectionError("run(lead) is under way already: await it, or use another Campaign")
        self._lead = lead
        try:
            await self._start()
            leadership = self._inner.leadership
            if leadership is not None:
                leadership._nudge()  # noqa: SLF001  # it waits for its work
            await _in_thread(self._inner._join)  # noqa: SLF001  # this is its other face
        finally:
            try:
                await self.stop()
            finally:
                self._lead = None  # a campaign that is started anew waits for its own work

    async def stop(self, timeout: float | None = None) -> None:  # the work's, not the call's
        """Leave the race: the work is cancelled and awaited, then the lease is released.

        Called from the work itself it asks and does not wait.
        """
        if self._task is not None and asyncio.current_task() is self._task:
            self._inner._ask_to_stop()  # noqa: SLF001  # this is its other face
            return
        if self._starting is not None and not self._starting.done():
            await asyncio.wait([self._starting])  # what is not there yet cannot be stopped
        await asyncio.shield(_in_thread(partial(self._inner.stop, timeout)))

    async def resign(self) -> None:
        """Give up office once the work has ended, stay in the race."""
        await _in_thread(self._inner.resign)

    async def wait_until_leader(self, timeout: float | None = None) -> bool:  # on its clock
        """Wait until this campaign leads, for `timeout` seconds on its clock at most."""
        return await _in_thread(partial(self._inner.wait_until_leader, timeout))

    async def __aenter__(self) -> Campaign:  # Self needs Python 3.11
        try:
            await self._start()
        except BaseException:
            await self.stop()  # nobody else will: what was not entered is not left
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._starting = asyncio.ensure_future(_in_thread(self._inner.start))
        await asyncio.shield(self._starting)  # cancelled or not, the thread goes on

    def _work(self, leadership: term.Leadership) -> None:
        """On the term's thread: have the loop run the task, and see to its end."""
        leadership._wait_or(lambda: self._lead is not None)  # noqa: SLF001  # this is its other face
        lead, loop = self._lead, self._loop
        if lead is None or loop is None or leadership.reason is not None:
            return
        finished: concurrent.futures.Future[None] = concurrent.futures.Future()

        async def run() -> object:
            return await lead(Leadership(leadership))

        def begin() -> None:
            self._task = loop.create_task(run())
            self._task.add_done_callback(end)

        def end(task: asyncio.Task[object]) -> None:
            failure = None if task.cancelled() else task.exception()
            if failure is None:
                finished.set_result(None)
            else:
                finished.set_exception(failure)
            leadership._nudge()  # noqa: SLF001  # this is its other face

        def cancel() -> None:
            if self._task is not None:
                self._task.cancel()

        loop.call_soon_threadsafe(begin)
        leadership._wait_or(finished.done)  # noqa: SLF001  # this is its other face
        if not finished.done():
            loop.call_soon_threadsafe(cancel)
        finished.result()


async def _in_thread(call: Callable[[], T]) -> T:
    """Await `call` on a thread of its own: the loop's executor may be small, and these calls may be long."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()

    def settle(result: concurrent.futures.Future[T]) -> None:
        if outcome.done():
            return
        failure = result.exception()
        if failure is None:
            outcome.set_result(result.result())
        else:
            outcome.set_exception(failure)

    def run() -> None:
        result: concurrent.futures.Future[T] = concurrent.futures.Future()
        try:
            result.set_result(call())
        except BaseException as error:  # noqa: BLE001  # it is raised where it is awaited
            result.set_exception(error)
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, result)

    threading.Thread(target=run, name="incumbent-aio", daemon=True).start()
    return await outcome
