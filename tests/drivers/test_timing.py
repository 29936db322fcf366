"""What is asked of the clock, and what a timer may decide (P3, P12)."""

import sys
import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest

from incumbent import Campaign, LeadershipLost, SystemClock
from incumbent.stores.memory import MemorySpace, MemoryStore
from support.driving import eventually


def test_a_term_ends_by_the_clock_while_every_thread_of_the_library_is_held_up(clock):
    """P3: whether this process leads is asked of the clock, not of a flag that a thread has to clear."""
    with Campaign(MemoryStore(), lease_duration=15, renew_deadline=10, clock=clock) as campaign:
        assert campaign.wait_until_leader(1)
        term, held, go_on = campaign.leadership, threading.Event(), threading.Event()
        campaign._runtime.scheduler.post(lambda: (held.set(), go_on.wait(20)))
        held.wait(10)
        try:
            clock.jump(9.9)
            believes = term.is_valid(), campaign.is_leader(), campaign.token
            clock.jump(0.2)
            assert believes == (True, True, 1)
            assert (term.is_valid(), campaign.is_leader(), campaign.token) == (False, False, None)
            assert term.wait()
            with pytest.raises(LeadershipLost):
                term.check()
            assert campaign.leadership is term  # nobody has cleared anything
        finally:
            go_on.set()


class Diary(MemoryStore):
    """A memory store that notes when it was called, and notifies nobody."""

    guarantees = replace(MemoryStore.guarantees, can_watch=False)

    def __init__(self, clock, space):
        super().__init__("lease", space=space)
        self.clock, self.looks, self.writes = clock, [], []

    def get_lease(self, *, timeout):
        self.looks.append(self.clock.now())
        return super().get_lease(timeout=timeout)

    def update_lease(self, lease, version, *, timeout):
        self.writes.append(self.clock.now())
        return super().update_lease(lease, version, timeout=timeout)


def test_a_follower_looks_late_by_a_jitter_and_a_leader_renews_on_time(clock):
    """P12: followers that saw the same record do not all come at once; a renewal is never late."""
    space, rng = MemorySpace(), SimpleNamespace(random=lambda: 0.5)
    settings = {"clock": clock, "rng": rng, "retry_period": 2.0, "jitter": 0.4}
    leader, follower = Diary(clock, space), Diary(clock, space)
    with Campaign(leader, **settings) as campaign:
        assert campaign.wait_until_leader(1)
        with Campaign(follower, **settings):
            clock.advance(10)
            assert follower.looks == pytest.approx([0, 2.4, 4.8, 7.2, 9.6])
            assert leader.writes == pytest.approx([2, 4, 6, 8, 10])


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no clock that goes on in a suspend")
def test_the_clock_goes_on_while_the_machine_is_suspended(monkeypatch):
    """`CLOCK_BOOTTIME` is read, not the monotonic clock that stands still meanwhile."""
    readings = {time.CLOCK_BOOTTIME: 3600.0, time.CLOCK_MONOTONIC: 60.0}
    monkeypatch.setattr(time, "clock_gettime", readings.__getitem__)
    monkeypatch.setattr(time, "monotonic", lambda: 60.0)
    assert SystemClock().now() == 3600


def test_a_campaign_is_stopped_within_the_time_that_is_given_to_stop(clock):
    """`stop(timeout)` goes before `stop_timeout`; work that ignores it is left behind."""
    never, store = threading.Event(), MemoryStore()
    campaign = Campaign(store, clock=clock, stop_timeout=1000, on_started_leading=lambda term: never.wait())
    campaign.start()
    stopping = threading.Thread(target=campaign.stop, args=(3,))
    stopping.start()
    eventually(lambda: campaign.leadership is not None and campaign.leadership.reason)
    clock.advance(2.9)
    assert campaign.is_leader()
    clock.advance(0.1)
    stopping.join(10)
    assert not stopping.is_alive()
    never.set()


def test_a_wait_ends_with_the_term_while_every_thread_of_the_library_is_held_up(clock):
    """However long it was to be: it looks at the clock when the term ends unless it is renewed."""
    with Campaign(MemoryStore(), lease_duration=15, renew_deadline=10, clock=clock) as campaign:
        assert campaign.wait_until_leader(1)
        term, held, go_on = campaign.leadership, threading.Event(), threading.Event()
        campaign._runtime.scheduler.post(lambda: (held.set(), go_on.wait(20)))
        held.wait(10)
        woken = []
        waiting = threading.Thread(target=lambda: woken.append((term.wait(3600), clock.now())))
        waiting.start()
        try:
            clock.wait_for_waiters(1)
            clock.advance(11)
            waiting.join(10)
            assert woken == [(True, 10)]
        finally:
            go_on.set()
        clock.advance(3600)


def test_a_term_that_was_kept_is_not_valid_in_the_next_one(clock):
    """Its token is the old one: what it guards would be refused, or worse, taken."""
    with Campaign(MemoryStore(), clock=clock) as campaign:
        assert campaign.wait_until_leader(1)
        first = campaign.leadership
        campaign.resign()
        clock.advance(20)
        eventually(campaign.is_leader)
        assert campaign.token == 2
        assert not first.is_valid()
        assert first.wait(0)
