"""A campaign whose work is tasks of an event loop: no thread waits for it, and it waits for no thread."""

from __future__ import annotations

import asyncio
import atexit
import contextvars
import inspect
import logging
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Final, TypeAlias

from incumbent.campaign import Campaign
from incumbent.clock import Clock
from incumbent.errors import ConfigurationError
from incumbent.lease import to_ns
from incumbent.runtime import scheduler, threads
from incumbent.runtime.driver import Driver
from incumbent.runtime.handle import TermHandle
from incumbent.runtime.listeners import Listeners
from incumbent.runtime.loop_waits import tell
from incumbent.runtime.scheduler import Scheduler, Timer
from incumbent.runtime.work import HostedWork
from incumbent.shown import shown

logger: Final = logging.getLogger("incumbent")

Lead: TypeAlias = Callable[[TermHandle, Scheduler], Awaitable[object]]


class Contest(Campaign):
    """A campaign none of whose calls waits: they are posted, and `Run.changes` says what came of them."""

    @property
    def clock(self) -> Clock:
        """The clock that times the campaign."""
        return self._clock

    def begin(self, work: HostedWork) -> Driver:
        """Enter the race.

        Raises:
            OSError: The file for the trace cannot be opened.
            ElectionError: This is a forked child.
        """
        return self._start(once=False, work=work, is_new=True)

    def check_process(self) -> None:
        """Raise ElectionError in a forked child."""
        self._check_process()

    def then(self, action: Callable[[], None]) -> None:
        """Run `action` on the scheduler's thread, after all that was asked before."""
        runtime = self._runtime  # read once: `finish` takes it away on another thread
        if runtime is not None:
            runtime.post(action)

    def ask_to_stop(self, timeout: float | None) -> None:
        """Leave the race once the work has ended, or after `timeout` seconds."""
        driver, patience = self._driver, self._stop_timeout if timeout is None else timeout
        if driver is not None:
            self.then(partial(driver.stop, to_ns(patience)))

    def finish(self, driver: Driver) -> None:
        """Give back what `begin` took. Waits for threads."""
        self._await_end(driver)

    def _post(self, driver: Driver, action: Callable[[], None]) -> None:  # noqa: ARG002  # the sync one waits
        self.then(action)


class Run(HostedWork):
    """One run of a contest, from its start until no thread of it is left.

    Attributes:
        changes: Called whenever one of the following may have changed. From any thread.
        has_begun: It is in the race.
        is_stopping: It was asked to leave.
        is_lost: It leaves as its loop has ended.
        has_ended: No thread is left.
        refused: What was wrong with the work, if it was no coroutine.
    """

    def __init__(self, contest: Contest, loop: asyncio.AbstractEventLoop) -> None:
        self.contest = contest
        self.loop: asyncio.AbstractEventLoop = loop
        self.lead: Lead | None = None
        self.changes: Listeners = Listeners()
        self.has_begun: bool = False
        self.is_stopping: bool = False
        self.is_lost: bool = False
        self.has_ended: bool = False
        self.refused: ConfigurationError | None = None
        self.term: TermTask | None = None
        self.context: contextvars.Context = contextvars.copy_context()
        self._is_ending = False
        self._settling = threads.lock()  # held while it is settled whether there is work, and a loop for it
        self._watch_timer: Timer | None = None
        self.waits: Scheduler = scheduler.waits.acquire(contest.clock)
        try:
            self.driver: Driver = contest.begin(self)
        except BaseException:
            scheduler.waits.release(contest.clock)
            raise
        _runs.add(self)
        self.driver.listeners.add(self._driver_changed)
        contest.then(self._begun)
        self.waits.post(self._watch)

    def give_work(self, lead: Lead, loop: asyncio.AbstractEventLoop) -> bool:
        """Run `lead` in each term, also in the current one, as a task of `loop`, in the caller's context.

        Returns:
            Whether it will; False if the loop that it had was lost meanwhile.
        """
        with self._settling:
            if self.is_lost:
                return False
            self.loop, self.context, self.lead = loop, contextvars.copy_context(), lead
        if self.term is not None:
            self.term.poke()
        return True

    def is_work(self, task: asyncio.Task[object] | None) -> bool:
        """Whether `task` is the work."""
        return self.term is not None and task is not None and self.term.task is task

    # From any thread.

    def ask_to_stop(self, timeout: float | None = None) -> None:
        """Leave the race once the work has ended."""
        self.is_stopping = True
        self.contest.ask_to_stop(timeout)

    def is_without_work(self, term: TermTask) -> bool:
        """End `term` if it is to end before there is any work, and say whether that is so."""
        with self._settling:
            if self.lead is not None or not term.handle.is_to_end():
                return False
            term.finish(None)
            return True

    def lose_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        """Leave the race if it is still `loop`'s, which has ended, and with it the work: no task goes on."""
        with self._settling:
            if self.loop is not loop:
                return
            was_asked, self.is_stopping, self.is_lost = self.is_stopping, True, True
        if not was_asked:
            with suppress(Exception):  # P13
                logger.warning(
                    "%s leaves the race: its event loop has ended, and so has its work; "
                    "await stop() before the loop is closed",
                    self.contest.identity,
                    extra={"identity": self.contest.identity},
                )
        self.ask_to_stop()
        if self.term is not None:
            self.term.finish(None)

    # On the scheduler's thread.

    def begin(self, term: TermHandle, ended: Callable[[BaseException | None], None]) -> None:
        """A term has begun: its work is a task to be."""
        self.term = TermTask(self, term, ended)
        if self.is_lost:  # a loop that does not run at exit is not closed, and `poke` would not notice
            self.term.finish(None)
        self.term.poke()
        self.waits.post(self._watch)

    def _begun(self) -> None:
        self.has_begun = True
        self._driver_changed()

    def _driver_changed(self) -> None:
        self.changes.call()
        if self.driver.has_finished and not self._is_ending:
            self._is_ending = True
            try:
                threads.thread("end", self._end).start()
            except RuntimeError:  # the interpreter is ending, or the machine has no thread left
                self.waits.post(self._end)  # not here: who ends the campaign at exit waits for this thread

    # On other threads.

    def _end(self) -> None:
        """On a thread of its own, or else that of the waits, as it waits for others to end."""
        self.contest.finish(self.driver)
        self.waits.post(self._forget_watch)
        scheduler.waits.release(self.contest.clock)
        _runs.discard(self)
        self.has_ended = True
        self.changes.call()

    def _watch(self) -> None:
        """On the thread of the waits: look, also at each retry period and deadline, what has ended."""
        self._forget_watch()
        if (loop := self.loop).is_closed():
            self.lose_loop(loop)
            return
        at = self.waits.now() + self.contest.config.retry_ns
        handle = None if self.term is None else self.term.handle
        if handle is not None:
            if handle.is_to_end():
                handle.listeners.call()
            else:
                at = min(at, handle.deadline_ns)
        self._watch_timer = self.waits.call_at(at, self._watch)

    def _forget_watch(self) -> None:
        if self._watch_timer is not None:
            self._watch_timer.cancel()


