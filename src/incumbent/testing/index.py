"""Finds the records of a run by their kinds, without reading the whole run for each question."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, TypeVar

from incumbent.core.messages import GetLease

T = TypeVar("T")


class Index:
    """An index of a list that only grows. What it gives is kept for the next question: do not change it."""

    __slots__ = ("_all", "_deeds", "_kept", "_read", "_records")

    def __init__(self, records: Sequence[Any]) -> None:
        self._records = records
        self._read = 0
        self._all: dict[type, list[int]] = defaultdict(list)
        self._deeds: dict[type, list[int]] = defaultdict(list)
        self._kept: dict[object, Any] = {}

    def among(self, kinds: tuple[type, ...], *, deeds: bool = False) -> list[Any]:
        """The records of these kinds, in order; of `deeds`, without requests to read."""
        return self.kept((kinds, deeds), lambda: self._pick(kinds, self._deeds if deeds else self._all))

    def kept(self, name: object, make: Callable[[], T]) -> T:
        """What `make` gave when it was last asked for by this name, unless there are more records now."""
        if self._read < len(self._records):
            self._take_in()
        if name not in self._kept:
            self._kept[name] = make()
        found: T = self._kept[name]
        return found

    def _pick(self, kinds: tuple[type, ...], places: dict[type, list[int]]) -> list[Any]:
        records = self._records
        return [records[place] for place in sorted(chain.from_iterable(places[kind] for kind in kinds))]

    def _take_in(self) -> None:
        self._kept.clear()
        for place in range(self._read, len(self._records)):
            record = self._records[place]
            kind = type(record)
            self._all[kind].append(place)
            if not isinstance(getattr(record, "request", None), GetLease):
                self._deeds[kind].append(place)
        self._read = len(self._records)
