"""The protocol's actions: what may be done, and what it changes. One text, read in two ways.

`system.py` evaluates it on z3 terms: then it is what the proof is about. `specs/conformance.py` evaluates it
on the values of a running elector and its store: then each step of the shipped code must be what it says.
There are no timers and messages here, only what safety hangs on.

An instant is anything that can be compared and subtracted: real time in the proof, the elector's own clock in
the code. P6's lemma (`system.drift_lemma`) is what carries a guard from the second to the first.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

from specs.proof.logic import every, larger, no, pick, some

BY_ELECTORS = (
    "claim",
    "renew",
    "release",
    "answer: written",
    "answer while leaving",
    "read own write",
    "read",
    "no answer",
    "candidacy ends",
    "leave office",
    "leave the race with a claim under way",
    "find what is to be released",
    "release is refused",
    "work ends",
    "release settled",
    "clock runs backwards",
)
BY_THE_STORE = ("write takes effect", "record is lost", "record is touched", "something old comes back")
BY_THE_WORLD = ("time passes", "crash")
ACTIONS = (*BY_ELECTORS, *BY_THE_STORE, *BY_THE_WORLD)
"""All that can happen, and by whom. `System` has just these; the code takes those of electors."""


@dataclass(frozen=True)
class Timing:
    """One elector's settings: for how long it believes, makes others wait, and waits in addition."""

    deadline: Any
    lease: Any
    delay: Any
    durable: Any  # the store declares that it does not forget
    patience: Any  # for how long it leaves to another what is meant for that one (P17)
    name: Any  # its identity


@dataclass(frozen=True)
class Record:
    """What a store shows of a version. Elector and number together are the session (P2)."""

    missing: Any
    version: Any
    vacant: Any
    elector: Any
    number: Any
    token: Any
    stamp: Any  # the renew time: tells the writes of a candidacy apart (P7)
    duration: Any
    not_before: Any  # until when it should not be claimed once it is vacant (P16): a time, like a stamp
    successor: Any  # for whom it is meant then (P17): a name
    unnamed: Any  # it names nobody
    epoch: Any = None  # of the store (P15)


@dataclass(frozen=True)
class Write:
    """A request to write: the record's fields to be, and when, and over what, it was sent."""

    sent: Any
    creates: Any
    replaces: Any  # the version that it names (P1); of a missing record, where it creates
    vacant: Any
    elector: Any
    number: Any
    token: Any
    stamp: Any
    duration: Any
    not_before: Any
    successor: Any
    unnamed: Any


@dataclass(frozen=True)
class Node:
    """What an elector knows, as far as safety hangs on it."""

    elector: Any
    number: Any  # of the present candidacy
    leads: Any
    base: Any  # when the write was sent by which it leads
    version: Any  # the last version known to be its own, while it leads
    token: Any  # of that term, until it is released
    leaving: Any  # it owes a release, of the former candidacy
    ended: Any  # nothing of that candidacy's term runs any more
    former: Any  # the number of that candidacy
    known: Any  # that its record is at ...
    left: Any  # ... the last version known to be that candidacy's
    tried: Any  # a release was sent that may yet take effect
    looked: Any  # it has seen the record, or that there is none
    seen: Any  # a Record
    since: Any  # when it first received just that
    highest: Any  # token ever seen
    longest: Any  # lease duration ever seen


class Step(NamedTuple):
    """An action at one moment: whether it may happen, and what is then."""

    guard: Any
    after: Any


# Predicates of the protocol.


def is_valid(node: Node, now: Any, timing: Timing) -> Any:
    """P3: a leader believes for so long after it sent the write by which it holds."""
    return every(node.leads, now < node.base + timing.deadline)


def wait(node: Node, timing: Timing) -> Any:
    """P4, P5: how long what was seen must have stayed as it is."""
    may_forget = some(no(timing.durable), node.longest > 0)
    if_missing = pick(may_forget, larger(node.longest, timing.lease), 0)
    if_there = pick(node.seen.vacant, 0, node.seen.duration)
    return pick(node.seen.missing, if_missing, if_there)


def delay(node: Node, timing: Timing) -> Any:
    """P4e, P17: how much longer it waits: not at all for what is meant for it."""
    is_mine = node.seen.successor == timing.name
    for_another = pick(node.seen.unnamed, 0, timing.patience)
    if_vacant = pick(is_mine, 0, for_another + timing.delay)
    return pick(node.seen.vacant, if_vacant, timing.delay)


def is_held_back(record: Record, time: Any) -> Any:
    """P16: whether nobody should claim what was released, at that time of day."""
    return every(record.vacant, time < record.not_before)


def same_session(one: Any, other: Any) -> Any:
    """P2."""
    return every(one.elector == other.elector, one.number == other.number)


def looks_like(found: Record, write: Write) -> Any:
    """P7: whether a record is taken for the work of that write."""
    return every(no(found.vacant), same_write(found, made_by(write, found.version)))


def same_write(one: Record, other: Record) -> Any:
    """P15: whether one write made both, whatever their versions."""
    return every(
        no(one.missing),
        no(other.missing),
        one.vacant == other.vacant,
        same_session(one, other),
        one.token == other.token,
        one.stamp == other.stamp,
        one.duration == other.duration,
    )


def looks_unchanged(node: Node, found: Record) -> Any:
    """P4, P15: the same write in the same epoch; a missing record has neither, so gaps look alike."""
    same = every(same_write(found, node.seen), found.epoch == node.seen.epoch)
    return every(node.looked, some(same, every(found.missing, node.seen.missing)))


# An elector sends a write.


