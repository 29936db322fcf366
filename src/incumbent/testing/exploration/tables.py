"""The situations that a small world is made of, each met once and remembered under a number.

A state of the world is a few small numbers: the situation of each candidate, the record in the store, and the
relations between them. So an elector runs once for each situation and input, and not once for each of the
millions of states that they make up; to explore the world is to look numbers up.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import replace
from typing import Generic, NamedTuple, TypeVar, cast

from incumbent.core.messages import StartedLeading
from incumbent.lease import EARLIEST_TIME, LATEST_TIME, Lease, StoredLease
from incumbent.testing.exploration.canonical import ORIGIN, TOKEN, Canonizer, Form, Wrote, wall
from incumbent.testing.exploration.deeds import actions, outcomes
from incumbent.testing.exploration.relations import OF_RECORD, UNKNOWN, Change, Relation, Relations, places
from incumbent.testing.exploration.world import (
    OPERATOR,
    STEP,
    Action,
    Moment,
    Outcome,
    Participant,
    SmallWorld,
)

_BY_THE_STORE = ("asks", "is told")
_VERSION, _BASE, _SESSION, _WALL = range(4)  # the names of a record; a vacant one's: of version and wall
_Value = TypeVar("_Value", bound=Hashable)


class Numbered(Generic[_Value]):
    """Values and their numbers, in the order in which they were met."""

    def __init__(self) -> None:
        self.values: list[_Value] = []
        self._numbers: dict[_Value, int] = {}

    def number(self, value: _Value) -> int:
        """The number of a value, a new one if it was never met."""
        number = self._numbers.setdefault(value, len(self.values))
        if number == len(self.values):
            self.values.append(value)
        return number


class Step(NamedTuple):
    """A step of one candidate as far as it does not depend on the others; `record` is None if it stays."""

    action: Action
    broken: str
    change: int = -1
    situation: int = -1
    record: int | None = None


class Situation(NamedTuple):
    """A candidate in canonical form, and what is asked about it again and again."""

    value: Participant
    labels: tuple[Hashable, ...]
    leads: bool
    contends: bool
    meets_store: bool


class Tables:
    """All situations, records, relations and steps of one small world that were met so far."""

    def __init__(self, world: SmallWorld) -> None:
        self.world = world
        self.situations: list[Situation] = []
        self.records: Numbered[StoredLease | None] = Numbered()
        self.relations: Numbered[Relations] = Numbered()
        self.changes: Numbered[Change] = Numbered()
        self._canonizer = Canonizer(world)
        self._numbers: dict[Participant, int] = {}
        self._moment = Moment(ORIGIN, session="new", version=999)

    def situation(self, form: Form[Participant]) -> int:
        """The number of a candidate in canonical form."""
        value = form.value
        number = self._numbers.setdefault(value, len(self.situations))
        if number == len(self.situations):
            elector = value.elector
            situation = Situation(
                value,
                form.labels,
                leads=elector is not None and elector.is_leader(ORIGIN),
                contends=value.contends,
                meets_store=any(
                    action.kind in _BY_THE_STORE for action in actions(self.world, value, ORIGIN)
                ),
            )
            self.situations.append(situation)
        return number

    # Steps of one candidate.

    def steps(self, number: int) -> list[Step]:
        """All that can happen to a candidate without the store."""
        situation = self.situations[number]
        found = [
            step
            for action in actions(self.world, situation.value, ORIGIN)
            if action.kind not in _BY_THE_STORE
            for step in self._outcomes(situation, action, None, (), 0)
        ]
        return [*found, self.tick(number, alone=True)] if self.world.skew else found

    def tick(self, number: int, *, alone: bool) -> Step:
        """Time passes by one step for a candidate, and nothing else happens to it."""
        situation = self.situations[number]
        form = self._canonizer.participant(situation.value, ORIGIN + STEP, TOKEN)
        change = Change(places(situation.labels, form.names), ticks=alone)
        return Step(Action("ticks"), "", self.changes.number(change), self.situation(form))

    def at_store(self, number: int, record: int, relation: Relation) -> list[Step]:
        """All that the store can do now with the requests of a candidate, or tell it."""
        situation = self.situations[number]
        stored, names = self._seen_by(situation, record, relation)
        return [
            step
            for action in actions(self.world, situation.value, ORIGIN)
            if action.kind in _BY_THE_STORE
            for step in self._outcomes(situation, action, stored, names, relation.behind)
        ]

    def _outcomes(
        self,
        situation: Situation,
        action: Action,
        stored: StoredLease | None,
        stored_names: Sequence[Hashable],
        behind: int,
    ) -> Iterator[Step]:
        row = {name: OF_RECORD + place for place, name in enumerate(stored_names)}
        row |= {name: place for place, name in enumerate(situation.labels)}
        for choice, outcome in outcomes(self.world, situation.value, stored, action, self._moment):
            if outcome.broken:
                yield Step(choice, outcome.broken)
                continue
            form = self._canonizer.participant(outcome.participant, ORIGIN, TOKEN)
            names = tuple(row.get(name, UNKNOWN) for name in form.names)
            change = Change(names, rise=form.token - TOKEN, started=_started(outcome))
            record = None
            if outcome.record is not None and outcome.record is not stored:
                top = max(TOKEN + behind, outcome.record.lease.leader_transitions)
                written = self._canonizer.record(outcome.record, top)
                record = self.records.number(written.value)
                change = change._replace(
                    written=places(stored_names, written.names),
                    knows=places(form.names, written.names),
                    climb=top - TOKEN - behind,
                )
            yield Step(choice, "", self.changes.number(change), self.situation(form), record)

    # The record.

    def _seen_by(
        self, situation: Situation, number: int, relation: Relation
    ) -> tuple[StoredLease | None, list[Hashable]]:
        """The record with the labels that the candidate has for its names, and labels that it never had."""
        stored = self.records.values[number]
        if stored is None:
            return None, []
        lease = replace(stored.lease, leader_transitions=stored.lease.leader_transitions + relation.behind)
        parts = (_VERSION, _WALL) if lease.is_vacant else (_VERSION, _BASE, _SESSION, _WALL)
        names: dict[int, Hashable] = {_SESSION: ""}
        for part, label in zip(parts, relation.knows, strict=True):
            if label != UNKNOWN:
                names[part] = situation.labels[label]
            elif part == _SESSION:
                names[part] = f"{names[_BASE]}.-500"
            else:
                names[part] = {_VERSION: 500, _BASE: "other", _WALL: (names[_SESSION], wall(500))}[part]
        session, moment = cast(str, names[_SESSION]), cast(Wrote, names[_WALL])[1]
        lease = replace(lease, holder_session=session, renew_time=moment)
        return StoredLease(lease, names[_VERSION]), [names[part] for part in parts]

    def asked_to_resign(self, record: int) -> int | None:
        """The record with a request to resign (P14); None if there is nobody to be asked, or he was asked."""
        stored = self.records.values[record]
        if stored is None or stored.lease.is_vacant or stored.lease.resign_requested_by:
            return None
        return self.records.number(StoredLease(stored.lease.asked_to_resign(OPERATOR), stored.version))

    def held_back(self, record: int) -> int | None:
        """The vacant record with a hold on it, or without the one that is (P16)."""
        stored = self.records.values[record]
        if stored is None or not stored.lease.is_vacant:
            return None
        return self.records.number(StoredLease(switch_hold(stored.lease), stored.version))

    def is_held_back(self, record: int) -> bool:
        """Whether nobody should claim what was released."""
        stored = self.records.values[record]
        return stored is not None and stored.lease.is_vacant and stored.lease.not_before == LATEST_TIME


def switch_hold(lease: Lease) -> Lease:
    """The lease held back for ever, or not any more (P16)."""
    return lease.held_back(EARLIEST_TIME if lease.not_before == LATEST_TIME else LATEST_TIME)


def _started(outcome: Outcome) -> int | None:
    tokens = [notice.token for notice in outcome.notices() if isinstance(notice, StartedLeading)]
    return tokens[-1] - TOKEN if tokens else None
