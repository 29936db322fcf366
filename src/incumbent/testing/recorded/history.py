"""Recorded runs as a `History`, so that the timeline draws them as it draws simulated ones.

Candidates are called a, b, c, and whose identity is such a letter by that; identities stand beside them. When
the store did something is known to lie between a request and its answer: it is drawn halfway, in the order of
the versions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import count, product
from string import ascii_lowercase
from typing import Final, NamedTuple, TypeVar

from incumbent.core.messages import (
    Found,
    GetLease,
    Missing,
    Refused,
    Reply,
    Request,
    ResignRequested,
    UpdateLease,
    WriteRequest,
    Written,
)
from incumbent.lease import Lease, StoredLease, Version
from incumbent.testing.history import (
    Answered,
    Executed,
    Hinted,
    History,
    Invoked,
    Led,
    Record,
    Struck,
    Told,
    Turned,
)
from incumbent.testing.profile import Profile
from incumbent.testing.recorded.clocks import Axis
from incumbent.testing.recorded.facts import Call, Facts, write_of

UNKNOWN = "?"
"""Whoever holds the lease and left no trace that was given."""

R = TypeVar("R", bound="Request | Reply")


_LETTER: Final = re.compile(r"[a-z]{1,2}")


class Cast(NamedTuple):
    """Who is who: the candidates' names, and the processes of each run."""

    names: dict[int, str]
    processes: dict[int, str]

    def name(self, facts: Facts) -> str:
        """The candidate, such as a."""
        return self.names[id(facts)]

    def process(self, facts: Facts) -> str:
        """The run, such as a-1."""
        return self.processes[id(facts)]


def cast(found: list[Facts], axis: Axis) -> Cast:
    """Name them: a run goes on another's lane if it has its identity, and begins when that is over."""
    lanes: list[list[Facts]] = []
    for facts in sorted(found, key=lambda facts: axis.at(facts, facts.begin)):
        identity, begin = facts.run.began.config.identity, axis.at(facts, facts.begin)
        free = (
            lane
            for lane in lanes
            if lane[-1].run.began.config.identity == identity and axis.at(lane[-1], lane[-1].end) < begin
        )
        lane = next(free, None)
        if lane is None:
            lanes.append(lane := [])
        lane.append(facts)
    names: dict[int, str] = {}
    processes: dict[int, str] = {}
    identities = [lane[0].run.began.config.identity for lane in lanes]
    others = (name for name in _letters() if name not in identities)
    for identity, lane in zip(identities, lanes, strict=True):
        is_free = _LETTER.fullmatch(identity) and identity not in names.values()
        name = identity if is_free else next(others)
        for number, facts in enumerate(lane, 1):
            names[id(facts)], processes[id(facts)] = name, f"{name}-{number}"
    return Cast(names, processes)


def _letters() -> Iterator[str]:
    for size in count(1):
        yield from map("".join, product(ascii_lowercase, repeat=size))


class Builder:
    """Builds the history of runs on an axis."""

    def __init__(self, found: list[Facts], axis: Axis, who: Cast) -> None:
        self._found, self._axis, self._cast = found, axis, who
        self._sessions = {facts.run.began.session: who.process(facts) for facts in found}
        self._done = _Done(found, axis)

    def history(self) -> History:
        """Build it."""
        configs = {self._cast.name(facts): facts.run.began.config for facts in self._found}
        records = [record for facts in self._found for record in self._records(facts)]
        records.sort(key=lambda record: record.at)
        history = History(0, 0, dict(sorted(configs.items())), Profile(delay=(0, self._slowest())), records)
        history.end = self._axis.end
        return history

    def _slowest(self) -> int:
        """How long an answer may take before it is drawn as slow."""
        return min(facts.run.began.config.request_timeout_ns for facts in self._found) // 4

    def _records(self, facts: Facts) -> Iterator[Record]:
        who, axis = self._cast.process(facts), self._axis
        for step in facts.run.steps:
            at = axis.at(facts, step.handled.now)
            for move in step.handled.effects.moves:
                yield Turned(at, who, move.trigger, move.source, move.dest, move.reason)
            for notice in step.handled.effects.notices:
                yield Told(at, who, notice)
                if isinstance(notice, ResignRequested):
                    yield Struck(at, "request_resign", (notice.by,), (), scripted=False, outside=False)
        for hint in facts.hints:
            yield Hinted(axis.at(facts, hint.at), who, self._stored(hint.stored), hint.received)
        for call in facts.calls:
            yield from self._call(facts, who, call)
        for term in facts.terms:
            session = self._renamed(term.session)
            for since, until in term.trust:
                yield Led(axis.at(facts, since), who, session, term.token, axis.at(facts, until))
            if term.told is not None and term.told <= term.trust[-1][1]:
                at = axis.at(facts, term.told)
                yield Led(at, who, session, term.token, at)
        yield from self._struck(facts)

    def _call(self, facts: Facts, who: str, call: Call) -> Iterator[Record]:
        axis, request = self._axis, self._recast(call.request)
        yield Invoked(axis.at(facts, request.sent_at), who, request)
        done = self._done.of(call)
        if done is not None:
            at, reply, before = done
            yield Executed(at, who, request, self._recast(reply), self._stored(before) if before else None)
        if call.reply is not None and call.answered is not None:
            yield Answered(axis.at(facts, call.answered), who, self._recast(call.reply), heard=True)

    def _struck(self, facts: Facts) -> Iterator[Struck]:
        name, axis = self._cast.name(facts), self._axis
        for silence in facts.silences:
            for verb, at in (("pause", silence.start), ("resume", silence.end)):
                args = (name, (silence.end - silence.start) / 1e9) if verb == "pause" else (name,)
                yield Struck(axis.at(facts, at), verb, args, (name,), scripted=False, outside=False)
        if is_gone(facts, axis):
            yield Struck(
                axis.at(facts, facts.end), "crash", (name, None), (name,), scripted=False, outside=False
            )

    def _recast(self, value: R) -> R:
        """The same with the names of processes in the place of sessions."""
        if isinstance(value, WriteRequest):
            return replace(value, lease=self._lease(value.lease))
        if isinstance(value, Found):
            return replace(value, stored=self._stored(value.stored))
        return value

    def _stored(self, stored: StoredLease) -> StoredLease:
        return StoredLease(self._lease(stored.lease), stored.version)  # its epoch is not drawn

    def _lease(self, lease: Lease) -> Lease:
        return replace(lease, holder_session=self._renamed(lease.holder_session))

    def _renamed(self, session: str) -> str:
        base, dot, number = session.rpartition(".")
        if not session:
            return session
        return f"{self._sessions[base]}{dot}{number}" if base in self._sessions else f"{UNKNOWN}-{session}"


