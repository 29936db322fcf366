"""Recorded runs held to the protocol: each step repeated, and what several runs must have in common.

A step is repeated by the shipped elector, of which each step is proved to be one of the protocol's: it must
do just what the trace says that was done. What no single elector can answer for is looked at across the runs:
sessions, versions, tokens and terms.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

from incumbent import __version__
from incumbent.core.elector import EPOCH, Elector
from incumbent.core.messages import (
    CreateLease,
    Effects,
    Found,
    GetLease,
    Request,
    StartedLeading,
    StoppedLeading,
    UpdateLease,
    Written,
)
from incumbent.lease import Version
from incumbent.runtime.recording import Line, Run, Step
from incumbent.shown import shown
from incumbent.testing.recorded.facts import Facts, write_of


class Breach(NamedTuple):
    """A rule that was not kept, and the line that shows it."""

    rule: str
    line: Line
    now: int
    run: Run
    what: str

    def __str__(self) -> str:
        return f"{self.line}: {self.rule}: {self.what}"


def is_of_this_edition(run: Run) -> bool:
    """Whether its steps can be repeated: another edition's elector may take others."""
    return run.began.version == __version__


def breaches(found: list[Facts]) -> list[Breach]:
    """All that does not conform, in order of files and lines."""
    wrong = [breach for facts in found if (breach := of_run(facts.run)) is not None]
    wrong += [*_sessions(found), *_versions(found), *_tokens(found)]
    return sorted(wrong, key=lambda breach: (str(breach.line.path), breach.line.number))


# One run: every step once more.


def of_run(run: Run) -> Breach | None:
    """The first step that is not what the elector does; what comes after it cannot be judged."""
    if not is_of_this_edition(run):
        return None
    elector = _elector(run)
    for step in run.steps:
        handled = step.handled
        elector.epoch = EPOCH + timedelta(microseconds=handled.epoch)
        was = elector.copy()
        try:
            owed = elector.handle(handled.event, handled.now)
        except Exception as error:  # noqa: BLE001  # its assertions, or values that it never had
            return _breach(run, step, "P1 to P17", f"no elector can take that step: {shown(error)}")
        if owed != handled.effects:
            return _breach(run, step, *_difference(was, step, owed, handled.effects))
    return None


def _elector(run: Run) -> Elector:
    elector = Elector(run.began.config, session=run.began.session)
    if run.began.state is not None:
        names = (*Elector._STATE, "last_renew_time")  # noqa: SLF001  # as the writer puts them
        for name, value in zip(names, run.began.state, strict=True):
            setattr(elector, name, value)
    return elector


def _breach(run: Run, step: Step, rule: str, what: str) -> Breach:
    return Breach(rule, step.line, step.handled.now, run, what)


def _difference(was: Elector, step: Step, owed: Effects, done: Effects) -> tuple[str, str]:
    """Name the rule by what is first in it that differs, and say what was done and what was owed."""
    begins = (
        [isinstance(one, StartedLeading) for one in done.notices],
        [isinstance(one, StartedLeading) for one in owed.notices],
    )
    ends = [any(isinstance(one, StoppedLeading) for one in each.notices) for each in (done, owed)]
    if begins[0] != begins[1]:
        said = "a term begins, though no write of its own is known to have taken effect in time"
        return "P3, P7", said if begins[0] else "a term should begin here, and does not"
    if ends[0] != ends[1]:
        return "P3, P8", "a term should end here, and does not" if ends[1] else "a term ends without a cause"
    if done.request != owed.request:
        return _request_rule(was, step, owed.request, done.request)
    if done.notices != owed.notices:
        return "P11, P14", f"what is told is {done.notices}, and should be {owed.notices}"
    if done.moves != owed.moves:
        return "the table of roles", f"it moves by {done.moves}, and should by {owed.moves}"
    return "P12", f"it wakes at {done.wake_at}, and should at {owed.wake_at}"


