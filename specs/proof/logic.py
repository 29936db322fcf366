"""Formulas that are plain Python values where their parts are, and z3 terms where one of them is.

So one text can be proved for all values, and evaluated on those of a running elector.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

try:
    import z3
except ImportError:  # plain values need no prover
    z3 = None  # type: ignore[assignment]


def is_term(value: Any) -> bool:
    """Whether this is z3's, rather than Python's."""
    return z3 is not None and isinstance(value, z3.ExprRef)


def every(*parts: Any) -> Any:
    """The conjunction."""
    terms = [part for part in parts if is_term(part)]
    if not all(part for part in parts if not is_term(part)):
        return False
    return z3.And(*terms) if terms else True


def some(*parts: Any) -> Any:
    """The disjunction."""
    terms = [part for part in parts if is_term(part)]
    if any(part for part in parts if not is_term(part)):
        return True
    return z3.Or(*terms) if terms else False


def no(part: Any) -> Any:
    """The negation."""
    return z3.Not(part) if is_term(part) else not part


def implies(premise: Any, conclusion: Any) -> Any:
    """The implication."""
    return some(no(premise), conclusion)


def pick(condition: Any, then: Any, otherwise: Any) -> Any:
    """One of two values; of two records, field by field."""
    if not is_term(condition):
        return then if condition else otherwise
    if is_dataclass(then):
        pairs = {f.name: (getattr(then, f.name), getattr(otherwise, f.name)) for f in fields(then)}
        return type(then)(**{name: pick(condition, *pair) for name, pair in pairs.items()})
    return z3.If(condition, then, otherwise)


def larger(one: Any, other: Any) -> Any:
    """The maximum."""
    return pick(one >= other, one, other)
