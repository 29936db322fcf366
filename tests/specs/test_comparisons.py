"""Each comparison in `specs/conformance.py` and `specs/conduct.py` finds an elector that only it can find.

An elector is broken in one respect, and the message tells what refuses it: were that comparison left out,
none would say so.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from specs.conformance import Nonconformance, Shadow
from specs.proof.actions import BY_ELECTORS

from incumbent.core.candidacy import Candidacy, Validity
from incumbent.core.elector import EPOCH, Elector
from incumbent.core.messages import (
    GetLease,
    Resign,
    ResignRequested,
    StartedLeading,
    Stop,
    StoppedLeading,
    TimerFired,
    Transition,
)
from incumbent.core.states import CANDIDATE, FOLLOWER, LEADER
from incumbent.lease import Lease
from support.conformance import run

SPECS = Path(__file__).parents[2] / "specs"
HANDLE, LANDED, LEASE, PLAN = Elector.handle, Elector._write_took_effect, Elector._lease, Elector._plan
HEADER, WITHDRAW, GIVE_UP = Elector._header, Elector._end_candidacy, Elector._give_up_office
HOLDING, RELEASED = Candidacy.holding, Lease.released


def afterwards(change):
    """An elector that changes itself after each input."""

    def handle(elector, event, now):
        effects = HANDLE(elector, event, now)
        return change(elector, event, effects) or effects

    return Elector, "handle", handle


def writes(change):
    """An elector that writes something else."""

    def lease(elector, token, acquire_time=None):
        return change(elector, LEASE(elector, token, acquire_time))

    return Elector, "_lease", lease


def tells(change):
    """An elector whose notices are others."""

    def tell(_elector, _event, effects):
        return effects._replace(
            notices=tuple(other for notice in effects.notices for other in change(notice))
        )

    return afterwards(tell)


def two_in_flight(elector):
    pending, elector.pending = elector.pending, None
    PLAN(elector)
    elector.pending = elector.pending or pending


def forgets_its_request(elector, event, effects):
    if isinstance(event, TimerFired) and effects.request is None and isinstance(elector.pending, GetLease):
        elector.pending = None


def doubts_what_is_pending(elector, _event, _effects):
    if elector.state == CANDIDATE and elector.pending not in (None, *elector.candidacy.unknown_writes):
        elector.candidacy = elector.candidacy.with_unknown(elector.pending, 0)


def forgets_durations(elector, _event, _effects):
    elector.observation = elector.observation._replace(longest_ns=0)


def moves(dest):
    def moved(elector, event):
        transition = event.transition
        other = dest.get(transition.dest, transition.dest)
        elector._moves.append(Transition(event.event.name, transition.source, other, event.kwargs["reason"]))

    return Elector, "_moved", moved


def sent(*, at=0, until=0):
    def header(elector):
        number, now, expires_at = HEADER(elector)
        return number, now + at, expires_at + until

    return Elector, "_header", header


def asks_too_soon(elector, event):
    WITHDRAW(elector, event)
    if elector.no_campaign_before is not None:
        elector.no_campaign_before -= 1


def asked_otherwise(**said):
    """An elector that reads another request on the record than is there."""

    def holding(candidacy, write, stored):
        return HOLDING(candidacy, write, stored)._replace(**said)

    return Candidacy, "holding", holding


def renews(change):
    """An elector that renews its lease by another record."""
    return writes(lambda elector, lease: change(lease) if elector.candidacy.held is not None else lease)


def gives_up_for_another(elector, trigger, reason, wish):
    GIVE_UP(elector, trigger, reason, replace(wish, successor="another"))


def claims_though_aside(elector):
    at = elector.observation.claimable_at(elector.config) if elector.contending else None
    return None if at is None else max(at, elector.write_not_before or at)


def leaves_otherwise(**said):
    """An elector that takes what it was told on leaving for something else."""

    def change(elector, event, effects):
        goes_on = not isinstance(event, (Resign, Stop)) and effects.request is None
        if elector.leaving is not None and goes_on:
            elector.leaving = elector.leaving._replace(**said)

    return afterwards(change)


class Broken(NamedTuple):
    """What finds it, by its message; and what is patched."""

    found_by: str
    patch: tuple[Any, str, Callable[..., Any]]


BROKEN = (
    # conformance.py
    Broken("was sent while", (Elector, "_plan", two_in_flight)),
    Broken("looks like an earlier write", (Elector, "_stamp", lambda _elector: EPOCH)),
    Broken(
        "but it leads already, or did not lead",
        tells(lambda told: [told, told] if isinstance(told, StartedLeading) else [told]),
    ),
    Broken(
        "but the token is",
        tells(lambda told: [StartedLeading(told.token + 1)] if isinstance(told, StartedLeading) else [told]),
    ),
    Broken(
        "it leads, against the proof",
        tells(lambda told: [] if isinstance(told, StoppedLeading) else [told]),
    ),
    Broken("the elector is follower, the proof's is", moves({LEADER: FOLLOWER})),
    Broken("is not allowed in", writes(lambda _elector, lease: replace(lease, leader_transitions=1))),
    Broken("what it knows should be", afterwards(forgets_durations)),
    Broken("its pending request should be", afterwards(forgets_its_request)),
    Broken("its role should be", moves({CANDIDATE: FOLLOWER})),
    Broken("it doubts writes that were not sent", afterwards(doubts_what_is_pending)),
    # conduct.py
    Broken("when the request was sent (P10) should be", sent(at=-1)),
    Broken("when the request is given up (P10) should be", sent(until=1)),
    Broken(
        "whose name the record bears (P2, P9) should be",
        writes(lambda _elector, lease: replace(lease, holder_identity="another")),
    ),
    Broken(
        "who asks the holder of a new or released lease to resign (P14) should be",
        writes(lambda _elector, lease: replace(lease, resign_requested_by="nobody")),
    ),
    Broken(
        "when the claimed term began should be",
        writes(lambda _elector, lease: replace(lease, acquire_time=EPOCH)),
    ),
    Broken("who asks it to resign (P14) should be", asked_otherwise(asked_by="")),
    Broken("until when it is asked to hold back (P16) should be", asked_otherwise(not_before=EPOCH)),
    Broken("whom it is asked to name (P17) should be", asked_otherwise(successor="another")),
    Broken(
        "when the renewed term began should be",
        writes(lambda elector, lease: replace(lease, acquire_time=lease.renew_time)),
    ),
    Broken(
        "who asks in the renewed record (P14) should be",
        writes(lambda _elector, lease: replace(lease, resign_requested_by="")),
    ),
    Broken(
        "who was told to ask for a resignation (P14) should be",
        tells(lambda told: [] if isinstance(told, ResignRequested) else [told]),
    ),
    Broken(
        "when the released term began should be",
        (Lease, "released", lambda lease, *said: replace(RELEASED(lease, *said), acquire_time=EPOCH)),
    ),
    Broken(
        "until when what is claimed is held back (P16) should be",
        writes(lambda _elector, lease: lease.held_back(EPOCH)),
    ),
    Broken(
        "for whom what is claimed is meant (P17) should be",
        writes(lambda _elector, lease: lease.meant_for("another")),
    ),
    Broken("until when, in the renewed record (P16) should be", renews(lambda it: it.held_back(EPOCH))),
    Broken("for whom, in the renewed record (P17) should be", renews(lambda it: it.meant_for("another"))),
    Broken(
        "until when it is held back (P16) should be",
        (Lease, "released", lambda lease, at, _, successor: RELEASED(lease, at, EPOCH, successor)),
    ),
    Broken(
        "for whom it is meant (P17) should be",
        (Lease, "released", lambda lease, at, until, _: RELEASED(lease, at, until, "another")),
    ),
    Broken(
        "until when it is to be held back (P16) should be",
        (Elector, "_held_until", lambda _elector, begun, hold_ns: begun),
    ),
    Broken("for whom it is to be meant (P17) should be", (Elector, "_give_up_office", gives_up_for_another)),
    Broken("until when it is still to be held back (P16) should be", leaves_otherwise(not_before=EPOCH)),
    Broken("for whom it is still to be meant (P17) should be", leaves_otherwise(successor="another")),
    Broken("until when it stands aside (P5d) should be", (Elector, "_end_candidacy", asks_too_soon)),
    Broken("whether it may claim (P5d) should be", (Elector, "_claimable_at", claims_though_aside)),
    Broken(
        "whether it leads, asked before its validity (P3) should be",
        (Validity, "covers", lambda office, now: now < office.until),
    ),
    Broken(
        "whether it leads, asked at its validity (P3) should be",
        (
            Elector,
            "is_leader",
            lambda elector, now: (
                elector.office is not None and elector.office.since < now < elector.office.until
            ),
        ),
    ),
    Broken(
        "whether it leads, asked one before the end of its validity (P3) should be",
        (Validity, "covers", lambda office, now: office.since <= now < office.until - 1),
    ),
    Broken(
        "whether it leads, asked after its validity (P3) should be",
        (Validity, "covers", lambda office, now: office.since <= now <= office.until),
    ),
    Broken("its token (P11) should be", (Elector, "token", property(lambda _elector: 0))),
)


def run_some():
    for seed in range(40):
        run([seed], loses=seed % 4 == 3)


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.found_by)
def test_a_comparison_finds_what_only_it_can_find(broken, monkeypatch):
    monkeypatch.setattr(*broken.patch)
    if broken.found_by.startswith("whether it leads, asked at"):
        monkeypatch.setattr(Elector, "_check", lambda _elector: None)  # it asserts the same

    with pytest.raises(Nonconformance, match=re.escape(broken.found_by)):
        run_some()


@pytest.mark.parametrize("name", sorted({*BY_ELECTORS} - {"no answer"}))
def test_without_an_action_of_the_proof_the_code_is_refused(monkeypatch, name):
    """The shipped elector takes each of them, so none can be forgotten."""
    take = Shadow._take

    def take_another(shadow, action, step, because=""):
        take(shadow, action, step._replace(guard=step.guard and action != name), because)

    monkeypatch.setattr(Shadow, "_take", take_another)

    with pytest.raises(Nonconformance, match=f"'{name}' is not allowed"):
        run_some()


def messages():
    """What the comparisons say, by the text of the two modules."""
    conduct = (SPECS / "conduct.py").read_text("utf-8")
    for name in re.findall(r'yield f?"([^"]+)"', conduct):
        ways = ("before", "at", "one before the end of", "after") if "{name}" in name else ("",)
        yield from (name.replace("{name}", way) + " should be" for way in ways)
    conformance = (SPECS / "conformance.py").read_text("utf-8")
    step = conformance.partition("def check_trace")[0]
    yield from (name + " should be" for name in re.findall(r'^        \("([^"]+)", ', step, re.MULTILINE))
    for text in re.findall(r'raise Nonconformance\(f"([^\n]+)"\)', step):
        yield re.split(r"\{[^}]*\}", text.replace("{'leads' if told else 'does not lead'}", "leads"))[
            1 if text[0] == "{" else 0
        ]


def test_no_comparison_is_left_without_one():
    """One that is added, or reworded, needs an elector here."""
    found_by = [broken.found_by for broken in BROKEN]
    for message in messages():
        words = message.strip(" :'")
        assert any(words in found or found in words for found in found_by), message
