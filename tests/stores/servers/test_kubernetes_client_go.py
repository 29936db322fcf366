"""The store on Kubernetes beside client-go's own leader election, on one Lease, in a real kube-scheduler."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from incumbent import Campaign
from incumbent.errors import LeaseConflict
from incumbent.stores._kubernetes_record import ANNOTATION
from incumbent.testing.stores.machine import PLAIN
from support.driving import eventually
from support.servers import PATIENCE, fixture_of
from support.servers.client_go import LEASE, RENEW, History, Scheduler, asked, write_of
from support.servers.kubernetes import SERVER, lease_fixture, proxied

server = fixture_of(SERVER)
store = lease_fixture()

SOON = 2 * LEASE
"""Seconds within which what takes two polls, or a lease at most, has happened on a busy machine, too."""


@pytest.fixture
def start(server, store, tmp_path):
    """Start a scheduler that contends for the test's lease; those that are left at its end are killed."""
    started = []

    def start(**settings):
        started.append(Scheduler(server, store.name, tmp_path / f"scheduler-{len(started)}", **settings))
        return started[-1]

    yield start
    for scheduler in started:
        scheduler.kill()


@pytest.fixture
def history(server, store):
    return History(server, store.name)


def ours(store):
    return Campaign(store, identity="ours", lease_duration=LEASE, retry_period=0.3)


def gradually(predicate):
    """Wait for what is asked of a server or read in a log: neither is to be kept busy by that."""
    eventually(predicate, timeout=PATIENCE, pause=0.02)


def leading(scheduler):
    """When it leads."""
    gradually(scheduler.leads)
    return scheduler


def waiting(scheduler):
    """When it has seen that the lease is another's."""
    gradually(lambda: scheduler.said("has not yet expired"))
    return scheduler


def renewed_for(server, store):
    """How long, in seconds, the holder of the lease has held it."""
    write = write_of(server.object(store))
    return write.renewed - write.acquired


def test_we_follow_for_as_long_as_client_go_renews(server, store, start, history):
    """Its identity is the leader's for us, and through two lease durations of renewals we never lead."""
    leading(start())
    with ours(store) as campaign, asked(campaign) as samples:
        gradually(lambda: renewed_for(server, store) > 2 * LEASE)
        holder = write_of(server.object(store)).holder
        assert campaign.leader == holder
        assert holder.startswith(Scheduler.prefix)
        assert campaign.state == "follower"
    assert samples
    assert not any(sample.leads for sample in samples)
    assert {write.holder for write in history.writes()} == {holder}


def test_we_take_over_when_the_lease_of_a_dead_client_go_has_run_out(store, start, history):
    """Its own lease, which is longer than ours, from its last renewal. The count of changes grows by one."""
    scheduler = leading(start(lease_duration=LEASE + 2))
    with ours(store) as campaign:
        eventually(lambda: campaign.leader is not None)
        scheduler.kill()
        assert campaign.wait_until_leader(PATIENCE)
        token = campaign.token
    *_, last, claim = _until(history, "ours")
    waited = claim.acquired - last.renewed
    print(f"taken over {waited:.2f} s after the last renewal")  # noqa: T201 - measured
    assert LEASE + 2 <= waited < LEASE + 2 + SOON
    assert (last.transitions, claim.transitions, token) == (0, 1, 1)


def _until(history, holder):
    """All writes up to the first one of that holder."""
    writes = history.writes()
    return writes[: [write.holder for write in writes].index(holder) + 1]


def test_client_go_waits_for_as_long_as_we_renew(server, store, start, history):
    """It looks again and again, through two lease durations, and never acquires the lease."""
    with ours(store) as campaign:
        assert campaign.wait_until_leader(PATIENCE)
        began = write_of(server.object(store)).renewed
        scheduler = waiting(start())
        with asked(campaign) as samples:
            gradually(lambda: write_of(server.object(store)).renewed > began + 2 * LEASE)
        assert scheduler.said("lock is held by ours and has not yet expired") > 3
        assert not scheduler.leads()
        assert all(sample.leads for sample in samples)
        assert {write.holder for write in history.writes()} == {"ours"}


