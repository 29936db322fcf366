"""Processes of the first edition and of this one contend side by side, as in an upgrade."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import subprocess
import sys
import tarfile
from datetime import datetime, timedelta, timezone
from itertools import pairwise

import pytest

from incumbent.runtime.trace import FORMAT
from support.nemesis import ON_PROCESSES, ROOT, SOURCE, Arena, TooLate, hand_over, succeeded
from support.nemesis.contender import now_ns
from support.nemesis.sites import site_of
from support.nemesis.verdict import assert_exclusion, assert_fenced, intervals

FIRST_EDITION = "371479e"
"""The commit that was the first edition: its protocol ends at P14."""

ROUNDS = int(os.environ.get("INCUMBENT_ROUNDS", "3"))
RENAMED = {"Woke": "TimerFired", "Changed": "StoreChanged", "Moved": "Transition"}
GAP = 4.0
"""Lease durations in which somebody leads again: one is promised, the rest is for a busy machine."""


@pytest.fixture(scope="module")
def first_edition(tmp_path_factory):
    """The source of the first edition, from the history of this one."""
    folder = tmp_path_factory.mktemp("first-edition")
    packed = folder / "src.tar"
    command = ["git", "-C", str(ROOT), "archive", "-o", str(packed), FIRST_EDITION, "src"]
    if shutil.which("git") is None or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip(f"no history here that goes back to {FIRST_EDITION}: git fetch --unshallow")
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    return folder / "src"


@pytest.fixture(params=["sqlite", "postgres", "redis"])
def site(request, tmp_path):
    with site_of(request.param, tmp_path) as site:
        yield site


@pytest.mark.timeout(900)
def test_an_upgrade_one_by_one_makes_no_two_leaders_and_no_gap(site, first_edition, tmp_path):
    """Three of the first edition are replaced in turn, while they work; then each strike brings back either.

    An operator who names a successor, or has nobody lead for a while, is among them: the first edition knows
    nothing of that, so it costs the wish, and no promise.

    `INCUMBENT_ROUNDS` and `INCUMBENT_SEED` set the length and the order; a failure names both.
    """
    seed = int(os.environ.get("INCUMBENT_SEED", random.randrange(2**32)))
    print(f"replay: INCUMBENT_ROUNDS={ROUNDS} INCUMBENT_SEED={seed} pytest -s {__file__} -k {site.name}")  # noqa: T201
    try:
        lives = upgraded(site, first_edition, tmp_path / "first", random.Random(seed))
    except TooLate as late:
        print(f"once more, for it was safe but late: {late}")  # noqa: T201
        site = site._replace(lease_duration=4 * site.lease_duration)  # what is slow here will be slow again
        lives = upgraded(site, first_edition, tmp_path / "second", random.Random(seed))
    terms = assert_safe(lives)
    gaps = [(later.begin - earlier.end) / 1e9 for earlier, later in pairwise(sorted(terms))]
    print(f"{site.name}: {len(terms)} terms, longest gap {max(gaps):.2f} s")  # noqa: T201 - measured
    assert max(gaps) < GAP * site.lease_duration


def upgraded(site, first_edition, folder, dice):
    """The lives of the contenders of an upgrade, which were safe, late or not."""
    arena = Arena(site, folder, first_edition)
    try:
        hold_back(arena, *arena.gather()[:2], seconds=3600)  # which a leader of the first edition cannot do
        for _ in arena.contenders:
            victim, token, _ = arena.gather()
            victim.source = SOURCE
            hand_over(arena, victim, token)  # the leader goes first: its successor may be of either edition
        for contender in arena.contenders:
            if contender.source != SOURCE:
                contender.kill()
                contender.source = SOURCE
                contender.start()
        assert_held_back(arena)
        strikes = itertools.cycle(dice.sample(STRIKES, len(STRIKES)))
        for strike in itertools.islice(strikes, ROUNDS):
            victim, token, _ = arena.gather()
            victim.source = dice.choice([SOURCE, first_edition])
            strike(arena, victim, token)
        arena.gather()
    except TooLate:
        arena.close()
        assert_safe(arena.lives())
        raise
    finally:
        arena.close()
    return arena.lives()


def hand_on(arena, victim, token):
    """An operator of this edition names another to lead (P17). A leader of the first edition just resigns."""
    named = next(each for each in arena.contenders if each is not victim)
    ask(arena, "resign", "--to", "-".join(named.lives[-1].parts[-2:]))
    succeeded(arena, token, 0)


def assert_held_back(arena):
    """Of three of this edition nobody leads while it is paused, if the leader hears of it in time."""
    victim, token, _ = arena.gather()
    held_until = hold_back(arena, victim, token, seconds=arena.site.lease_duration)
    if arena.leader(token)[2] < held_until:
        raise TooLate("one led before its time")


def hold_back(arena, _victim, token, seconds=1.0):
    """An operator of this edition has nobody lead for a while (P16), which the first edition cannot read.

    Returns until when, by the clock of the machine.
    """
    until, held_until = datetime.now(timezone.utc) + timedelta(seconds=seconds), now_ns() + seconds * 1e9
    ask(arena, "pause", "--until", until.isoformat())
    succeeded(arena, token, 0)
    return held_until


def ask(arena, *words):
    """Run the command of this edition on the store, past every proxy."""
    store = arena.site.url(None) if arena.site.server is None else arena.site.server.url
    command = [sys.executable, "-m", "incumbent", *words, "--store", store, "--lease", "nemesis"]
    subprocess.run(command, check=True, capture_output=True, env=os.environ | {"PYTHONPATH": str(SOURCE)})


STRIKES = (*ON_PROCESSES, hand_on, hold_back)


def assert_safe(lives):
    """No two terms overlap, tokens grow, and no old token gets through. Returns the terms."""
    for life, _ in lives:
        rename(life / "trace.ndjson")
    terms = [term for life, killed_at in lives for term in intervals(life, killed_at)]
    assert_exclusion(terms)
    assert_fenced([life for life, _ in lives])
    return terms


def rename(trace):
    """Give a trace of the first edition the names of today, and their number."""
    text = trace.read_text()
    if '"format"' not in text:
        text = text.replace('{"is":"Began",', f'{{"is":"Began","format":{FORMAT},')
    for old, new in RENAMED.items():
        text = text.replace(f'"is":"{old}"', f'"is":"{new}"')
    trace.write_text(text)
