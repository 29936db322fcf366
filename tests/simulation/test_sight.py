"""What an observer says, held against what was so: in the simulated histories of the swarm, in true time."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections import Counter
from random import Random

import pytest

from incumbent.core.messages import Written
from incumbent.core.sight import HELD, NOBODY, Lookout
from incumbent.lease import StoredLease
from incumbent.stores.memory import MemoryStore
from incumbent.testing import check_seed
from incumbent.testing.history import Executed
from incumbent.testing.simulation.participants import MILLION, DriftingClock

SEEDS = int(os.environ.get("INCUMBENT_SEEDS", "12"))


def records_of(history):
    """From which true time on the record was which."""
    at, stored = [0], [None]
    for one in history.of(Executed):
        if isinstance(one.reply, Written):
            at.append(one.at)
            stored.append(StoredLease(one.request.lease, one.reply.version))
    return at, stored


def looks(history, random):
    """One observer with a clock and a network of its own: (when the store answered, what was said then)."""
    drift = min(config.clock_drift for config in history.configs.values())
    lease = max(config.lease_ns for config in history.configs.values())
    clock = DriftingClock(random.randrange(lease), 0, round(drift * MILLION) * random.choice((-1, 0, 1)))
    writes, stored = records_of(history)
    lookout = Lookout.over(MemoryStore.guarantees, lease / 1e9)
    often, seldom = lease // 1000, random.choice((lease // 1000, lease // 10, 2 * lease))
    now = random.randrange(lease)
    while now < history.end:
        lookout = lookout.asks(clock.read(now))
        answered = now + random.randrange(random.choice((often, often, seldom)))
        now = answered + random.randrange(random.choice((often, often, seldom)))
        if random.random() < 0.1:
            lookout = lookout.failed("lost", clock.read(now))
        else:
            found = stored[bisect_right(writes, answered) - 1]
            lookout = lookout.found(found, clock.read(now))
            yield answered, lookout.sight(clock.read(now)), found
        due = clock.read(now) + lease // random.choice((3, 7, 30))
        if lookout.looks_at is not None:
            due = min(due, lookout.looks_at)
        now = max(now + 1, clock.when(due))


@pytest.mark.timeout(600 + SEEDS)
def test_when_it_says_nobody_nobody_led_at_the_instant_at_which_the_store_answered():
    """However slow its network and its clock, and whatever goes wrong for the candidates."""
    seen = Counter()
    for seed in range(SEEDS):
        history = check_seed(seed).history
        if not history.keeps_records():
            continue
        terms = history.terms()
        for answered, sight, found in looks(history, Random(seed)):
            seen[sight.state, sight.reason] += 1
            if sight.state == HELD:
                assert sight.leader == found.lease.holder_identity
            if sight.state == NOBODY and not history.excused(answered, answered):
                led = [term for term in terms if term.start <= answered < term.end]
                assert led == [], f"seed {seed}: {sight} at {answered}"
    said = {(HELD, ""), (NOBODY, "expired"), (NOBODY, "released"), (NOBODY, "missing")}
    assert said <= set(seen), "a batch that never saw something shows nothing"
