"""A model of z3's as text that one can follow: who is where, what happens, what is then."""

from __future__ import annotations

from typing import Any, NamedTuple

import z3

from specs.proof.state import State
from specs.proof.system import Action, System


class _Reader:
    """Values of one state in one model."""

    def __init__(self, system: System, state: State, model: Any) -> None:
        self.system, self.state, self.model = system, state, model

    def value(self, term: Any) -> Any:
        """A term's value, as plain as can be."""
        if not isinstance(term, z3.ExprRef):
            return term
        value = self.model.eval(term, model_completion=True)
        if z3.is_bool(value):
            return z3.is_true(value)
        if z3.is_int_value(value):
            return value.as_long()
        if z3.is_rational_value(value):
            return f"{float(value.as_fraction()):g}"
        return value

    def name(self, member: Any) -> str:
        """An elector is a letter, a write a w with a number, a version a number."""
        text = str(self.value(member))
        if not isinstance(member, z3.DatatypeRef):
            return f"version {text}"
        return text[0] if text[0].isupper() else text.split("_", maxsplit=1)[0]

    def versions(self) -> list[str]:
        """The history of the record."""
        s, c = self.state, self.system.constants
        lines = []
        for v in range(self.value(s.latest) + 1):
            written = self.value(s.written(v))
            if self.value(s.missing(v)):
                lines.append(f"version {v}: no record (since {written})")
                continue
            write = s.source(v)
            by, number = self.name(c.by(write)), self.value(c.candidacy(write))
            what = "released by" if self.value(c.releases(write)) else "held by"
            token, sent = self.value(c.carries(write)), self.value(c.sent(write))
            details = f"token {token} ({self.name(write)}, sent {sent}, written {written}{self.fate(v)})"
            lines.append(f"version {v}: {what} {by}.{number}, {details}")
        return lines

    def fate(self, v: int) -> str:
        """What befell a write after it was made."""
        s = self.state
        made = s.at(s.source(v))
        if self.value(s.epoch(v)) != self.value(s.epoch(made)):
            return ", come back in another epoch"
        return ", touched" if self.value(made) != v else ""

    def electors(self) -> list[str]:
        """What each of them knows."""
        return [self.elector(e) for e in self.system.universe.members["elector"]]

    def elector(self, e: Any) -> str:
        """What one of them knows."""
        s, c = self.state, self.system.constants
        facts = []
        if not self.value(s.alive(e)):
            return f"{self.name(e)} has crashed"
        if self.value(s.leads(e)):
            until = self.value(s.base(e) + c.deadline(e))
            facts.append(f"leads by version {self.value(s.version(e))} until {until}")
        if self.value(s.leaving(e)):
            facts.append(f"owes a release of version {self.value(s.left(e))}")
        if self.value(s.looked(e)):
            facts.append(f"has seen version {self.value(s.seen(e))} since {self.value(s.since(e))}")
        if self.value(s.waiting(e)):
            facts.append(f"waits for the answer to {self.name(s.pending(e))}")
        durations = f"deadline {self.value(c.deadline(e))}, lease {self.value(c.lease(e))}"
        return f"{self.name(e)}.{self.value(s.number(e))} ({durations}) " + (", ".join(facts) or "is idle")


class Scene(NamedTuple):
    """A step that went wrong: in this model, of this, seen in these."""

    system: System
    before: State
    after: State
    model: Any
    action: Action
    about: list[Any]
    against: list[Any]


def tell(scene: Scene) -> str:
    """The state before, the step, and what it changed."""
    old = _Reader(scene.system, scene.before, scene.model)
    new = _Reader(scene.system, scene.after, scene.model)
    whom = ", ".join(old.name(member) for member in scene.about)
    lines = [f"At {old.value(scene.before.now)}:", *old.versions(), *old.electors()]
    lines.append(f"-> {scene.action.name}" + (f": {whom}" if whom else ""))
    known = set(lines)
    lines += [line for line in (*new.versions(), *new.electors()) if line not in known]
    lines += [f"look at {', '.join(old.name(member) for member in scene.against)}"] if scene.against else []
    return "\n".join(f"  {line}" for line in lines)
