"""The driver: an elector's requests become store calls, its notices callbacks, its instants timers.

One driver is one run of a campaign, from start to stop. Its methods run on the scheduler's thread, but for
those that say otherwise. Its duties:

1. Notices are delivered before the request is sent; a release waits until the work and
   `on_stopped_leading` have ended (P9).
2. Store calls are made on the lane of the store's server, or at once where the store is local. Whether and
   when they answer delays nothing: the elector's own deadlines come from timers (P10).
3. Work of a lost term may still be running: until it has ended the elector abstains, so that no work ever
   runs beside itself in one process.
"""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Final

from incumbent.clock import Clock
from incumbent.config import ElectorConfig
from incumbent.core.elector import Elector
from incumbent.core.messages import (
    Abstain,
    Changed,
    ClockWentBackwards,
    Effects,
    Ended,
    Input,
    NewLeader,
    Notice,
    Reply,
    Request,
    Resign,
    ResignRequested,
    Start,
    StartedLeading,
    Stop,
    StoppedLeading,
    Unavailable,
    Woke,
)
from incumbent.core.states import FOLLOWER, LEADER, MACHINE
from incumbent.leadership import Leadership
from incumbent.lease import NANOSECONDS, to_ns
from incumbent.runtime.pools import Lane, SerialQueue
from incumbent.runtime.reporter import Callbacks, Reporter
from incumbent.runtime.scheduler import Scheduler, Timer
from incumbent.runtime.store_calls import perform
from incumbent.runtime.term import Term, run_in_thread
from incumbent.runtime.trace import TraceWriter
from incumbent.store import LeaseStore, Watch

_LONGEST_BACK_OFF: Final = 16
"""Lease durations: the back-off after work that failed doubles up to this."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a driver works with: the store, and what it shares with other campaigns."""

    store: LeaseStore
    clock: Clock
    scheduler: Scheduler
    calls: Lane
    observers: Lane
    rng: random.Random
    trace: TraceWriter | None = None


