"""The graph of all states of a small world. A state is an integer: the numbers of its parts, side by side."""

from __future__ import annotations

from operator import ge
from typing import Final, NamedTuple

from incumbent.core.term_messages import TellingEnded, WorkEnded
from incumbent.testing.exploration.canonical import TOKEN, Form
from incumbent.testing.exploration.deeds import ANSWERED
from incumbent.testing.exploration.relations import Relation, Relations
from incumbent.testing.exploration.rules import NOT_ABOVE, TWO_LEADERS
from incumbent.testing.exploration.tables import Step, Tables
from incumbent.testing.exploration.world import Action, Participant, SmallWorld

_BITS: Final = 24
_MASK: Final = (1 << _BITS) - 1


class Edge(NamedTuple):
    """The step from one state to another.

    Attributes:
        seat: Whose step it was; None where it concerns all.
        action: What happened.
        order: Which seat each candidate had before; None if all kept theirs.
    """

    seat: int | None
    action: Action
    order: tuple[int, ...] | None = None


class BrokenRule(Exception):
    """A step broke a rule."""

    def __init__(self, rule: str, edge: Edge) -> None:
        super().__init__(rule)
        self.rule = rule
        self.edge = edge


class Choice(NamedTuple):
    """A step of one candidate where it stands: the situation that it leads to, and the bits of the state."""

    situation: int
    bits: int
    step: Step


