"""A campaign that is stopped at any moment leaves nothing held behind, on every store."""

from __future__ import annotations

import os
import random
import time
from contextlib import closing

import pytest

from incumbent import Campaign, open_store
from incumbent.stores._kinds import KINDS
from incumbent.testing.stores.machine import ODD_LEASES
from support.nemesis.sites import site_of

ROUNDS = int(os.environ.get("INCUMBENT_ROUNDS", "10"))
VACANT = ODD_LEASES["vacant"]
LONGEST = 0.05
"""Seconds from start to stop: the first read, the claim and the first renewals fall into it."""
SETTINGS = {"retry_period": 0.2, "request_timeout": 1.0, "renew_deadline": 4.0, "lease_duration": 6.0}


@pytest.fixture(params=KINDS)
def url(request, tmp_path):
    if request.param == "memory":
        yield "memory:"
        return
    with site_of(request.param, tmp_path) as site:
        yield site.url(None) if site.server is None else site.server.url


def test_nothing_is_held_once_stop_has_returned(url):
    """Be it that the claim was under way, had been answered, or was not sent yet (P9).

    `INCUMBENT_ROUNDS` and `INCUMBENT_SEED` set how often, and the moments.
    """
    seed = int(os.environ.get("INCUMBENT_SEED", random.randrange(2**32)))
    replay = f"INCUMBENT_ROUNDS={ROUNDS} INCUMBENT_SEED={seed} pytest {__file__} -k {url.partition(':')[0]}"
    dice = random.Random(seed)
    with (
        closing(open_store(url, lease="stopped")) as store,
        closing(open_store(url, lease="stopped")) as other,
    ):
        store.create_lease(VACANT, timeout=5)
        for number in range(ROUNDS):
            campaign = Campaign(store, identity=f"round-{number}", **SETTINGS)
            campaign.start()
            time.sleep(dice.uniform(0, LONGEST))
            campaign.stop()
            lease = other.get_lease(timeout=5).lease
            assert lease.is_vacant, f"{lease.holder_identity} holds the lease; replay: {replay}"
        assert lease.leader_transitions > VACANT.leader_transitions, "no claim was made: that is too early"
