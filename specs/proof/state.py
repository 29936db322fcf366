"""The state that the proof speaks of: unbounded in everything, or small enough to be shown.

Functions over electors, writes and versions. What a message says never changes, so a write's fields are the
same in every state; only whether it was sent, and whether and where it took effect, is state. Messages are
never removed: that one may still arrive is also what delay, duplication and reordering are, and that nothing
ever has to happen is loss.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import z3

from specs.proof.actions import Node, Record, Timing, Write

INT, REAL, BOOL = z3.IntSort(), z3.RealSort(), z3.BoolSort()


class Universe:
    """Who and what there is: any number, or exactly so many electors, writes and versions."""

    def __init__(self, electors: int = 0, writes: int = 0, versions: int = 0) -> None:
        self.is_bounded = electors > 0
        self.versions = versions
        self.time = INT if self.is_bounded else REAL  # whole seconds tell a better story
        context: dict[str, Any] = {}
        if self.is_bounded:
            tag = f"{electors}_{writes}_{next(_COUNTER)}"
            self.elector, members = z3.EnumSort(f"Elector{tag}", [f"{c}{tag}" for c in "ABCD"[:electors]])
            self.write, requests = z3.EnumSort(f"Write{tag}", [f"w{i}_{tag}" for i in range(writes)])
            context = {"elector": members, "write": requests, "version": list(range(versions))}
        else:
            self.elector, self.write = z3.DeclareSort("Elector"), z3.DeclareSort("Write")
        self.members: dict[str, list[Any]] = context

    def forall(self, kinds: str, body: Callable[..., Any]) -> Any:
        """For all of these kinds ("elector write version"); a version is an integer from 0."""
        names = kinds.split()
        if not names:
            return body()
        if self.is_bounded:
            return z3.And(*self._instances(names, body, ()))
        sorts = {"elector": self.elector, "write": self.write, "version": INT}
        bound = [z3.Const(f"{name[0]}{index}!", sorts[name]) for index, name in enumerate(names)]
        return z3.ForAll(bound, body(*bound))

    def _instances(self, names: list[str], body: Callable[..., Any], chosen: tuple[Any, ...]) -> list[Any]:
        if not names:
            return [body(*chosen)]
        members = self.members[names[0]]
        return [term for m in members for term in self._instances(names[1:], body, (*chosen, m))]


def _count() -> Any:
    number = 0
    while True:
        number += 1
        yield number


_COUNTER = _count()


class Constants:
    """What never changes: the settings of each elector, and what each write says."""

    def __init__(self, universe: Universe, *, shows_relics: bool) -> None:
        elector, write, time = universe.elector, universe.write, universe.time
        self.shows_relics = shows_relics  # that came back as what they were, also if they were released
        self.durable = z3.Bool("durable")
        self.deadline = z3.Function("deadline", elector, time)
        self.lease = z3.Function("lease", elector, time)
        self.delay = z3.Function("delay", elector, time)
        self.sent = z3.Function("sent", write, time)
        self.creates = z3.Function("creates", write, BOOL)
        self.replaces = z3.Function("replaces", write, INT)
        self.releases = z3.Function("releases", write, BOOL)
        self.by = z3.Function("by", write, elector)
        self.candidacy = z3.Function("candidacy", write, INT)
        self.carries = z3.Function("carries", write, INT)
        self.stamp = z3.Function("stamp", write, INT)
        self.duration = z3.Function("duration", write, time)
        self.asks = z3.Function("asks", write, INT)  # until when it should not be claimed (P16) ...
        self.held_back = z3.Function("held_back", INT, INT)  # ... and what a version says, whoever touched it
        self.patience = z3.Function("patience", elector, time)
        self.name = z3.Function("name", elector, INT)
        self.names = z3.Function("names", write, INT)  # for whom (P17); 0 is nobody
        self.meant_for = z3.Function("meant_for", INT, INT)  # whom a version names, whoever touched it (P17)
        self.knew = z3.Function("knew", write, time)  # the longest lease duration that its sender knew (P5)


@dataclass(frozen=True)
class State:
    """One moment. Each field is a value, or a function to one."""

    now: Any
    latest: Any  # the version of the record as it is; 0 is before it ever existed
    # of versions, from 0 to the latest
    written: Any  # when
    missing: Any  # it is a gap: the record did not exist
    source: Any  # the write that made its content
    begun: Any  # since when its content has been there, in that epoch
    epoch: Any  # of the store: another one begins when something old may have come back (P15)
    # of writes
    issued: Any
    landed: Any
    at: Any  # the version that it made
    # of electors
    alive: Any
    waiting: Any  # for the reply to a write ...
    pending: Any  # ... to this one
    number: Any
    leads: Any
    base: Any
    version: Any
    token: Any
    leaving: Any
    ended: Any
    left: Any
    former: Any
    known: Any
    tried: Any
    freed: Any  # of electors and numbers: a release of that candidacy took effect
    looked: Any
    seen: Any
    life: Any  # the epoch in which it saw that, as far as it knows
    since: Any
    highest: Any
    longest: Any

    def but(self, **changes: Any) -> State:
        """The same state with some fields replaced."""
        values = {f.name: getattr(self, f.name) for f in fields(self)} | changes
        return State(**values)


def any_state(universe: Universe) -> State:
    """A state of which nothing is known."""
    elector, write, time = universe.elector, universe.write, universe.time
    kinds = [
        ((time,), "now"),
        ((INT,), "latest"),
        ((INT, time), "written begun"),
        ((INT, INT), "epoch"),
        ((INT, BOOL), "missing"),
        ((INT, write), "source"),
        ((write, BOOL), "issued landed"),
        ((write, INT), "at"),
        ((elector, BOOL), "alive waiting leads leaving ended looked known tried"),
        ((elector, INT, BOOL), "freed"),
        ((elector, INT), "number version token left seen life highest former"),
        ((elector, time), "base since longest"),
        ((elector, write), "pending"),
    ]
    return State(
        **{
            name: z3.Const(name, sorts[0]) if len(sorts) == 1 else z3.Function(name, *sorts)
            for sorts, group in kinds
            for name in group.split()
        }
    )


def put(function: Any, key: Any, value: Any) -> Any:
    """The function that differs from this one at one place."""
    return lambda other: z3.If(other == key, value, function(other))


def record(state: State, constants: Constants, version: Any) -> Record:
    """What a store shows of that version: what was released and came back is shown as held (P15)."""
    write, missing = state.source(version), state.missing(version)
    is_relic = state.epoch(version) != state.epoch(state.at(write))
    is_free = (
        constants.releases(write)
        if constants.shows_relics
        else z3.And(constants.releases(write), z3.Not(is_relic))
    )
    return Record(
        missing=missing,
        version=version,
        vacant=z3.And(z3.Not(missing), is_free),
        elector=constants.by(write),
        number=constants.candidacy(write),
        token=constants.carries(write),
        stamp=constants.stamp(write),
        duration=constants.duration(write),
        not_before=constants.held_back(version),
        successor=constants.meant_for(version),
        unnamed=constants.meant_for(version) == 0,
        epoch=state.epoch(version),
    )


def written(constants: Constants, write: Any) -> Write:
    """What that write says."""
    return Write(
        sent=constants.sent(write),
        creates=constants.creates(write),
        replaces=constants.replaces(write),
        vacant=constants.releases(write),
        elector=constants.by(write),
        number=constants.candidacy(write),
        token=constants.carries(write),
        stamp=constants.stamp(write),
        duration=constants.duration(write),
        not_before=constants.asks(write),
        successor=constants.names(write),
        unnamed=constants.names(write) == 0,
    )


def timing(constants: Constants, elector: Any) -> Timing:
    """Its settings, in real time: its deadline on the slowest clock, its lease on the fastest (P6)."""
    c = constants
    own = (of(elector) for of in (c.deadline, c.lease, c.delay))
    return Timing(*own, c.durable, c.patience(elector), c.name(elector))


_SAME = (
    "number",
    "leads",
    "base",
    "version",
    "token",
    "leaving",
    "ended",
    "left",
    "former",
    "known",
    "tried",
    "looked",
    "since",
    "highest",
    "longest",
)


def node(state: State, constants: Constants, elector: Any) -> Node:
    """What that elector knows."""
    values = {name: getattr(state, name)(elector) for name in _SAME}
    seen = replace(record(state, constants, state.seen(elector)), epoch=state.life(elector))
    return Node(elector=elector, seen=seen, **values)


def with_node(state: State, elector: Any, after: Node) -> State:
    """The state in which that elector knows this."""
    changes = {name: put(getattr(state, name), elector, getattr(after, name)) for name in _SAME}
    changes["seen"] = put(state.seen, elector, after.seen.version)
    changes["life"] = put(state.life, elector, after.seen.epoch)
    return state.but(**changes)