class Graph:
    """The graph of states. Candidates are interchangeable, so they are sorted by their situations."""

    def __init__(self, world: SmallWorld) -> None:
        self.world = world
        self.tables: Tables = Tables(world)
        count = world.candidates
        self._shifts = [_BITS * (count - 1 - seat) for seat in range(count)]
        everyone = (1 << _BITS * count) - 1
        self._others = [everyone & ~(_MASK << shift) for shift in self._shifts]
        self._record_shift, self._relations_shift = _BITS * count, _BITS * (count + 1)
        self._choices: dict[tuple[int, int, int, int], list[Choice]] = {}
        self._steps: dict[int, list[Step]] = {}
        self._at_store: dict[tuple[int, int, Relation], list[Step]] = {}
        self._ticks: dict[int, Step] = {}
        self._touches: dict[int, int] = {}
        self._obliging: dict[tuple[int, int, int, int], Choice | None] = {}
        self._applied: dict[tuple[int, int, int], int] = {}
        self._reseated: dict[tuple[int, tuple[int, ...]], int] = {}
        self._all_seats = range(count)
        self._leads: list[bool] = []

    def beginning(self) -> int:
        """The state in which nobody has started."""
        tables, count = self.tables, self.world.candidates
        nobody = tables.situation(Form(Participant(), (), (), TOKEN))
        relations = Relations(is_granted=True, seats=(Relation(),) * count)
        return self._pack(tables.relations.number(relations), tables.records.number(None), [nobody] * count)

    def situations(self, state: int) -> list[int]:
        """The numbers of the candidates' situations."""
        return [state >> shift & _MASK for shift in self._shifts]

    def has_leader(self, state: int) -> bool:
        """Whether somebody leads."""
        return any(self.tables.situations[number].leads for number in self.situations(state))

    def is_contended(self, state: int) -> bool:
        """Whether somebody could come to lead: not if all have stopped or stand aside."""
        return any(self.tables.situations[number].contends for number in self.situations(state))

    def successors(self, state: int, edges: list[Edge] | None = None) -> list[int]:
        """All states that one step leads to; how, is added to `edges`.

        Raises:
            BrokenRule: One of the steps breaks a rule.
        """
        relations, record = state >> self._relations_shift, state >> self._record_shift & _MASK
        seats = self.situations(state)
        leads, leaders = self._leads, sum(self.tables.situations[number].leads for number in seats)
        is_tied = len(seats) > 2 and len(set(seats)) < len(seats)  # noqa: PLR2004 - two have no others
        found = []
        for seat, situation in enumerate(seats):
            choices = self._choices.get((seat, situation, relations, record))
            if choices is None:
                choices = self._choose(seat, situation, relations, record)
            others = state & self._others[seat]
            above = seats[seat - 1] if seat else -1
            below = seats[seat + 1] if seat + 1 < len(seats) else _MASK
            other_leads = leaders > leads[situation]
            for after, bits, step in choices:
                if other_leads and leads[after]:
                    raise BrokenRule(TWO_LEADERS, Edge(seat, step.action))
                if above < after < below and not is_tied:
                    found.append(others | bits)
                    if edges is not None:
                        edges.append(Edge(seat, step.action))
                else:
                    moved = [*seats[:seat], after, *seats[seat + 1 :]]
                    number, written = bits >> self._relations_shift, bits >> self._record_shift & _MASK
                    found.append(self._in_order(number, written, moved, Edge(seat, step.action), edges))
        if not self.world.skew:
            found.append(self.tick(state, edges))
        found += self._touched(state, edges)
        return found

    def _touched(self, state: int, edges: list[Edge] | None) -> list[int]:
        """Yield what an outsider can make of the record (P14 to P16)."""
        tables, world, record = self.tables, self.world, state >> self._record_shift & _MASK
        asked = tables.asked_to_resign(record) if world.resign_requests else None
        is_touched = world.touches and tables.records.values[record] is not None
        held = tables.held_back(record) if world.holds else None
        ways = [(asked, "is asked to resign"), (record if is_touched else None, "is touched")]
        ways.append((held, "is held back, or not any more"))
        return [
            self._in_order(
                self._after_touch(state), after, self.situations(state), Edge(None, Action(how)), edges
            )
            for after, how in ways
            if after is not None
        ]

    def _after_touch(self, state: int) -> int:
        relations = state >> self._relations_shift
        if relations not in self._touches:
            values = self.tables.relations
            self._touches[relations] = values.number(values.values[relations].after_touch())
        return self._touches[relations]

    def tick(self, state: int, edges: list[Edge] | None = None) -> int:
        """The state after all clocks have moved on by one step together."""
        relations, record, seats = state >> self._relations_shift, state >> self._record_shift & _MASK, []
        for seat, situation in enumerate(self.situations(state)):
            step = self._ticks.get(situation)
            if step is None:
                step = self._ticks[situation] = self.tables.tick(situation, alone=False)
            relations = self._apply(relations, seat, step.change)
            seats.append(step.situation)
        return self._in_order(relations, record, seats, Edge(None, Action("ticks")), edges)

    def obliging(self, state: int) -> int | None:
        """The state after what a world in good order does first; None if only time can pass.

        A hold ends, who is down starts, the oldest message is delivered, what was asked to end ends, who is
        due wakes.
        """
        relations, record = state >> self._relations_shift, state >> self._record_shift & _MASK
        if self.world.holds and self.tables.is_held_back(record):
            return self._touched(state, None)[-1]
        seats = self.situations(state)
        for seat, situation in enumerate(seats):
            key = seat, situation, relations, record
            if key not in self._obliging:
                choices = self._choices.get(key) or self._choose(*key)
                first = min(choices, key=_reluctance, default=None)
                self._obliging[key] = None if first is None or _reluctance(first) == _NEVER else first
            choice = self._obliging[key]
            if choice is not None:
                seats[seat] = choice.situation
                after, written = (
                    choice.bits >> self._relations_shift,
                    choice.bits >> self._record_shift & _MASK,
                )
                return self._in_order(after, written, seats, None, None)
        return None

    def edge(self, before: int, after: int) -> Edge:
        """Find the step that led from one state to the next."""
        edges: list[Edge] = []
        successors = self.successors(before, edges)
        if after in successors:
            return edges[successors.index(after)]
        self.tick(before, edges)  # in good order all clocks tick together
        return edges[-1]

    def _choose(self, seat: int, situation: int, relations: int, record: int) -> list[Choice]:
        tables = self.tables
        steps = self._steps.get(situation)
        if steps is None:
            steps = self._steps[situation] = tables.steps(situation)
        if tables.situations[situation].meets_store:
            relation = tables.relations.values[relations].seats[seat]._replace(ahead=0)
            view = situation, record, relation
            if view not in self._at_store:
                self._at_store[view] = tables.at_store(*view)
            steps = steps + self._at_store[view]
        choices = []
        for step in steps:
            if step.broken:
                raise BrokenRule(step.broken, Edge(seat, step.action))
            is_granted = tables.relations.values[relations].is_granted
            if is_granted and tables.changes.values[step.change].started is not None:
                raise BrokenRule(NOT_ABOVE, Edge(seat, step.action))
            after = self._apply(relations, seat, step.change)
            if tables.relations.values[after].skew <= self.world.skew:
                written = record if step.record is None else step.record
                bits = after << self._relations_shift | written << self._record_shift
                choices.append(Choice(step.situation, bits | step.situation << self._shifts[seat], step))
        self._leads.extend(met.leads for met in tables.situations[len(self._leads) :])
        self._choices[seat, situation, relations, record] = choices
        return choices

    def _in_order(
        self, relations: int, record: int, seats: list[int], edge: Edge | None, edges: list[Edge] | None
    ) -> int:
        """The state with the candidates in the order of their situations, and of their relations in a tie."""
        order = None
        if any(map(ge, seats, seats[1:])):
            order = tuple(sorted(self._all_seats, key=seats.__getitem__))
            if len(set(seats)) < len(seats):
                tied = self.tables.relations.values[relations].seats
                order = tuple(sorted(order, key=lambda seat: (seats[seat], tied[seat])))
            key = relations, order
            if key not in self._reseated:
                old = self.tables.relations.values[relations]
                self._reseated[key] = self.tables.relations.number(old.reseated(order))
            relations, seats = self._reseated[key], [seats[seat] for seat in order]
        if edges is not None and edge is not None:
            edges.append(edge._replace(order=order))
        return self._pack(relations, record, seats)

    def _apply(self, relations: int, seat: int, change: int) -> int:
        key = relations, seat, change
        after = self._applied.get(key)
        if after is None:
            old, changes = self.tables.relations.values[relations], self.tables.changes.values
            after = self._applied[key] = self.tables.relations.number(old.after(seat, changes[change]))
        return after

    def _pack(self, relations: int, record: int, seats: list[int]) -> int:
        state = relations << _BITS | record
        for situation in seats:
            state = state << _BITS | situation
        return state


_NEVER: Final = 3
_OBEDIENT: Final = {"obeys": (WorkEnded(), TellingEnded())}


def _reluctance(choice: Choice) -> int:
    """In which order a world in good order does what it can: `_NEVER` is what it does not."""
    action = choice.step.action
    if action.kind == "starts":
        return 0
    is_prompt = not action.at and not action.keeps and action.what in ("", ANSWERED)
    if (action.kind in ("asks", "receives") and is_prompt) or action.what in _OBEDIENT.get(action.kind, ()):
        return 1
    return 2 if action.kind == "wakes" else _NEVER
