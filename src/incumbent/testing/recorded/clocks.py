"""Runs of several machines on one axis of time, by what is certain first.

Runs of one start of one machine share its clock. Between machines the store's order decides: whoever received
a version did so after it was sent to be written. Times of day only choose within what that leaves open.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from incumbent.core.elector import EPOCH
from incumbent.core.messages import Found, Written
from incumbent.lease import Version
from incumbent.testing.recorded.facts import Facts

FAR: Final = 10**30
"""More nanoseconds than between any two clocks: nothing is known."""


class Axis:
    """The joint axis of time, in nanoseconds from the first step of all.

    Attributes:
        end: The last step of all.
        notes: What is uncertain about it, as sentences.
    """

    def __init__(self, found: list[Facts]) -> None:
        self._groups = [_clock_of(facts, index) for index, facts in enumerate(found)]
        self._index = {id(facts): index for index, facts in enumerate(found)}
        self._known = _closed(self._groups, found)
        self._offsets, notes = self._place(found)
        self.notes: list[str] = notes
        self._origin = min(facts.begin + self._offset(facts) for facts in found)
        self.end: int = max(self.at(facts, facts.end) for facts in found)

    def at(self, facts: Facts, now: int) -> int:
        """Where a reading of this run's clock is on the axis."""
        return now + self._offset(facts) - self._origin

    def day(self, at: int) -> datetime:
        """The time of day, by the clock of the run that is listed first."""
        return EPOCH + timedelta(microseconds=(at + self._origin) // 1000)

    def doubt(self, one: Facts, other: Facts) -> int:
        """By how much, at most, times of these two may be wrong against each other; `FAR`: by any."""
        here, there = self._group(one), self._group(other)
        apart = self._offsets[here] - self._offsets[there]
        return max(self._known[here, there] - apart, self._known[there, here] + apart, 0)

    def _group(self, facts: Facts) -> str:
        return self._groups[self._index[id(facts)]]

    def _offset(self, facts: Facts) -> int:
        return self._offsets[self._group(facts)]

    def _place(self, found: list[Facts]) -> tuple[dict[str, int], list[str]]:
        """Put each clock where its time of day says, or as near to that as the store's order allows."""
        placed: dict[str, int] = {}
        notes: list[str] = []
        for facts, group in zip(found, self._groups, strict=True):
            if group in placed:
                continue
            day = facts.run.steps[0].handled.epoch * 1000
            least = max((at - self._known[other, group] for other, at in placed.items()), default=day)
            most = min((at + self._known[group, other] for other, at in placed.items()), default=day)
            placed[group] = min(max(day, least), most)
            name = facts.run.began.config.identity
            if placed[group] != day:
                wrong = abs(placed[group] - day) / 1e9
                notes.append(
                    f"the time of day of {name} is wrong by {wrong:.3f} s at least, against the first: the "
                    f"store's order shows it, and its times are moved by that"
                )
            if least > most:
                notes.append(
                    f"the store's order contradicts itself by {(least - most) / 1e9:.3f} s about the clock "
                    f"of {name}: it ran at another rate, or the store showed something before it was written"
                )
        return placed, notes


def _clock_of(facts: Facts, index: int) -> str:
    """What tells clocks apart: runs of one boot share one, of others nothing is known."""
    return facts.run.began.boot or f"run {index}"


def _closed(groups: list[str], found: list[Facts]) -> dict[tuple[str, str], int]:
    """By how much the offset of the first of a pair may exceed that of the second, at most."""
    names = list(dict.fromkeys(groups))
    most = {(one, other): 0 if one == other else FAR for one in names for other in names}
    written = {
        version: (group, sent)
        for group, facts in zip(groups, found, strict=True)
        for version, sent in _made(facts)
    }
    for group, facts in zip(groups, found, strict=True):
        for call in facts.calls:
            if isinstance(call.reply, Found) and call.answered is not None:
                writer, sent = written.get(call.reply.stored.version, (group, call.answered))
                if writer != group:
                    most[writer, group] = min(most[writer, group], call.answered - sent)
    for via in names:
        for one in names:
            for other in names:
                most[one, other] = min(most[one, other], most[one, via] + most[via, other])
    return most


def _made(facts: Facts) -> Iterator[tuple[Version, int]]:
    for call, write in facts.writes():
        if isinstance(call.reply, Written):
            yield call.reply.version, write.sent_at
