"""Terms that pass for the values which the elector works with, and what of Python has to be told of them.

Each keeps Python's behaviour of its kind as far as the elector makes use of it, and nothing more: what is not
defined here raises an error, so it cannot be proved by accident. What can be asked of a text or a version is
whether it equals another one, so each is an integer that stands for it. `None` cannot be a term; what may be
`None` is a matter of shapes (`shapes.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

import z3

import incumbent.lease
from incumbent.lease import NANOSECONDS
from specs.code.paths import Paths
from specs.proof.logic import Symbolic, every, made_once, no, some, term_of

TICK = timedelta(microseconds=1)
DAWN = datetime(1970, 1, 1, tzinfo=timezone.utc)
FIRST_TICK = (datetime.min.replace(tzinfo=timezone.utc) - DAWN) // TICK
LAST_TICK = (datetime.max.replace(tzinfo=timezone.utc) - DAWN) // TICK


class Truth(Symbolic):
    """Where Python asks for it, the path forks."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return Paths.current.decide(self.term)

    def __eq__(self, other: object) -> Any:
        return is_same(self.term, term_of(other))

    def __ne__(self, other: object) -> Any:
        return is_other(self.term, term_of(other))

    def __hash__(self) -> int:
        return 0


def is_same(one: Any, other: Any) -> Truth:
    """Whether two terms, or a term and a plain value, are equal."""
    found: Truth = made_once(_same, one, other)
    return found


def is_other(one: Any, other: Any) -> Truth:
    """Whether they are not."""
    found: Truth = made_once(_other, one, other)
    return found


def _same(one: Any, other: Any) -> Truth:
    return Truth(one == other)


def _other(one: Any, other: Any) -> Truth:
    return Truth(one != other)


def _binary(make: Callable[[Any, Any], Any]) -> Any:
    """A method of `Number`, with an integer or another number."""

    def disguised(one: Any, other: Any) -> Truth | Number:
        term = make(one, other)
        return Truth(term) if z3.is_bool(term) else Number(term)

    def method(self: Number, other: object) -> Any:
        if not isinstance(other, Number) and type(other) is not int:
            return NotImplemented
        return made_once(disguised, self.term, term_of(other))

    return method


class Number(Symbolic):
    """An integer, unbounded."""

    __slots__ = ()

    __add__ = __radd__ = _binary(lambda a, b: a + b)
    __sub__ = _binary(lambda a, b: a - b)
    __rsub__ = _binary(lambda a, b: b - a)
    __lt__ = _binary(lambda a, b: a < b)
    __le__ = _binary(lambda a, b: a <= b)
    __gt__ = _binary(lambda a, b: a > b)
    __ge__ = _binary(lambda a, b: a >= b)
    __eq__ = _binary(lambda a, b: a == b)
    __ne__ = _binary(lambda a, b: a != b)

    def __rmul__(self, other: int) -> Number:
        return Number(other * self.term)  # a plain number of times: linear

    def __rpow__(self, base: int) -> Power:
        assert base == 2  # noqa: PLR2004 (a doubling)
        return Power(self)

    def __mul__(self, other: int) -> Number:
        assert type(other) is int, "only so it stays linear"
        return Number(self.term * other)

    def __floordiv__(self, other: int) -> Number:
        assert other > 0, "there z3 rounds as Python does"
        return Number(self.term / other)

    def __truediv__(self, other: object) -> Number:
        return self  # for the text of a reason only

    def __bool__(self) -> bool:
        return Paths.current.decide(is_other(self.term, 0).term)

    def __hash__(self) -> int:
        return 0

    def __format__(self, how: str) -> str:
        return "?"


class Power(NamedTuple):
    """Two to a power, of which only the smaller one of it and a plain number is asked."""

    exponent: Number

    def capped(self, most: int) -> int:
        """The path decides."""
        if self.exponent < 0:
            raise ValueError("a fraction")
        steps = (number for number in range(most.bit_length()) if self.exponent == number)
        return min(most, 2 ** next(steps, most))


CODES = {"": 0, "'' ": -1}  # the second: nothing, after no dot, see `parts_of`
"""The integers that stand for texts which occur in the code: 0, -1, and so on. Any other is arbitrary."""


def code_of(text: str) -> Any:
    """The integer that stands for a text."""
    return text.code if isinstance(text, Text) else CODES.setdefault(text, -len(CODES))


class Text(str):
    """A text that is compared, and otherwise just handed on."""

    __slots__ = ("code",)

    def __new__(cls, code: Any) -> Text:
        self = str.__new__(cls, "?")
        self.code = code
        return self

    def __eq__(self, other: object) -> Any:
        return is_same(self.code, code_of(other)) if isinstance(other, str) else False

    def __ne__(self, other: object) -> Any:
        return is_other(self.code, code_of(other)) if isinstance(other, str) else True

    def __bool__(self) -> bool:
        return Paths.current.decide(is_other(self.code, 0).term)

    def __hash__(self) -> int:
        return 0

    def __contains__(self, part: object) -> bool:
        return False  # no NUL character: no store could keep one

    def isascii(self) -> bool:
        """What a store can keep (`check_text`)."""
        return True


