"""A history as what is drawn of it, before anybody decides how: lanes of spans, marks and messages.

All times are true times in nanoseconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from incumbent.core.messages import StoppedLeading
from incumbent.core.states import CANDIDATE, FOLLOWER, LEADER, STOPPED
from incumbent.testing.history import (
    History,
    Invoked,
    Struck,
    Term,
    Told,
    Turned,
    Violation,
)
from incumbent.testing.timeline.fuses import Fuse, fuses
from incumbent.testing.timeline.messages import Message, messages
from incumbent.testing.timeline.office import offices
from incumbent.testing.timeline.parts import OWED, Moment, Span, firsts
from incumbent.testing.timeline.signs import seconds
from incumbent.testing.timeline.store import records, store_faults
from incumbent.testing.timeline.words import named, struck


class Lane(NamedTuple):
    """All that is drawn of a candidate."""

    name: str
    identity: str
    roles: list[Span]
    terms: list[Span]
    office: list[Span]
    faults: list[Span]
    fuses: list[Fuse]
    messages: list[Message]


class Picture(NamedTuple):
    """All that is drawn of a run; `clashes` are the times in which two led at once."""

    end: int
    lanes: list[Lane]
    records: list[Span]
    store_faults: list[Span]
    clashes: list[Span]
    violations: list[Violation]
    story: list[Moment]


def picture(history: History, found: Sequence[Violation]) -> Picture:
    """Build the picture of a run and of these violations."""
    begun = _beginnings(history)
    lanes = []
    fuse_lists, message_lists, in_office = fuses(history), messages(history), offices(history)
    story: list[Moment] = []
    for name, config in history.configs.items():
        terms = list(_terms(history, name))
        faults = list(_faults(history, name, begun))
        story += [*_told(name, terms, faults), *in_office[name].story]
        roles = [*_roles(history, name, begun), *(span for span in faults if span.kind == "crashed")]
        faults = [span for span in faults if span.kind != "crashed"]
        mine = (fuse_lists.get(name, []), message_lists.get(name, []))
        lanes.append(Lane(name, config.identity, roles, terms, in_office[name].spans, faults, *mine))
    stalls = list(store_faults(history))
    story += [Moment(span.start, "store", span.tip, 2) for span in stalls]
    story += _others(history)
    clashes = list(_clashes(history))
    story += [Moment(clash.start, "▼", clash.tip, 4) for clash in clashes]
    for one in firsts(found):
        count = sum(other.rule == one.rule for other in found)
        more = f" (the first of {count})" if count > 1 else ""
        story.append(Moment(one.at, "▼", f"{named(one.rule)}{more}: {one.what}", 5))
    story.sort(key=lambda moment: moment.at)
    return Picture(history.end, lanes, list(records(history)), stalls, clashes, list(found), story)


def _beginnings(history: History) -> dict[str, int]:
    """When each process was first heard of, in order."""
    begun = {f"{name}-1": 0 for name in list(history.configs)[: history.candidates]}
    for one in history.of(Invoked):
        begun.setdefault(one.who, one.at)
    return begun


def _terms(history: History, name: str) -> Iterator[Span]:
    crashes = [one.at for one in history.of(Struck) if one.verb == "crash" and name in one.targets]
    ends = {
        (told.who, told.notice.token): told.notice.reason
        for told in history.of(Told)
        if isinstance(told.notice, StoppedLeading)
    }
    for term in history.terms():
        if term.who.partition("-")[0] == name:
            ends.setdefault(
                (term.who, term.token), "it crashed" if term.end in crashes else "its deadline passed"
            )
            end = min(term.end, history.end)
            yield Span(term.start, end, "leads", f"{name} · {term.token}", _term_tip(history, term, ends))


def _term_tip(history: History, term: Term, ends: dict[tuple[str, int], str]) -> str:
    whose = f"leads with token {term.token} ({term.session})"
    if term.end > history.end:
        return f"{whose} to the end"
    lasted = f"{seconds(term.end - term.start, 3)} s, until {seconds(term.end, 3)} s"
    return f"{whose} for {lasted}: {ends[term.who, term.token]}"


def _roles(history: History, name: str, begun: dict[str, int]) -> Iterator[Span]:
    """The role of each process of a candidate, until it crashes or another takes its place."""
    mine = [(who, at) for who, at in begun.items() if who.partition("-")[0] == name]
    crashes = [one.at for one in history.of(Struck) if one.verb == "crash" and name in one.targets]
    for index, (who, at) in enumerate(mine):
        last = mine[index + 1][1] if index + 1 < len(mine) else history.end
        last = min([last, *(crash for crash in crashes if crash >= at)])
        role, since, why = FOLLOWER, at, "it started"
        for turned in [one for one in history.of(Turned) if one.who == who]:
            yield from _role(role, since, turned.at, f"{who} is {role}: {why}")
            role, since, why = turned.dest, turned.at, turned.reason
        yield from _role(role, since, last, f"{who} is {role}: {why}")


def _role(role: str, start: int, end: int, tip: str) -> Iterator[Span]:
    kinds = {FOLLOWER: "follower", CANDIDATE: "candidate", LEADER: "term over", STOPPED: "stopped"}
    if start < end:
        yield Span(start, end, kinds[role], "", f"{tip}, from {seconds(start)} s to {seconds(end)} s")


def _faults(history: History, name: str, begun: dict[str, int]) -> Iterator[Span]:
    """Spans of the faults of a candidate, each from its verb to the verb that undoes it."""
    starts = {at for who, at in begun.items() if who.partition("-")[0] == name}
    opened: dict[str, tuple[int, str, str]] = {}

    def close(kinds: Iterable[str], at: int) -> Iterator[Span]:
        for kind in [kind for kind in kinds if kind in opened]:
            start, label, tip = opened.pop(kind)
            until = "the end" if at == history.end else f"{seconds(at)} s"
            yield Span(start, at, kind, label, f"{tip}: from {seconds(start)} s to {until}")

    kinds = {"partition": "cut off", "delay": "slow", "pause": "paused", "crash": "crashed"}
    for one in history.of(Struck):
        if name not in one.targets or one.verb == "run_until":
            continue
        if one.verb == "heal":
            yield from close(("cut off", "slow"), one.at)
        elif one.verb == "resume":
            yield from close(("paused",), one.at)
        elif one.verb == "restart":
            yield from close(("crashed", "paused"), one.at) if one.at in starts else ()
        elif one.verb not in kinds:
            yield Span(one.at, one.at, "something else", struck(one), f"{struck(one)} at {seconds(one.at)} s")
        elif kinds[one.verb] not in opened and "crashed" not in opened:
            yield from close(("paused",), one.at) if one.verb == "crash" else ()
            opened[kinds[one.verb]] = (one.at, struck(one), struck(one))
    yield from close(list(opened), history.end)


def _told(name: str, terms: list[Span], faults: list[Span]) -> Iterator[Moment]:
    ends = {
        "paused": "goes on",
        "cut off": "is reached again",
        "slow": "is quick again",
        "crashed": "starts again",
    }
    for term in terms:
        yield Moment(term.start, name, term.tip, 3)
    for fault in faults:
        yield Moment(fault.start, name, fault.label, 2)
        if fault.kind in ends and not fault.tip.endswith("the end"):
            yield Moment(fault.end, name, ends[fault.kind], 1)


def _others(history: History) -> Iterator[Moment]:
    """Faults that have no target."""
    for one in history.of(Struck):
        if one.verb in {"request_resign", "touch", "recover"}:
            yield Moment(one.at, "all" if one.verb == "recover" else "store", struck(one), 2)


def _clashes(history: History) -> Iterator[Span]:
    open_terms: list[Term] = []
    for term in history.terms():
        open_terms = [one for one in open_terms if one.end > term.start]
        for other in open_terms:
            end = min(term.end, other.end, history.end)
            if other.who != term.who and term.start < end:
                owed = "not owed" if history.excused(term.start, end) else OWED
                length = seconds(end - term.start)
                tip = f"{other.who} and {term.who} both lead, for {length} s ({owed})"
                yield Span(term.start, end, "two lead", owed, tip)
        open_terms.append(term)
