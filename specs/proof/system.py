"""All that can happen: the actions of `actions.py`, who may take them when, and the world around them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, NamedTuple

import z3

from incumbent.config import tolerates
from specs.proof import actions
from specs.proof.logic import every, implies, larger, no, some
from specs.proof.state import INT, Constants, State, Universe, node, put, record, timing, with_node, written

RULES = {
    **{
        name: getattr(actions, name) for name in ("claim", "renew", "release", "hold", "observe", "follow_up")
    },
    **{
        name: getattr(actions, name)
        for name in ("end", "leave", "find", "refused", "depart", "end_work", "settle", "begin_anew", "lands")
    },
    "is_reply_to": lambda pending, write: pending == write,  # P10
    "happened": lambda state, write: state.landed(write),  # A1, P7: what is reported as done was done
    "touched": lambda before: {"source": before},  # P14, P15: a touch leaves the record its writer's
    "stamps_differ": True,  # P7
    "one_loss_at_a_time": True,  # A5
    "no_loss_before_anyone_saw": True,  # A5
    "known_durations": True,  # A5
    "timing": True,  # P6
    "epochs": True,  # A5: a store in which something old came back says so (P15)
    "known_restored": True,  # A5
    "shows_relics": False,  # P15: what was released in an earlier epoch is shown as held
    "lossless": False,
    "reading": lambda state: state.now,  # what a clock shows: here, real time
}


class Action(NamedTuple):
    """One kind of event: what it is about, when it may happen, and what it changes."""

    name: str
    about: str
    step: Callable[..., tuple[Any, State]]


def drift_lemma() -> tuple[Any, Any]:
    """P6, as `incumbent.config` checks it, and what the proof needs of it: premise and conclusion.

    In real time a deadline counted on a slow clock ends before a lease counted on a fast one.
    """
    deadline, lease, rho = z3.Reals("deadline lease rho")
    premise = z3.And(deadline > 0, lease > 0, rho >= 0, rho < 1, tolerates(deadline, lease, rho))
    return premise, deadline / (1 - rho) <= lease / (1 + rho)


class System:
    """The transition system, with the rules given or with some of them replaced."""

    def __init__(self, universe: Universe, **broken: Any) -> None:
        self.universe = universe
        self.rules = SimpleNamespace(**(RULES | broken))
        self.constants = Constants(universe, shows_relics=self.rules.shows_relics)
        self.actions = self._actions()

    def settings(self) -> Any:
        """A6: each elector's deadline ends before its lease, in real time; the drift lemma gives this."""
        c = self.constants

        def sane(e: Any) -> Any:
            in_time = c.deadline(e) <= c.lease(e) if self.rules.timing else True
            return every(c.deadline(e) > 0, c.lease(e) > 0, c.delay(e) >= 0, c.patience(e) >= 0, in_time)

        return self.universe.forall("elector", sane)

    def initial(self, s: State) -> Any:
        """Nothing was written, nobody leads, nobody has looked; electors start when they first act."""
        free = self.universe.forall("elector version", lambda e, n: no(s.freed(e, n)))
        idle = self.universe.forall(
            "elector",
            lambda e: every(
                *(no(getattr(s, name)(e)) for name in ("leads", "leaving", "looked", "waiting")),
                s.number(e) >= 0,
                s.highest(e) == 0,
                s.longest(e) == 0,
            ),
        )
        unsent = self.universe.forall("write", lambda w: every(no(s.issued(w)), no(s.landed(w))))
        nothing = every(s.missing(0), s.written(0) <= s.now, s.begun(0) == s.written(0))
        return every(s.latest == 0, nothing, idle, unsent, free)

    def _actions(self) -> list[Action]:
        rules = self.rules
        return [
            Action("time passes", "", self._tick),
            Action("claim", "elector write", lambda s, e, w: self._send(s, e, w, rules.claim)),
            Action("renew", "elector write", lambda s, e, w: self._send(s, e, w, rules.renew)),
            Action("release", "elector write", self._release),
            Action("write takes effect", "write", self._land),
            Action("record is lost", "", self._lose),
            Action("record is touched", "", self._touch),
            Action("something old comes back", "write", self._restore),
            Action("answer: written", "elector write", self._win),
            Action("answer while leaving", "elector write", self._follow_up),
            Action("read own write", "elector write version", self._adopt),
            Action("read", "elector version", self._read),
            Action("no answer", "elector", self._give_up),
            Action("candidacy ends", "elector", self._end),
            Action("leave office", "elector", self._leave),
            Action("leave the race with a claim under way", "elector", self._depart),
            Action("find what is to be released", "elector write version", self._find),
            Action("release is refused", "elector", self._refused),
            Action("work ends", "elector", self._end_work),
            Action("release settled", "elector", self._settle),
            Action("clock runs backwards", "elector", self._begin_anew),
            Action("crash", "elector", self._crash),
        ]

    # The world.

    def _tick(self, s: State) -> tuple[Any, State]:
        later = z3.FreshConst(self.universe.time, "later")
        return later > s.now, s.but(now=later)

    def _land(self, s: State, w: Any) -> tuple[Any, State]:
        """A message arrives: the first time, late, or once more."""
        c, new = self.constants, s.latest + 1
        is_second_loss = every(c.creates(w), c.replaces(w) != s.latest)
        is_known = self.universe.forall("elector", lambda e: c.deadline(e) <= c.knew(w))
        guard = every(
            s.issued(w),
            self.rules.lands(record(s, c, s.latest), written(c, w)),
            no(is_second_loss) if self.rules.one_loss_at_a_time else True,
            implies(every(c.creates(w), s.latest > 0), is_known) if self.rules.known_durations else True,
        )
        by, number, releases = c.by(w), c.candidacy(w), c.releases(w)

        def freed(e: Any, n: Any) -> Any:
            return some(s.freed(e, n), every(releases, e == by, n == number))

        after = s.but(landed=put(s.landed, w, True), at=put(s.at, w, new), freed=freed)
        return guard, self._append(after, missing=False, source=w)

    def _lose(self, s: State) -> tuple[Any, State]:
        """A5: with another epoch, or without."""
        epoch = z3.FreshConst(INT, "epoch")
        is_possible = every(no(s.missing(s.latest)), not self.rules.lossless, epoch >= s.epoch(s.latest))
        return is_possible, self._append(s, missing=True, source=s.source(s.latest), epoch=epoch)

    def _touch(self, s: State) -> tuple[Any, State]:
        """P15, P14: by anybody, any number of times; the write in it stays as it is at that moment."""
        after = self.rules.touched(s.source(s.latest))
        return no(s.missing(s.latest)), self._append(s, missing=False, begun=s.begun(s.latest), **after)

    def _restore(self, s: State, w: Any) -> tuple[Any, State]:
        """A5: what was once written is there again, or still: in another epoch, by a version never used."""
        c = self.constants
        known = self.universe.forall("elector", lambda e: c.deadline(e) <= c.duration(w))
        guard = every(s.landed(w), not self.rules.lossless, known if self.rules.known_restored else True)
        epoch = s.epoch(s.latest) + (1 if self.rules.epochs else 0)
        return guard, self._append(s, missing=False, source=w, epoch=epoch)

    def _append(self, s: State, *, missing: bool, source: Any, begun: Any = None, epoch: Any = None) -> State:
        new = s.latest + 1
        changes = {"written": put(s.written, new, s.now), "missing": put(s.missing, new, missing)}
        changes["begun"] = put(s.begun, new, s.now if begun is None else begun)
        changes["epoch"] = put(s.epoch, new, s.epoch(s.latest) if epoch is None else epoch)
        return s.but(latest=new, source=put(s.source, new, source), **changes)

    # The electors. Each action of theirs needs them to be up.

    def _send(self, s: State, e: Any, w: Any, rule: Any) -> tuple[Any, State]:
        c = self.constants
        fresh = self.universe.forall(
            "write",
            lambda other: implies(
                every(s.issued(other), c.by(other) == e, c.candidacy(other) == c.candidacy(w)),
                c.stamp(other) != c.stamp(w),
            ),
        )
        known_loss = implies(
            every(c.durable, s.longest(e) == 0, s.missing(s.seen(e)), c.creates(w)), s.seen(e) == 0
        )
        guard = every(
            s.alive(e),
            no(s.issued(w)),
            no(s.waiting(e)),
            c.by(w) == e,
            rule(node(s, c, e), written(c, w), self.rules.reading(s), timing(c, e)).guard,
            c.knew(w) == larger(s.longest(e), c.lease(e)),
            fresh if self.rules.stamps_differ else True,
            known_loss if self.rules.no_loss_before_anyone_saw else True,
        )
        after = s.but(issued=put(s.issued, w, True), waiting=put(s.waiting, e, True))
        return guard, after.but(pending=put(s.pending, e, w))

    def _release(self, s: State, e: Any, w: Any) -> tuple[Any, State]:
        """The record names nobody; that it is that candidacy's is for the proof to know."""
        c = self.constants
        guard, after = self._send(s, e, w, self.rules.release)
        step = self.rules.release(node(s, c, e), written(c, w), self.rules.reading(s), timing(c, e))
        return every(guard, c.candidacy(w) == s.former(e)), with_node(after, e, step.after)

    def _win(self, s: State, e: Any, w: Any) -> tuple[Any, State]:
        """The store's own word that this write took effect. An answer counts for the pending write (P10).

        It does not say in which epoch that was: an earlier one may be supposed, never a later one (P15).
        """
        c, pending = self.constants, written(self.constants, s.pending(e))
        found = replace(actions.made_by(pending, s.at(w)), epoch=z3.FreshConst(INT, "epoch"))
        guard, after = self.rules.hold(node(s, c, e), pending, found, self.rules.reading(s), timing(c, e))
        answered = every(
            self.rules.happened(s, w),
            c.by(w) == e,
            s.waiting(e),
            self.rules.is_reply_to(s.pending(e), w),
            found.epoch <= s.epoch(s.at(w)),
        )
        return every(s.alive(e), answered, guard), with_node(s, e, after).but(
            waiting=put(s.waiting, e, False)
        )

    def _follow_up(self, s: State, e: Any, w: Any) -> tuple[Any, State]:
        c = self.constants
        found = replace(record(s, c, s.at(w)), epoch=z3.FreshConst(INT, "epoch"))
        guard, after = self.rules.follow_up(node(s, c, e), written(c, w), found, self.rules.reading(s))
        answered = every(s.landed(w), s.waiting(e), s.pending(e) == w, found.epoch <= s.epoch(s.at(w)))
        return every(s.alive(e), answered, guard), with_node(s, e, after).but(
            waiting=put(s.waiting, e, False)
        )

    def _adopt(self, s: State, e: Any, w: Any, v: Any) -> tuple[Any, State]:
        """A read, however stale, shows a write of one's own. Which ones are remembered is left open (P7)."""
        c = self.constants
        guard, after = self.rules.hold(
            node(s, c, e), written(c, w), record(s, c, v), self.rules.reading(s), timing(c, e)
        )
        return every(s.alive(e), s.issued(w), v >= 0, v <= s.latest, guard), with_node(s, e, after)

    def _read(self, s: State, e: Any, v: Any) -> tuple[Any, State]:
        """A read, however stale."""
        guard, after = self.rules.observe(
            node(s, self.constants, e), record(s, self.constants, v), self.rules.reading(s)
        )
        return every(s.alive(e), v >= 0, v <= s.latest, guard), with_node(s, e, after)

    def _give_up(self, s: State, e: Any) -> tuple[Any, State]:
        return s.alive(e), s.but(waiting=put(s.waiting, e, False))

    def _end(self, s: State, e: Any) -> tuple[Any, State]:
        guard, after = self.rules.end(node(s, self.constants, e))
        still = every(s.waiting(e), s.leaving(e))
        return every(s.alive(e), guard), with_node(s, e, after).but(waiting=put(s.waiting, e, still))

    def _leave(self, s: State, e: Any) -> tuple[Any, State]:
        guard, after = self.rules.leave(node(s, self.constants, e))
        return every(s.alive(e), guard), with_node(s, e, after)

    def _depart(self, s: State, e: Any) -> tuple[Any, State]:
        guard, after = self.rules.depart(node(s, self.constants, e))
        return every(s.alive(e), guard), with_node(s, e, after)

    def _find(self, s: State, e: Any, w: Any, v: Any) -> tuple[Any, State]:
        c = self.constants
        guard, after = self.rules.find(
            node(s, c, e), written(c, w), record(s, c, v), self.rules.reading(s), timing(c, e)
        )
        return every(s.alive(e), s.issued(w), v >= 0, v <= s.latest, guard), with_node(s, e, after)

    def _refused(self, s: State, e: Any) -> tuple[Any, State]:
        """The store's own word that a release did not happen: as if it had not been sent (A1)."""
        c, w = self.constants, s.pending(e)
        guard, after = self.rules.refused(node(s, c, e))
        is_refused = every(s.waiting(e), c.releases(w), no(s.landed(w)))
        return every(s.alive(e), is_refused, guard), with_node(s, e, after).but(
            waiting=put(s.waiting, e, False), issued=put(s.issued, w, False)
        )

    def _end_work(self, s: State, e: Any) -> tuple[Any, State]:
        guard, after = self.rules.end_work(node(s, self.constants, e))
        return every(s.alive(e), guard), with_node(s, e, after)

    def _settle(self, s: State, e: Any) -> tuple[Any, State]:
        guard, after = self.rules.settle(node(s, self.constants, e))
        return every(s.alive(e), guard), with_node(s, e, after).but(waiting=put(s.waiting, e, False))

    def _begin_anew(self, s: State, e: Any) -> tuple[Any, State]:
        """What the elector remembers was at readings that its clock will come to once more, so much later."""
        back = z3.FreshConst(self.universe.time, "back")
        knows = node(s, self.constants, e)
        knows = replace(knows, base=knows.base + back, since=knows.since + back)
        guard, after = self.rules.begin_anew(knows, self.rules.reading(s))
        guard = every(back > 0, guard)
        return every(s.alive(e), guard), with_node(s, e, after).but(waiting=put(s.waiting, e, False))

    def _crash(self, s: State, e: Any) -> tuple[Any, State]:
        """It is never up again. Whoever restarts under its name is another elector (P2)."""
        return s.alive(e), s.but(alive=put(s.alive, e, False))
