"""Metrics as Prometheus would scrape them, and the rules and the dashboard that ask for them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest

from incumbent import Campaign, Elector, ElectorConfig, StoreGuarantees, StoreUnavailable
from incumbent.core.messages import Missing, Refused, Start, TimerFired, Written
from incumbent.lease import NANOSECONDS
from incumbent.prometheus import Metrics
from incumbent.stores.memory import MemoryStore
from support.driving import RemoteStore, settle
from support.elector.bench import record

FILES = Path(__file__).parents[2] / "docs" / "guides" / "metrics"
RULES = yaml.safe_load((FILES / "alerts.yaml").read_text("utf-8"))["groups"][0]["rules"]
PANELS = json.loads((FILES / "dashboard.json").read_text("utf-8"))["panels"]
QUERIES = [rule["expr"] for rule in RULES] + [panel["targets"][0]["expr"] for panel in PANELS]


class Scrape:
    """A registry and what is in it, read anew at each question."""

    def __init__(self):
        self.registry = CollectorRegistry()

    def __call__(self, metric, **labels):
        return self.registry.get_sample_value(metric, {"name": "lease", **labels})


@pytest.fixture
def scrape():
    return Scrape()


class Steps:
    """An elector driven by hand, and its metrics."""

    def __init__(self, scrape, clock):
        guarantees = StoreGuarantees(durable=True)
        self.elector = Elector(ElectorConfig("a", guarantees=guarantees), session="A")
        self.metrics = Metrics("lease", registry=scrape.registry, clock=clock)
        self.metrics.began(self.elector)

    def give(self, event, now):
        effects = self.elector.handle(event, now)
        self.metrics.handled(event, now, effects)
        return effects.request


def campaign_of(scrape, clock, store, **settings):
    metrics = Metrics("lease", registry=scrape.registry, clock=clock)
    return Campaign(store, identity="a", clock=clock, trace=metrics, **settings)


def test_a_leader_and_how_long_it_may_lead(scrape, clock):
    """By its own clock, at each scrape: nobody has to notice first that a term is over (P3)."""
    campaign = campaign_of(scrape, clock, MemoryStore())
    assert scrape("leader_election_master_status") == 0
    with campaign:
        assert (scrape("leader_election_master_status"), scrape("incumbent_leader_known")) == (1, 1)
        assert scrape("incumbent_time_left_seconds") == 10
        clock.advance(1)
        assert scrape("incumbent_time_left_seconds") == 9
        clock.jump(9.5)
        assert scrape("leader_election_master_status") == 0
        assert scrape("incumbent_time_left_seconds") == 0
    assert scrape("incumbent_terms_total") == 1
    assert scrape("leader_election_master_status") == 0


def test_a_term_is_over_by_the_clock_alone(scrape, clock):
    """P3: though the process has not noticed, as one that was paused has not."""
    steps = Steps(scrape, clock)
    claim = steps.give(Missing(steps.give(Start(), 0).id), 0)
    steps.give(Written(claim.id, 1), 0)
    assert scrape("leader_election_master_status") == 1
    clock.jump(10.5)
    assert (scrape("leader_election_master_status"), scrape("incumbent_time_left_seconds")) == (0, 0)


def test_a_follower_has_a_gauge_too_and_knows_whether_somebody_leads(scrape, clock):
    store = MemoryStore()
    store.create_lease(record(1).lease, timeout=1)
    with campaign_of(scrape, clock, store, takeover_delay=60):
        assert (scrape("leader_election_master_status"), scrape("incumbent_leader_known")) == (0, 1)
        clock.advance(15)
        assert (scrape("leader_election_master_status"), scrape("incumbent_leader_known")) == (0, 0)


def test_who_has_left_the_race_knows_of_nobody(scrape, clock):
    """Else it would say for a while what it does not look at any more."""
    store = MemoryStore()
    store.create_lease(record(1).lease, timeout=1)
    with campaign_of(scrape, clock, store):
        assert scrape("incumbent_leader_known") == 1
    assert scrape("incumbent_leader_known") == 0


def test_requests_are_counted_by_kind(scrape, clock):
    with campaign_of(scrape, clock, MemoryStore()):
        clock.advance(20)
    count = "incumbent_store_request_seconds_count"
    assert {kind: scrape(count, request=kind) for kind in ("read", "claim", "renew", "release")} == {
        "read": 1,
        "claim": 1,
        "renew": 10,
        "release": 1,
    }


class TestWhatGoesWrong:
    def test_failed_renewals_are_seen_before_the_term_is_lost_and_the_loss_has_a_cause(self, scrape, clock):
        store = RemoteStore()
        with campaign_of(scrape, clock, store) as campaign:
            settle(campaign)
            assert campaign.wait_until_leader(10)

            def away(*_, **__):
                raise StoreUnavailable("gone fishing")

            store.get_lease = store.update_lease = away
            clock.advance(2)
            settle(campaign)
            assert scrape("incumbent_store_failures_total", request="renew") == 1
            assert scrape("leader_election_slowpath_total") == 1
            assert scrape("leader_election_master_status") == 1
            for _ in range(10):
                clock.advance(1)
                settle(campaign)
            assert scrape("incumbent_terms_ended_total", cause="deadline") == 1
            assert scrape("incumbent_store_failures_total", request="read") > 1

    def test_a_request_that_hangs_is_counted_when_its_time_is_over(self, scrape, clock):
        steps = Steps(scrape, clock)
        request = steps.give(Start(), 0)
        steps.give(TimerFired(), request.expires_at - 1)
        assert scrape("incumbent_store_failures_total", request="read") == 0
        steps.give(TimerFired(), request.expires_at)
        assert scrape("incumbent_store_failures_total", request="read") == 1
        assert scrape("incumbent_store_request_seconds_count", request="read") == 0

    def test_a_refused_renewal_is_read_back_and_is_no_failure(self, scrape, clock):
        steps = Steps(scrape, clock)
        claim = steps.give(Missing(steps.give(Start(), 0).id), 0)
        steps.give(Written(claim.id, 1), 0)
        renewal = steps.give(TimerFired(), 2 * NANOSECONDS)
        steps.give(Refused(renewal.id), 3 * NANOSECONDS)
        assert scrape("leader_election_slowpath_total") == 1
        assert scrape("incumbent_store_failures_total", request="renew") == 0
        assert scrape("incumbent_store_request_seconds_sum", request="renew") == 1

    @pytest.mark.parametrize(("end", "cause"), [("stop", "stopped"), ("resign", "resigned")])
    def test_a_term_that_was_given_up_is_no_loss(self, scrape, clock, end, cause):
        with campaign_of(scrape, clock, MemoryStore()) as campaign:
            getattr(campaign, end)()
            assert scrape("incumbent_terms_ended_total", cause=cause) == 1

    def test_a_term_that_another_ended_and_a_clock_that_did(self, scrape, clock):
        store = MemoryStore()
        with campaign_of(scrape, clock, store):
            store.delete_lease()
            clock.advance(2)
            assert scrape("incumbent_terms_ended_total", cause="record") == 1
            clock.advance(20)
            clock.jump(-1)
            clock.advance(0)
            assert scrape("incumbent_terms_ended_total", cause="clock") == 1

    def test_a_trace_that_raises_is_a_line_and_costs_nothing(self, clock, caplog):
        """P13."""

        class Broken:
            def began(self, *_):
                raise ZeroDivisionError

            handled = close = began

        with Campaign(MemoryStore(), clock=clock, trace=Broken()) as campaign:
            assert campaign.is_leader()
        assert "a trace failed" in caplog.text


@pytest.mark.parametrize("query", QUERIES)
def test_what_rules_and_dashboard_ask_for_is_scraped_with_these_labels(scrape, clock, query):
    with campaign_of(scrape, clock, MemoryStore()) as campaign:
        campaign.resign()
    scraped = generate_latest(scrape.registry).decode()
    asked = re.findall(r"\b(?:incumbent|leader_election)_\w+", query)
    assert asked
    for metric in asked:
        samples = [line for line in scraped.splitlines() if re.match(rf"{metric}\{{", line)]
        assert samples, f"{metric} is not scraped"
        for labels in re.findall(r"by \(([\w, ]+)\)", query):
            assert all(f'{label}="' in samples[0] for label in labels.split(", "))
