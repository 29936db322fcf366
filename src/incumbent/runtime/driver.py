"""The driver: carries out what an elector and its term decide, and tells them what came of it.

One driver is one run of a campaign, from start to stop. It decides nothing: requests become calls of the
store, orders become work and callbacks, instants become timers, and each of them comes back as an input. All
that it needs of the world goes through a `Runtime`, so it runs on threads and in virtual time alike. Its
methods are called by the runtime, one at a time, but for those that say otherwise.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from functools import partial
from typing import TypeAlias

from incumbent.core.elector import Elector
from incumbent.core.messages import (
    ClockWentBackwards,
    Effects,
    Input,
    NewLeader,
    Notice,
    Reply,
    Request,
    Start,
    StoreChanged,
    TimerFired,
    Unavailable,
)
from incumbent.core.states import FOLLOWER, MACHINE, SERVING
from incumbent.core.term import Term
from incumbent.core.term_messages import (
    AskedToResign,
    AskedToStop,
    AskToEnd,
    BeginTerm,
    EndTerm,
    LeaveBehind,
    Order,
    TellingEnded,
    TermInput,
    WorkEnded,
)
from incumbent.leadership import Leadership
from incumbent.runtime import threads
from incumbent.runtime.handle import TermHandle
from incumbent.runtime.listeners import Listeners
from incumbent.runtime.port import Runtime, Timer
from incumbent.runtime.reporter import Callbacks, Reporter
from incumbent.runtime.trace import Trace
from incumbent.runtime.work import HostedWork
from incumbent.store import Watch

Step: TypeAlias = tuple[bool, Input | TermInput]


class Driver:
    """Runs one elector, and its terms, in one world.

    Attributes:
        elector: Any thread may ask it questions; only the runtime's calls give it inputs.
        term: What runs in office.
        leadership: The current term, or None. For any thread.
        changed: Notified when a term begins or the driver has finished. For any thread.
        listeners: Called, by the runtime, when `changed` is notified.
        has_finished: Nothing more will happen.
        failure: What the work raised last, if it was to run once.
    """

    def __init__(
        self,
        elector: Elector,
        term: Term,
        callbacks: Callbacks,
        runtime: Runtime,
        *,
        reporter: Reporter,
        trace: Trace | None = None,
    ) -> None:
        self.elector = elector
        self.term = term
        self.leadership: Leadership | None = None
        self.changed = threads.condition()
        self.listeners = Listeners()
        self.has_finished = False
        self.failure: BaseException | None = None
        self._runtime = runtime
        self._callbacks = callbacks
        self._reporter = reporter
        self._trace = trace
        self._last: tuple[TermHandle, Leadership] | None = None
        self._steps: deque[Step] = deque()
        self._is_stepping = False
        self._wake = partial(self._give, TimerFired())
        self._wake_term = partial(self._give_term, TimerFired())
        self._alarm: Timer | None = None
        self._term_alarm: Timer | None = None
        self._watch: Watch | None = None

    # Wishes.

    def start(self) -> None:
        """Enter the race, unless a stop came first."""
        if self.has_finished:
            return
        config = self.elector.config
        if config.guarantees.can_watch:
            try:
                self._watch = self._runtime.watch(partial(self._give, StoreChanged()))
            except Exception as error:  # noqa: BLE001  # P13: then it is polled like any other
                self._reporter.failed("watching the store", error)
                polled = replace(config, guarantees=replace(config.guarantees, can_watch=False))
                self.elector = self._reporter.elector = Elector(polled, session=self.elector.session)
        if self._trace is not None:
            self._trace.began(self.elector)
        self._runtime.when_clock_goes_back(self._look_at_the_clock)
        self._reporter.leads(False)
        self._give(Start())

    def resign(self, reason: str) -> None:
        """Give up office once the work has ended, and stay in the race."""
        self._give_term(AskedToResign(reason))

    def stop(self, patience_ns: int) -> None:
        """Leave the race once the work has ended, or after `patience_ns` if it does not."""
        self._give_term(AskedToStop(patience_ns))

    def join(self, timeout: float | None = None) -> bool:
        """Wait, in real time, until nothing more will happen. From any thread but the runtime's."""
        with self.changed:
            return self.changed.wait_for(lambda: self.has_finished, timeout)

    def after_fork(self) -> None:
        """Called in a forked child: give up leadership without taking a lock; the elector is the parent's."""
        self.elector.office = None
        self.leadership = None

    # The loop.

    def _give(self, event: Input) -> None:
        self._step((False, event))

    def _give_term(self, event: TermInput) -> None:
        self._step((True, event))

    def _look_at_the_clock(self) -> None:
        self._give_term(TimerFired())
        self._give(TimerFired())

    def _step(self, step: Step) -> None:
        """Handle an input, and those that it leads to. A call from within only adds to them."""
        self._steps.append(step)
        if self._is_stepping or self.has_finished:
            return
        self._is_stepping = True
        try:
            while self._steps:
                is_terms, event = self._steps.popleft()
                if is_terms:
                    self._step_term(event)  # type: ignore[arg-type]  # the flag says which it is
                else:
                    self._step_elector(event)  # type: ignore[arg-type]  # likewise
        except Exception:  # noqa: BLE001  # a defect of ours must not leave a leader behind
            self._fail_closed()
        finally:
            self._is_stepping = False
        if self.elector.is_finished and self.term.is_at_rest:
            self._finish()

    def _step_elector(self, event: Input) -> None:
        elector = self.elector
        elector.epoch, now = self._runtime.epoch(), self._runtime.now()
        effects = elector.handle(event, now)
        if self._trace is not None:
            self._trace.handled(event, now, effects)
        self._carry_out(effects)

    def _carry_out(self, effects: Effects) -> None:
        for move in effects.moves:
            self._reporter.moved(move)
        for notice in effects.notices:
            self._deliver(notice)
        if effects.request is not None:
            self._runtime.ask(effects.request, self._answered)
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if effects.wake_at is not None:
            self._alarm = self._runtime.call_at(self._late(effects.wake_at), self._wake)

    def _late(self, wake_at: int) -> int:
        """A follower's look at the record may be late by some jitter (P12); a deadline may not."""
        elector = self.elector
        if elector.state != FOLLOWER or elector.pending is not None or elector.leaving is not None:
            return wake_at
        return wake_at + round(self._runtime.random() * elector.config.jitter * elector.config.retry_ns)

    def _answered(self, request: Request, reply: Reply) -> None:
        if isinstance(reply, Unavailable):
            self._reporter.store_failed(request, reply.reason)
        else:
            self._reporter.store_answered(request)
        self._give(reply)

    def _deliver(self, notice: Notice) -> None:
        if isinstance(notice, NewLeader):
            self._reporter.new_leader(notice.identity)
        elif isinstance(notice, ClockWentBackwards):
            self._reporter.clock_went_backwards(notice.by)
        else:
            self._step_term(notice)

    # Terms of office.

    def _step_term(self, event: TermInput) -> None:
        effects = self.term.handle(event, self._runtime.now())
        for order in effects.orders:
            self._obey(order)
        self._steps.extend((False, wish) for wish in effects.inputs)
        if self._term_alarm is not None:
            self._term_alarm.cancel()
            self._term_alarm = None
        if effects.wake_at is not None:
            self._term_alarm = self._runtime.call_at(effects.wake_at, self._wake_term)

    def _obey(self, order: Order) -> None:
        if isinstance(order, BeginTerm):
            self._begin_term(order.token)
            return
        assert self._last is not None  # noqa: S101  # every other order is about a term that has begun
        handle, leadership = self._last
        if isinstance(order, AskToEnd):
            handle.ask_to_end(order.reason)
        elif isinstance(order, EndTerm):
            self._end_term(handle, leadership, order.reason)
        elif isinstance(order, LeaveBehind):
            self._reporter.left_behind(handle.token)

    def _begin_term(self, token: int) -> None:
        identity = self.elector.config.identity
        handle = TermHandle(identity, token, self._runtime.clock, lambda: self.elector.office)
        self._last = handle, (leadership := Leadership(handle))
        self._reporter.leads(True)
        with self.changed:
            self.leadership = leadership
            self.changed.notify_all()
        self.listeners.call()
        work = self._callbacks.on_started_leading
        if isinstance(work, HostedWork):
            work.begin(handle, lambda failure: self._runtime.post(partial(self._work_ended, failure)))
        elif work is not None:
            self._runtime.spawn("work", partial(work, leadership), self._work_ended)

    def _end_term(self, handle: TermHandle, leadership: Leadership, reason: str) -> None:
        self.leadership = None
        handle.end(reason)
        self._reporter.leads(False)
        tell = self._callbacks.on_stopped_leading
        if tell is not None:
            self._runtime.spawn("told", partial(tell, leadership), self._telling_ended, or_here=True)

    def _work_ended(self, failure: BaseException | None) -> None:
        if failure is not None:
            self._reporter.failed("the work", failure)
        if self.term.config.once and self.term.state == SERVING:
            self.failure = failure
        self._give_term(WorkEnded(failed=failure is not None))

    def _telling_ended(self, failure: BaseException | None) -> None:
        if failure is not None:
            self._reporter.failed("on_stopped_leading", failure)
        self._give_term(TellingEnded())

    # Ending.

    def _finish(self) -> None:
        if self.has_finished:
            return
        for timer in (self._alarm, self._term_alarm):
            if timer is not None:
                timer.cancel()
        if self._watch is not None:
            self._reporter.attempt("closing the watch", self._watch.close)
        self._runtime.when_clock_goes_back(None)
        if self._trace is not None:
            self._trace.close()
        with self.changed:
            self.has_finished = True
            self.changed.notify_all()
        self.listeners.call()

    def _fail_closed(self) -> None:
        """Give up office at once, without a release, and leave the race."""
        self._reporter.defect()
        self._steps.clear()
        self.elector = self._reporter.elector = Elector(self.elector.config)
        MACHINE.events["stop"].trigger(self.elector, reason="a defect")  # `handle` may be what is defective
        if self.leadership is not None and self._last is not None:
            self._end_term(*self._last, "a defect")
        self.term = Term(self.term.config)
