"""A world in which one thread runs at a time, and a strategy picks which: at each use of a lock, a condition,
an event or a queue, and at each start of a thread.

Its threads are greenlets, as those of Shuttle and loom are coroutines: nothing but the strategy and its seed
decides what runs next. Time is virtual: it passes when nobody can run, and in a hasty world also before that.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from greenlet import GreenletExit, getcurrent, greenlet

import incumbent

PACKAGE = Path(incumbent.__file__).parent
TRACED = {
    str(PACKAGE / name)
    for name in (
        *("campaign.py", "leadership.py", "runtime/pools.py", "runtime/scheduler.py"),
        *("runtime/lifecycle.py", "runtime/driver.py", "runtime/loop.py"),
    )
}
MOST_STEPS = 50_000
HASTY_STEPS = 5_000
HASTE = 60
"""Seconds: no machine holds a thread up for longer."""


class Stuck(AssertionError):
    """Nobody can run, or somebody runs for ever."""


class Task:
    """One controlled thread.

    blocked_on: What it waits for, in words; "" while it can run.
    deadline: When its wait ends by itself, or None.
    timed_out: Whether its last wait did.
    """

    def __init__(self, world, name, body, thread):
        self.name = name
        self.number = len(world.everyone)
        self.thread = thread
        self.blocked_on = ""
        self.deadline = None
        self.timed_out = False
        self.has_ended = False
        self.failure = None
        self.waiters = []
        self.greenlet = greenlet(lambda: world.live(self, body), parent=world.hub)

    def __repr__(self):
        return f"{self.name}#{self.number}"


class World:
    """Runs a body, and whatever threads it starts.

    Args:
        strategy: Picks who runs next.
        hasty: The chance, at each step, that time passes though somebody can run: as on a busy machine.
        by_line: The chance, at each line of the runtime's code, of a switch there.
        thread_chance: The chance that a thread can be started.
    """

    def __init__(self, strategy, *, hasty=0.0, by_line=0.0, thread_chance=1.0):
        self.strategy = strategy
        self.random = strategy.random
        self.hasty = hasty
        self.by_line = by_line
        self.thread_chance = thread_chance
        self.now = 1000.0
        self.steps = 0
        self.numbered = 0
        self.history = []
        self.everyone = []
        self.alive = []
        self.current = None
        self.hub = None
        self.is_over = False
        self.is_forking = False
        self._to_parent = None

    def run(self, body):
        """Run `body` as a thread; return when it has, and raise what it raised."""
        self.hub = getcurrent()
        traced = sys.gettrace()
        sys.settrace(None)  # a measurement of coverage knows nothing of greenlets
        main = self.spawn("main", body)
        try:
            while not main.has_ended:
                self._step()
        finally:
            self.is_over = True
            for task in self.alive:  # what it left behind
                task.greenlet.throw(GreenletExit)
            sys.settrace(traced)
        failures = [task.failure for task in self.everyone if task.failure is not None]
        if failures:
            raise failures[0]

    def spawn(self, name, body, thread=None):
        """A new thread that can run."""
        task = Task(self, name, body, thread)
        task.thread = thread or task
        self.everyone.append(task)
        self.alive.append(task)
        self.strategy.created(task)
        return task

    def live(self, task, body):
        """The life of a thread."""
        if self.by_line:
            sys.settrace(self._trace)
        try:
            body()
        except GreenletExit:
            pass
        except BaseException as failure:  # noqa: BLE001 - it fails the schedule
            task.failure = failure
        task.has_ended = True
        self.alive.remove(task)
        self.wake(task.waiters)

    # What the primitives are made of.

    def pause(self):
        """Let another run, perhaps."""
        if not self.is_over and not self.is_forking and getcurrent() is self.current.greenlet:
            self.hub.switch()

    def block(self, on, deadline=None):
        """Wait until woken, or until the deadline; whether it was woken."""
        if self.is_over:
            raise GreenletExit
        me = self.current
        me.blocked_on, me.deadline, me.timed_out = on, deadline, False
        self.hub.switch()
        return not me.timed_out

    def wake(self, tasks):
        """These can run again."""
        for task in tasks:
            task.blocked_on, task.deadline = "", None

    def join(self, task, timeout=None):
        """Wait for the end of a thread."""
        deadline = None if timeout is None else self.now + timeout
        self.pause()
        while not task.has_ended and (deadline is None or self.now < deadline):
            task.waiters.append(self.current)
            self.block(f"the end of {task}", deadline)

    def sleep(self, seconds):
        """Let time pass."""
        self.block("time", self.now + seconds)

    def starts(self):
        """Whether the machine has a thread left."""
        return self.thread_chance == 1 or self.random.random() < self.thread_chance

    # The loop.

    def _step(self):
        self.steps += 1
        if self.steps > MOST_STEPS:
            self._stuck(f"still running after {MOST_STEPS} steps")
        able = [task for task in self.alive if not task.blocked_on]
        timed = [task for task in self.alive if task.blocked_on and task.deadline is not None]
        if timed:
            first = min(timed, key=lambda task: (task.deadline, task.number))
            is_near = first.deadline < self.now + HASTE and self.hasty > 0 and self.steps < HASTY_STEPS
            if not able or (is_near and self.random.random() < self.hasty):
                self.now = max(self.now, first.deadline)
                first.timed_out = True
                self.wake([first])
                self.history.append(-1)
                return
        if not able:
            self._stuck("nobody can run")
        self.current = self.strategy.pick(able)
        self.history.append(self.current.number)
        self.current.greenlet.switch()

    def _stuck(self, why):
        waiting = "; ".join(f"{task} waits for {task.blocked_on or 'its turn'}" for task in self.alive)
        if self._to_parent is not None:
            self._end_child(f"{why}: {waiting}")
        raise Stuck(f"{why}: {waiting}")

    def _trace(self, frame, event, _):
        if frame.f_code.co_filename not in TRACED:
            return None
        if event == "line" and self.random.random() < self.by_line:
            self.pause()
        return self._trace

    # Forks.

    def fork(self, check):
        """What `check` returns in a forked child, where no thread runs but this one; or why it does not."""
        read, write = os.pipe()
        self.is_forking = True  # what Python calls in the child runs there alone, too
        child = os.fork()
        self.is_forking = False
        if child == 0:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(20)  # one that waits for what no strategy rules has failed
            self.alive, self._to_parent = [self.current], write
            try:
                self._end_child(repr(check()))
            except BaseException as failure:  # noqa: BLE001 - the parent is told
                self._end_child(repr(failure))
        os.close(write)
        with os.fdopen(read) as pipe:
            answer = pipe.read()
        os.waitpid(child, 0)
        return answer

    def _end_child(self, answer):
        os.write(self._to_parent, answer.encode()[:4000])
        os._exit(0)
