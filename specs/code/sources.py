"""Where the values of an elector come from: they are arbitrary, or they are those of one model."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any

import z3

from incumbent.core.elector import Elector
from incumbent.core.messages import WriteRequest
from incumbent.lease import NANOSECONDS, Lease, session_of
from specs.code.doubts import Doubts
from specs.code.proxies import CODES, DAWN, TICK, Number, Seconds, Session, Text, Time, Truth, Version

OPTIONAL = {
    "read_at": "number",
    "write_not_before": "number",
    "no_campaign_before": "number",
    "leader": "text",
}
"""Fields that may be None on their own, whatever the others are; and what else they may be."""

_integer, _truth = functools.cache(z3.Int), functools.cache(z3.Bool)


class Terms:
    """Arbitrary values: a name gives the same term each time."""

    def number(self, name: str) -> Any:
        """An integer."""
        return Number(_integer(name))

    def truth(self, name: str) -> Any:
        """True or false."""
        return Truth(_truth(name))

    def text(self, name: str) -> Any:
        """A text, perhaps the empty one."""
        return Text(_integer(name))

    def version(self, name: str) -> Any:
        """A version of the record."""
        return Version(_integer(name))

    def time(self, name: str) -> Any:
        """A time of day."""
        return Time(self.number(name))

    def seconds(self, ns: Any) -> Any:
        """A duration."""
        return Seconds(ns)

    def session(self, base: Any, number: Any) -> Any:
        """A session."""
        return Session(base, number)

    def doubts(self, writes: Iterable[WriteRequest]) -> Any:
        """Writes of unknown outcome."""
        return Doubts(writes)

    def elector(self) -> Elector:
        """An elector to be filled in: its optional fields are settled when they are first looked at."""
        elector = object.__new__(OpenElector)
        elector.settled, elector.source = {}, self
        return elector


class OpenElector(Elector):
    """An elector of whose optional fields the path decides, where one is first read, whether it is None."""

    __slots__ = ("settled", "source")
    settled: dict[str, Any]
    source: Terms

    def copy(self) -> OpenElector:
        """The same, without settling anything."""
        twin = object.__new__(OpenElector)
        twin.settled, twin.source = dict(self.settled), self.source
        for name in {*self._FIXED, *self._STATE, "_moves", "_notices", "_request"} - set(OPTIONAL):
            setattr(twin, name, getattr(self, name))
        return twin


def _optional(name: str, kind: str) -> property:
    def get(self: OpenElector) -> Any:
        if name not in self.settled:
            is_there = bool(is_set(self, name))
            self.settled[name] = getattr(self.source, kind)(name) if is_there else None
        return self.settled[name]

    def put(self: OpenElector, value: Any) -> None:
        self.settled[name] = value

    return property(get, put)


for _name, _kind in OPTIONAL.items():
    setattr(OpenElector, _name, _optional(_name, _kind))


def is_set(elector: Elector, name: str) -> Any:
    """Whether an optional field is not None; this settles nothing."""
    if isinstance(elector, OpenElector) and name not in elector.settled:
        return elector.source.truth(f"{name} is set")
    return getattr(elector, name) is not None


def value_of(elector: Elector, name: str) -> Any:
    """An optional field, which is set; this settles nothing."""
    if isinstance(elector, OpenElector) and name not in elector.settled:
        return getattr(elector.source, OPTIONAL[name])(name)
    return getattr(elector, name)


def names_nobody(lease: Lease) -> bool:
    """Whether the elector wrote it as a release: of arbitrary texts one does not ask."""
    return not isinstance(lease.holder_identity, Text) and lease.is_vacant


class InexactError(ValueError):
    """A float cannot hold that duration."""


class Values:
    """The values of one model, in Python's own kinds."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def number(self, name: str) -> Any:
        """An integer."""
        return self._integer(_integer(name))

    def truth(self, name: str) -> Any:
        """True or false."""
        return z3.is_true(self.model.eval(_truth(name), model_completion=True))

    def text(self, name: str) -> Any:
        """A text."""
        return _text(self.number(name))

    version = number

    def doubts(self, writes: Iterable[WriteRequest]) -> Any:
        """Writes of unknown outcome."""
        return tuple(writes)

    def time(self, name: str) -> Any:
        """A time of day."""
        return DAWN + self.number(name) * TICK

    def seconds(self, ns: int) -> Any:
        """A duration."""
        seconds = ns / NANOSECONDS
        if round(seconds * NANOSECONDS) != ns:
            raise InexactError(f"{ns} ns")
        return seconds

    def session(self, base: str, number: int) -> Any:
        """A session, of an elector or not."""
        if number >= 0:
            return session_of(base, number)
        return base if base == "" and number == CODES.get("'' ") else f"{base}.~{-number}"

    def elector(self) -> Elector:
        """An elector to be filled in."""
        elector = object.__new__(Elector)
        for name, kind in OPTIONAL.items():
            setattr(elector, name, getattr(self, kind)(name) if self.truth(f"{name} is set") else None)
        return elector

    def of(self, value: Any) -> Any:
        """What a term, or whatever has terms in it, is in this model."""
        if isinstance(value, Truth):
            return z3.is_true(self.model.eval(value.term, model_completion=True))
        if isinstance(value, Number):
            return self._integer(value.term)
        if isinstance(value, Text):
            return _text(self._integer(value.code))
        if isinstance(value, Version):
            return self._integer(value.code)
        if isinstance(value, Session):
            return self.session(self.of(value.base), self.of(value.number))
        if isinstance(value, Seconds):
            return self.seconds(self.of(value.ns))
        if isinstance(value, Time):
            return DAWN + self.of(value.ticks) * TICK
        return self._of_parts(value)

    def _of_parts(self, value: Any) -> Any:
        if is_dataclass(value):
            return value.__class__.__name__, {
                f.name: self.of(getattr(value, f.name)) for f in fields(value) if f.name != "reason"
            }
        if isinstance(value, (tuple, list)):
            return tuple(map(self.of, value))
        assert value is None or isinstance(value, (bool, int, float, str, datetime)), value
        return value

    def _integer(self, term: Any) -> int:
        if isinstance(term, int):
            return term
        return int(self.model.eval(term, model_completion=True).as_long())


def _text(code: int) -> str:
    return next((text for text, known in CODES.items() if known == code), f"t{code}")
