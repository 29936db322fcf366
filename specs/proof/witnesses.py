"""That the proof is not about nothing: each action can happen, and the states that matter exist."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import z3

from specs.proof.actions import is_valid
from specs.proof.logic import EFFORT, every, no
from specs.proof.prove import SAFETY, Theory, conjunction, names
from specs.proof.state import State, Universe, any_state, node, timing
from specs.proof.system import System
from specs.proof.words import Words

_TWO_DIGITS, _SHORTEST = 100, 2


class Witness(NamedTuple):
    """Something that must be possible."""

    name: str
    about: str
    body: Callable[..., Any]


def small_world(theory: Theory, broken: dict[str, Any], versions: int = 4) -> tuple[System, State, z3.Solver]:
    """Two electors, three writes, a few versions, and a solver that knows the invariant."""
    universe = Universe(electors=2, writes=3, versions=versions)
    system = System(universe, **(theory.broken | broken))
    state = any_state(universe)
    solver = z3.Solver()
    solver.set("rlimit", EFFORT)
    solver.add(conjunction(system, theory.invariant(system, state)), state.latest < universe.versions - 1)
    solver.add(state.latest >= 0, *_within(system, state), *_for_readers(system, state))
    return system, state, solver


def _within(system: System, s: State) -> list[Any]:
    """Candidacies that the invariant speaks of here, also after a step: it says nothing of other numbers."""
    members, last = system.universe.members, system.universe.versions - 1
    numbers = [(f(e), last) for e in members["elector"] for f in (s.number, s.former)]
    numbers += [(system.constants.candidacy(w), last + 1) for w in members["write"]]
    return [z3.And(number >= 0, number < end) for number, end in numbers]


def _for_readers(system: System, s: State) -> list[Any]:
    """What makes a story short and its numbers small: it forbids states, so it can prove nothing more."""
    c, members = system.constants, system.universe.members
    small = [s.now, *(f(w) for w in members["write"] for f in (c.carries, c.sent))]
    small += [s.written(v) for v in members["version"]]
    settings = [f(e) for e in members["elector"] for f in (c.deadline, c.lease)]
    gaps = [
        z3.Not(z3.And(s.missing(v), s.missing(v + 1), v + 1 <= s.latest)) for v in members["version"][:-1]
    ]
    return [
        *(z3.And(each >= 0, each < _TWO_DIGITS) for each in small),
        *(z3.And(each >= _SHORTEST, each < _TWO_DIGITS) for each in settings),
        *(s.alive(e) for e in members["elector"]),
        *gaps,
    ]


def is_possible(action_name: str) -> bool:
    """Whether an action's guard is true in some state of the invariant."""
    system, state, solver = small_world(SAFETY, {})
    action = next(action for action in system.actions if action.name == action_name)
    guard, _after = action.step(state, *names(system.universe, action.about, "a"))
    return bool(solver.check(guard) == z3.sat)


def witnesses(system: System, s: State) -> list[Witness]:
    """States without which some rule would have nothing to do."""
    c, words = system.constants, Words(system, s)

    def leads(e: Any) -> Any:
        return is_valid(node(s, c, e), s.now, timing(c, e))

    return [
        Witness(
            "somebody leads where another led before",
            "elector elector",
            lambda d, e: every(d != e, leads(e), s.version(e) > 1, c.by(s.source(1)) == d, no(s.missing(1))),
        ),
        Witness(
            "a stale claim is under way while another leads",
            "elector elector write",
            lambda d, e, w: every(d != e, leads(e), s.issued(w), no(s.landed(w)), c.by(w) == d),
        ),
        Witness(
            "a leader holds by a version that somebody else touched (P14, P15)",
            "elector",
            lambda e: every(leads(e), s.at(s.source(s.version(e))) < s.version(e)),
        ),
        Witness(
            "a leader holds by a write that came back in another epoch (P15)",
            "elector",
            lambda e: every(leads(e), words.is_relic(s.version(e))),
        ),
        Witness(
            "a leader is overtaken by its own renewal, whose answer was lost (P7)",
            "elector",
            lambda e: every(leads(e), s.version(e) < s.latest, words.is_of(s.latest, e, s.number(e))),
        ),
        Witness(
            "the record is lost while somebody leads (A5)",
            "elector",
            lambda e: every(leads(e), s.latest > 0, s.missing(s.latest)),
        ),
        Witness(
            "an elector of a later candidacy owes the release of a former one (P9)",
            "elector",
            lambda e: every(s.leaving(e), s.looked(e), s.left(e) == s.latest),
        ),
        Witness(
            "an elector believes to lead after another has taken over, and is not valid (P3)",
            "elector elector",
            lambda d, e: every(d != e, leads(e), s.leads(d), no(leads(d))),
        ),
        Witness(
            "leases of different durations follow each other",
            "elector elector",
            lambda d, e: every(leads(e), c.lease(d) > c.lease(e), no(s.missing(1)), c.by(s.source(1)) == d),
        ),
    ]


def missing_witnesses() -> list[str]:
    """Those that no state of the invariant shows; there should be none."""
    system, state, solver = small_world(SAFETY, {})
    return [
        witness.name
        for witness in witnesses(system, state)
        if solver.check(witness.body(*names(system.universe, witness.about, "w"))) != z3.sat
    ]
