"""The proof: `python -m specs.proof.prove` prints it as a table.

Three kinds of obligation, each closed by z3 showing that its negation has no model. *Start*: the invariant is
true at first. *Step*: no action breaks any part of it, from any state in which all of it is true. *Promise*:
it implies what the protocol is for. Nothing is bounded: electors, messages, versions and terms are as many as
one likes, and time is real.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import z3

from specs.proof.invariant import safety
from specs.proof.logic import EFFORT, every
from specs.proof.promises import from_safety, from_tokens
from specs.proof.state import INT, State, Universe, any_state
from specs.proof.system import Action, System, drift_lemma
from specs.proof.tokens import tokens
from specs.proof.words import Part

NO_CLOCKS: dict[str, Any] = {
    "reading": lambda state: z3.FreshConst(
        state.now.sort(), "reading"
    ),  # a clock may show anything at any time
    "timing": False,
    "lossless": True,  # A5: a record that was lost takes the token with it
}


class Theory(NamedTuple):
    """A transition system with what is claimed of it."""

    name: str
    broken: dict[str, Any]
    invariant: Callable[[System, State], list[Part]]
    promises: Callable[[System, State], list[Part]]


SAFETY = Theory("with clocks that keep to the drift", {}, safety, from_safety)
TOKENS = Theory("with clocks that show anything", NO_CLOCKS, tokens, from_tokens)


class Obligation(NamedTuple):
    """One thing to be shown, and what z3 says: "unsat" is a proof."""

    kind: str
    of: str
    part: str
    verdict: str
    model: Any


def names(universe: Universe, about: str, tag: str) -> list[Any]:
    """Fresh constants, one for each kind."""
    sorts = {"elector": universe.elector, "write": universe.write, "version": INT}
    return [z3.FreshConst(sorts[kind], f"{kind}_{tag}") for kind in about.split()]


def conjunction(system: System, parts: list[Part]) -> Any:
    """All parts as one formula, with the settings they rely on."""
    forall = system.universe.forall
    return every(system.settings(), *(forall(part.about, part.body) for part in parts))


def solver_of_its_own() -> z3.Solver:
    """In a context of its own: else what was asked before decides whether an answer takes 1 s or 100 s."""
    solver = z3.Solver(ctx=z3.Context())
    solver.set("rlimit", EFFORT)
    return solver


def add(solver: z3.Solver, *formulas: Any) -> None:
    """Take over what is true there, too."""
    solver.add(z3.And(*formulas).translate(solver.ctx))


def refute(solver: z3.Solver, universe: Universe, parts: list[Part]) -> Iterator[tuple[Part, str, Any]]:
    """Ask for a counterexample to each part."""
    for part in parts:
        solver.push()
        add(solver, z3.Not(part.body(*names(universe, part.about, "x"))))
        verdict = str(solver.check())
        yield part, verdict, solver.model().translate(z3.main_ctx()) if verdict == "sat" else None
        solver.pop()


def obligations(theory: Theory) -> Iterator[Obligation]:
    """All of them, one after the other."""
    universe = Universe()
    system = System(universe, **theory.broken)
    state = any_state(universe)
    parts = theory.invariant(system, state)
    solver = solver_of_its_own()
    solver.push()
    add(solver, system.initial(state), system.settings())
    for part, verdict, model in refute(solver, universe, parts):
        yield Obligation("start", "the first state", part.name, verdict, model)
    solver.pop()
    add(solver, conjunction(system, parts))
    for action in system.actions:
        yield from _step(theory, system, state, solver, action)
    for part, verdict, model in refute(solver, universe, theory.promises(system, state)):
        yield Obligation("promise", "the invariant", part.name, verdict, model)


def steps(theory: Theory, name: str) -> Iterator[Obligation]:
    """Those of one action."""
    universe = Universe()
    system = System(universe, **theory.broken)
    state = any_state(universe)
    solver = solver_of_its_own()
    add(solver, conjunction(system, theory.invariant(system, state)))
    action = next(action for action in system.actions if action.name == name)
    yield from _step(theory, system, state, solver, action)


def _step(
    theory: Theory, system: System, state: State, solver: z3.Solver, action: Action
) -> Iterator[Obligation]:
    guard, after = action.step(state, *names(system.universe, action.about, "a"))
    solver.push()
    add(solver, guard)
    for part, verdict, model in refute(solver, system.universe, theory.invariant(system, after)):
        yield Obligation("step", action.name, part.name, verdict, model)
    solver.pop()


def prove_drift_lemma() -> str:
    """P6: z3's verdict on its negation."""
    premise, conclusion = drift_lemma()
    solver = z3.Solver()
    solver.set("rlimit", EFFORT)
    solver.add(premise, z3.Not(conclusion))
    return str(solver.check())


def main() -> int:
    """Prove everything; 1 if anything is left open."""
    began = time.perf_counter()
    open_ones: list[Obligation] = []
    lemma = prove_drift_lemma()
    print(f"P6, the formula of incumbent.config: {'proved' if lemma == 'unsat' else 'OPEN'}")
    for theory in (SAFETY, TOKENS):
        print(f"\nThe protocol, {theory.name}")
        done = list(obligations(theory))
        for kind, of in dict.fromkeys((each.kind, each.of) for each in done):
            mine = [each for each in done if (each.kind, each.of) == (kind, of)]
            closed = sum(each.verdict == "unsat" for each in mine)
            print(f"  {kind:8} {of:28} {closed:3} of {len(mine):3} proved")
        for each in done:
            if each.kind == "promise":
                print(f"    {'proved' if each.verdict == 'unsat' else 'OPEN  '} {each.part}")
        open_ones += [each for each in done if each.verdict != "unsat"]
    for each in open_ones:
        print(f"OPEN: {each.kind}, {each.of}: {each.part} ({each.verdict})")
    print(f"\n{time.perf_counter() - began:.1f} s")
    return 1 if open_ones or lemma != "unsat" else 0


if __name__ == "__main__":
    sys.exit(main())
