"""Metrics as OpenTelemetry's SDK collects them: those that Prometheus scrapes, by other names."""

from __future__ import annotations

import re

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client import CollectorRegistry

from incumbent import Campaign, StoreUnavailable, otel, prometheus
from incumbent.runtime.measuring import BUCKETS, KINDS
from incumbent.stores.memory import MemoryStore
from support.driving import RemoteStore, settle

SAME = {
    "incumbent.leader.status": "leader_election_master_status",
    "incumbent.leader.known": "incumbent_leader_known",
    "incumbent.term.time_left": "incumbent_time_left_seconds",
    "incumbent.renewal.slow_path": "leader_election_slowpath_total",
    "incumbent.term.begun": "incumbent_terms_total",
    "incumbent.term.ended": "incumbent_terms_ended_total",
    "incumbent.store.request.duration": "incumbent_store_request_seconds_sum",
    "incumbent.store.request.failures": "incumbent_store_failures_total",
}
LABELS = {
    "incumbent.lease.name": "name",
    "incumbent.request.kind": "request",
    "incumbent.term.cause": "cause",
}


class Both:
    """The metrics of a campaign by both ways, and what each says now."""

    def __init__(self, clock):
        self.reader, self.registry, self.clock = InMemoryMetricReader(), CollectorRegistry(), clock
        self.provider = MeterProvider([self.reader])

    def traces(self, name="lease"):
        settings = {"clock": self.clock}
        return [
            otel.Metrics(name, meter_provider=self.provider, **settings),
            prometheus.Metrics(name, registry=self.registry, **settings),
        ]

    def metrics(self):
        [resource] = self.reader.get_metrics_data().resource_metrics
        [scope] = resource.scope_metrics
        assert scope.scope.name == "incumbent"
        return scope.metrics

    def by_otel(self):
        found = {}
        for metric in self.metrics():
            for point in metric.data.data_points:
                labels = {LABELS[name]: value for name, value in point.attributes.items()}
                value = point.sum if hasattr(point, "sum") else point.value
                key = (metric.name, *labels.values())
                assert key not in found, "it is told once"
                found[key] = value
                is_same = self.registry.get_sample_value(SAME[metric.name], labels)
                assert value == is_same, (metric.name, labels)
        return found


@pytest.fixture
def both(clock):
    both = Both(clock)
    yield both
    both.provider.shutdown()


def test_both_say_the_same_of_a_campaign_that_loses_its_store(both, clock):
    """At each instant of it: a term, failed renewals, the slow path, the loss, and the next term."""
    store = RemoteStore()
    with Campaign(store, clock=clock, trace=both.traces()) as campaign:
        settle(campaign)
        assert both.by_otel()["incumbent.leader.status", "lease"] == 1

        def away(*_, **__):
            raise StoreUnavailable("gone fishing")

        kept = store.get_lease, store.update_lease
        store.get_lease = store.update_lease = away
        for _ in range(12):
            clock.advance(1)
            settle(campaign)
            both.by_otel()
        store.get_lease, store.update_lease = kept
        clock.advance(20)
        settle(campaign)
        told = both.by_otel()
    assert told["incumbent.term.begun", "lease"] == 2
    assert told["incumbent.term.ended", "lease", "deadline"] == 1
    assert told["incumbent.renewal.slow_path", "lease"] >= 1
    assert told["incumbent.store.request.failures", "lease", "renew"] == 1
    assert told["incumbent.term.time_left", "lease"] > 0
    assert both.by_otel()["incumbent.term.ended", "lease", "stopped"] == 1
    assert both.by_otel()["incumbent.leader.status", "lease"] == 0


def test_campaigns_of_one_provider_share_its_instruments(both, clock):
    """A point each, in one metric of each name."""
    with (
        Campaign(MemoryStore(), clock=clock, trace=both.traces("a")),
        Campaign(MemoryStore(), clock=clock, trace=both.traces("b")),
    ):
        told = both.by_otel()
        assert (told["incumbent.leader.status", "a"], told["incumbent.leader.status", "b"]) == (1, 1)
        names = [metric.name for metric in both.metrics()]
        assert len(names) == len(set(names))


def test_names_and_units_are_as_the_conventions_have_them(both, clock):
    """Lower case below one namespace; UCUM units; no total, no unit in a name; buckets in seconds."""
    with Campaign(MemoryStore(), clock=clock, trace=both.traces()):
        clock.advance(4)
    told = {metric.name: metric for metric in both.metrics()}
    assert set(told) == set(SAME) - {"incumbent.store.request.failures"}
    for name, metric in told.items():
        assert re.fullmatch(r"incumbent(\.[a-z]+(_[a-z]+)*)+", name)
        assert not re.search(r"total|second|count$", name)
        assert metric.unit in {"1", "s", "{term}", "{renewal}"}
        assert not any(other.startswith(f"{name}.") for other in told), "no name is a namespace"
    [point, *_] = told["incumbent.store.request.duration"].data.data_points
    assert tuple(point.explicit_bounds) == BUCKETS
    kinds = {
        point.attributes["incumbent.request.kind"]
        for point in told["incumbent.store.request.duration"].data.data_points
    }
    assert kinds == set(KINDS)


def test_without_a_provider_of_ones_own_it_is_the_global_one(clock):
    """Which counts nothing until the application has set an SDK."""
    with Campaign(MemoryStore(), clock=clock, trace=otel.Metrics("lease", clock=clock)) as campaign:
        assert campaign.is_leader()


def test_what_has_not_happened_is_told_as_0(both):
    """Before the start, too: a rate of what was never there is no number."""
    both.traces()
    told = both.by_otel()
    assert told == {
        (name, "lease"): 0
        for name in [*list(SAME)[:3], "incumbent.renewal.slow_path", "incumbent.term.begun"]
    }
