"""What happened, in words: who led when, why each term ended, how long nobody led and why, what was slow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from incumbent.core.messages import (
    ClockWentBackwards,
    CreateLease,
    GetLease,
    Refused,
    ResignRequested,
    WriteRequest,
)
from incumbent.core.states import CANDIDATE
from incumbent.testing.recorded.clocks import FAR, Axis
from incumbent.testing.recorded.facts import SLOW, Call, Facts, Silence, Term
from incumbent.testing.recorded.history import Cast, is_gone
from incumbent.testing.timeline.parts import Moment
from incumbent.testing.timeline.signs import seconds

DEADLINE: Final = "the renew deadline passed"
_MANY: Final = 3
"""More failures of one kind in a row than that are told as one."""

ENDED: Final = {
    "resigned": "it resigned, as its work had ended, or somebody asked it to",
    "asked to": "it was told to stop",
}
CLAIMED_AFTER: Final = {
    "the lease expired on my clock": "the lease of who led before had to expire",
    "the lease was released": "the lease had been released",
    "there is no record": "there was no record",
    "a write of mine was found in the store": "a write of unknown outcome was found in the store",
}


class Told(NamedTuple):
    """A term on the joint axis: whose it is, and from when to when."""

    facts: Facts
    term: Term
    start: int
    end: int


class Story:
    """Tells of runs on an axis."""

    def __init__(self, found: list[Facts], axis: Axis, who: Cast) -> None:
        self._found, self._axis, self._cast = found, axis, who
        terms = [
            Told(facts, term, axis.at(facts, term.start), axis.at(facts, term.end))
            for facts in found
            for term in facts.terms
        ]
        self.terms: list[Told] = sorted(terms, key=lambda told: (told.start, told.term.token))

    def moments(self) -> list[Moment]:
        """All that is worth telling, in order of time."""
        told = [*self._terms(), *self._gaps()]
        for facts in self._found:
            told += [*self._silences(facts), *self._calls(facts), *self._steps(facts), *self._ending(facts)]
        return sorted(told, key=lambda moment: moment.at)

    # Terms, and the time between them.

    def _terms(self) -> Iterator[Moment]:
        for facts, term, start, end in self.terms:
            name, until = self._cast.name(facts), min(end, self._axis.end)
            yield Moment(start, name, f"leads with token {term.token}: {self._won(facts, term)}", 3)
            lasted = f"after {seconds(until - start, 3)} s and {term.renewals} renewals"
            if end <= self._axis.end:
                yield Moment(end, name, f"leads no more, {lasted}: {self._why_ended(facts, term)}", 3)
            else:
                yield Moment(until, name, f"leads still, {lasted}", 2)

    def _won(self, facts: Facts, term: Term) -> str:
        """Why the lease could be claimed."""
        steps = [step.handled for step in facts.run.steps if step.handled.now <= term.start]
        moves = [move for step in steps for move in step.effects.moves if move.dest == CANDIDATE]
        return CLAIMED_AFTER.get(moves[-1].reason, moves[-1].reason) if moves else "its claim took effect"

    def _why_ended(self, facts: Facts, term: Term) -> str:
        deadline = seconds(facts.run.began.config.renew_deadline_ns, 3)
        if term.told is not None and term.reason != DEADLINE and term.told <= term.trust[-1][1]:
            return ENDED.get(term.reason, term.reason)
        passed = (
            f"the renew deadline of {deadline} s passed since it had sent the last write that took effect"
        )
        return f"{passed}; {self._why_not_renewed(facts, term)}"

    def _why_not_renewed(self, facts: Facts, term: Term) -> str:
        since = term.trust[-1][1] - facts.run.began.config.renew_deadline_ns
        stood = [one for one in facts.silences if one.start <= term.trust[-1][1] and one.end > since]
        if stood:
            longest = max(stood, key=lambda one: one.end - one.start)
            return f"its process stood still for {seconds(longest.end - longest.start, 3)} s"
        tried = [call for call, write in facts.writes() if since < write.sent_at < term.trust[-1][1]]
        failed = [call for call in tried if call.failure]
        if failed:
            return f"{len(failed)} of {len(tried)} renewals after that came to nothing: {failed[-1].failure}"
        if is_gone(facts, self._axis):
            return "nothing more is heard of it: it was killed, or stands still, or its trace was cut off"
        return f"{len(tried)} renewals were sent after that"

    def _gaps(self) -> Iterator[Moment]:
        """The times in which nobody is known to have led."""
        covered = self.terms[0].end if self.terms else 0
        before = self.terms[0] if self.terms else None
        for told in self.terms[1:]:
            if before is not None and told.start > covered:
                yield Moment(covered, "nobody", self._gap(before, told, covered), 3)
            if told.end >= covered:
                covered, before = told.end, told
        if before is None:
            yield Moment(0, "nobody", "leads in all this time, as far as these traces tell", 3)
        elif covered < self._axis.end:
            left = seconds(self._axis.end - covered, 3)
            yield Moment(covered, "nobody", f"is seen to lead from here to the end, for {left} s", 3)

    def _gap(self, before: Told, after: Told, since: int) -> str:
        """How long nobody led between two terms, and why."""
        doubt = self._axis.doubt(before.facts, after.facts)
        give = "" if doubt == 0 else f" (by clocks that may be {self._far(doubt)} apart)"
        lasted = f"leads for {seconds(after.start - since, 3)} s{give}"
        if before.term.told is None and is_gone(before.facts, self._axis):
            longest = after.start - self._axis.at(before.facts, before.facts.end)
            lasted += f", or for {seconds(longest, 3)} s if {self._cast.name(before.facts)} was killed,"
        others = after.term.token - before.term.token - 1
        if others > 0:
            terms = "a term" if others == 1 else f"{others} terms"
            return f"{lasted}, as far as these traces tell: the tokens say that {terms} of others lay between"
        lease = seconds(before.facts.run.began.config.lease_ns, 3)
        if self._won(after.facts, after.term) == CLAIMED_AFTER["the lease expired on my clock"]:
            name = self._cast.name(after.facts)
            return (
                f"{lasted}: {name} had to see the lease unchanged for its {lease} s before it could claim it"
            )
        return f"{lasted}: {self._won(after.facts, after.term)}"

    def _far(self, doubt: int) -> str:
        return "any time" if doubt >= FAR else f"{seconds(doubt, 3)} s"

    # What went wrong in a run.

    def _silences(self, facts: Facts) -> Iterator[Moment]:
        for silence in facts.silences:
            yield Moment(self._axis.at(facts, silence.start), self._cast.name(facts), self._stood(silence), 2)

    def _stood(self, silence: Silence) -> str:
        lasted = seconds(silence.end - silence.start, 3)
        return (
            f"stands still for {lasted} s: what was due came so late (frozen, suspended, or starved of CPU)"
        )

    def _calls(self, facts: Facts) -> Iterator[Moment]:
        timeout = facts.run.began.config.request_timeout_ns
        name, rows = self._cast.name(facts), 0
        for call in facts.calls:
            trouble = self._trouble(call, timeout)
            rows = rows + 1 if trouble else 0
            at = self._axis.at(facts, call.request.sent_at)
            if trouble and rows <= _MANY:
                more = "; and so on" if rows == _MANY else ""
                yield Moment(
                    at, name, f"{_purpose(facts, call)}: {trouble}{more}", 2 if _is_write(call) else 1
                )

    def _trouble(self, call: Call, timeout: int) -> str:
        if call.failure:
            return f"failed: {call.failure}"
        if call.answered is not None and call.answered - call.request.sent_at > timeout // SLOW:
            took = seconds(call.answered - call.request.sent_at, 3)
            return f"slow: the answer took {took} s of {seconds(timeout, 3)} s"
        return "refused: the record had changed" if isinstance(call.reply, Refused) else ""

    def _steps(self, facts: Facts) -> Iterator[Moment]:
        name, epoch = self._cast.name(facts), facts.run.steps[0].handled.epoch
        for step in facts.run.steps:
            handled, at = step.handled, self._axis.at(facts, step.handled.now)
            for notice in handled.effects.notices:
                if isinstance(notice, ResignRequested):
                    yield Moment(at, name, f"is asked to resign, by {notice.by}", 2)
                elif isinstance(notice, ClockWentBackwards):
                    yield Moment(at, name, f"its clock went back by {seconds(notice.by, 3)} s", 3)
            if abs(handled.epoch - epoch) > 1_000_000:  # noqa: PLR2004  # a second, in microseconds
                turned = (handled.epoch - epoch) / 1e6
                yield Moment(
                    at, name, f"its time of day was turned by {turned:+.3f} s, which decides nothing", 2
                )
                epoch = handled.epoch

    def _ending(self, facts: Facts) -> Iterator[Moment]:
        at, name = self._axis.at(facts, facts.end), self._cast.name(facts)
        if facts.stopped:
            yield Moment(at, name, "has stopped", 2)
        elif is_gone(facts, self._axis):
            yield Moment(
                at, name, "is not heard of after this: killed, or still frozen, or its trace was cut off", 2
            )


def _is_write(call: Call) -> bool:
    return isinstance(call.request, WriteRequest)


def _purpose(facts: Facts, call: Call) -> str:
    request = call.request
    if isinstance(request, GetLease):
        return "a read"
    if request.lease.is_vacant:
        return "the release"
    began = any(
        term.start <= request.sent_at and term.token == request.lease.leader_transitions
        for term in facts.terms
    )
    return "a renewal" if began and not isinstance(request, CreateLease) else "a claim"
