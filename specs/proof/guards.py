"""The guards of the actions, condition by condition: with any one left out the proof is lost.

So it is with the predicates that they are made of. Or it is not, as the rest of the protocol implies the
condition, or it costs only time: `SPARE` says why.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from specs.proof import actions
from specs.proof.prove import SAFETY, TOKENS, steps
from specs.proof.variants import Variant, losses

SHOWN_IN = {
    "claim": ("claim",),
    "renew": ("renew",),
    "release": ("release",),
    "hold": ("read own write",),
    "follow_up": ("answer while leaving",),
    "find": ("find what is to be released",),
    "depart": ("leave the race with a claim under way",),
    "leave": ("leave office",),
    "lands": ("write takes effect",),
    "is_valid": ("renew",),
    "is_held_back": ("claim",),
    "same_session": ("claim", "renew", "read own write", "read", "answer: written"),
    "looks_like": ("read own write", "find what is to be released"),
    "same_write": ("read", "read own write", "find what is to be released"),
    "looks_unchanged": ("read", "read own write"),
}
"""What is made of several conditions, and the actions in which it shows."""

THEORIES = (SAFETY, TOKENS)

SPARE = {
    (
        "claim",
        "no(node.leads)",
    ): "a leader has seen its own record, and is over before it has waited for that",
    ("claim", "no(is_held_back(node.seen, write.stamp))"): "nobody holds what is vacant: only time is lost",
    ("renew", "no(write.creates)"): "what would create a record lands on none, and a leader's is there",
    ("release", "no(node.leads)"): "who leads owes no release",
    ("release", "no(write.creates)"): "as for a renewal",
    ("follow_up", "node.leaving"): "what is noted down as left counts only where a release is owed",
    ("find", "node.leaving"): "the same",
    ("lands", "no(write.creates)"): "what would create a record names a gap, and no version is used twice",
    ("lands", "record.missing"): "the same: it lands on what it names (A5), and that is a gap",
    ("is_held_back", "record.vacant"): "only time is lost",
    ("is_held_back", "time < record.not_before"): "the same",
    ("same_write", "one.token == other.token"): "the writes of a candidacy are told apart by their stamps",
    ("same_write", "one.duration == other.duration"): "the same",
    (
        "looks_unchanged",
        "node.seen.missing",
    ): "what was seen is kept then, and a claim over it lands on nothing",
}
"""Conditions without which the proof closes all the same (`is_spare`); conformance holds the code to them."""


def conditions() -> Iterator[tuple[str, int, int, str]]:
    """Each function, with the conjunction, the place in it and the text of each condition."""
    for name in SHOWN_IN:
        tree = ast.parse(inspect.getsource(getattr(actions, name)))
        for call, node in enumerate(_conjunctions(tree)):
            yield from ((name, call, place, ast.unparse(part)) for place, part in enumerate(node.args))


def _conjunctions(tree: ast.AST) -> Iterator[ast.Call]:
    """In the order in which they are made: those inside another one first."""
    for child in ast.iter_child_nodes(tree):
        yield from _conjunctions(child)
    if isinstance(tree, ast.Call) and ast.unparse(tree.func) == "every":
        yield tree


@contextmanager
def without(name: str, call: int, place: int) -> Iterator[None]:
    """The function without one condition."""
    every, code = actions.every, getattr(actions, name).__code__
    made, at = -1, -1

    def fewer(*parts: Any) -> Any:
        nonlocal made, at
        caller = sys._getframe(1)  # noqa: SLF001 (that is the caller)
        if caller.f_code is not code:
            return every(*parts)
        made, at = made + 1 if caller.f_lasti > at else 0, caller.f_lasti
        return every(*(part for where, part in enumerate(parts) if (made, where) != (call, place)))

    with patch.object(actions, "every", fewer):
        yield


def is_needed(name: str, call: int, place: int) -> bool:
    """Whether the proof is lost without that condition, with clocks or without."""
    variants = [
        Variant("", "", {}, shown, theory, versions)
        for versions in (4, 5)
        for shown in SHOWN_IN[name]
        for theory in THEORIES
    ]
    with without(name, call, place):
        return any(next(losses(variant), None) is not None for variant in variants)


def is_spare(name: str, call: int, place: int) -> bool:
    """Whether the steps close without that condition, with clocks and without, in a world without bounds."""
    with without(name, call, place):
        made = [each for theory in THEORIES for shown in SHOWN_IN[name] for each in steps(theory, shown)]
    return all(each.verdict == "unsat" for each in made)
