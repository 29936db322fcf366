"""What each part of the invariant is for: without it the proof is lost.

A part is dropped where it is assumed, and where it is claimed: then another one is not shown any more, or a
promise. What nothing else rests on has no place in the invariant, unless it is itself what is wanted.
"""

from __future__ import annotations

from specs.proof.prove import SAFETY, TOKENS, Obligation, Theory, obligations
from specs.proof.state import State, Universe, any_state
from specs.proof.system import System
from specs.proof.words import Part

THEORIES = (SAFETY, TOKENS)

PROMISED = {"no release is sent while something of its term runs"}
"""P9e, which is about user code and not about the lease."""


def names(theory: Theory) -> list[str]:
    """Those of all parts."""
    universe = Universe()
    return [part.name for part in theory.invariant(System(universe, **theory.broken), any_state(universe))]


def lost_without(theory: Theory, name: str) -> Obligation | None:
    """What is not shown any more, at first; None if all is."""

    def fewer(system: System, state: State) -> list[Part]:
        return [part for part in theory.invariant(system, state) if part.name != name]

    every = obligations(theory._replace(invariant=fewer))
    return next((each for each in every if each.verdict != "unsat"), None)