def test_client_go_takes_over_soon_after_we_stop(server, store, start, history):
    """At its next poll. What we left in the annotations misleads neither it nor us, nor does a late write."""
    with ours(store) as campaign:
        assert campaign.wait_until_leader(PATIENCE)
        scheduler = waiting(start())
        left = store.get_lease(timeout=5)
    leading(scheduler)
    mine, released, taken = history.terms()
    took = taken.acquired - released.renewed
    print(f"client-go leads {took:.2f} s after the release")  # noqa: T201 - measured
    assert (mine.holder, released.holder) == ("ours", "")
    assert taken.holder.startswith(Scheduler.prefix)
    assert took < LEASE
    assert taken.transitions == mine.transitions + 1

    assert ANNOTATION in server.object(store)["metadata"]["annotations"]
    now = store.get_lease(timeout=5).lease
    assert (now.holder_identity, now.leader_transitions) == (taken.holder, taken.transitions)
    assert now.holder_session != left.lease.holder_session
    with pytest.raises(LeaseConflict):
        store.update_lease(left.lease, left.version, timeout=5)
    with ours(store) as again:
        eventually(lambda: again.leader == taken.holder)
        scheduler.kill()
        assert again.wait_until_leader(PATIENCE)
        assert again.token == taken.transitions + 1
    *_, last, claim, released = history.writes()
    assert [write.holder for write in (last, claim, released)] == [taken.holder, "ours", ""]
    assert claim.acquired - last.renewed >= LEASE


def test_a_client_go_that_was_frozen_for_too_long_gives_up_and_we_lead_on(server, store, start, history):
    """It wakes, believing; it finds our record, and ends. Its last write, if it tries one, is refused."""
    scheduler = leading(start())
    with ours(store) as campaign:
        eventually(lambda: campaign.leader is not None)
        scheduler.freeze()
        assert campaign.wait_until_leader(PATIENCE)
        token = campaign.token
        with asked(campaign) as samples:
            thawed_at = scheduler.thaw()
            assert scheduler.wait() != 0
            assert scheduler.said("leaderelection lost") == 1
            lost_at = scheduler.term()[1]
            gradually(lambda: write_of(server.object(store)).renewed > lost_at)
        assert all(sample.leads for sample in samples)
        assert campaign.token == token
    print(f"client-go believed for {lost_at - thawed_at:.2f} s beside us")  # noqa: T201 - measured
    assert lost_at - thawed_at < RENEW + SOON  # its weakness, not ours: it looks, and hopes on
    assert [write.holder for write in history.terms()][1:] == ["ours", ""]


def test_client_go_waits_for_its_own_lease_and_takes_writes_within_a_second_for_one(server, store, start):
    """What a user has to know, for our settings must allow for it: see the guide to the store.

    It compares records whose times it cut to seconds; and what the record says of its duration is not asked.
    """
    second = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
    first = replace(PLAIN, lease_duration=60.0, acquire_time=second, renew_time=second)
    version = store.create_lease(first, timeout=5)
    scheduler = waiting(start())
    time.sleep(LEASE * 2 / 3)
    renewed_at = time.time()
    store.update_lease(replace(first, renew_time=second + timedelta(seconds=0.9)), version, timeout=5)
    leading(scheduler)
    assert scheduler.term()[0] - renewed_at < LEASE


def test_they_take_turns_and_never_lead_at_once(server, store, start, history):
    """Killed, stopped, frozen and cut off, in turns: no two at once, and the token grows with each holder."""
    schedulers = [leading(start())]
    with proxied(server, store) as (proxy, far), ours(far) as campaign, asked(campaign) as samples:
        eventually(lambda: campaign.leader is not None)
        schedulers[-1].kill()
        assert campaign.wait_until_leader(PATIENCE)

        schedulers.append(waiting(start()))
        campaign.stop()
        leading(schedulers[-1])
        campaign.start()
        eventually(lambda: campaign.leader is not None)
        schedulers[-1].freeze()
        assert campaign.wait_until_leader(PATIENCE)
        schedulers[-1].kill()

        schedulers.append(waiting(start()))
        proxy.cut()  # it cannot even release
        leading(schedulers[-1])
        proxy.heal()
        eventually(lambda: (campaign.leader or "").startswith(Scheduler.prefix), timeout=PATIENCE)
        schedulers[-1].kill()
        assert campaign.wait_until_leader(PATIENCE)
    check_exclusion(samples, [scheduler.term() for scheduler in schedulers])
    check_tokens(history.terms())


def check_exclusion(samples, terms):
    """No answer that we lead was given, from question to answer, within a term of a scheduler's."""
    assert sum(sample.leads for sample in samples) > 100
    overlaps = [
        (sample, term)
        for sample in samples
        for term in terms
        if sample.leads and term[0] < sample.before and sample.after < term[1]
    ]
    assert overlaps == []


def check_tokens(terms):
    """Of each holder after another it is greater; a release keeps it."""
    print(*(f"{term.holder or '-'} {term.transitions}" for term in terms), sep=" > ")  # noqa: T201
    held = [term for term in terms if term.holder]
    assert [term.holder == "ours" for term in held] == [False, True] * 3
    assert [term.transitions for term in held] == list(range(6))
