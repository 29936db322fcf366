"""Tests for what a mutant showed to be untested."""

from __future__ import annotations

import random
import threading
from contextlib import ExitStack

from incumbent import Campaign
from incumbent.stores.memory import MemoryStore
from incumbent.testing import FakeClock
from support.driving import RemoteStore, eventually, settle


def test_an_observer_that_blocks_holds_up_no_end():
    """P9: the end of a term is told at once, whatever the other callbacks are busy with."""
    unblock, ended = threading.Event(), threading.Event()
    campaign = Campaign(
        MemoryStore(),
        clock=FakeClock(),
        on_new_leader=lambda _: unblock.wait(),
        on_stopped_leading=lambda _: ended.set(),
    )
    try:
        with campaign:
            campaign.resign()
            eventually(ended.is_set)
            unblock.set()
    finally:
        unblock.set()


def test_followers_do_not_poll_in_step():
    """P12: jitter spreads the looks of followers that began at the same instant."""
    clock, looks = FakeClock(), {}

    class Watched(RemoteStore):
        def get_lease(self, *, timeout):
            looks.setdefault(self, []).append(clock.now())
            return super().get_lease(timeout=timeout)

    leader = MemoryStore("remote")
    with ExitStack() as running:
        running.enter_context(Campaign(leader, identity="leader", clock=clock))
        followers = [
            running.enter_context(
                Campaign(
                    Watched(MemoryStore("remote", space=leader.space)),
                    identity=f"follower {number}",
                    clock=clock,
                    jitter=0.5,
                    rng=random.Random(number),
                )
            )
            for number in (1, 2)
        ]
        for _ in range(40):
            clock.advance(0.1)
            settle(*followers)
    first, second = looks.values()
    assert len(first) > 1
    assert len(second) > 1
    assert first[1] != second[1]
