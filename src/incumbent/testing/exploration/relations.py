"""The relations between the parts of a small world, and how a step of one candidate changes them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Final, NamedTuple

UNKNOWN: Final = -1
OF_RECORD: Final = 100
_FARTHEST_BEHIND: Final = 2


class Change(NamedTuple):
    """The change that a step of one candidate makes to the relations.

    Attributes:
        names: Where its labels come from: an old label, OF_RECORD + a name of the record, or UNKNOWN.
        written: Where the names of a new record come from, an old name of the record or UNKNOWN; None if
            nothing was written.
        knows: What the candidate knows of the new record.
        rise: By how much the highest token that it saw rose.
        climb: By how much the store's highest token rose.
        started: The token of the term that began, above the highest that it had seen; None if none did.
        ticks: Its clock moves on alone.
    """

    names: tuple[int, ...]
    written: tuple[int, ...] | None = None
    knows: tuple[int, ...] = ()
    rise: int = 0
    climb: int = 0
    started: int | None = None
    ticks: bool = False


class Relation(NamedTuple):
    """The relation of one candidate to the rest of the world.

    Attributes:
        ahead: By how many steps its clock is ahead of the slowest one.
        behind: By how much the highest token that it saw is below the store's highest. Far behind is behind:
            its own next token would be refused with its version.
        knows: Which of its labels each name of the record has, or UNKNOWN. A name that only two candidates
            share is not looked for: they meet in the store alone, and compare what is there with their own.
    """

    ahead: int = 0
    behind: int = 0
    knows: tuple[int, ...] = ()

    def after_own(self, change: Change) -> Relation:
        """The relation after a step of this candidate."""
        knows = change.knows
        if change.written is None:
            sources = (
                OF_RECORD + part if label == UNKNOWN else label for part, label in enumerate(self.knows)
            )
            knows = places(change.names, tuple(sources))
        behind = min(self.behind + change.climb - change.rise, _FARTHEST_BEHIND)
        return Relation(self.ahead + change.ticks, behind, knows)

    def after_other(self, change: Change) -> Relation:
        """The relation after a step of another candidate: its write takes names away, and adds none."""
        if change.written is None:
            return self
        knows = tuple(UNKNOWN if part == UNKNOWN else self.knows[part] for part in change.written)
        return Relation(self.ahead, min(self.behind + change.climb, _FARTHEST_BEHIND), knows)


class Relations(NamedTuple):
    """The relations between all parts of a world.

    Attributes:
        is_granted: Whether the term of the store's highest token has begun.
        seats: One for each candidate.
    """

    is_granted: bool
    seats: tuple[Relation, ...]

    @property
    def skew(self) -> int:
        """By how many steps the clocks differ."""
        return max(relation.ahead for relation in self.seats)

    def after(self, seat: int, change: Change) -> Relations:
        """The relations after a step of the candidate in this seat."""
        seats = [relation.after_other(change) for relation in self.seats]
        seats[seat] = self.seats[seat].after_own(change)
        slowest = min(relation.ahead for relation in seats)
        if slowest:
            seats = [relation._replace(ahead=relation.ahead - slowest) for relation in seats]
        is_granted = self.is_granted or change.started == self.seats[seat].behind
        return Relations(is_granted and not change.climb, tuple(seats))

    def after_touch(self) -> Relations:
        """The relations after somebody touched the record (P14, P15): a version that nobody knows."""
        seats = tuple(relation._replace(knows=(UNKNOWN, *relation.knows[1:])) for relation in self.seats)
        return self._replace(seats=seats)

    def reseated(self, order: Sequence[int]) -> Relations:
        """The same with the seats in another order."""
        return self._replace(seats=tuple(self.seats[seat] for seat in order))


def places(row: Sequence[Hashable], names: Sequence[Hashable]) -> tuple[int, ...]:
    """Return the index of each name in the row, or UNKNOWN."""
    return tuple(row.index(name) if name in row else UNKNOWN for name in names)
