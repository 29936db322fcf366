"""The same campaign for asyncio: the work is a task, cancelled and awaited when its term ends.

Renewals run on threads as always, so a blocked event loop costs no lease. It does delay the cancellation of
the work: what must be exclusive asks `leadership.check()` before each step, or is fenced.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from os import PathLike
from types import TracebackType

from incumbent import leadership as threaded
from incumbent.clock import Clock
from incumbent.config import DEFAULT_JITTER, DEFAULT_LEASE_DURATION, DEFAULT_RETRY_PERIOD, ElectorConfig
from incumbent.core.health import Health
from incumbent.errors import ConfigurationError, ElectionError
from incumbent.lease import NANOSECONDS, check_number
from incumbent.runtime.callables import check_coroutine_function, check_plain
from incumbent.runtime.handle import TermHandle
from incumbent.runtime.loop_waits import timeout_of, until
from incumbent.runtime.on_loop import Contest, Run
from incumbent.runtime.scheduler import Scheduler
from incumbent.runtime.trace import Trace
from incumbent.store import LeaseStore

__all__ = ["Campaign", "Leadership"]


class Leadership:
    """The argument of `work`: `incumbent.Leadership` with a `wait` to be awaited, which blocks no loop.

    Attributes:
        identity: Whose term it is.
        token: The fencing token (P11).
    """

    def __init__(self, term: TermHandle, waits: Scheduler) -> None:
        self.identity: str = term.identity
        self.token: int = term.token
        self._term = term
        self._waits = waits

    @property
    def reason(self) -> str | None:
        """Why it is over, or is to be; None while it simply goes on."""
        return self._term.reason

    @property
    def deadline(self) -> float:
        """When this term ends unless it is renewed, in seconds on the campaign's clock."""
        return self._term.deadline_ns / NANOSECONDS

    def is_valid(self) -> bool:
        """Whether this term goes on, at this instant."""
        return self._term.is_valid()

    def check(self) -> None:
        """Do nothing while this term goes on.

        Raises:
            LeadershipLost: The term is over.
        """
        self._term.check()

    async def wait(self, timeout: float | None = None) -> bool:  # on the campaign's clock
        """Wait until the work is to end (True), or until `timeout` seconds have passed (False)."""
        await until(self._term.is_to_end, self._term.listeners, timeout_of(self._waits, timeout))
        return self._term.is_to_end()

    def __repr__(self) -> str:
        return f"<Leadership of {self.identity!r} by token {self.token}: {self.reason or 'it goes on'}>"