class Driver:
    """Runs one elector against one store.

    Attributes:
        elector: Any thread may ask it questions; only the scheduler's thread handles inputs.
        leadership: The current term, or None. For any thread.
        changed: Notified when a term begins or the driver has finished. For any thread.
        has_finished: Nothing more will happen.
        failure: What the work raised, if it was to run once.
    """

    def __init__(
        self,
        config: ElectorConfig,
        callbacks: Callbacks,
        around: Surroundings,
        *,
        release_on_cancel: bool,
        stop_timeout: float,
        once: bool,
    ) -> None:
        self.elector = Elector(config)
        self.leadership: Leadership | None = None
        self.changed = threading.Condition()
        self.has_finished = False
        self.failure: BaseException | None = None
        self._around = around
        self._scheduler = around.scheduler
        self._callbacks = callbacks
        self._observers = SerialQueue(around.observers)
        self._name: str = getattr(around.store, "name", type(around.store).__name__)
        self._reporter = Reporter(self._name, self.elector, callbacks, self._observers)
        self._release = release_on_cancel
        self._stop_timeout = stop_timeout
        self._once = once
        self._inputs: deque[Input] = deque()
        self._wake = partial(self._feed, Woke())
        self._is_feeding = False
        self._alarm: Timer | None = None
        self._watch: Watch | None = None
        self._term: Term | None = None
        self._stopping = False
        self._gave_up = False
        self._patience: Timer | None = None
        self._failures = 0

    # Wishes.

    def begin(self) -> None:
        """Enter the race, unless a stop came first."""
        if self.has_finished:
            return
        guarantees = self.elector.config.guarantees
        if guarantees.can_watch:
            notify = partial(self._scheduler.post, partial(self._feed, Changed()))
            try:
                self._watch = self._around.store.watch(notify)
            except Exception as error:  # noqa: BLE001  # P13: then it is polled like any other
                self._reporter.failed("watching the store", error)
                polled = replace(guarantees, can_watch=False)
                self._begin_with(Elector(replace(self.elector.config, guarantees=polled)))
        if self._around.trace is not None:
            self._around.trace.began(self.elector)
        self._scheduler.when_clock_goes_back(self._wake)
        self._feed(Start())

    def resign(self, reason: str) -> None:
        """Give up office once the work has ended, and stay in the race."""
        if self._term is None or self.elector.state != LEADER:
            self._feed(Resign())
        elif not self._term.winding_down:
            self._wind_down(self._term, reason, self._stop_timeout)

    def stop(self, timeout: float | None) -> None:
        """Leave the race once the work has ended, or after `timeout` seconds if it does not."""
        if self._stopping:
            return
        self._stopping = True
        term = self._term
        if term is not None and not term.is_closed:
            patience = self._stop_timeout if timeout is None else timeout
            self._wind_down(term, "the campaign is stopping", patience)
        if self.elector.state != LEADER:
            self._feed(Stop())

    def join(self, timeout: float | None = None) -> bool:
        """Wait, in real time, until nothing more will happen. From any thread but the scheduler's."""
        with self.changed:
            return self.changed.wait_for(lambda: self.has_finished, timeout)

    def join_observers(self, timeout: float) -> None:
        """Wait, in real time, until the observers were told all. From any thread."""
        self._observers.join(timeout)

    def disown(self) -> None:
        """In a forked child: the elector is the parent's, and nobody leads here. Takes no lock."""
        self.elector.office = None
        self.leadership = None

    # The loop.

    def _begin_with(self, elector: Elector) -> None:
        self.elector = self._reporter.elector = elector

    def _feed(self, event: Input) -> None:
        self._inputs.append(event)
        if self._is_feeding or self.has_finished:
            return
        self._is_feeding = True
        try:
            while self._inputs:
                clock = self._around.clock
                self.elector.epoch = clock.utcnow() - timedelta(seconds=clock.now())
                event, now = self._inputs.popleft(), self._scheduler.now()
                effects = self.elector.handle(event, now)
                if self._around.trace is not None:
                    self._around.trace.handled(event, now, effects)
                self._carry_out(effects)
        except Exception:  # noqa: BLE001  # a defect of ours must not leave a leader behind
            self._fail_closed()
        finally:
            self._is_feeding = False
        self._finish_if_done()

    def _carry_out(self, effects: Effects) -> None:
        for move in effects.moves:
            self._reporter.moved(move)
        for notice in effects.notices:
            self._deliver(notice)
        if effects.request is not None:
            self._send(effects.request)
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if effects.wake_at is not None:
            self._alarm = self._scheduler.call_at(self._late(effects.wake_at), self._wake)

    def _late(self, wake_at: int) -> int:
        """A follower's look at the record may be late by some jitter (P12); a deadline may not."""
        if self.elector.state != FOLLOWER or self.elector.pending is not None:
            return wake_at
        config = self.elector.config
        return wake_at + round(self._around.rng.random() * config.jitter * config.retry_ns)

    def _send(self, request: Request) -> None:
        if self.elector.config.guarantees.is_local:
            self._answer(request, self._ask(request))
        else:
            self._around.calls.submit(partial(self._call, request))

    def _call(self, request: Request) -> None:
        """On a thread of the lane."""
        self._scheduler.post(partial(self._answer, request, self._ask(request)))

    def _ask(self, request: Request) -> Reply:
        left_ns = request.expires_at - self._scheduler.now()
        return perform(self._around.store, request, left_ns / NANOSECONDS)

    def _answer(self, request: Request, reply: Reply) -> None:
        if isinstance(reply, Unavailable):
            self._reporter.store_failed(request, reply.reason)
        else:
            self._reporter.store_answered()
        self._feed(reply)

    # Terms of office.

    def _deliver(self, notice: Notice) -> None:
        if isinstance(notice, StartedLeading):
            self._begin_term(notice.token)
        elif isinstance(notice, StoppedLeading):
            self._end_term(notice.reason)
        elif isinstance(notice, NewLeader):
            self._reporter.new_leader(notice.identity)
        elif isinstance(notice, ResignRequested):
            self.resign(f"asked to resign by {notice.by!r}")
        elif isinstance(notice, ClockWentBackwards):
            self._reporter.clock_went_backwards(notice.by)

    def _begin_term(self, token: int) -> None:
        identity = self.elector.config.identity
        leadership = Leadership(identity, token, self._around.clock, lambda: self.elector.office)
        work = self._callbacks.on_started_leading
        self._term = term = Term(leadership, working=work is not None)
        self._reporter.leads(True)
        with self.changed:
            self.leadership = leadership
            self.changed.notify_all()
        if work is not None:
            begin = partial(run_in_thread, f"work-{self._name}", partial(work, leadership))
            self._scheduler.post(partial(begin, self._posted(self._work_ended, term)))

    def _end_term(self, reason: str) -> None:
        term = self._term
        assert term is not None  # noqa: S101  # a term that ends has begun
        self.leadership = None
        term.told = True
        term.leadership._end(reason)  # noqa: SLF001  # the campaign's side of it
        self._reporter.leads(False)
        tell = self._callbacks.on_stopped_leading
        if tell is not None:
            term.telling = True
            begin = partial(run_in_thread, f"told-{self._name}", partial(tell, term.leadership))
            self._scheduler.post(partial(begin, self._posted(self._told, term), or_here=True))
        if self._stopping:
            self._inputs.append(Stop())
        elif self._failures or not term.is_closed:
            self._inputs.append(Abstain())
        if term.is_closed:
            self._inputs.append(Ended())

    def _posted(
        self, action: Callable[[Term, BaseException | None], None], term: Term
    ) -> Callable[[BaseException | None], None]:
        return lambda failure: self._scheduler.post(partial(action, term, failure))

    def _work_ended(self, term: Term, failure: BaseException | None) -> None:
        term.working = False
        self._failures = 0 if failure is None else self._failures + 1
        if failure is not None:
            self._reporter.failed("the work", failure)
        if self._once and not term.told and not term.winding_down:
            self._stopping = True
            self.failure = failure
        if not term.told:
            self._leave_office()
        self._close(term)

    def _told(self, term: Term, failure: BaseException | None) -> None:
        term.telling = False
        if failure is not None:
            self._reporter.failed("on_stopped_leading", failure)
        self._close(term)

    def _close(self, term: Term) -> None:
        """Release what was held back, once nothing of the term runs any more, and contend again."""
        if not term.is_closed:
            return
        if self._patience is not None:
            self._patience.cancel()
        self._feed(Ended())
        if self._failures == 0 or self._stopping:
            self._contend_again()
        else:
            back_off = min(2 ** (self._failures - 1), _LONGEST_BACK_OFF) * self.elector.config.lease_ns
            self._scheduler.call_at(self._scheduler.now() + back_off, self._contend_again)

    def _contend_again(self) -> None:
        if not self._stopping:
            self._feed(Start())
        self._finish_if_done()

    # Ending.

    def _leave_office(self) -> None:
        self._feed(Stop(release=self._release) if self._stopping else Resign())

    def _wind_down(self, term: Term, reason: str, patience: float) -> None:
        term.winding_down = True
        term.leadership._ask_to_end(reason)  # noqa: SLF001  # the campaign's side of it
        if self._patience is not None:
            self._patience.cancel()
        until = self._scheduler.now() + to_ns(patience)
        self._patience = self._scheduler.call_at(until, partial(self._lose_patience, term))
        if not term.working and not term.told:
            self._leave_office()

    def _lose_patience(self, term: Term) -> None:
        if term.is_closed:
            return
        self._reporter.unending(term.leadership.token)
        self._gave_up = self._stopping
        self._feed(Stop(release=False) if self._stopping else Resign(release=False))

    def _finish_if_done(self) -> None:
        elector, term = self.elector, self._term
        if self.has_finished or self._is_feeding or not elector.is_finished:
            return
        is_at_rest = term is None or term.is_closed or self._gave_up
        if not is_at_rest:
            return
        for timer in (self._alarm, self._patience):
            if timer is not None:
                timer.cancel()
        if self._watch is not None:
            self._reporter.attempt("closing the watch", self._watch.close)
        self._scheduler.when_clock_goes_back(self._wake, forget=True)
        if self._around.trace is not None:
            self._around.trace.close()
        with self.changed:
            self.has_finished = True
            self.changed.notify_all()

    def _fail_closed(self) -> None:
        """Give up office at once, without a release, and leave the race."""
        self._reporter.defect()
        self._inputs.clear()
        self._begin_with(Elector(self.elector.config))
        MACHINE.events["stop"].trigger(self.elector, reason="a defect")
        self._stopping = self._gave_up = True
        if self._term is not None and not self._term.told:
            self._end_term("a defect")
            self._inputs.clear()
