"""The driver: carries out what a candidate decides, its elector and its term, and tells it what came of it.

One driver is one run of a campaign, from start to stop. Requests become calls of the store, orders become
work and callbacks, instants become timers, and each of them comes back as an input. All that it needs of the
world goes through a `Runtime`, so it runs on threads and in virtual time alike. Its methods are called by the
runtime, one at a time, but for those that say otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, get_args

from incumbent.core.candidate import Candidate, Handled
from incumbent.core.elector import Elector
from incumbent.core.health import Health, Vitals
from incumbent.core.messages import (
    ClockWentBackwards,
    Input,
    Reply,
    Request,
    Start,
    StoreChanged,
    TimerFired,
    Unavailable,
)
from incumbent.core.states import LEADER, MACHINE, SERVING
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
from incumbent.runtime.alarm import Alarm
from incumbent.runtime.change import Change
from incumbent.runtime.handle import TermHandle
from incumbent.runtime.known_leader import KnownLeader
from incumbent.runtime.listeners import Listeners
from incumbent.runtime.port import Runtime
from incumbent.runtime.reporter import Callbacks, Reporter
from incumbent.runtime.spread import look_at
from incumbent.runtime.work import HostedWork
from incumbent.store import StoredLease, Watch

if TYPE_CHECKING:
    from incumbent.runtime.trace import Trace

_TIMER_FIRED: Final = TimerFired()
_REQUESTS: Final = frozenset(get_args(Request))


class Driver:
    """Runs one elector, and its terms, in one world.

    Attributes:
        candidate: What decides. Any thread may ask it questions; only the runtime's calls give it inputs.
        leadership: The current term, or None. For any thread.
        changed: Told when a term begins or the driver has finished. For any thread.
        listeners: Called, by the runtime, when `changed` is told.
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
        self.candidate: Candidate = Candidate(elector, term)
        self.leadership: Leadership | None = None
        self.changed: Change = Change()
        self.listeners: Listeners = Listeners()
        self.has_finished: bool = False
        self.failure: BaseException | None = None
        self._runtime = runtime
        self._callbacks = callbacks
        self._reporter = reporter
        self._trace = trace
        self._last: tuple[TermHandle, Leadership] | None = None
        self._inputs: list[Input | TermInput] = []  # seldom more than two
        self._is_handling = False
        self._wake = partial(self._give, _TIMER_FIRED)
        self._alarm = Alarm(runtime, self._wake)
        self._vitals = Vitals(due=runtime.now())
        self._watch: Watch | None = None
        self._known_leader = KnownLeader(runtime, reporter)

    @property
    def elector(self) -> Elector:
        """Decides who leads. Any thread may ask it questions."""
        return self.candidate.elector

    @property
    def term(self) -> Term:
        """Decides what runs in office."""
        return self.candidate.term

    def health(self) -> Health:
        """What a probe may be told. For any thread."""
        office = None if self.leadership is None else self.elector.office  # before the clock; the rest after
        return self._vitals.health(self.candidate, office, self._runtime.now())

    # Wishes.

    def start(self) -> None:
        """Enter the race, unless a stop came first."""
        if self.has_finished:
            return
        config = self.elector.config
        if config.guarantees.can_watch:
            try:
                self._watch = self._runtime.watch(self._store_changed)
            except Exception as error:  # noqa: BLE001  # P13: then it is polled like any other
                self._reporter.failed("watching the store", error)
                polled = replace(config, guarantees=replace(config.guarantees, can_watch=False))
                elector = self._reporter.elector = Elector(polled, session=self.elector.session)
                self.candidate = Candidate(elector, self.term)
        if self._trace is not None:
            self._trace.began(self.elector)
        self._runtime.when_clock_goes_back(self._wake)
        self._reporter.leads(False)
        self._give(Start())

    def resign(self, reason: str, successor: str = "") -> None:
        """Give up office once the work has ended, for that successor (P17), and stay in the race."""
        self._give(AskedToResign(reason, successor))

    def stop(self, patience_ns: int) -> None:
        """Leave the race once the work has ended, or after `patience_ns` if it does not."""
        self._give(AskedToStop(patience_ns))

    def join(self, timeout: float | None = None) -> bool:
        """Wait, in real time, until nothing more will happen. From any thread but the runtime's."""
        if self.has_finished:
            return True  # as for most that are stopped: without a condition to wait on
        with (changed := self.changed.condition):
            return changed.wait_for(lambda: self.has_finished, timeout)

    def after_fork(self) -> None:
        """Called in a forked child: give up leadership, taking no lock; the elector belongs to the parent."""
        self.elector.office = None
        self.leadership = None

    # The loop.

    def _store_changed(self, stored: StoredLease | None) -> None:
        """A leader's own renewals are most of what is heard, and an elector that leads asks nothing then."""
        if self.elector.state != LEADER:
            self._give(StoreChanged(stored))

    def _give(self, event: Input | TermInput) -> None:
        """Handle an input. A call from within is handled after that."""
        self._inputs.append(event)
        if self._is_handling or self.has_finished:
            return
        self._is_handling = True
        try:
            while self._inputs:
                self._handle(self._inputs.pop(0))
            self._set_alarm()
        except Exception:  # noqa: BLE001  # a defect of ours must not leave a leader behind
            self._fail_closed()
        finally:
            self._is_handling = False
        if self.candidate.is_finished:
            self._finish()

    def _handle(self, event: Input | TermInput) -> None:
        candidate, runtime = self.candidate, self._runtime
        candidate.elector.epoch, now = runtime.epoch(), runtime.now()
        for output in candidate.handle(event, now):
            if isinstance(output, Handled):
                self._tell(output, now)
            elif type(output) in _REQUESTS:
                runtime.ask(output, self._answered)  # type: ignore[arg-type]  # it is one of them
            else:
                self._obey(output)  # type: ignore[arg-type]  # likewise

    def _tell(self, handled: Handled, now: int) -> None:
        if self._trace is not None:
            self._trace.handled(handled.event, now, handled.effects)
        self._vitals.handled(handled.event, now, handled.effects)
        self._reporter.observed()
        self._known_leader.look(now)
        for move in handled.effects.moves:
            self._reporter.moved(move)
        for notice in handled.effects.notices:
            if isinstance(notice, ClockWentBackwards):
                self._reporter.clock_went_backwards(notice.by)

    def _set_alarm(self) -> None:
        due, wake_at = self.candidate.term.wake_at, self.candidate.elector.wake_at
        if wake_at is not None:
            late = look_at(wake_at, self.candidate.elector, self._runtime.random)
            due = late if due is None else min(due, late)
        self._vitals.due = due
        self._alarm.set(due)

    def _answered(self, request: Request, reply: Reply) -> None:
        if self.has_finished:
            return  # nobody waited for it: the store may have been closed meanwhile
        if isinstance(reply, Unavailable):
            self._reporter.store_failed(request, reply.reason)
        else:
            self._reporter.store_answered(request)
        self._give(reply)

    # Terms of office.

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
        self.leadership = leadership
        self.changed.tell()
        self.listeners.call()
        work = self._callbacks.on_started_leading
        if isinstance(work, HostedWork):
            work.begin(handle, lambda failure: self._runtime.post(partial(self._work_ended, failure)))
        elif work is not None:
            self._runtime.spawn("work", partial(self._run, work, leadership), self._work_ended)

    def _run(self, work: Callable[[Leadership], object], leadership: Leadership) -> object:
        """Run the work, unless it was left behind before it began: a stop has returned by then."""
        return None if self.has_finished else work(leadership)

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
        self._give(WorkEnded(failed=failure is not None))

    def _telling_ended(self, failure: BaseException | None) -> None:
        if failure is not None:
            self._reporter.failed("on_stopped_leading", failure)
        self._give(TellingEnded())

    # Ending.

    def _finish(self) -> None:
        if self.has_finished:
            return
        self._alarm.set(None)
        self._known_leader.close()
        if self._watch is not None:
            self._reporter.attempt("closing the watch", self._watch.close)
        self._runtime.when_clock_goes_back(None)
        if self._trace is not None:
            self._trace.close()
        self.has_finished = True
        self.changed.tell()
        self.listeners.call()

    def _fail_closed(self) -> None:
        """Give up office at once, without a release, and leave the race."""
        self._reporter.defect()
        self._vitals.is_broken = True
        elector = self._reporter.elector = Elector(self.elector.config)
        MACHINE.events["stop"].trigger(elector, reason="a defect")  # `handle` may be what is defective
        self.candidate = Candidate(elector, Term(self.term.config))
        if self.leadership is not None and self._last is not None:
            self._end_term(*self._last, "a defect")