class TermTask:
    """The work of one term, as a task: begun when there is work and a loop, cancelled when the term ends.

    Attributes:
        handle: The term.
        task: The work, once it has begun.
    """

    def __init__(self, run: Run, handle: TermHandle, ended: Callable[[BaseException | None], None]) -> None:
        self.handle = handle
        self.task: asyncio.Task[object] | None = None
        self._run = run
        self._ended = ended
        self._is_cancelled = False
        self._is_over = False
        self._finishing = threads.lock()  # held while it is said: who comes second waits until it was
        handle.listeners.add(self.poke)

    def poke(self) -> None:
        """Have the loop look at the term, unless there is no work to end. From any thread."""
        if self.task is None and self._run.is_without_work(self):
            return
        loop = self._run.loop
        if not tell(loop, self._look):
            self._run.lose_loop(loop)

    def finish(self, failure: BaseException | None) -> None:
        """Say, once, that the work has ended. From any thread."""
        with self._finishing:
            if not self._is_over:
                self._is_over = True
                self._ended(failure)
        self.handle.listeners.remove(self.poke)

    def _look(self) -> None:
        run = self._run
        if asyncio.get_running_loop() is not run.loop:
            return  # the work was given to another loop meanwhile, which looks, too
        if self.task is None:
            if self.handle.is_to_end():
                self.finish(None)
            elif run.lead is not None and not self._is_over:
                self.task = run.context.run(run.loop.create_task, self._work(run.lead))
                self.task.add_done_callback(self._done)
        elif self.handle.is_to_end() and not self._is_cancelled:
            self._is_cancelled = True
            self.task.cancel()

    async def _work(self, lead: Lead) -> object:
        self.task = asyncio.current_task()  # an eager task runs before `create_task` returns it
        outcome = lead(self.handle, self._run.waits)
        if not inspect.isawaitable(outcome):
            self._run.refused = ConfigurationError(
                f"the work returned {shown(outcome)}, which cannot be awaited: give run() an `async def`"
            )
            self._run.ask_to_stop()
            raise self._run.refused
        return await outcome

    def _done(self, task: asyncio.Task[object]) -> None:
        self.finish(None if task.cancelled() else task.exception())


_runs: Final[set[Run]] = set()


def _at_exit() -> None:
    """Before all campaigns are stopped: a loop that does not run now never will, and its tasks are over."""
    for run in list(_runs):
        if not run.loop.is_running():
            run.lose_loop(run.loop)


def _after_fork_in_child() -> None:
    """No thread of a run is here, not even of one that was just ending: nobody is to wait for one."""
    for run in _runs:
        run.has_ended = True
    _runs.clear()


atexit.register(_at_exit)  # after the runtime's own, which so runs later
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
