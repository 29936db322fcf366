"""A process in virtual time: the port that the shipped `Driver` knows, and what dies with a process.

Nothing here decides an election or a term; the driver, its elector and its term are the ones that run in
production. Time passes, messages travel and user code goes on only where the world says so.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections import deque
from collections.abc import Callable
from copy import copy
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from incumbent.core.elector import Elector
from incumbent.core.messages import Effects, Input, Reply, Request, StoreChanged
from incumbent.core.term import Term, TermConfig
from incumbent.lease import NANOSECONDS, StoredLease
from incumbent.runtime.driver import Driver
from incumbent.runtime.reporter import Callbacks, Reporter
from incumbent.testing.history import Answered, Finished, Hinted, Told, Turned
from incumbent.testing.simulation.participants import MICROSECOND, MILLION, NEVER, Participant
from incumbent.testing.simulation.timers import SimulatedTimer
from incumbent.testing.simulation.user_code import Running, UserCode

if TYPE_CHECKING:
    from incumbent.testing.simulation.world import World

MOST_HURRIED: Final = 1000
"""More wake-ups than that without time passing are a loop without end."""


class SimulatedWatch:
    """A watch on the record, until it is closed."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def close(self) -> None:
        """End it."""
        self._process.changed = None


class Witness:
    """The trace of a driver: records what its elector did, and the term that it leads by."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def began(self, elector: Elector) -> None:
        """The driver has begun."""

    def handled(self, event: Input, _now: int, effects: Effects) -> None:
        """Record one step."""
        world, name = (process := self._process).world, process.name
        if isinstance(event, StoreChanged) and event.stored is not None:
            received = process.driver.elector.observation.stored is event.stored
            world.record(Hinted(world.queue.now, name, event.stored, received))
        for move in effects.moves:
            world.record(Turned(world.queue.now, name, move.trigger, move.source, move.dest, move.reason))
        for notice in effects.notices:
            world.record(Told(world.queue.now, name, notice))
        if process.participant.claim is not None or process.driver.candidate.elector.office is not None:
            world.claim(process.participant)

    def close(self) -> None:
        """The driver has finished."""


class SimulatedClock:
    """What user code is shown of time; it never blocks on it."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def now(self) -> float:
        """Seconds since an arbitrary moment."""
        return self._process.now() / NANOSECONDS

    def utcnow(self) -> datetime:
        """The time of day."""
        return self._process.epoch() + timedelta(microseconds=self._process.now() // MICROSECOND)

    def wait(self, condition: threading.Condition, timeout: float | None) -> None:
        """Refuse: there is one thread, and it would wait for itself.

        Raises:
            RuntimeError: Always.
        """
        raise RuntimeError(f"a simulated process cannot block on {condition!r} for {timeout} s")


class Process:
    """One incarnation of a candidate: its driver, its user code, its timers.

    Attributes:
        driver: The shipped one.
        timers: Those that are set.
        running: The user code that runs.
        urged: What the user's code is to do next, or None.
        changed: What to call when the record may have changed, while a watch is open.
    """

    def __init__(self, world: World, participant: Participant) -> None:
        self.world = world
        self.participant = participant
        self._queue = world.queue
        self.name: str = participant.process
        self.clock: SimulatedClock = SimulatedClock(self)
        self.timers: dict[SimulatedTimer, None] = {}
        self.running: list[Running] = []
        self.urged: str | None = None
        self.changed: Callable[[StoredLease | None], None] | None = None
        self._answered: Callable[[Request, Reply], None] | None = None
        self._went_back: Callable[[], None] | None = None
        self._posted: deque[Callable[[], None]] = deque()
        self._hurried = 0
        self._defect: BaseException | None = None
        code = UserCode(self)
        callbacks = Callbacks(code.work, code.told, code.observed if world.profile.code else None)
        elector = Elector(participant.config, session=self.name)
        reporter = Reporter(self.name, elector, callbacks, self.tell, log=self._log)
        config = participant.config
        profile = world.profile
        terms = TermConfig(
            config.lease_ns, profile.stop_timeout, release=profile.releases, hold_ns=profile.hold
        )
        self.driver: Driver = Driver(
            elector, Term(terms), callbacks, self, reporter=reporter, trace=Witness(self)
        )

    # The port: time and chance.

    def now(self) -> int:
        """The reading of its clock."""
        return self.participant.clock.read(self._queue.now)

    def epoch(self) -> datetime:
        """The UTC time at which its clock read 0."""
        wall = self.participant.wall
        if wall is None and not self.world.profile.hold:
            return self.participant.epoch
        if wall is None:
            return self.participant.true_epoch(self._queue.now)
        return wall - timedelta(microseconds=self.now() // MICROSECOND)

    def random(self) -> float:
        """A number from 0 up to 1."""
        return self.world.chance.roll(MILLION) / MILLION

    def post(self, action: Callable[[], None]) -> None:
        """Do `action` soon, after what was posted before."""
        self._posted.append(action)
        self._queue.push(self._queue.now, self.enter, (self._do_posted,))

    def _do_posted(self) -> None:
        self._posted.popleft()()

    def call_at(self, at: int, action: Callable[[], None]) -> SimulatedTimer:
        """Do `action` when its clock reads `at`."""
        timer = SimulatedTimer(self, at, action)
        self.timers[timer] = None
        self._plan(timer)
        return timer

    def _plan(self, timer: SimulatedTimer) -> None:
        at, now = self.participant.clock.when(timer.at), self._queue.now
        if at == NEVER:
            return
        self._hurried = self._hurried + 1 if at <= now else 0
        if self._hurried > MOST_HURRIED:
            raise AssertionError(f"{self.participant} wants to be woken at once, for ever")
        self._queue.push(max(now, at), timer.ring, (timer.stamp,))

    def clock_changed(self) -> None:
        """Find the true times of all timers anew, and tell of a clock that went back."""
        if self._went_back is not None and self.now() < self.driver.elector.now:
            self.post(self._went_back)
        for timer in list(self.timers):
            timer.stamp += 1
            self._plan(timer)

    def when_clock_goes_back(self, action: Callable[[], None] | None) -> None:
        """Call `action` when the clock goes back."""
        self._went_back = action

    # The port: the store.

    def ask(self, request: Request, answered: Callable[[Request, Reply], None]) -> None:
        """Send a request."""
        self._answered = answered
        self.world.network.send(self, request)

    def receive(self, request: Request, reply: Reply) -> None:
        """Take in a reply that has arrived."""
        if self.participant.paused:
            self.enter(partial(self._answer, request, reply))
        elif self.participant.host is self:
            self._answer(request, reply)

    def _answer(self, request: Request, reply: Reply) -> None:
        """Note whether it answers what is pending, and hand it on."""
        pending = self.driver.candidate.elector.pending
        heard = pending is not None and pending.id == reply.id
        self.world.record(Answered(self._queue.now, self.name, reply, heard))
        if self._answered is not None:
            self.do(partial(self._answered, request, reply))

    def watch(self, changed: Callable[[StoredLease | None], None]) -> SimulatedWatch:
        """Have `changed` called when the record may have changed.

        Raises:
            ConnectionError: The watch could not be opened.
        """
        trouble = self.world.profile.watches and self.world.chance.watches.draw()
        if trouble == "refuse":
            raise ConnectionError("the watch was refused")
        self.changed = (lambda _: changed(None)) if trouble == "mute" else changed
        return SimulatedWatch(self)

    # The port: the user's code.

    def spawn(
        self,
        name: str,
        call: Callable[[], object],
        ended: Callable[[BaseException | None], None],
        *,
        or_here: bool = False,  # noqa: ARG002  # there is always a place
    ) -> None:
        """Begin user code: a script, which goes on when it said it would, or when it is told to end."""
        self.post(lambda: self._begin(name, call(), ended))

    def _begin(self, name: str, code: Any, ended: Callable[[BaseException | None], None]) -> None:
        if code is None:  # else it is a pair, as `UserCode` makes it
            ended(None)
        else:
            self.running.append(Running(self, name, code, ended))

    def tell(self, call: Callable[[], object]) -> None:
        """Run what only observes; what it raises is its own affair (P13)."""
        self.post(partial(UserCode.observe, call))

    # Going on.

    def enter(self, action: Callable[[], None]) -> None:
        """Do something in this process, unless it is gone; if it is paused, once it goes on."""
        if self.participant.host is not self:
            return
        if self.participant.paused:
            self.participant.inbox.append(action)
        else:
            self.do(action)

    def do(self, action: Callable[[], None]) -> None:
        """Do something in this process; then its user code may find that it is to end."""
        finished = self.driver.has_finished
        action()
        if self._defect is not None:
            raise self._defect
        for code in self.running:
            code.look()
        if self.driver.has_finished and not finished:
            self._finish()

    def _finish(self) -> None:
        left = [code.name for code in self.running]
        left += ["a timer"] * len(self.timers) + ["a watch"] * (self.changed is not None)
        left += ["a callback for the clock"] * (self._went_back is not None)
        left += ["a request"] * (self.driver.elector.pending is not None)
        self.world.record(Finished(self._queue.now, self.name, tuple(left)))

    def works_for(self, token: int) -> bool:
        """Whether the work of that term runs."""
        for code in self.running:  # noqa: SIM110  # a generator for each write takes twice as long
            if code.is_work and code.token == token:
                return True
        return False

    def urge(self, what: str | None) -> None:
        """Have the user's code do something, whatever it waits for; None: go on."""
        self.urged = what
        for code in list(self.running):
            code.hurry()

    def fork(self) -> bool:
        """Whether a forked child of this process would lead: a copy of all that the parent knew."""
        child = copy(self.driver)
        child.candidate = self.driver.candidate.copy()
        child.after_fork()
        return child.leadership is not None or child.elector.is_leader(self.now())

    def _log(self, level: int, *_: object, **__: object) -> None:
        """Say nothing, but that a defect of the library's is one."""
        if level >= logging.CRITICAL:
            self._defect = sys.exc_info()[1]
