"""Formulas that are plain Python values where their parts are, and z3 terms where one of them is.

So one text can be proved for all values, and evaluated on those of a running elector.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any

try:
    import z3
except ImportError:  # plain values need no prover
    z3 = None  # type: ignore[assignment]


EFFORT = 50_000_000
"""z3's `rlimit` for one query: unlike a timeout, the same on every machine."""


class Symbolic:
    """A term in disguise: to Python a value, of which `if` can ask (`specs.code.proxies`)."""

    __slots__ = ("term",)

    def __init__(self, term: Any) -> None:
        self.term = term


def is_term(value: Any) -> bool:
    """Whether this is z3's, rather than Python's."""
    return isinstance(value, Symbolic) or (z3 is not None and isinstance(value, z3.ExprRef))


def term_of(value: Any) -> Any:
    """The term, without its disguise."""
    return value.term if isinstance(value, Symbolic) else value


def every(*parts: Any) -> Any:
    """The conjunction."""
    terms = [part for part in parts if is_term(part)]
    if not all(part for part in parts if not is_term(part)):
        return False
    return _join("And", terms) if terms else True


def some(*parts: Any) -> Any:
    """The disjunction."""
    terms = [part for part in parts if is_term(part)]
    if any(part for part in parts if not is_term(part)):
        return True
    return _join("Or", terms) if terms else False


def no(part: Any) -> Any:
    """The negation."""
    return _join("Not", [part]) if is_term(part) else not part


def _join(connective: str, parts: list[Any]) -> Any:
    """In disguise if one of the parts is."""
    disguise = next((type(part) for part in parts if isinstance(part, Symbolic)), None)
    if disguise is None:
        return getattr(z3, connective)(*parts)
    return disguise(made_once(getattr(z3, connective), *map(term_of, parts)))


_made: dict[tuple[Any, ...], tuple[Any, ...]] = {}
"""What was made of what. The parts are kept, too: another term may get the address of one that is gone."""


def made_once(make: Callable[..., Any], *parts: Any) -> Any:
    """What `make` gives of these terms and plain numbers: to make a term takes z3's API longer than to look.

    The same terms are made again and again: on each path, and in each clause that speaks of them.
    """
    key = make, *(part.ast.value if isinstance(part, z3.AstRef) else part for part in parts)
    found = _made.get(key)
    if found is None:
        found = _made[key] = make(*parts), parts
    return found[0]


def forget() -> None:
    """Let go of all that was made, so that it does not heap up from proof to proof."""
    _made.clear()


def implies(premise: Any, conclusion: Any) -> Any:
    """The implication."""
    return some(no(premise), conclusion)


def pick(condition: Any, then: Any, otherwise: Any) -> Any:
    """One of two values; of two records, field by field. In disguise, the path decides."""
    if not isinstance(condition, z3.ExprRef if z3 is not None else ()):
        return then if condition else otherwise
    if is_dataclass(then):
        pairs = {f.name: (getattr(then, f.name), getattr(otherwise, f.name)) for f in fields(then)}
        return type(then)(**{name: pick(condition, *pair) for name, pair in pairs.items()})
    return z3.If(condition, then, otherwise)


def larger(one: Any, other: Any) -> Any:
    """The maximum."""
    is_first = one >= other
    if isinstance(is_first, Symbolic):  # without a fork of the path
        number = next(value for value in (one, other) if isinstance(value, Symbolic))
        return type(number)(z3.If(is_first.term, term_of(one), term_of(other)))
    return pick(is_first, one, other)
