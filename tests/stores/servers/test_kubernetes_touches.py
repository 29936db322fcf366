"""On a real API server others label, annotate and prefer, and an election goes on all the same (P15)."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack, closing

import pytest

from incumbent import Campaign, open_store
from support.driving import eventually
from support.servers import fixture_of
from support.servers.kubernetes import SERVER, lease_fixture

server = fixture_of(SERVER)
store = lease_fixture()

ROUNDS = int(os.environ.get("INCUMBENT_ROUNDS", "20"))
LEASE_DURATION = 2.0
SETTINGS = {
    "lease_duration": LEASE_DURATION,
    "renew_deadline": 1.4,
    "retry_period": 0.1,
    "request_timeout": 0.5,
}
TOUCHES = [
    lambda number: {"metadata": {"labels": {"zone": f"z{number}"}}},
    lambda number: {"metadata": {"annotations": {"seen-by": f"controller-{number}"}}},
    lambda number: {"spec": {"preferredHolder": f"pod-{number}"}},
]


class Watched:
    """A campaign and the terms that it had."""

    def __init__(self, stack, server, lease, identity, **settings):
        self.terms = []
        self.campaign = Campaign(
            stack.enter_context(closing(open_store(server.url, lease=lease))),
            identity=identity,
            on_started_leading=self.lead,
            **SETTINGS | settings,
        )

    def lead(self, leadership):
        began = time.monotonic()
        leadership.wait()
        self.terms.append((leadership.token, began, time.monotonic()))


@pytest.fixture
def pair(server, store):
    """A leader that will not release, and a follower."""
    with ExitStack() as stack:
        both = [Watched(stack, server, store.name, each, release_on_cancel=each != "a") for each in "ab"]
        for each in both:
            stack.callback(each.campaign.stop)
            each.campaign.start()
            assert both[0].campaign.wait_until_leader(timeout=60)
        yield both


def test_a_leader_stays_through_every_touch(server, store, pair):
    """`INCUMBENT_ROUNDS` touches by another client, at least two for each renewal: no term is lost."""
    leader, follower = pair
    token = leader.campaign.leadership.token
    for number in range(ROUNDS):
        touch(server, store, TOUCHES[number % len(TOUCHES)](number))
        assert leader.campaign.is_leader(), f"deposed by touch {number}"
        time.sleep(SETTINGS["retry_period"] / 3)
    time.sleep(LEASE_DURATION)
    assert leader.campaign.leadership.token == token
    assert [*leader.terms, *follower.terms] == []


def test_a_dead_leader_is_succeeded_though_its_record_is_touched(server, store, pair):
    """The wait goes on from the last write, not from the last touch."""
    leader, follower = pair
    leader.campaign.stop()  # which leaves its lease to expire
    written = time.monotonic()
    number = 0
    while not follower.campaign.is_leader():
        assert time.monotonic() < written + 60, "touches keep the dead one's lease alive"
        touch(server, store, TOUCHES[number % len(TOUCHES)](number))
        number += 1
        time.sleep(LEASE_DURATION / 10)
    assert number > 3
    eventually(lambda: store.get_lease(timeout=5).lease.holder_identity == "b")


def touch(server, store, patch):
    path = f"/apis/coordination.k8s.io/v1/namespaces/default/leases/{store.object_name}"
    server.ask(path, "PATCH", patch)
