"""A store that hangs, fails or lies delays nothing and ends nothing (P7, P10, P13)."""

import random
import threading

import pytest

from incumbent import Campaign, CorruptLease, StoreUnavailable
from incumbent.core.messages import GetLease, Unavailable
from incumbent.lease import to_ns
from incumbent.runtime.pools import THREADS_PER_POOL
from incumbent.runtime.store_calls import perform
from incumbent.runtime.threaded import ThreadedRuntime
from incumbent.stores.memory import MemoryStore
from support.driving import RemoteStore, eventually, library_threads, settle


@pytest.fixture
def remote():
    store = RemoteStore()
    yield store
    store.heal()
    eventually(lambda: store.hanging == 0)


def leading(store, clock, **settings):
    campaign = Campaign(store, identity="a", clock=clock, jitter=0.0, **settings)
    campaign.start()
    eventually(campaign.is_leader)
    settle(campaign)
    return campaign


def test_a_hung_call_does_not_delay_the_end_of_the_term(clock, remote):
    """The deadline comes from the clock: 10 s after the last good write was sent, to the nanosecond."""
    told = []
    campaign = leading(remote, clock, on_stopped_leading=lambda term: told.append(clock.now()))
    with campaign:
        remote.hang()
        clock.advance(9.999999)
        assert campaign.is_leader()
        clock.advance(0.000001)
        assert not campaign.is_leader()
        eventually(lambda: told == [10.0])
        assert campaign.state == "follower"
        remote.heal()


def test_the_work_is_told_while_the_call_still_hangs(clock, remote):
    ended = threading.Event()

    def work(term):
        term.wait()
        ended.set()

    with leading(remote, clock, on_started_leading=work):
        remote.hang()
        clock.advance(10)
        assert ended.wait(10)
        assert remote.hanging >= 1
        remote.heal()


def test_a_late_answer_is_ignored(clock, remote):
    """A renewal that is answered after the term ended brings nothing back (P10)."""
    campaign = leading(remote, clock)
    with campaign:
        remote.hang()
        clock.advance(11)
        assert campaign.state == "follower"
        remote.heal()
        eventually(lambda: remote.hanging == 0)
        settle(campaign)
        assert not campaign.is_leader()


def test_hung_threads_are_bounded_and_the_rest_was_never_sent(clock, remote):
    campaign = leading(remote, clock)
    with campaign:
        remote.hang()
        for _ in range(200):
            clock.advance(1)
        assert remote.hanging == THREADS_PER_POOL
        assert library_threads().count("incumbent-store") == THREADS_PER_POOL
        calls = len(remote.calls)
        remote.heal()
        eventually(lambda: remote.hanging == 0)
        eventually(lambda: campaign._driver.elector.pending is None or len(remote.calls) > calls)
        for _ in range(20):
            clock.advance(1)
            settle(campaign)
        assert campaign.is_leader(), "it leads again when the store is back"


def test_time_in_the_queue_is_taken_off_and_what_expired_there_is_never_sent(clock, remote):
    """P10: the caller stopped waiting for it; so that it took no effect is known."""
    gate, given, replies = threading.Event(), [], []
    remote.get_lease = lambda *, timeout: given.append(timeout)
    runtime = ThreadedRuntime(remote, clock, random.Random(0))
    try:
        for _ in range(THREADS_PER_POOL):
            runtime._calls.submit(gate.wait)
        for number, seconds in ((1, 3.0), (2, 1.0), (3, 2.0)):
            runtime.ask(GetLease(number, 0, to_ns(seconds)), lambda _, reply: replies.append(reply))
        clock.jump(1)
        gate.set()
        eventually(lambda: len(replies) == 3)
    finally:
        gate.set()
        runtime.close(1)
    assert sorted(given) == [1.0, 2.0]
    [unsent] = [reply for reply in replies if reply.id == 2]
    assert unsent == Unavailable(2, outcome_unknown=False, reason="it expired before it was sent")


@pytest.mark.parametrize("is_unknown", [True, False])
def test_what_a_store_knows_of_the_outcome_is_kept(is_unknown):
    """A write that is certain not to have happened need not be looked for (P7)."""
    store = MemoryStore()

    def unreachable(*, timeout):
        raise StoreUnavailable("unreachable", outcome_unknown=is_unknown)

    store.get_lease = unreachable
    assert perform(store, GetLease(1, 0, 1), 1.0).outcome_unknown is is_unknown


def test_a_hung_store_starves_no_other(clock, remote):
    healthy = RemoteStore()
    with leading(remote, clock), leading(healthy, clock) as other:
        remote.hang()
        for _ in range(60):
            clock.advance(1)
            settle(other)
        assert other.is_leader()
        assert other.token == 1
        remote.heal()


