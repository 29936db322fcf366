"""The user code of one participant, as seen from outside the term, and what it is owed.

The term's own idea of that is not looked at. `UserCode` is told what goes into a candidate and what comes
out, and each rule, E10 to E17, is by the number of its property (`incumbent.testing.properties`).
"""

from __future__ import annotations

from typing import Final, NamedTuple

from incumbent.core.candidate import Candidate, Handled, Output
from incumbent.core.messages import (
    GetLease,
    Input,
    Notice,
    Request,
    ResignRequested,
    StartedLeading,
    StoppedLeading,
)
from incumbent.core.states import STOPPED
from incumbent.core.term import LONGEST_BACK_OFF, TermConfig
from incumbent.core.term_messages import (
    AskedToResign,
    AskedToStop,
    AskToEnd,
    BeginTerm,
    EndTerm,
    Order,
    TellingEnded,
    TermInput,
    WorkEnded,
)

MOST_FAILURES: Final = LONGEST_BACK_OFF.bit_length() - 1
"""After so many in a row the next back-off is the longest, and so are all after that."""

_BY_WISH: Final = {"resigned", "asked to"}


class UserCode(NamedTuple):
    """The code of one participant's user, and the wishes that were uttered.

    Attributes:
        leads: A term has begun, and no end was told.
        works: The work runs.
        tells: What is told of the end, `on_stopped_leading`, runs.
        asked: The work was asked to end, or told that its term is over.
        wished: Somebody wished the term's end, or its work has ended.
        stops: Somebody wished the candidate to leave the race.
        left: A stop has left behind what runs.
        until: When what was asked to end has no time left; None if that has no bound.
        owed: That instant has come: what runs is to be left behind in this very step.
        began: When the term of the work that runs began.
        failures: How often in a row work has failed, up to `MOST_FAILURES`.
        not_before: When the next term may begin at the earliest; None: at any time.
    """

    leads: bool = False
    works: bool = False
    tells: bool = False
    asked: bool = False
    wished: bool = False
    stops: bool = False
    left: bool = False
    until: int | None = None
    owed: bool = False
    began: int | None = None
    failures: int = 0
    not_before: int | None = None

    @property
    def is_over(self) -> bool:
        """Whether there is no term, and nothing of the last one runs."""
        return not (self.leads or self.works or self.tells)

    # What goes in.

    def given(self, event: Input | TermInput, now: int, config: TermConfig) -> UserCode:
        """After an input of the candidate's."""
        if isinstance(event, TermInput) and self.until is not None and self.until <= now:
            late = self._replace(until=None, owed=True, left=self.stops)
            return late._given(event, now, config)  # noqa: SLF001  # of the same class; time comes first
        return self._given(event, now, config)

    def _given(self, event: Input | TermInput, now: int, config: TermConfig) -> UserCode:
        if isinstance(event, AskedToStop):
            until = now + event.patience
            if self.stops and self.until is not None:
                until = min(until, self.until)
            is_awaited = not (self.left or self.is_over)
            wished = self.leads or self.wished
            return self._replace(stops=True, wished=wished, until=until if is_awaited else None)
        if isinstance(event, AskedToResign):
            return self._wish(now, config) if self.leads else self
        if isinstance(event, WorkEnded):
            return self._work_ended(event, now, config)
        return self._replace(tells=False) if isinstance(event, TellingEnded) else self

    def _wish(self, now: int, config: TermConfig) -> UserCode:
        return self if self.wished else self._replace(wished=True, until=now + config.stop_timeout_ns)

    def _work_ended(self, event: WorkEnded, now: int, config: TermConfig) -> UserCode:
        by_itself = self.leads and not self.asked
        failures = self.failures + 1 if event.failed else 0
        not_before = None
        if failures:
            not_before = now + config.lease_ns * min(2 ** (failures - 1), LONGEST_BACK_OFF)
        elif by_itself and self.began is not None:
            not_before = self.began + config.lease_ns
        return self._replace(
            works=False,
            wished=self.wished or self.leads,
            stops=self.stops or (by_itself and config.once),
            failures=min(failures, MOST_FAILURES),
            began=None,
            not_before=not_before,
        )

    # What comes out.

    def saw(self, output: Output, now: int, config: TermConfig) -> tuple[UserCode, str]:
        """After one output, and the rule that it broke, or ""."""
        if isinstance(output, Handled):
            return self._heard(output.effects.notices, now, config)
        if isinstance(output, Order):
            return self._obeyed(output, now, config)
        return self, self._broken_by_request(output)

    def _heard(self, notices: tuple[Notice, ...], now: int, config: TermConfig) -> tuple[UserCode, str]:
        code, leads = self, self.leads
        for notice in notices:
            if isinstance(notice, StartedLeading):
                leads = True
            elif isinstance(notice, ResignRequested) and leads:
                code = code._wish(now, config)  # of the same class
            elif isinstance(notice, StoppedLeading) and notice.reason in _BY_WISH and not code.wished:
                return code, "E16: a term was given up, and nobody wished that"
        return code, ""

    def _obeyed(self, order: Order, now: int, config: TermConfig) -> tuple[UserCode, str]:
        broken = ""
        if isinstance(order, BeginTerm):
            began = now if config.has_work else None
            code = UserCode(True, config.has_work, began=began, failures=self.failures)
            code = code._replace(wished=self.wished, until=self.until)  # uttered in the step that began it
            return code, self._broken_by_beginning(now)
        if isinstance(order, AskToEnd):
            if self.asked or not (self.leads and self.wished):
                broken = "E13: work was asked to end twice, or for nobody's wish"
            return self._replace(asked=True), broken
        if isinstance(order, EndTerm):
            if not self.leads or self.tells:
                broken = "E12: an end was told that was told before, or of no term"
            return self._replace(leads=False, asked=True, tells=config.tells), broken
        if self.owed:
            return self._replace(owed=False), ""
        if self.until is None or now < self.until:
            broken = "E14: something was left behind that did not run, or had time left"
        return self._replace(until=None, left=self.stops), broken

    def _broken_by_beginning(self, now: int) -> str:
        if not self.is_over:
            return "E10: a term began while something of the last one ran"
        if self.stops:
            return "E14: a term began after a stop"
        is_early = self.not_before is not None and now < self.not_before
        return "E17: a term began too soon after work that failed or was short" if is_early else ""

    def _broken_by_request(self, request: Request) -> str:
        if isinstance(request, GetLease) or not request.lease.is_vacant or self.is_over:
            return ""
        return "E11: the lease was released while something of its term ran"

    # What must be so when an input and all that it led to is over.

    def settled(self, candidate: Candidate) -> tuple[UserCode, str]:
        """Drop what is over; return the rest, and the rule that the candidate breaks, or ""."""
        code = self._replace(
            until=None if self.is_over else self.until,
            wished=self.wished and self.leads,
            asked=self.asked and not self.is_over,
        )
        return code, (
            code._broken_by_term(candidate)  # noqa: SLF001  # of the same class
            or code._broken_by_delay(candidate)  # noqa: SLF001
            or code._broken_by_end(candidate)  # noqa: SLF001
        )

    def _broken_by_term(self, candidate: Candidate) -> str:
        elector = candidate.elector
        if self.leads != (elector.office is not None):
            return "E12: a term is over and was not ended, or begun by nobody's order"
        if self.leads and self.wished and self.works and not self.asked:
            return "E13: work goes on that somebody wished to end, and was not asked to"
        if self.leads and self.wished and not self.works:
            return "E14: a term goes on, and its work has ended"
        if not self.leads and not self.is_over and elector.contending:
            return "E10: it contends while something of its last term runs"
        return ""

    def _broken_by_delay(self, candidate: Candidate) -> str:
        if self.owed:
            return "E14: what runs has no time left, and is waited for"
        if self.until is not None and (candidate.wake_at is None or candidate.wake_at > self.until):
            return "E14: nothing wakes it when there is no time left"
        return ""

    def _broken_by_end(self, candidate: Candidate) -> str:
        elector = candidate.elector
        if self.stops and not self.leads and elector.state != STOPPED:
            return "E14: it was asked to stop, and does not"
        if self.is_over and elector.leaving is not None and not elector.leaving.ended:
            return "E11: nothing of the term runs any more, and the release still waits"
        if self.is_over and self.stops and not candidate.term.is_at_rest:
            return "E14: nothing runs any more, and it waits for something"
        if candidate.is_finished and not self.is_over and not self.left:
            return "E15: it has finished, and something runs that had time left"
        return ""
