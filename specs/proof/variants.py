"""Each rule broken in one place, so that one sees what it is for: with any of these the proof is lost.

`python -m specs.proof.variants` prints, for each, a state that the invariant allows, the step that the broken
rule permits there, and what is no longer true after it. Such a state need not be reachable; it shows why the
argument fails. (The Spin model shows runs from the start: `specs/lease.pml`.)
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import z3

from specs.proof import actions
from specs.proof.actions import Node, Record, Step, Timing, Write
from specs.proof.logic import every, larger, no, pick
from specs.proof.prove import SAFETY, TOKENS, Theory, names
from specs.proof.story import Scene, tell
from specs.proof.system import System
from specs.proof.witnesses import small_world


def _hold_by_name(node: Node, write: Write, found: Record, now: Any, timing: Timing) -> Step:
    guard = every(no(node.leaving), no(found.missing), no(found.vacant), now < write.sent + timing.deadline)
    after = actions.see(node, found, now)
    return Step(guard, replace(after, leads=True, base=write.sent, version=found.version, token=found.token))


def _hold_former(node: Node, write: Write, found: Record, now: Any, timing: Timing) -> Step:
    """Any session of the same elector will do."""
    own = every(write.elector == node.elector, found.elector == node.elector, found.stamp == write.stamp)
    guard, after = _hold_by_name(node, write, found, now, timing)
    return Step(every(guard, own), after)


def _hold_from_now(node: Node, write: Write, found: Record, now: Any, timing: Timing) -> Step:
    guard, after = actions.hold(node, write, found, now, timing)
    return Step(guard, replace(after, base=now))


def _observe_from_send(node: Node, found: Record, now: Any) -> Step:
    asked = z3.FreshConst(now.sort(), "asked")
    after = actions.see(node, found, now)
    since = pick(actions.looks_unchanged(node, found), node.since, asked)
    return Step(every(no(node.leads), asked <= now), replace(after, since=since))


def _observe_alike(*fields: str) -> Any:
    """A record is the same one where these fields are."""

    def observe(node: Node, found: Record, now: Any) -> Step:
        after = actions.see(node, found, now)
        same = every(
            *(node.looked, no(found.missing), no(node.seen.missing)),
            *(getattr(node.seen, name) == getattr(found, name) for name in fields),
        )
        seen, since = pick(same, found, after.seen), pick(same, node.since, after.since)
        return Step(no(node.leads), replace(after, seen=seen, since=since))

    return observe


def _hold_for_ever(node: Node, write: Write, found: Record, now: Any, timing: Timing) -> Step:
    own = every(no(node.leaving), actions.same_session(write, node), actions.looks_like(found, write))
    return Step(own, actions.hold(node, write, found, now, timing).after)


def _claim_after(wait: Any) -> Any:
    """A claim that waits for something else than P4 and P5 say."""

    def claim(node: Node, write: Write, now: Any, timing: Timing) -> Step:
        patient = replace(node, since=now - actions.wait(node, timing) - actions.delay(node, timing))
        guard = actions.claim(patient, write, now, timing).guard
        return Step(every(guard, now - node.since >= wait(node, timing) + actions.delay(node, timing)), node)

    return claim


def _claim_same_token(node: Node, write: Write, now: Any, timing: Timing) -> Step:
    return actions.claim(replace(node, highest=larger(node.highest - 1, 0)), write, now, timing)


def _claim_by_the_time_of_day(node: Node, write: Write, now: Any, timing: Timing) -> Step:
    patient = replace(node, since=now - actions.wait(node, timing) - actions.delay(node, timing))
    return Step(every(actions.claim(patient, write, now, timing).guard, no(node.seen.missing)), node)


def _claim_what_is_meant_for_me(node: Node, write: Write, now: Any, timing: Timing) -> Step:
    is_mine = node.seen.successor == timing.name
    return Step(every(_claim_by_the_time_of_day(node, write, now, timing).guard, is_mine), node)


def _leave_leading(node: Node) -> Step:
    return Step(every(node.leads, no(node.leaving)), replace(node, leaving=True, left=node.version))


def _release_at_once(node: Node, write: Write, now: Any, timing: Timing) -> Step:
    step = actions.release(replace(node, ended=True), write, now, timing)
    return Step(step.guard, replace(step.after, ended=node.ended))


def _release_what_is_there(node: Node, write: Write, now: Any, timing: Timing) -> Step:
    return actions.release(replace(node, left=node.seen.version), write, now, timing)


def _find_for_ever(node: Node, write: Write, found: Record, now: Any, timing: Timing) -> Step:
    patient = replace(timing, deadline=timing.deadline + now - write.sent)
    return actions.find(node, write, found, now, patient)


def _find_what_was_tried(node: Node, write: Write, found: Record, now: Any, timing: Timing) -> Step:
    guard = actions.find(replace(node, tried=False), write, found, now, timing).guard
    return Step(guard, replace(actions.find(node, write, found, now, timing).after, tried=False))


class Variant(NamedTuple):
    """A rule, how it is broken, and the action in which that shows."""

    rule: str
    broken_so: str
    rules: dict[str, Any]
    at: str
    theory: Theory = SAFETY
    versions: int = 4  # that its story needs


VARIANTS = (
    Variant("P1", "a write takes effect on any version", {"lands": lambda *_: True}, "write takes effect"),
    Variant("P2", "one's own name in the record is enough", {"hold": _hold_by_name}, "read own write"),
    Variant("P2", "so is a record of a former candidacy", {"hold": _hold_former}, "read own write"),
    Variant("P3", "validity counts from the reply", {"hold": _hold_from_now}, "answer: written"),
    Variant("P4", "the wait counts from the send of the read", {"observe": _observe_from_send}, "read"),
    Variant(
        "P4",
        "a renewal does not start the wait anew",
        {"observe": _observe_alike("elector", "number")},
        "read",
    ),
    Variant(
        "P4",
        "who waits waits its own lease duration, not the record's",
        {"claim": _claim_after(lambda node, timing: pick(node.seen.vacant, 0, timing.lease))},
        "claim",
    ),
    Variant(
        "P5",
        "a missing record is waited for as long as one's own lease, though a longer one was seen",
        {
            "claim": _claim_after(
                lambda node, timing: pick(node.seen.missing, timing.lease, actions.wait(node, timing))
            )
        },
        "claim",
    ),
    Variant(
        "P3",
        "the term goes on when the clock runs backwards",
        {
            "begin_anew": lambda node, now: Step(
                True, replace(actions.begin_anew(node, now).after, leads=node.leads, number=node.number)
            )
        },
        "clock runs backwards",
    ),
    Variant(
        "P3",
        "a wait goes on when the clock runs backwards",
        {
            "begin_anew": lambda node, now: Step(
                True, replace(actions.begin_anew(node, now).after, since=node.since)
            )
        },
        "clock runs backwards",
    ),
    Variant(
        "P5",
        "a missing record is claimed at once though it may have been forgotten",
        {"claim": _claim_after(lambda node, timing: pick(node.seen.missing, 0, actions.wait(node, timing)))},
        "claim",
    ),
    Variant("P6", "a deadline may outlast a lease", {"timing": False}, "write takes effect"),
    Variant("P7", "what is read back counts from the reading", {"hold": _hold_from_now}, "read own write"),
    Variant("P7", "no answer, or a refusal, is success", {"happened": lambda *_: True}, "answer: written"),
    Variant(
        "P8",
        "a leader that reads of a rival goes on",
        {"observe": lambda node, found, now: Step(True, actions.see(node, found, now))},
        "read",
    ),
    Variant("P9", "the release comes before the end of the term", {"leave": _leave_leading}, "leave office"),
    Variant(
        "P9", "the release does not wait for the end of the work", {"release": _release_at_once}, "release"
    ),
    Variant("P9", "a release replaces whatever was read", {"release": _release_what_is_there}, "release"),
    Variant(
        "P9",
        "what is to be released is looked for however long ago it was written",
        {"find": _find_for_ever},
        "find what is to be released",
        versions=5,
    ),
    Variant(
        "P9",
        "a release of unknown outcome is looked for",
        {"find": _find_what_was_tried},
        "find what is to be released",
        versions=5,
    ),
    Variant("P10", "any answer is the answer", {"is_reply_to": lambda *_: True}, "answer: written"),
    Variant("P11", "a claim carries the token that it saw", {"claim": _claim_same_token}, "claim", TOKENS),
    Variant(
        "P14",
        "a request to resign replaces the holder's session",
        {"touched": lambda before: {"source": z3.FreshConst(before.sort(), "asker")}},
        "record is touched",
    ),
    Variant(
        "P15",
        "a renewal is taken for a touch: renew times are not compared",
        {"observe": _observe_alike("vacant", "elector", "number", "token", "duration", "epoch")},
        "read",
    ),
    Variant(
        "P15",
        "another's write with the same renew time is taken for a touch: sessions are not compared",
        {"observe": _observe_alike("vacant", "token", "stamp", "duration", "epoch")},
        "read",
    ),
    Variant(
        "P15",
        "a wait goes on in another epoch",
        {"observe": _observe_alike("vacant", "elector", "number", "token", "stamp", "duration")},
        "read",
    ),
    Variant("P15", "validity counts from the touch", {"hold": _hold_from_now}, "read own write"),
    Variant(
        "P15",
        "a leader's own write is its own for ever, also when it came back",
        {"hold": _hold_for_ever},
        "read own write",
        versions=5,
    ),
    Variant(
        "P15",
        "what was released in an earlier epoch is shown as what it was, and claimed at once",
        {"shows_relics": True},
        "claim",
        versions=5,
    ),
    Variant(
        "P16",
        "what is held may be claimed at a time of day, too",
        {"claim": _claim_by_the_time_of_day},
        "claim",
    ),
    Variant(
        "P17",
        "what is held may be claimed at once by whom it names",
        {"claim": _claim_what_is_meant_for_me},
        "claim",
    ),
    Variant("P7", "two writes of a candidacy carry one renew time", {"stamps_differ": False}, "renew"),
    Variant("A5", "the record is lost twice, unseen", {"one_loss_at_a_time": False}, "write takes effect"),
    Variant("A5", "a longer lease was lost than is known", {"known_durations": False}, "write takes effect"),
    Variant(
        "A5", "something old comes back in the same epoch", {"epochs": False}, "something old comes back"
    ),
    Variant(
        "A5",
        "what comes back says less than some leader's lease",
        {"known_restored": False},
        "something old comes back",
    ),
    Variant("A5", "a durable store loses what it had", {"no_loss_before_anyone_saw": False}, "claim"),
    Variant("A5", "the record is lost, and the token with it", {"lossless": False}, "record is lost", TOKENS),
)


class Loss(NamedTuple):
    """Where the proof is lost: a model of the invariant in which the step breaks a part of it."""

    part: str
    story: str


def losses(variant: Variant) -> Iterator[Loss]:
    """What a broken rule breaks: promises first, then parts of the invariant."""
    system, state, solver = small_world(variant.theory, variant.rules, variant.versions)
    action = next(action for action in system.actions if action.name == variant.at)
    about = names(system.universe, action.about, "a")
    guard, after = action.step(state, *about)
    solver.add(guard)
    for claims in (variant.theory.promises, variant.theory.invariant):
        for part in claims(system, after):
            against = names(system.universe, part.about, "x")
            solver.push()
            solver.add(z3.Not(part.body(*against)), *_inside(system, part.about, against))
            if solver.check() == z3.sat:
                scene = Scene(system, state, after, solver.model(), action, about, against)
                yield Loss(part.name, tell(scene))
            solver.pop()


def _inside(system: System, about: str, against: list[Any]) -> Iterator[Any]:
    """A number from the small world: of others nothing is said there."""
    for kind, name in zip(about.split(), against, strict=True):
        if kind == "version":
            yield z3.And(name >= 0, name < system.universe.versions)


def main() -> int:
    """Tell each story; 1 if a broken rule costs nothing."""
    harmless = 0
    for variant in VARIANTS:
        loss = next(losses(variant), None)
        print(f"\n{variant.rule} broken: {variant.broken_so}")
        print(loss.story + f"\n  No longer true: {loss.part}" if loss else "  NOTHING IS LOST")
        harmless += loss is None
    return 1 if harmless else 0


if __name__ == "__main__":
    sys.exit(main())
