"""What one recorded run did, by its own clock: its terms, its requests, and when it stood still."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from incumbent.core.messages import (
    Effects,
    Found,
    Input,
    Reply,
    Request,
    StartedLeading,
    Stop,
    StoppedLeading,
    StoreChanged,
    Unavailable,
    WriteRequest,
    Written,
)
from incumbent.errors import ConfigurationError
from incumbent.lease import Lease, StoredLease
from incumbent.runtime.recording import Line, Run
from incumbent.shown import shown

LATE_NS: Final = 500 * 10**6
"""A step that comes so much later than it was due, and a quarter of the renew deadline, is told of."""

SLOW: Final = 4
"""An answer that takes longer than the request timeout divided by that is slow."""


@dataclass
class Call:
    """A request, and what was heard of it.

    Attributes:
        answered: When the reply came, or it was given up; None: the run ends before that.
        reply: What the store said; None where it was given up.
    """

    request: Request
    line: Line
    answered: int | None = None
    reply: Reply | None = None

    @property
    def failure(self) -> str:
        """Why it came to nothing, or ""."""
        if self.reply is None:
            return "" if self.answered is None else "no answer in time"
        return self.reply.reason if isinstance(self.reply, Unavailable) else ""


@dataclass
class Term:
    """A term of office.

    Attributes:
        start: When it began, by the reading of the clock.
        told: When its end was told; None if the run ends before that.
        reason: Why it ended, as the elector says; "" if that is not there.
        trust: From when on, until when its writes let it lead: each renewal adds one.
    """

    token: int
    session: str
    line: Line
    start: int
    trust: list[tuple[int, int]]
    told: int | None = None
    reason: str = ""
    renewals: int = 0

    @property
    def end(self) -> int:
        """When `is_leader()` ceased to be true: by the clock alone, whoever was told of it later (P3)."""
        until = self.trust[-1][1]
        return until if self.told is None else min(self.told, until)


class Hint(NamedTuple):
    """The store told the record with a hint; whether that was received, or a look under way kept from it."""

    at: int
    stored: StoredLease
    received: bool


class Silence(NamedTuple):
    """From when on a step was due, and when it came."""

    start: int
    end: int


@dataclass
class Facts:
    """What a run did, in order. All times are readings of its clock.

    Attributes:
        begin: Its first step.
        end: Its last.
        due: When its next step would have been due; None: it had finished, or waited for news only.
        stopped: Whether it was told to stop.
    """

    run: Run
    begin: int
    end: int
    due: int | None = None
    stopped: bool = False
    terms: list[Term] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    silences: list[Silence] = field(default_factory=list)
    hints: list[Hint] = field(default_factory=list)

    def writes(self) -> Iterator[tuple[Call, WriteRequest]]:
        """Those calls that wrote, or were to."""
        for call in self.calls:
            if isinstance(call.request, WriteRequest):
                yield call, call.request


def write_of(lease: Lease) -> object:
    """What tells the writes of all runs apart (P15)."""
    return lease.holder_session, lease.leader_transitions, lease.renew_time, lease.acquire_time


def facts(run: Run) -> Facts:
    """Read them off a run, which has a step at least.

    Raises:
        ConfigurationError: A line holds values that no elector ever had.
    """
    reader = _Reader(run)
    for step in run.steps:
        try:
            reader.take(step.line, *step.handled[:3])
        except Exception as error:  # noqa: PERF203  # whatever such values lead to
            raise ConfigurationError(f"{step.line} is damaged: {shown(error)}") from error
    return reader.facts


class _Reader:
    """Goes through a run."""

    def __init__(self, run: Run) -> None:
        first, last = run.steps[0].handled.now, run.steps[-1].handled.now
        self.facts = Facts(run, first, last)
        self._deadline = run.began.config.renew_deadline_ns
        self._patience = max(LATE_NS, self._deadline // 4)
        self._pending: Call | None = None
        self._term: Term | None = None

    def take(self, line: Line, now: int, event: Input, effects: Effects) -> None:
        """Go on by one step."""
        found = self.facts
        if found.due is not None and now - found.due > self._patience:
            found.silences.append(Silence(found.due, now))
        found.stopped = found.stopped or isinstance(event, Stop)
        self._hear(event, now)
        if isinstance(event, StoreChanged) and event.stored is not None:
            is_idle = self._pending is None and effects.request is None
            found.hints.append(Hint(now, event.stored, received=is_idle))
        for notice in effects.notices:
            if isinstance(notice, StartedLeading):
                self._begin(line, now, notice.token)
            elif isinstance(notice, StoppedLeading) and self._term is not None:
                self._term.told, self._term.reason, self._term = now, notice.reason, None
        if effects.request is not None:
            self._pending = Call(effects.request, line)
            found.calls.append(self._pending)
        found.due = effects.wake_at

    def _hear(self, event: Input, now: int) -> None:
        call = self._pending
        if call is None:
            return
        if isinstance(event, Reply) and event.id == call.request.id:
            call.answered, call.reply, self._pending = now, event, None
            self._trust(now, event, call)
        elif now >= call.request.expires_at:
            call.answered, self._pending = now, None

    def _trust(self, now: int, reply: Reply, call: Call) -> None:
        """A write that took effect lets a leader believe a renew deadline from its send (P3)."""
        if self._term is None:
            return
        sent = call.request.sent_at if isinstance(reply, Written) else self._found(reply)
        if sent is not None and sent + self._deadline > self._term.trust[-1][1]:
            self._term.trust.append((now, sent + self._deadline))
            self._term.renewals += 1

    def _found(self, reply: Reply) -> int | None:
        """When the write of this run that is read back was sent."""
        if not isinstance(reply, Found):
            return None
        lease = reply.stored.lease
        own = (write for _, write in self.facts.writes() if write.lease.is_same_write(lease))
        return next((write.sent_at for write in own), None)

    def _begin(self, line: Line, now: int, token: int) -> None:
        claims = [write for _, write in self.facts.writes() if write.lease.leader_transitions == token]
        sent = claims[-1].sent_at if claims else now
        session = claims[-1].lease.holder_session if claims else self.facts.run.began.session
        self._term = Term(token, session, line, now, [(now, sent + self._deadline)])
        self.facts.terms.append(self._term)
