"""The parts of timelines, and the choice of those that are shown where there is little room."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple, TypeVar

from incumbent.testing.history import Violation
from incumbent.testing.timeline.fuses import Fuse
from incumbent.testing.timeline.messages import Message

OWED: Final = "S1"
"""The label of a time in which two led although it was owed that they do not."""


class Span(NamedTuple):
    """Something that lasts: its kind is that of a sign, or in the store's lane a candidate's name."""

    start: int
    end: int
    kind: str
    label: str
    tip: str


class Moment(NamedTuple):
    """A line of the story; the greater its weight, the less it may be left out."""

    at: int
    who: str
    what: str
    weight: int


S = TypeVar("S", bound="Span | Moment | Fuse | Message")


def firsts(found: Iterable[Violation]) -> list[Violation]:
    """The first violation of each property."""
    first: dict[str, Violation] = {}
    for one in found:
        first.setdefault(one.rule, one)
    return list(first.values())


def weightiest(story: Sequence[Moment], count: int) -> tuple[list[Moment], int]:
    """Return the `count` heaviest moments, in order of time, and the number left out."""
    kept = sorted(range(len(story)), key=lambda index: -story[index].weight)[:count]
    return [story[index] for index in sorted(kept)], len(story) - len(kept)


def within(things: Iterable[S], since: int, until: int) -> Iterator[S]:
    """Those that touch this window."""
    for thing in things:
        start = thing.at if isinstance(thing, Moment) else thing.start
        end = thing.at if isinstance(thing, Moment) else thing.end
        if start <= until and end >= since:
            yield thing