class Session(str):
    """A text in two parts, before and after its last dot.

    `number` is what stands after the dot: from 0 on that integer, in the one spelling that `session_of` gives
    it; below 0 the integer stands for any other text there, such as "007".
    """

    __slots__ = ("base", "number")

    def __new__(cls, base: Text, number: Number) -> Session:
        self = str.__new__(cls, "?.?")
        self.base, self.number = base, number
        return self

    def __eq__(self, other: object) -> Any:
        if not isinstance(other, str):
            return False
        base, number = parts_of(other)
        return every(self.base == base, self.number == number)

    def __ne__(self, other: object) -> Any:
        return no(self == other)

    def __hash__(self) -> int:
        return 0

    def __contains__(self, part: object) -> bool:
        return False

    def isascii(self) -> bool:
        """What a store can keep (`check_text`)."""
        return True

    def rpartition(self, dot: str) -> tuple[Any, str, Any]:  # type: ignore[override]
        """As of any text with a dot in it."""
        assert dot == "."
        return self.base, dot, self.number


def parts_of(session: str) -> tuple[Any, Any]:
    """The same two parts of any session; instead of `projection.parts_of`."""
    if isinstance(session, Session):
        return session.base, session.number
    base, dot, number = session.rpartition(".")
    if number.isdecimal() and incumbent.lease.session_of(base, int(number)) == session:
        return base, int(number)
    return base, code_of(f"{dot!r} {number}")


def session_of(base: Any, number: Any) -> str:
    """The session of a candidacy; instead of `lease.session_of`."""
    return Session(base, number) if isinstance(number, Number) else incumbent.lease.session_of(base, number)


class Version:
    """What a store gives: it is compared, and otherwise handed back."""

    __slots__ = ("code",)

    def __init__(self, code: Any) -> None:
        self.code = code

    def __eq__(self, other: object) -> Any:
        return is_same(self.code, other.code) if isinstance(other, Version) else False

    def __ne__(self, other: object) -> Any:
        return is_other(self.code, other.code) if isinstance(other, Version) else True

    def __hash__(self) -> int:
        return 0


class Seconds(float):
    """A duration of a whole number of nanoseconds."""

    __slots__ = ("ns",)

    def __new__(cls, ns: Number) -> Seconds:
        self = float.__new__(cls, 1.0)
        self.ns = ns
        return self

    def __mul__(self, other: float) -> Seconds:
        assert other == NANOSECONDS
        return self

    def __round__(self) -> Number:  # type: ignore[override]
        return self.ns  # of the product

    def __ge__(self, other: float) -> Any:
        return self.ns >= round(other * NANOSECONDS)

    def __le__(self, other: float) -> Any:
        return self.ns <= round(other * NANOSECONDS)

    def __eq__(self, other: object) -> Any:
        return self.ns == other.ns if isinstance(other, Seconds) else NotImplemented

    def __ne__(self, other: object) -> Any:
        return self.ns != other.ns if isinstance(other, Seconds) else NotImplemented

    def __hash__(self) -> int:
        return 0


class Delta(NamedTuple):
    """A difference of times of day, in microseconds."""

    ticks: Number

    def __floordiv__(self, other: timedelta) -> Number:
        assert other == TICK
        return self.ticks


def _ticks(value: object) -> Any:
    if isinstance(value, Time):
        return value.ticks
    return (value - DAWN) // TICK if isinstance(value, datetime) else None


def _compared(name: str) -> Any:
    def method(self: Time, other: object) -> Any:
        ticks = _ticks(other)
        return NotImplemented if ticks is None else getattr(self.ticks, name)(ticks)

    return method


class Time(datetime):
    """A time of day, in microseconds since 1970, that is within the calendar."""

    ticks: Number

    def __new__(cls, ticks: Number) -> Time:
        self = datetime.__new__(cls, 1970, 1, 1, tzinfo=timezone.utc)
        self.ticks = ticks
        return self

    def __add__(self, other: Delta | timedelta) -> Time:  # type: ignore[override]
        ticks = self.ticks + (other.ticks if isinstance(other, Delta) else other // TICK)
        if some(ticks < FIRST_TICK, ticks > LAST_TICK):
            raise OverflowError("date value out of range")
        return Time(ticks)

    def __sub__(self, other: object) -> Delta:  # type: ignore[override]
        return Delta(self.ticks - _ticks(other))

    __lt__ = _compared("__lt__")
    __le__ = _compared("__le__")
    __gt__ = _compared("__gt__")
    __ge__ = _compared("__ge__")
    __eq__ = _compared("__eq__")
    __ne__ = _compared("__ne__")

    def __hash__(self) -> int:
        return 0
