"""The term of office as a state machine: what runs of it, what was asked of it, and what is owed.

Beside every elector there is one `Term`. It is told when the elector starts and stops leading, what users
wish, and what of their code has ended; it orders work to begin and to end, and gives the elector its wishes
in return. It keeps four promises that the elector cannot keep, as it knows nothing of work:

- Work never runs beside work: until all of a term has ended the elector abstains.
- A lease is released only when nothing of its term runs any more (P9): it says `Ended` then.
- What does not end is waited for as long as was allowed, and then left behind, and the lease with it.
- Work that fails, or returns at once, does not hurry from term to term: the candidate backs off.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field
from typing import Final

from incumbent.core.messages import (
    Abstain,
    Ended,
    Input,
    Resign,
    ResignRequested,
    Start,
    StartedLeading,
    Stop,
    StoppedLeading,
)
from incumbent.core.states import (
    ABANDONED,
    BACKING_OFF,
    ENDING,
    IDLE,
    SERVING,
    TERM_MACHINE,
    WINDING_DOWN,
)
from incumbent.core.term_messages import (
    AskedToResign,
    AskedToStop,
    AskToEnd,
    BeginTerm,
    EndTerm,
    LeaveBehind,
    Order,
    TellingEnded,
    TermEffects,
    TermInput,
    WorkEnded,
)

LONGEST_BACK_OFF: Final = 16
"""Lease durations: the back-off after work that failed doubles up to this."""


@dataclass(frozen=True, slots=True)
class TermConfig:
    """The settings that the terms of a campaign share.

    Attributes:
        lease_ns: The first back-off, and the least time from one term's beginning to the next where the work
            came back by itself.
        stop_timeout_ns: How long work may take to end when it is asked to resign.
        has_work: There is work to run; without, a term goes on until it is lost or given up.
        tells: There is an `on_stopped_leading` to call.
        once: Stop when the work has returned by itself.
        release: Release the lease on stopping, rather than leave it to expire.
        hold_ns: For so long from the beginning of a term nobody should claim the lease again, if the work of
            the term came back by itself and did not fail (P16).
    """

    lease_ns: int
    stop_timeout_ns: int
    has_work: bool = True
    tells: bool = True
    once: bool = False
    release: bool = True
    hold_ns: int = 0


@dataclass(slots=True, unsafe_hash=True)
class Term:
    """The terms of one campaign, one after the other. `handle` is its only entry.

    A value like an elector: cheap to copy, to compare and to hash. All instants are in nanoseconds.

    Attributes:
        config: What never changes.
        state: One of `states.PHASES`.
        working: The work runs.
        telling: `on_stopped_leading` runs.
        stopping: The candidate was asked to leave the race.
        failures: How often in a row the work failed.
        not_before: When to contend again, at the earliest, after the present term.
        began_at: When the last term began.
        patience_until: When what was asked to end is left behind.
        successor: For whom the office is given up: the last one whom users named in this term (P17).
        now: The last reading handled.
    """

    config: TermConfig
    state: str = IDLE
    working: bool = False
    telling: bool = False
    stopping: bool = False
    failures: int = 0
    not_before: int | None = None
    began_at: int = 0
    patience_until: int | None = None
    successor: str = ""
    now: int = 0
    _orders: list[Order] = field(default_factory=list, compare=False, repr=False)
    _inputs: list[Input] = field(default_factory=list, compare=False, repr=False)

    @property
    def wake_at(self) -> int | None:
        """When something changes by itself: patience is lost, or the back-off is over."""
        if self.state == BACKING_OFF:
            return self.not_before
        return self.patience_until if self.working or self.telling else None

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing of it has to be waited for."""
        return self.state in {IDLE, BACKING_OFF, ABANDONED}

    def copy(self) -> Term:
        """An independent term in the same state."""
        return copy(self)

    def handle(self, event: TermInput, now: int) -> TermEffects:
        """Take one input at the clock reading `now`, and return all that it brought about.

        Every input is legal in every state, but for `StartedLeading` and `StoppedLeading`, which take turns.
        Where the clock ran backwards, what is left of each wait stays.

        Raises:
            MachineError: A term begins within a term, or ends without one.
        """
        self._orders, self._inputs = [], []
        self._let_time_pass(now)
        self._take(event, now)
        self._check()
        return TermEffects(tuple(self._orders), tuple(self._inputs), self.wake_at)

    def _let_time_pass(self, now: int) -> None:
        if now < self.now:
            self._begin_waits_anew(now)
        self.now = now
        if self.patience_until is not None and now >= self.patience_until:
            if self.working or self.telling:
                self._lose_patience()
            else:
                self.patience_until = now  # nothing is left behind: the elector is about to say the end
        if self.state == BACKING_OFF and self.not_before is not None and now >= self.not_before:
            self._contend_again("retry")

    def _take(self, event: TermInput, now: int) -> None:
        if isinstance(event, StartedLeading):
            self._begin(event, now)
        elif isinstance(event, StoppedLeading):
            self._end(event, now)
        elif isinstance(event, WorkEnded) and self.working:
            self._work_ended(event, now)
        elif isinstance(event, TellingEnded) and self.telling:
            self.telling = False
            self._close_if_over(now)
        elif isinstance(event, ResignRequested):
            self._resign(f"asked to resign by {event.by!r}", now)
        elif isinstance(event, AskedToResign):
            self._resign(event.reason, now, event.successor)
        elif isinstance(event, AskedToStop):
            self._stop(event, now)

    # What the elector says.

    def _begin(self, event: StartedLeading, now: int) -> None:
        self._move("begin")
        self.working = self.config.has_work
        self.began_at, self.not_before = now, None
        self._orders.append(BeginTerm(event.token))

    def _end(self, event: StoppedLeading, now: int) -> None:
        if self.state != ABANDONED:
            self._move("end")
        self.telling, self.successor = self.config.tells, ""
        self._orders.append(EndTerm(event.reason))
        if self.stopping:
            self._inputs.append(Stop())
        elif self.working or self.telling or self.not_before is not None:
            self._inputs.append(Abstain())
        self._close_if_over(now)

    # What users wish.

    def _resign(self, reason: str, now: int, successor: str = "") -> None:
        if self.state in {SERVING, WINDING_DOWN}:
            self.successor = successor or self.successor
        if self.state == SERVING:
            self._wind_down(reason, now + self.config.stop_timeout_ns)
        elif self.state != WINDING_DOWN:
            self._inputs.append(Resign())

    def _stop(self, event: AskedToStop, now: int) -> None:
        """Only the first wish to stop sets how long is waited; a later one can shorten it."""
        until = now + event.patience
        if self.stopping and self.patience_until is not None:
            until = min(until, self.patience_until)
        self.stopping = True
        if self.state == SERVING:
            self._wind_down("the campaign is stopping", until)
        elif self.state == WINDING_DOWN:
            self.patience_until = until
        else:
            if self.state == ENDING:
                self.patience_until = until
            elif self.state == BACKING_OFF:
                self._move("retry")
            self._inputs.append(Stop())

    def _wind_down(self, reason: str, until: int) -> None:
        self._move("wind_down")
        self._orders.append(AskToEnd(reason))
        self.patience_until = until
        if not self.working:
            self._give_up_office()

    # What user code does.

    def _work_ended(self, event: WorkEnded, now: int) -> None:
        self.working = False
        self.failures = self.failures + 1 if event.failed else 0
        if event.failed:
            back_off = min(2 ** (self.failures - 1), LONGEST_BACK_OFF) * self.config.lease_ns
            self.not_before = now + back_off
        elif self.state == SERVING:
            self.not_before = self.began_at + self.config.lease_ns
        ended_well = self.state == SERVING and not event.failed
        if self.state == SERVING and self.config.once:
            self.stopping = True
        if self.state in {SERVING, WINDING_DOWN}:
            self._give_up_office(self.config.hold_ns if ended_well else 0)
        else:
            self._close_if_over(now)

    def _give_up_office(self, hold_ns: int = 0) -> None:
        successor = self.successor
        if self.stopping:
            self._inputs.append(Stop(self.config.release, hold_ns, successor))
        else:
            self._inputs.append(Resign(hold_ns=hold_ns, successor=successor))

    def _lose_patience(self) -> None:
        """Leave behind what runs; a candidate that stops is done, one that resigns waits for its end."""
        self.patience_until = None
        self._orders.append(LeaveBehind())
        if self.stopping:
            self._move("give_up")
        self._inputs.append(Stop(release=False) if self.stopping else Resign(release=False))

    def _close_if_over(self, now: int) -> None:
        if self.state != ENDING or self.working or self.telling:
            return
        self.patience_until = None
        self._inputs.append(Ended())
        if self.not_before is not None and now < self.not_before and not self.stopping:
            self._move("back_off")
        else:
            self._contend_again("close")

    def _contend_again(self, move: str) -> None:
        self._move(move)
        self.not_before = None
        if not self.stopping:
            self._inputs.append(Start())

    def _begin_waits_anew(self, now: int) -> None:
        by = self.now - now
        self.began_at -= by
        if self.not_before is not None:
            self.not_before -= by
        if self.patience_until is not None:
            self.patience_until -= by

    def _move(self, trigger: str) -> None:
        TERM_MACHINE.events[trigger].trigger(self)

    def _check(self) -> None:
        """Assert what holds after every input."""
        assert self.state not in {IDLE, BACKING_OFF} or not (self.working or self.telling)
        assert self.state != ENDING or self.working or self.telling
        assert self.state not in {SERVING, WINDING_DOWN} or not self.telling
        assert (self.not_before is not None) or self.state != BACKING_OFF
        assert self.patience_until is None or self.state in {WINDING_DOWN, ENDING}