def _request_rule(was: Elector, step: Step, owed: Request | None, done: Request | None) -> tuple[str, str]:
    said = f"it sends {_named(done)}, and should send {_named(owed)}"
    if done is None or isinstance(done, GetLease):
        return ("P10" if isinstance(done, type(owed)) else "P12"), said
    if owed is None or isinstance(owed, GetLease):
        if done.lease.is_vacant:
            return "P9", f"{said}: nothing is to be released, or not yet"
        if was.state == "leader":
            return "P3, P10", f"{said}: it may not renew here"
        return _claim_rule(was, step), f"{said}: the lease may not be claimed yet"
    if isinstance(done, CreateLease) != isinstance(owed, CreateLease) or (
        isinstance(done, UpdateLease) and isinstance(owed, UpdateLease) and done.version != owed.version
    ):
        return "P1", f"{said}: it is to replace what was seen"
    one, other = done.lease, owed.lease
    if one.holder_session != other.holder_session:
        return "P2", f"it writes as session {one.holder_session!r}, and is {other.holder_session!r}"
    if one.leader_transitions != other.leader_transitions:
        return "P11", f"it writes the token {one.leader_transitions}, and should {other.leader_transitions}"
    if one.renew_time != other.renew_time:
        return "P7", f"it writes the renew time {one.renew_time}, and should {other.renew_time}"
    if (done.sent_at, done.expires_at, done.id) != (owed.sent_at, owed.expires_at, owed.id):
        return "P10", f"it is sent at {done.sent_at} until {done.expires_at}, and should be at {owed.sent_at}"
    return "P2, P9, P14, P16, P17", said


def _claim_rule(was: Elector, step: Step) -> str:
    event = step.handled.event
    if not isinstance(event, Found):
        return "P5"
    lease = event.stored.lease
    if lease.is_vacant and (lease.successor or was.no_campaign_before is not None):
        return "P17" if lease.successor else "P5"
    return "P16" if lease.is_vacant else "P4"


def _named(request: Request | None) -> str:
    if request is None:
        return "nothing"
    if isinstance(request, GetLease):
        return "a read"
    what = (
        "a release" if request.lease.is_vacant else f"a write with token {request.lease.leader_transitions}"
    )
    over = "no record" if isinstance(request, CreateLease) else f"version {request.version!r}"
    return f"{what} over {over}"


# All of them together.


def _sessions(found: list[Facts]) -> Iterator[Breach]:
    """P2: a session is never used again. Rotated files of one run share it."""
    seen: dict[str, Run] = {}
    for facts in found:
        run = facts.run
        other = seen.setdefault(run.began.session, run)
        if other is not run:
            yield Breach(
                "P2", run.line, facts.begin, run, f"its session is that of the run at {other.line}, too"
            )


class _Won(NamedTuple):
    """A write that took effect: what it replaced, and what it made."""

    replaced: Version
    made: Version
    facts: Facts
    line: Line
    now: int


def _won(found: list[Facts]) -> Iterator[_Won]:
    """Those that were answered, and those that somebody saw in the store."""
    seen = {
        write_of(call.reply.stored.lease): call.reply.stored.version
        for facts in found
        for call in facts.calls
        if isinstance(call.reply, Found)
    }
    for facts in found:
        for call, write in facts.writes():
            made = seen.get(write_of(write.lease))
            if isinstance(call.reply, Written):
                made = call.reply.version
            if made is not None:
                replaced = write.version if isinstance(write, UpdateLease) else None
                yield _Won(replaced, made, facts, call.line, write.sent_at)


def _versions(found: list[Facts]) -> Iterator[Breach]:
    """P1, A1, A2: each version was made once, and replaced once: the store's part of the promise."""
    made: dict[Version, _Won] = {}
    replaced: dict[Version, _Won] = {}
    for won in _won(found):
        other = made.setdefault(won.made, won)
        if other is not won:
            what = f"the store gave version {won.made!r} to this write, and to that at {other.line}"
            yield Breach("A2", won.line, won.now, won.facts.run, what)
        if won.replaced is None:
            continue
        other = replaced.setdefault(won.replaced, won)
        if other is not won:
            what = f"the store let this write replace version {won.replaced!r}, and that at {other.line}"
            yield Breach("A1, S4 one_history", won.line, won.now, won.facts.run, what)


def _tokens(found: list[Facts]) -> Iterator[Breach]:
    """P11, S5: no two terms share a token, unless the record was lost between them."""
    terms: dict[int, tuple[str, Line]] = {}
    for facts in found:
        for term in facts.terms:
            session, line = terms.setdefault(term.token, (term.session, term.line))
            if session != term.session:
                what = f"token {term.token} is that of the term at {line}, too: was the record lost?"
                yield Breach("S5 fencing", term.line, term.start, facts.run, what)
