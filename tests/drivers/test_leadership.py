"""One term of office: what the work is told, and how the runtime ends it."""

import threading

import pytest

from incumbent import Campaign, Leadership, LeadershipLost
from incumbent.core.candidacy import Validity
from incumbent.lease import NANOSECONDS
from incumbent.runtime.handle import TermHandle
from incumbent.runtime.listeners import Listeners
from incumbent.stores.memory import MemoryStore
from support.driving import HeldUp, eventually


@pytest.fixture
def office():
    """The only office there is: a term of token 3, from 0 s to 10 s."""
    return [Validity(token=3, since=0, until=10 * NANOSECONDS)]


@pytest.fixture
def handle(clock, office):
    return TermHandle("a", 3, clock, lambda: office[0])


def in_thread(call):
    """Run `call` on a thread; return the thread and what it is to return."""
    outcome = []
    thread = threading.Thread(target=lambda: outcome.append(call()))
    thread.start()
    return thread, outcome


def test_a_term_goes_on_until_its_deadline(clock, handle):
    assert (handle.is_valid(), handle.is_to_end(), handle.deadline_ns) == (True, False, 10 * NANOSECONDS)
    handle.check()
    clock.advance(10)
    assert (handle.is_valid(), handle.is_to_end()) == (False, True)
    with pytest.raises(
        LeadershipLost, match="'a' no longer leads by token 3: the renew deadline passed; stop"
    ):
        handle.check()


def test_a_renewal_moves_the_deadline(clock, handle, office):
    clock.advance(9)
    office[0] = Validity(token=3, since=0, until=15_500_000_000)
    clock.advance(2)
    assert handle.is_valid()
    assert Leadership(handle).deadline == 15.5


def test_a_later_term_of_the_same_candidate_is_another(handle, office):
    """The deadline stays that of the term, for whoever asks too late."""
    office[0] = Validity(token=4, since=0, until=99 * NANOSECONDS)
    assert not handle.is_valid()
    assert handle.deadline_ns == 10 * NANOSECONDS


def test_the_first_request_to_end_gives_the_reason_until_the_term_is_over(handle):
    handle.ask_to_end("asked to resign")
    handle.ask_to_end("the campaign is stopping")
    assert (handle.reason, handle.is_to_end(), handle.is_valid()) == ("asked to resign", True, True)
    handle.end("lost")
    assert handle.reason == "lost"
    assert repr(Leadership(handle)) == "<Leadership of 'a' by token 3: lost>"


def test_a_term_that_is_over_is_to_end_though_its_time_goes_on(handle):
    handle.end("lost")
    assert handle.is_to_end()


def test_listeners_are_told_of_a_request_and_of_the_end(handle):
    told = []
    handle.listeners.add(lambda: told.append(handle.reason))
    handle.ask_to_end("stopping")
    handle.end("stopped")
    assert told == ["stopping", "stopped"]


def test_listeners_may_come_and_go_while_they_are_called():
    listeners, called = Listeners(), []

    def once():
        called.append("once")
        listeners.remove(once)

    listeners.add(once)
    listeners.add(lambda: called.append("always"))
    listeners.call()
    listeners.call()
    listeners.remove(once)
    assert called == ["once", "always", "always"]


@pytest.mark.parametrize("end", [lambda term: term.end("lost"), lambda term: term.ask_to_end("stopping")])
def test_a_wait_ends_when_the_work_is_to_end(clock, handle, end):
    thread, outcome = in_thread(lambda: handle.wait(None))
    clock.wait_for_waiters(1)
    end(handle)
    thread.join(10)
    assert outcome == [True]


def test_a_wait_ends_when_its_time_has_passed(clock, handle):
    thread, outcome = in_thread(lambda: handle.wait(2))
    clock.wait_for_waiters(1)
    clock.advance(1)
    assert thread.is_alive()
    clock.advance(1)
    thread.join(10)
    assert outcome == [False]
    assert handle.wait(0) is False


@pytest.mark.parametrize("timeout", [None, 3600])
def test_a_wait_ends_at_the_deadline_whatever_holds_up_the_library(clock, timeout):
    """P3: a store that hangs on the thread of the campaigns delays no wait past the renew deadline."""
    store = HeldUp()
    with Campaign(store, clock=clock) as campaign:
        term = campaign.leadership
        thread, outcome = in_thread(lambda: term.wait(timeout))
        clock.wait_for_waiters(2)
        store.gate.clear()
        clock.advance(campaign.config.renew_deadline)
        try:
            thread.join(10)
            assert outcome == [True]
            assert term.reason is None  # nobody had the time to tell it
        finally:
            store.gate.set()


def test_a_wait_goes_on_over_renewals(clock):
    with Campaign(MemoryStore(), clock=clock) as campaign:
        thread, outcome = in_thread(campaign.leadership.wait)
        clock.wait_for_waiters(2)
        clock.advance(600)
        assert thread.is_alive()
        campaign.stop()
        thread.join(10)
        eventually(lambda: outcome == [True])
