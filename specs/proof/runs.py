"""Runs from the first state, one step after another: what can happen does, not only in some allowed state.

A world that forbids too much proves everything. So each action is taken in one of these runs, in a world of
a few electors, writes and versions, and with what makes it hard: reads that are stale, time that passes
while somebody leads, writes that arrive when nobody waits for them any more. z3 finds who, when and which.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import z3

from specs.proof.actions import is_valid
from specs.proof.prove import names
from specs.proof.state import State, Universe, any_state, node, timing
from specs.proof.system import System


class Taken(NamedTuple):
    """An action, what is so before it, and by whom (0 or 1) where that matters."""

    action: str
    who: int | None = None
    if_so: Callable[[System, State, list[Any]], Any] = lambda *_: True


def _leads(system: System, s: State, e: Any) -> Any:
    c = system.constants
    return z3.And(s.alive(e), is_valid(node(s, c, e), s.now, timing(c, e)))


def _while_somebody_leads(system: System, s: State, _about: list[Any]) -> Any:
    return z3.Or(*(_leads(system, s, e) for e in system.universe.members["elector"]))


def _while_nobody_waits(system: System, s: State, about: list[Any]) -> Any:
    return z3.Not(s.waiting(system.constants.by(about[0])))


def _of_an_old_version(_system: System, s: State, about: list[Any]) -> Any:
    return about[1] < s.latest


def _by(who: int, *actions: str) -> tuple[Taken, ...]:
    return tuple(Taken(action, who) for action in actions)


FIRST_TERM = (*_by(0, "read", "claim"), Taken("write takes effect"), *_by(0, "answer: written"))
SECOND_TERM = (*_by(1, "read", "claim"), Taken("write takes effect"), *_by(1, "answer: written"))
RELEASE = (*_by(0, "leave office", "work ends", "release"), Taken("write takes effect"))

RUNS: dict[str, tuple[Taken, ...]] = {
    "a term, renewed, and released": (
        *FIRST_TERM,
        Taken("time passes", None, _while_somebody_leads),
        *_by(0, "renew"),
        Taken("write takes effect"),
        *_by(0, "answer: written", *("leave office", "work ends", "release")),
        Taken("write takes effect"),
        *_by(0, "release settled"),
    ),
    "a takeover, when the leader is silent": (
        *FIRST_TERM,
        *_by(1, "read"),
        Taken("time passes", None, _while_somebody_leads),
        *SECOND_TERM,
        *_by(0, "candidacy ends"),
    ),
    "a takeover, when the lease is released": (*FIRST_TERM, *RELEASE, *SECOND_TERM),
    "a renewal under way at the end of the term": (
        *FIRST_TERM,
        *_by(0, "renew", "leave office"),
        Taken("write takes effect"),
        *_by(0, "answer while leaving", "work ends", "release"),
        Taken("write takes effect"),
        *_by(0, "release settled"),
    ),
    "an answer that is lost": (
        *_by(0, "read", "claim", "no answer"),
        Taken("write takes effect", None, _while_nobody_waits),
        *_by(0, "read own write"),
    ),
    "a write that arrives when its sender is gone": (
        *_by(0, "read", "claim", "crash"),
        Taken("write takes effect"),
        *_by(1, "read"),
        Taken("time passes"),
        *SECOND_TERM,
    ),
    "a read that is stale": (*FIRST_TERM, Taken("read", 1, _of_an_old_version)),
    "a holder that is asked to resign": (
        *FIRST_TERM,
        Taken("record is touched"),
        *_by(0, "read own write", "leave office"),
    ),
    "a record that is touched before its release": (
        *FIRST_TERM,
        Taken("record is touched"),
        *_by(0, "leave office", "work ends", "release", "release is refused"),
        *_by(0, "find what is to be released", "release"),
        Taken("write takes effect"),
    ),
    "a claim under way when its candidate leaves": (
        *_by(0, "read", "claim", "leave the race with a claim under way"),
        Taken("write takes effect"),
        *_by(0, "answer while leaving", "release"),
        Taken("write takes effect"),
    ),
    "an old record that comes back": (
        *FIRST_TERM,
        *RELEASE,
        Taken("something old comes back"),
        Taken("time passes"),
        *_by(1, "read"),
        Taken("time passes"),
        *SECOND_TERM,
    ),
    "a record that is lost": (
        *FIRST_TERM,
        Taken("read", 1),
        Taken("record is lost"),
        *_by(1, "read"),
        Taken("time passes"),
        *SECOND_TERM,
    ),
    "a clock that runs backwards": (
        *FIRST_TERM,
        Taken("clock runs backwards", 0),
        Taken("time passes"),
        *_by(0, "read"),
        Taken("time passes"),
        *_by(0, "claim"),
    ),
}


def is_possible(run: tuple[Taken, ...], system: System | None = None) -> bool:
    """Whether these steps can be taken, in this order, from the first state."""
    system = system or System(Universe(electors=2, writes=3, versions=5))
    state, solver = any_state(system.universe), z3.Solver()
    solver.add(
        system.initial(state),
        system.settings(),
        *(state.alive(e) for e in system.universe.members["elector"]),
    )
    actions = {action.name: action for action in system.actions}
    for number, (name, who, if_so) in enumerate(run):
        action = actions[name]
        about = names(system.universe, action.about, f"{number}.")
        guard, after = action.step(state, *about)
        by = [] if who is None else [about[0] == system.universe.members["elector"][who]]
        solver.add(guard, if_so(system, state, about), *by)
        state = _settled(system, after, number, solver)
    return bool(solver.check() == z3.sat)


def _settled(system: System, state: State, number: int, solver: z3.Solver) -> State:
    """The same state with functions of its own, so that terms do not grow with the run."""
    members, fields = system.universe.members, vars(any_state(system.universe))
    changes: dict[str, Any] = {}
    for name, like in fields.items():
        value = getattr(state, name)
        if not isinstance(like, z3.FuncDeclRef):
            changes[name] = z3.Const(f"{name} {number}", like.sort())
            solver.add(changes[name] == value)
            continue
        if like.arity() > 1:  # `freed`: its numbers are no bounded kind, and no guard asks for it
            changes[name] = value
            continue
        changes[name] = z3.Function(f"{name} {number}", like.domain(0), like.range())
        solver.add(*(changes[name](each) == value(each) for each in _domain(like, members)))
    return State(**changes)


def _domain(function: Any, members: dict[str, list[Any]]) -> Iterator[Any]:
    return next(
        (kind for kind in members.values() if z3.is_expr(kind[0]) and kind[0].sort() == function.domain(0)),
        members["version"],
    )


def taken() -> set[str]:
    """The actions that the runs are made of."""
    return {step.action for run in RUNS.values() for step in run}
