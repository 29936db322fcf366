"""Real processes over each real store, while processes, connections and servers fail: at most one leads."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest
from specs.conformance import check_trace

from incumbent.runtime.recording import read_trace
from incumbent.stores._kinds import KINDS
from support.nemesis import ON_CONNECTIONS, ON_PROCESSES, ON_SERVERS, Arena, TooLate, freeze
from support.nemesis.sites import site_of
from support.nemesis.verdict import assert_exclusion, assert_fenced, intervals

ROUNDS = int(os.environ.get("INCUMBENT_ROUNDS", "3"))
"""CI sets it: enough for every strike to be dealt at least once, whatever the store."""

STORES = [name for name in KINDS if name != "memory"]


@pytest.fixture(params=STORES)
def site(request, tmp_path):
    with site_of(request.param, tmp_path) as site:
        yield site


@pytest.mark.timeout(900)
def test_at_most_one_leads_whatever_happens(site, tmp_path):
    """Their terms, computed from what they recorded, do not overlap; tokens grow; no old token gets through;
    and every recorded step is one of the proof's.

    `INCUMBENT_ROUNDS` and `INCUMBENT_SEED` set the length and the order of the strikes; a failure names both.
    """
    seed = int(os.environ.get("INCUMBENT_SEED", random.randrange(2**32)))
    print(f"replay: INCUMBENT_ROUNDS={ROUNDS} INCUMBENT_SEED={seed} pytest -s {__file__} -k {site.name}")  # noqa: T201
    strikes = dealt(site, random.Random(seed))
    try:
        took, lives = fought(site, tmp_path / "first", strikes)
    except TooLate as late:
        print(f"once more, for it was safe but late: {late}")  # noqa: T201
        # What is slow here will be slow again.
        site = site._replace(lease_duration=4 * site.lease_duration)
        took, lives = fought(site, tmp_path / "second", strikes)
    terms = assert_safe(lives)
    assert len(terms) > sum(seconds is not None for _, seconds in took)
    refused = assert_fenced([life for life, _ in lives])
    assert refused or freeze not in strikes, "who woke too late was not refused: the fence was not tried"
    report(site, took, terms=len(terms), refused=refused)


def fought(site, folder, strikes):
    """The strikes, and how long each took; the lives of the contenders, which were safe, late or not."""
    took, late = [], None
    arena = Arena(site, folder)
    try:
        for strike in strikes:
            victim, token, _ = arena.gather()
            took.append((strike.__name__, strike(arena, victim, token)))
        arena.gather()
    except TooLate as why:
        late = why
    finally:
        arena.close()
    assert_safe(arena.lives())
    if late is not None:
        raise late
    return took, arena.lives()


def assert_safe(lives):
    """No two terms overlap, tokens grow, and every recorded step is one of the proof's. Returns the terms."""
    terms = [term for life, killed_at in lives for term in intervals(life, killed_at)]
    assert_exclusion(terms)
    for life, _ in lives:
        for began, steps in read_trace(life / "trace.ndjson"):
            check_trace(began.config, began.session, [(step.event, step.now, step.effects) for step in steps])
    return terms


def dealt(site, dice):
    """So many strikes, each kind as often as any other, in an order of chance."""
    kinds = [*ON_PROCESSES] if site.server is None else [*ON_PROCESSES, *ON_CONNECTIONS, *ON_SERVERS]
    deck = []
    while len(deck) < ROUNDS:
        deck += dice.sample(kinds, len(kinds))
    return deck[:ROUNDS]


def report(site, took, **counts):
    """Where `INCUMBENT_REPORT` names a folder, what was measured is left there, for the docs."""
    print(site.name, counts, took)  # noqa: T201 - measured
    folder = os.environ.get("INCUMBENT_REPORT")
    if folder:
        content = {"store": site.name, "lease_duration": site.lease_duration, "strikes": took, **counts}
        Path(folder, f"{site.name}.json").write_text(json.dumps(content))
