"""The guards of the actions, condition by condition: with any one left out the proof is lost.

Or it is not, as the rest of the protocol implies the condition, or it costs only time: `SPARE` says why.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

from specs.proof import actions
from specs.proof.actions import Step
from specs.proof.prove import SAFETY, TOKENS, steps
from specs.proof.variants import Variant, losses

SHOWN_IN = {
    "claim": "claim",
    "renew": "renew",
    "release": "release",
    "hold": "read own write",
    "follow_up": "answer while leaving",
    "leave": "leave office",
}
"""The rules whose guards are made of several conditions, and the action in which that shows."""

VERSIONS = dict.fromkeys(SHOWN_IN, 4) | {"hold": 5}
"""How many versions the story needs: a write that comes back when its term is over takes one more."""

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
}
"""Conditions without which the proof closes all the same (`is_spare`); conformance holds the code to them."""


def conditions() -> Iterator[tuple[str, int, str]]:
    """Each rule, with the place and the text of each condition of its guard."""
    for name in SHOWN_IN:
        for node in ast.walk(ast.parse(inspect.getsource(getattr(actions, name)))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "every":
                yield from ((name, place, ast.unparse(part)) for place, part in enumerate(node.args))
                break


def without(rule: Callable[..., Step], place: int) -> Callable[..., Step]:
    """The rule without one condition of its guard."""
    every = actions.every

    def fewer(*parts: Any) -> Any:
        is_guard = sys._getframe(1).f_code is rule.__code__  # noqa: SLF001 (that is the caller)
        return every(*(part for at, part in enumerate(parts) if not (is_guard and at == place)))

    def weaker(*given: Any) -> Step:
        with patch.object(actions, "every", fewer):
            return rule(*given)

    return weaker


def is_needed(name: str, place: int) -> bool:
    """Whether the proof is lost without that condition, with clocks or without."""
    rules = {name: without(getattr(actions, name), place)}
    variants = (Variant("", "", rules, SHOWN_IN[name], theory, VERSIONS[name]) for theory in THEORIES)
    return any(next(losses(variant), None) is not None for variant in variants)


def is_spare(name: str, place: int) -> bool:
    """Whether the step closes without that condition, with clocks and without, in a world without bounds."""
    rules = {name: without(getattr(actions, name), place)}
    broken = (theory._replace(broken=theory.broken | rules) for theory in THEORIES)
    return all(each.verdict == "unsat" for theory in broken for each in steps(theory, SHOWN_IN[name]))
