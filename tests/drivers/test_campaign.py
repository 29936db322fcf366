"""The life of a campaign: on fake time, over the store in memory."""

import threading

import pytest

from incumbent import Campaign, ConfigurationError, ElectionError, LeadershipLost, open_store
from incumbent.stores.memory import MemoryStore
from support.driving import RemoteStore, eventually, library_threads, settle


def pair(clock, **settings):
    """Two candidates for one lease; the first one leads."""
    store = MemoryStore()
    first = Campaign(store, identity="first", clock=clock, **settings)
    second = Campaign(MemoryStore(space=store.space), identity="second", clock=clock)
    first.start()
    second.start()
    return first, second


def test_the_first_of_two_leads_and_both_know_it(clock):
    first, second = pair(clock)
    with first, second:
        assert (first.is_leader(), first.state, first.token) == (True, "leader", 1)
        assert (second.is_leader(), second.state, second.token) == (False, "follower", None)
        eventually(lambda: (first.leader, second.leader) == ("first", "first"))


def test_a_leader_that_can_renew_leads_for_ever(clock):
    first, second = pair(clock)
    with first, second:
        for _ in range(100):
            clock.advance(7.3)
            assert first.is_leader()
            assert not second.is_leader()
        assert first.token == 1


def test_a_stopped_leader_hands_over_at_once_and_is_no_leader(clock):
    first, second = pair(clock)
    with first, second:
        first.stop()
        assert (first.is_leader(), first.state) == (False, "stopped")
        eventually(second.is_leader)
        assert second.token == 2


def test_without_release_the_lease_is_left_to_expire(clock):
    """`release_on_cancel=False`: the next leader waits for the whole lease duration (P4)."""
    first, second = pair(clock, release_on_cancel=False)
    with first, second:
        first.stop()
        clock.advance(14.9)
        assert not second.is_leader()
        clock.advance(0.4)  # the lease, and the jitter of a follower's look
        eventually(second.is_leader)


def test_resigning_leaves_the_campaign_in_the_race(clock):
    """After a resignation it contends again, once another has led."""
    first, second = pair(clock)
    with first, second:
        first.resign()
        eventually(lambda: second.is_leader() and first.leader == "second")
        assert first.state == "follower"
        second.resign()
        clock.advance(2.5)  # an attempt a retry period
        eventually(first.is_leader)
        assert first.token == 3


def test_a_campaign_can_be_started_again(clock):
    """Each start is a new candidacy: a new session and a new token."""
    store = MemoryStore()
    campaign = Campaign(store, identity="a", clock=clock)
    sessions = set()
    for token in (1, 2, 3):
        campaign.start()
        campaign.start()  # no effect on a running campaign
        assert campaign.token == token
        sessions.add(store.get_lease(timeout=1).lease.holder_session)
        campaign.stop()
        campaign.stop()
    assert len(sessions) == 3
    assert store.get_lease(timeout=1).lease.is_vacant


def test_the_callbacks_come_in_order_and_in_pairs(clock):
    told = []
    store = MemoryStore()
    campaign = Campaign(
        store,
        identity="a",
        clock=clock,
        on_started_leading=lambda term: told.append(("started", term.token)) or term.wait(),
        on_stopped_leading=lambda term: told.append(("stopped", term.token, campaign.is_leader())),
    )
    for _ in range(3):
        campaign.start()
        eventually(lambda: told and told[-1][0] == "started")
        campaign.stop()
    assert told == [told_of for n in (1, 2, 3) for told_of in (("started", n), ("stopped", n, False))]


def test_the_observers_are_told_of_every_change_in_order(clock):
    leaders, metric = [], []
    store = MemoryStore()
    first = Campaign(
        store,
        identity="first",
        clock=clock,
        on_new_leader=leaders.append,
        report_metric=lambda identity, is_leader: metric.append((identity, is_leader)),
    )
    second = Campaign(MemoryStore(space=store.space), identity="second", clock=clock)
    with first, second:
        first.resign()
        eventually(second.is_leader)
        eventually(lambda: leaders == ["first", None, "second"])
        second.stop()
        clock.advance(2.5)  # an attempt a retry period
        eventually(first.is_leader)
    assert leaders == ["first", None, "second", None, "first", None]
    assert metric == [("first", is_leader) for is_leader in (False, True, False, True, False)]