def test_stores_of_one_server_share_its_threads(clock):
    stores = [RemoteStore() for _ in range(12)]
    for store in stores:
        store.server = "the one server"
        store.hang()
    campaigns = [Campaign(store, clock=clock) for store in stores]
    for campaign in campaigns:
        campaign.start()
    eventually(lambda: sum(store.hanging for store in stores) == THREADS_PER_POOL)
    assert library_threads().count("incumbent-store") == THREADS_PER_POOL
    for store in stores:
        store.heal()
    eventually(lambda: all(campaign.is_leader() for campaign in campaigns))
    for campaign in campaigns:
        campaign.stop()


def test_a_lost_reply_to_a_write_that_happened_is_found_out(clock, remote):
    """P7: the callback still comes (peers: rbroggi R5), and the lease is not lost by it."""
    started = []
    remote.loses_replies = True
    campaign = Campaign(
        remote, identity="a", clock=clock, on_started_leading=lambda t: started.append(t) or t.wait()
    )
    with campaign:
        eventually(campaign.is_leader)
        eventually(lambda: len(started) == 1)
        for _ in range(30):
            clock.advance(1)
            settle(campaign)
            assert campaign.is_leader()
        assert campaign.token == 1
        remote.loses_replies = False


def test_stopping_does_not_wait_for_a_hung_store(clock, remote):
    campaign = leading(remote, clock)
    remote.hang()
    thread = threading.Thread(target=campaign.stop)
    thread.start()
    eventually(lambda: not campaign.is_leader())
    clock.advance(4)  # one request, at most
    thread.join(10)
    assert not thread.is_alive()
    remote.heal()


@pytest.mark.parametrize(
    "error",
    [
        StoreUnavailable("no route", outcome_unknown=False),
        StoreUnavailable("reset"),
        OSError("no such device"),
        CorruptLease("not a lease"),
        SystemExit(3),
        AssertionError("a defect of the store's"),
    ],
    ids=repr,
)
def test_no_exception_of_the_store_ends_anything(clock, remote, error, caplog):
    """P13: one line when it begins to fail, one when it is back, and the leader leads on."""
    caplog.set_level("INFO", logger="incumbent")
    campaign = leading(remote, clock)
    with campaign:
        remote.errors = [error]
        clock.advance(2)
        eventually(lambda: not remote.errors)
        settle(campaign)
        for _ in range(8):
            clock.advance(1)
            settle(campaign)
        assert campaign.is_leader()
    lines = [record.getMessage() for record in caplog.records if record.name == "incumbent"]
    assert len([line for line in lines if "failed to" in line and str(error) in line]) == 1
    assert len([line for line in lines if "answers again" in line]) == 1


def test_a_corrupt_record_is_never_taken_over(clock, remote, caplog):
    """A record that is no lease is a failing store: one clear line, and no candidacy."""
    with leading(remote, clock):
        follower_store = remote.beside()
        follower = Campaign(follower_store, identity="b", clock=clock)
        follower_store.errors = [CorruptLease("the record is not a lease")] * 1000
        with follower:
            for _ in range(100):
                clock.advance(1)
                settle(follower)
            assert follower.state == "follower"
            assert set(follower_store.calls) == {"get"}
    assert len([r for r in caplog.records if "not a lease" in r.getMessage()]) == 1


def test_a_store_that_cannot_watch_after_all_is_polled(clock, caplog):
    """A watch that cannot be had costs reads, not the election."""
    store = RemoteStore(can_watch=True)
    store.watch = lambda notify: 1 / 0
    with leading(store, clock) as leader:
        beside = RemoteStore(MemoryStore(store.name, space=store.inner.space), can_watch=True)
        beside.watch = store.watch
        with Campaign(beside, identity="b", clock=clock, jitter=0.0) as follower:
            eventually(lambda: follower.leader == "a")
            for _ in range(10):
                clock.advance(1)
                settle(leader, follower)
            assert beside.calls == ["get"] * 6
    assert "watching the store failed" in caplog.text


def test_a_call_that_ends_after_its_campaign_is_no_line(clock, remote, caplog):
    """The store was closed meanwhile, as it may be once `stop` has returned; another shares the scheduler."""
    with Campaign(MemoryStore("other"), identity="b", clock=clock) as other:
        remote.hang()
        campaign = Campaign(remote, identity="a", clock=clock)
        campaign.start()
        eventually(lambda: remote.hanging == 1)
        campaign.stop()
        remote.close()
        remote.heal()
        eventually(lambda: remote.hanging == 0)
        settle(other)
    assert "failed" not in caplog.text