def is_gone(facts: Facts, axis: Axis) -> bool:
    """Whether nothing more was heard of a run, though others go on and it had not stopped."""
    if facts.stopped or facts.due is None:
        return False
    patience = facts.run.began.config.request_timeout_ns
    return axis.at(facts, facts.due) + patience < axis.end


class _Done:
    """When the store did what it was asked, as far as anybody heard of it."""

    def __init__(self, found: list[Facts], axis: Axis) -> None:
        self._axis = axis
        self._facts = {id(call): facts for facts in found for call in facts.calls}
        self._shown = self._first_shown(found)
        self._made: dict[Version, tuple[int, StoredLease]] = {}
        self._next: dict[Version, int] = {}
        self._at: dict[int, int] = {}
        writes = [
            (self._halfway(call), call, write)
            for facts in found
            for call, write in facts.writes()
            if self._version(call) is not None
        ]
        for halfway, call, write in sorted(writes, key=lambda each: each[0]):
            replaced = write.version if isinstance(write, UpdateLease) else None
            at = max(halfway, self._made[replaced][0] + 1 if replaced in self._made else halfway)
            self._at[id(call)], self._next[replaced] = at, at
            version = self._version(call)
            self._made[version] = (at, StoredLease(write.lease, version))

    def of(self, call: Call) -> tuple[int, Reply, StoredLease | None] | None:
        """When it did, what it said, and the record that it found; None where nobody knows."""
        request = call.request
        if id(call) in self._at:
            replaced = request.version if isinstance(request, UpdateLease) else None
            before = self._made[replaced][1] if replaced in self._made else None
            return self._at[id(call)], Written(request.id, self._version(call)), before
        if isinstance(call.reply, Found):
            version = call.reply.stored.version
            at = self._halfway(call)
            at = min(at, self._next.get(version, at + 1) - 1)
            at = max(at, self._made[version][0] + 1 if version in self._made else at)
            return at, call.reply, call.reply.stored
        if isinstance(call.reply, (Missing, Refused)):
            at = self._halfway(call)
            return at, call.reply, None if isinstance(request, GetLease) else self._before(at)
        return None

    def _before(self, at: int) -> StoredLease | None:
        earlier = [made for made in self._made.values() if made[0] <= at]
        return max(earlier, key=lambda made: made[0])[1] if earlier else None

    def _halfway(self, call: Call) -> int:
        facts = self._facts[id(call)]
        sent = self._axis.at(facts, call.request.sent_at)
        ends = [at for at in (self._shown.get(self._key(call), (None, None))[0],) if at is not None]
        if call.answered is not None:
            ends.append(self._axis.at(facts, call.answered))
        return (sent + max(sent, min(ends, default=sent))) // 2

    def _version(self, call: Call) -> Version:
        """The version that a write made; None if it is not known to have taken effect."""
        if isinstance(call.reply, Written):
            return call.reply.version
        return self._shown.get(self._key(call), (None, None))[1]

    def _key(self, call: Call) -> object:
        return write_of(call.request.lease) if isinstance(call.request, WriteRequest) else None

    def _first_shown(self, found: list[Facts]) -> dict[object, tuple[int, Version]]:
        """When each write was first seen in the store by anybody, and under which version."""
        shown: dict[object, tuple[int, Version]] = {}
        for facts in found:
            for call in facts.calls:
                if isinstance(call.reply, Found) and call.answered is not None:
                    seen = self._axis.at(facts, call.answered), call.reply.stored.version
                    key = write_of(call.reply.stored.lease)
                    shown[key] = min(shown.get(key, seen), seen, key=lambda each: each[0])
        return shown
