"""Redis: what it forgets in a restart or a failover makes no two leaders, and a candidate wait."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing
from dataclasses import replace

import pytest

from incumbent import Campaign
from incumbent.errors import LeaseConflict, LeaseNotFound
from incumbent.stores.redis import RedisStore
from incumbent.testing.stores.machine import ODD_LEASES, PLAIN
from support.servers import running
from support.servers.proxy import Proxy
from support.servers.redis import SERVER, with_replica

LEASE_DURATION = 2.0
SETTINGS = {"lease_duration": LEASE_DURATION, "retry_period": 0.3, "jitter": 0.0}
VACANT = replace(ODD_LEASES["vacant"], lease_duration=LEASE_DURATION)


class Keeping(SERVER):
    arguments = ("--appendonly", "yes", "--appendfsync", "always")


@pytest.fixture
def forgetful():
    with running(SERVER) as server:
        yield server


@pytest.fixture
def keeping():
    with running(Keeping) as server:
        yield server


@pytest.fixture
def open_here():
    """Opens stores, and closes them."""
    with ExitStack() as stack:
        yield lambda server, port=None: stack.enter_context(
            closing(RedisStore(server.url_at(port or server.port), "x"))
        )


@pytest.fixture
def pair(forgetful):
    """A master, and a replica that has all that it has."""
    with with_replica(forgetful) as replica:
        yield forgetful, replica


def promote(replica):
    with replica.admin() as admin:
        admin.replicaof("NO", "ONE")


def crash(server):
    server.kill()
    server.start()


# What a store shows and refuses in another life.


def test_a_version_of_an_earlier_life_is_another_and_is_refused(keeping, open_here):
    """The record is the same, but who waits for it waits anew (P15), and a late write does not reach it."""
    store = open_here(keeping)
    version = store.create_lease(PLAIN, timeout=5)
    before = store.get_lease(timeout=5)
    crash(keeping)
    read = store.get_lease(timeout=5)
    assert read.lease == PLAIN
    assert read.version != version
    assert read.epoch != before.epoch
    assert not read.is_same_write(before)
    taken = replace(PLAIN, holder_session="another")
    with pytest.raises(LeaseConflict, match="restarted"):
        store.update_lease(taken, version, timeout=5)
    store.update_lease(taken, read.version, timeout=5)


def test_a_holder_renews_its_own_last_write_in_another_life(keeping, open_here):
    """And nothing else does: not its release, and not an older write of its own."""
    store = open_here(keeping)
    old = store.create_lease(PLAIN, timeout=5)
    version = store.update_lease(PLAIN, old, timeout=5)
    crash(keeping)
    with pytest.raises(LeaseConflict):
        store.update_lease(PLAIN, old, timeout=5)
    with pytest.raises(LeaseConflict):
        store.update_lease(VACANT, version, timeout=5)
    renewed = store.update_lease(PLAIN, version, timeout=5)
    assert store.get_lease(timeout=5).version == renewed


def test_a_lease_released_in_an_earlier_life_looks_held(keeping, open_here):
    """By nobody known, for one lease duration: who took it over may have been forgotten (P5)."""
    store = open_here(keeping)
    version = store.create_lease(VACANT, timeout=5)
    assert store.get_lease(timeout=5).lease.is_vacant
    crash(keeping)
    read = store.get_lease(timeout=5)
    assert not read.lease.is_vacant
    assert read.lease.holder_session not in ("", PLAIN.holder_session)
    assert read.lease.lease_duration == VACANT.lease_duration
    for lease in (VACANT, PLAIN):
        with pytest.raises(LeaseConflict):
            store.update_lease(lease, version, timeout=5)
    released = store.update_lease(VACANT, read.version, timeout=5)
    assert store.get_lease(timeout=5).lease.is_vacant
    store.update_lease(PLAIN, released, timeout=5)


def test_a_lease_missing_in_one_life_after_the_other_is_shown_once(forgetful, open_here):
    """So that the elector counts anew; and nobody creates it by what was seen in the earlier life."""
    store = open_here(forgetful)
    for _ in range(2):
        with pytest.raises(LeaseNotFound):
            store.get_lease(timeout=5)
    crash(forgetful)
    with pytest.raises(LeaseConflict, match="restarted"):
        store.create_lease(PLAIN, timeout=5)
    shown = store.get_lease(timeout=5)
    with pytest.raises(LeaseNotFound):
        store.update_lease(PLAIN, shown.version, timeout=5)
    with pytest.raises(LeaseNotFound):
        store.get_lease(timeout=5)
    store.create_lease(PLAIN, timeout=5)


def test_a_restart_without_a_file_forgets(forgetful, open_here):
    """The record is missing, and a version of before replaces nothing of after it."""
    store = open_here(forgetful)
    version = store.create_lease(PLAIN, timeout=5)
    crash(forgetful)
    with pytest.raises(LeaseNotFound):
        store.get_lease(timeout=5)
    with pytest.raises(LeaseNotFound):
        store.update_lease(PLAIN, version, timeout=5)
    store.create_lease(PLAIN, timeout=5)
    with pytest.raises(LeaseConflict):
        store.update_lease(PLAIN, version, timeout=5)


def test_promotion_begins_another_life_though_the_process_is_the_same(pair, open_here):
    """A replica may have been a master before: its `run_id` alone would not tell."""
    master, replica = pair
    open_here(master).create_lease(PLAIN, timeout=5)
    there = open_here(replica)
    master.await_replica()
    before = there.get_lease(timeout=5)
    promote(replica)
    assert there.get_lease(timeout=5).version != before.version


# Elections.


class Candidate:
    """A campaign behind a proxy of its own, and when it led."""

    def __init__(self, stack, server, identity, **settings):
        self.proxy = stack.enter_context(Proxy(server.port))
        self.began, self.ended = [], []
        store = stack.enter_context(closing(RedisStore(server.url_at(self.proxy.port), "x")))
        self.campaign = Campaign(
            store,
            identity=identity,
            on_started_leading=self.lead,
            on_stopped_leading=lambda _: self.ended.append(time.monotonic()),
            **SETTINGS | settings,
        )
        stack.callback(self.campaign.stop, timeout=10)
        self.campaign.start()

    def lead(self, leadership):
        self.began.append(time.monotonic())
        leadership.wait()

    def fail_over_to(self, server):
        self.proxy._server_port = server.port
        self.proxy.heal()
        self.proxy.reset()


def within(seconds, holds):
    end = time.monotonic() + seconds
    while not (found := holds()) and time.monotonic() < end:
        time.sleep(0.005)
    assert found
    return found


@pytest.mark.parametrize("before", ["held", "vacant", "missing"])
def test_a_takeover_that_the_replica_missed_makes_no_two_leaders(before, pair, open_here):
    """The late candidate knows the older record for long, or finds it vacant, or missing as before. It waits
    for a whole lease duration after the failover, while the forgotten leader still believes by its own clock.
    """
    master, replica = pair
    record = replace(PLAIN, lease_duration=LEASE_DURATION, holder_identity="dead")
    if before != "missing":
        open_here(master).create_lease(
            record if before == "held" else record.released(record.renew_time), timeout=5
        )
        master.await_replica()
    with ExitStack() as stack:
        late = Candidate(stack, master, "late", takeover_delay=1.0)
        within(10, lambda: late.proxy.requests > 1)
        time.sleep(0.2)  # it has seen what there is
        late.proxy.cut()
        promote(replica)
        first = Candidate(stack, master, "first")
        within(10, lambda: first.began)
        if before != "vacant":
            time.sleep(0.3)  # were its old wait to count, it would be over for the late one, too
        first.proxy.cut()
        master.kill()
        failed_over = time.monotonic()
        late.fail_over_to(replica)
        within(20, lambda: late.began)
        within(5, lambda: first.ended)
    assert len(first.began) == len(late.began) == 1
    assert late.began[0] >= failed_over + LEASE_DURATION
    assert first.ended[0] < late.began[0]


def test_a_leader_outlasts_a_restart_that_forgets_nothing(keeping, open_here):
    """It renews what is still its own last write; nobody steps down, and no term begins."""
    open_here(keeping).create_lease(VACANT, timeout=5)
    with ExitStack() as stack:
        leader = Candidate(stack, keeping, "leader", lease_duration=4.0, retry_period=0.8)
        within(20, lambda: leader.began)
        sent = leader.proxy.requests
        within(5, lambda: leader.proxy.requests > sent)
        time.sleep(0.1)  # between two renewals
        crash(keeping)
        time.sleep(4.0 * 2 / 3)  # the renew deadline, had it not renewed since
        assert leader.campaign.is_leader()
        assert not leader.ended


def test_a_restart_that_forgets_ends_the_term_and_another_one_begins(forgetful, open_here):
    """After one lease duration; the token goes on growing, as a candidate remembers it (P11)."""
    open_here(forgetful).create_lease(VACANT, timeout=5)
    with ExitStack() as stack:
        candidates = [Candidate(stack, forgetful, name) for name in ("one", "two")]
        within(20, lambda: candidates[0].began + candidates[1].began)
        leader = next(each.campaign.identity for each in candidates if each.began)
        within(10, lambda: all(each.campaign.leader == leader for each in candidates))
        crashed = time.monotonic()
        crash(forgetful)
        within(20, lambda: len(candidates[0].began + candidates[1].began) == 2)
        assert max(candidates[0].began + candidates[1].began) > crashed + LEASE_DURATION
        with closing(RedisStore(forgetful.url, "x")) as store:
            assert store.get_lease(timeout=5).lease.leader_transitions == VACANT.leader_transitions + 2