def test_a_callback_that_raises_or_blocks_costs_nobody_the_lease(clock, caplog):
    """P13: an observer's failure is a log line; a blocked one delays other observers' news only."""
    unblock = threading.Event()
    store = MemoryStore()
    raising = Campaign(store, identity="a", clock=clock, on_new_leader=lambda _: 1 / 0)
    blocked = Campaign(MemoryStore(), identity="b", clock=clock, on_new_leader=lambda _: unblock.wait())
    with raising, blocked:
        clock.advance(60)
        assert raising.is_leader()
        assert blocked.is_leader()
        unblock.set()
    assert "ZeroDivisionError" in caplog.text


def test_work_that_returns_ends_its_term_and_releases(clock):
    tokens = []
    store = MemoryStore()
    campaign = Campaign(
        store, identity="a", clock=clock, on_started_leading=lambda term: tokens.append(term.token)
    )
    with campaign:
        eventually(lambda: store.get_lease(timeout=1).lease.is_vacant)
        clock.advance(14)
        assert tokens == [1], "it stands aside for one lease duration"
        clock.advance(2)
        eventually(lambda: tokens == [1, 2])


def test_work_that_raises_is_logged_and_tried_again_after_a_back_off_that_grows(clock, caplog):
    terms = []
    store = MemoryStore()

    def work(term):
        terms.append(clock.now())
        raise OSError("no such host")

    with Campaign(store, identity="a", clock=clock, on_started_leading=work, jitter=0):
        for _ in range(250):
            eventually(lambda: library_threads() == ["incumbent-scheduler"])
            clock.advance(1)
    assert "no such host" in caplog.text
    assert terms == [0.0, 15.0, 45.0, 105.0, 225.0]


def test_run_once_returns_when_the_work_has_returned(clock):
    store = MemoryStore()
    done = []
    Campaign(store, clock=clock, on_started_leading=lambda term: done.append(term.token)).run(once=True)
    assert done == [1]
    assert store.get_lease(timeout=1).lease.is_vacant


def test_run_once_raises_what_the_work_raised(clock):
    def work(term):
        raise LookupError("it was not there")

    with pytest.raises(LookupError, match="was not there"):
        Campaign(MemoryStore(), clock=clock, on_started_leading=work).run(once=True)


def test_run_blocks_until_stopped_from_another_thread(clock):
    campaign = Campaign(MemoryStore(), clock=clock)
    thread = threading.Thread(target=campaign.run)
    thread.start()
    eventually(campaign.is_leader)
    campaign.stop()
    thread.join(10)
    assert not thread.is_alive()


def test_the_work_may_stop_its_own_campaign(clock):
    """Nobody waits for itself, and all ends as if another had asked."""
    campaign = Campaign(MemoryStore(), clock=clock, on_started_leading=lambda term: campaign.stop())
    campaign.start()
    eventually(lambda: campaign.state == "stopped")
    eventually(lambda: library_threads() == [])
    campaign.start()
    campaign.stop()


def test_terms_is_the_same_as_a_loop(clock):
    """The next step of the loop ends the term; leaving the loop stops the campaign."""
    store = MemoryStore()
    campaign = Campaign(store, identity="a", clock=clock)
    tokens = []
    for leadership in campaign.terms():
        leadership.check()
        tokens.append(leadership.token)
        if len(tokens) == 2:
            break
        threading.Thread(
            target=lambda: (eventually(lambda: campaign.state == "follower"), clock.advance(16))
        ).start()
    assert tokens == [1, 2]
    assert campaign.state == "stopped"
    assert store.get_lease(timeout=1).lease.is_vacant


def test_terms_ends_when_the_campaign_is_stopped(clock):
    campaign = Campaign(MemoryStore(), clock=clock)
    for leadership in campaign.terms():
        threading.Thread(target=campaign.stop).start()
        assert leadership.wait(100)
        assert leadership.reason == "the campaign is stopping"


def test_terms_refuses_a_campaign_that_has_its_work_already(clock):
    with pytest.raises(ElectionError, match="on_started_leading"):
        next(Campaign(MemoryStore(), clock=clock, on_started_leading=print).terms())