def claim(node: Node, write: Write, now: Any, timing: Timing) -> Step:
    """P4, P5, P11, P16, P17: over what was seen, if that has stayed for long enough, a higher token."""
    guard = every(
        no(node.leads),
        no(node.leaving),
        node.looked,
        now - node.since >= wait(node, timing) + delay(node, timing),
        no(is_held_back(node.seen, write.stamp)),
        write.replaces == node.seen.version,
        write.creates == node.seen.missing,
        no(write.vacant),
        same_session(write, node),
        write.token == node.highest + 1,
        write.duration == timing.lease,
        write.sent == now,
    )
    return Step(guard, node)


def renew(node: Node, write: Write, now: Any, timing: Timing) -> Step:
    """P1, P2: over a version known to be one's own, with the same token."""
    guard = every(
        is_valid(node, now, timing),
        no(node.leaving),
        write.replaces == node.version,
        no(write.creates),
        no(write.vacant),
        same_session(write, node),
        write.token == node.token,
        write.duration == timing.lease,
        write.sent == now,
    )
    return Step(guard, node)


def release(node: Node, write: Write, now: Any, timing: Timing) -> Step:
    """P9: when all of the term has ended, once, over the last version known to be one's own."""
    guard = every(
        node.leaving,
        node.ended,
        node.known,
        no(node.tried),
        no(node.leads),
        write.replaces == node.left,
        no(write.creates),
        write.vacant,
        write.token == node.token,
        write.duration == timing.lease,
        write.sent == now,
    )
    return Step(guard, replace(node, known=False, tried=True))


# The store decides.


def lands(record: Record, write: Write) -> Any:
    """P1: whether a write takes effect on that record."""
    is_named = every(no(record.missing), no(write.creates), record.version == write.replaces)
    return some(is_named, every(record.missing, write.creates))


def made_by(write: Write, version: Any) -> Record:
    """The record after that write took effect."""
    content = {f.name: getattr(write, f.name) for f in fields(write) if f.name not in _REQUEST_ONLY}
    return Record(missing=False, version=version, **content)


_REQUEST_ONLY = ("sent", "creates", "replaces")


# An elector learns something.


def see(node: Node, found: Record, now: Any) -> Node:
    """P4: any other write starts the count anew; P15: of the same one, the newest version counts."""
    unchanged = looks_unchanged(node, found)
    return replace(
        node,
        looked=True,
        seen=pick(every(unchanged, found.missing), node.seen, found),
        since=pick(unchanged, node.since, now),
        highest=larger(node.highest, pick(found.missing, 0, found.token)),
        longest=larger(node.longest, pick(found.missing, 0, found.duration)),
    )


def observe(node: Node, found: Record, now: Any) -> Step:
    """P8: only who does not lead can look at a record that is not its own, and go on as it was."""
    return Step(no(node.leads), see(node, found, now))


def hold(node: Node, write: Write, found: Record, now: Any, timing: Timing) -> Step:
    """P3, P7, P15: a write of this candidacy made that record, so it leads; validity counts from its send."""
    guard = every(
        no(node.leaving),
        same_session(write, node),
        looks_like(found, write),
        now < write.sent + timing.deadline,
    )
    after = see(node, found, now)
    return Step(guard, replace(after, leads=True, base=write.sent, version=found.version, token=found.token))


def follow_up(node: Node, write: Write, found: Record, now: Any) -> Step:
    """P9: a renewal under way at the end of the term took effect: that version is the one to release."""
    guard = every(node.leaving, no(node.leads), no(write.vacant))
    after = replace(see(node, found, now), left=found.version, token=found.token, known=True)
    return Step(guard, after)


def find(node: Node, write: Write, found: Record, now: Any, timing: Timing) -> Step:
    """P9: the record still carries a write of that candidacy, so its version is the one to release."""
    guard = every(
        node.leaving,
        no(node.leads),
        no(node.tried),
        write.elector == node.elector,
        write.number == node.former,
        looks_like(found, write),
        now < write.sent + timing.deadline,
    )
    after = replace(see(node, found, now), left=found.version, token=found.token, known=True)
    return Step(guard, after)


def refused(node: Node) -> Step:
    """P9: the release met another version, so it never takes effect."""
    return Step(node.leaving, replace(node, tried=False))


def depart(node: Node) -> Step:
    """P9: an end with a claim under way: it may yet have to be released."""
    guard = every(no(node.leads), no(node.leaving))
    return Step(
        guard,
        replace(
            node,
            number=node.number + 1,
            leaving=True,
            ended=True,
            former=node.number,
            known=False,
            tried=False,
        ),
    )


# A candidacy ends. What it wrote is another's from then on (P2).


def end(node: Node) -> Step:
    """The deadline, a rival (P8), a resignation without release, or simply giving up."""
    return Step(True, replace(node, leads=False, number=node.number + 1))


def leave(node: Node) -> Step:
    """P9: in order, with a release to follow."""
    guard = every(node.leads, no(node.leaving))
    left = replace(node, leads=False, number=node.number + 1, leaving=True, left=node.version)
    return Step(guard, replace(left, ended=False, former=node.number, known=True, tried=False))


def end_work(node: Node) -> Step:
    """P9: the driver says that nothing of the term runs any more."""
    return Step(node.leaving, replace(node, ended=True))


def settle(node: Node) -> Step:
    """P9: the release was sent, or there is nothing to release."""
    return Step(node.leaving, replace(node, leaving=False))


def begin_anew(node: Node, now: Any) -> Step:
    """P3: the clock ran backwards, so that no wait counts that was begun on it."""
    since = pick(node.looked, now, node.since)
    return Step(True, replace(node, leads=False, number=node.number + 1, leaving=False, since=since))