class Campaign:
    """Contends for one lease while an event loop does the work.

    Use it as an asynchronous context manager: it contends from entry to exit. Or `start` and `stop` it. The
    work is given to `run`.

    Takes what `incumbent.Campaign` takes, but for `on_started_leading`. The callbacks are plain functions
    and are called on threads; `asyncio.run_coroutine_threadsafe` gets from there to the loop.

    Raises:
        ConfigurationError: A setting is wrong; see `ElectorConfig`.
    """

    def __init__(
        self,
        store: LeaseStore,
        *,
        identity: str | None = None,
        lease_duration: float = DEFAULT_LEASE_DURATION,
        renew_deadline: float | None = None,
        retry_period: float = DEFAULT_RETRY_PERIOD,
        request_timeout: float | None = None,
        jitter: float = DEFAULT_JITTER,
        takeover_delay: float = 0.0,
        stop_timeout: float = 30.0,
        release_on_cancel: bool = True,
        hold_for: float = 0.0,
        on_started_leading: None = None,
        on_stopped_leading: Callable[[threaded.Leadership], object] | None = None,
        on_new_leader: Callable[[str | None], object] | None = None,
        report_metric: Callable[[str, bool], object] | None = None,
        clock: Clock | None = None,
        rng: random.Random | None = None,
        trace: str | PathLike[str] | Trace | Sequence[str | PathLike[str] | Trace] | None = None,
    ) -> None:
        if on_started_leading is not None:
            raise ConfigurationError("on_started_leading is given: give the work to run(lead) instead")
        check_plain("on_stopped_leading", on_stopped_leading)
        check_plain("on_new_leader", on_new_leader)
        check_plain("report_metric", report_metric)
        self._contest = Contest(
            store,
            identity=identity,
            lease_duration=lease_duration,
            renew_deadline=renew_deadline,
            retry_period=retry_period,
            request_timeout=request_timeout,
            jitter=jitter,
            takeover_delay=takeover_delay,
            stop_timeout=stop_timeout,
            release_on_cancel=release_on_cancel,
            hold_for=hold_for,
            on_stopped_leading=on_stopped_leading,
            on_new_leader=on_new_leader,
            report_metric=report_metric,
            clock=clock,
            rng=rng,
            trace=trace,
        )
        self._run: Run | None = None
        self._is_running = False

    @property
    def identity(self) -> str:
        """The candidate's name."""
        return self._contest.identity

    @property
    def config(self) -> ElectorConfig:
        """The settings, with every default settled."""
        return self._contest.config

    @property
    def state(self) -> str:
        """One of follower, candidate, leader and stopped."""
        return self._contest.state

    @property
    def leader(self) -> str | None:
        """The holder last observed; None if the lease is vacant, or has expired on this clock."""
        return self._contest.leader

    @property
    def token(self) -> int | None:
        """The fencing token, while leading (P11)."""
        return self._contest.token

    def is_leader(self) -> bool:
        """Whether this process leads, at this instant, by its own clock (P3)."""
        return self._contest.is_leader()

    def health(self) -> Health:
        """Tell a probe whether it does what is due, and may come to lead. Waits for nothing."""
        return self._contest.health()

    async def start(self) -> None:
        """Enter the race in the background, also anew. No effect while it runs.

        A term that is won before `run` has no work until then. Started while it is still stopping, it awaits
        that first.

        Raises:
            OSError: The file for the trace cannot be opened.
            ElectionError: This is a forked child of the process that the campaign belongs to.
        """
        await self._enter()

    async def run(self, lead: Callable[[Leadership], Awaitable[object]]) -> None:
        """Contend until `stop`, running `lead(leadership)` as a task in each term.

        The task is cancelled and awaited when its term ends. When it returns by itself, or raises, the term
        ends as it does for `on_started_leading`. To stop, cancel `run`, or await `stop`.

        Raises:
            ConfigurationError: `lead` is no `async def` function, and returns nothing to await.
            ElectionError: It runs already, or this is a forked child.
        """
        check_coroutine_function(lead)
        if self._is_running:
            raise ElectionError("run(lead) is under way already: await it, or use another Campaign")
        self._is_running = True
        try:
            loop = asyncio.get_running_loop()
            while not (run := await self._enter()).give_work(
                lambda term, waits: lead(Leadership(term, waits)), loop
            ):
                pass  # another loop had it, and has ended just now: it is entered anew
            await until(lambda: run.driver.has_finished, run.changes)
        finally:
            try:
                await self.stop()
            finally:
                self._is_running = False
        if run.refused is not None:
            raise run.refused

    async def stop(self, timeout: float | None = None) -> None:  # the work's, not the call's
        """Leave the race: the work is cancelled and awaited, then the lease is released.

        Work that does not end within `timeout` seconds (`stop_timeout` by default) is left behind, and so is
        the lease, to expire. Called from the work itself it asks and does not wait. Cancelled, it stops all
        the same.
        """
        if timeout is not None:
            check_number("timeout", timeout, positive=False)
        run = self._run
        if run is None or run.has_ended:
            return
        run.ask_to_stop(timeout)
        if not run.is_work(asyncio.current_task()):
            await until(lambda: run.has_ended, run.changes)

    async def resign(self, to: str | None = None) -> None:
        """Give up office once the work has ended, stay in the race; `to` as of `incumbent.Campaign.resign`.

        Raises:
            ElectionError: The campaign does not run, or this is a forked child; or as there.
        """
        run = await self._running()
        asked: list[bool] = []
        self._contest.resign(to)
        self._contest.then(partial(self._contest.then, partial(asked.append, True)))  # after what it leads to
        self._contest.then(partial(self._contest.then, run.changes.call))
        await until(lambda: bool(asked) or run.has_ended, run.changes)

    async def wait_until_leader(self, timeout: float | None = None) -> bool:  # on its clock
        """Wait until this campaign leads, for `timeout` seconds on its clock at most.

        Returns:
            Whether it leads; False also when it was stopped meanwhile.

        Raises:
            ElectionError: The campaign does not run, or this is a forked child.
        """
        run = await self._running()
        await until(
            lambda: run.driver.has_finished or self.is_leader(), run.changes, timeout_of(run.waits, timeout)
        )
        return self.is_leader()

    async def __aenter__(self) -> Campaign:  # Self needs Python 3.11
        await self._enter()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def __repr__(self) -> str:
        return f"<Campaign of {self.identity!r}: {self.state}>"

    async def _enter(self) -> Run:
        """Start unless it runs, and wait until it is in the race."""
        while (last := self._run) is not None and last.is_stopping and not last.has_ended:
            await until(lambda: last.has_ended, last.changes)
        if last is not None and not last.has_ended:
            await until(lambda: last.has_begun, last.changes)
            return last
        self._run = run = Run(self._contest, asyncio.get_running_loop())
        try:
            await until(lambda: run.has_begun, run.changes)
        except BaseException:
            await self.stop()  # nobody else will: what was not entered is not left
            raise
        return run

    async def _running(self) -> Run:
        """The run that is under way, also if its task was created and had no turn yet."""
        self._contest.check_process()
        if self._run is None or self._run.has_ended:
            await asyncio.sleep(0)
        if self._run is None or self._run.has_ended:
            raise ElectionError(
                "this campaign does not run: await start() or run(lead), or use it in an async with statement"
            )
        return self._run