def test_waiting_until_leader_ends_with_the_term_the_time_or_the_campaign(clock):
    first, second = pair(clock)
    with first, second:
        assert first.wait_until_leader(timeout=0)
        assert not second.wait_until_leader(timeout=0)
        outcome = []
        thread = threading.Thread(target=lambda: outcome.append(second.wait_until_leader(timeout=5)))
        thread.start()
        clock.wait_for_waiters(2)
        clock.advance(5)
        thread.join(10)
        assert outcome == [False]
        thread = threading.Thread(target=lambda: outcome.append(second.wait_until_leader()))
        thread.start()
        clock.wait_for_waiters(2)
        first.stop()
        thread.join(10)
        assert outcome == [False, True]


def test_a_campaign_that_does_not_run_says_so(clock):
    campaign = Campaign(MemoryStore(), clock=clock)
    assert (campaign.state, campaign.leader, campaign.token, campaign.is_leader()) == (
        "stopped",
        None,
        None,
        False,
    )
    for call in (campaign.resign, campaign.wait_until_leader):
        with pytest.raises(ElectionError, match="start"):
            call()
    with campaign, pytest.raises(ElectionError, match="runs already"):
        campaign.run()


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"identity": ""}, "identity"),
        ({"lease_duration": 0}, "lease_duration"),
        ({"lease_duration": float("nan")}, "lease_duration"),
        ({"renew_deadline": 15.0}, "P6"),
        ({"retry_period": 10.0}, "P6"),
        ({"stop_timeout": -1}, "stop_timeout"),
        ({"on_started_leading": "work"}, "on_started_leading"),
    ],
)
def test_bad_settings_are_refused_at_the_door(settings, named):
    with pytest.raises(ConfigurationError, match=named):
        Campaign(MemoryStore(), **settings)


def test_what_is_no_store_is_refused():
    with pytest.raises(ConfigurationError, match="LeaseStore"):
        Campaign(object())


def test_identities_differ_by_default():
    identities = {Campaign(MemoryStore()).identity for _ in range(10)}
    assert len(identities) == 10


def test_a_term_that_is_over_is_over_for_everyone_who_kept_it(clock):
    first, second = pair(clock)
    with first, second:
        term = first.leadership
        term.check()
        assert term.wait(timeout=0) is False
        assert clock.now() < term.deadline <= clock.now() + 10
        first.stop()
        assert not term.is_valid()
        assert term.wait() is True
        with pytest.raises(LeadershipLost, match="token 1: asked to"):
            term.check()


def test_a_request_in_the_record_makes_the_leader_resign_after_its_work(clock):
    """P14: the work ends first, then the lease is released, and another leads."""
    ended = []
    store = MemoryStore()

    def work(term):
        term.wait()
        ended.append((term.reason, term.is_valid()))

    first = Campaign(store, identity="first", clock=clock, on_started_leading=work)
    second = Campaign(MemoryStore(space=store.space), identity="second", clock=clock)
    with first, second:
        stored = store.get_lease(timeout=1)
        store.update_lease(stored.lease.asked_to_resign("an operator"), stored.version, timeout=1)
        clock.advance(2)  # the next renewal finds it
        eventually(second.is_leader)
        assert ended == [("asked to resign by 'an operator'", True)]
        assert first.state == "follower"


def test_a_leader_costs_one_write_per_renewal_and_a_follower_one_read_per_poll(clock):
    """P12: nothing else is asked of the store."""
    leading = RemoteStore()
    following = leading.beside()
    with Campaign(leading, clock=clock, jitter=0.0) as leader:
        eventually(leader.is_leader)
        with Campaign(following, clock=clock, jitter=0.0) as follower:
            settle(leader, follower)
            leading.calls.clear()
            following.calls.clear()
            for count in range(1, 11):
                clock.advance(2)
                eventually(lambda count=count: (len(leading.calls), len(following.calls)) == (count, count))
                settle(leader, follower)
            assert leading.calls == ["update"] * 10
            assert following.calls == ["get"] * 10


def test_many_campaigns_share_one_thread():
    """Without work, a campaign on a local store needs no thread of its own."""
    campaigns = [Campaign(open_store("memory:", lease=f"lease-{n}")) for n in range(200)]
    for campaign in campaigns:
        campaign.start()
    assert all(campaign.is_leader() for campaign in campaigns)
    assert library_threads() == ["incumbent-scheduler"]
    for campaign in campaigns:
        campaign.stop()
