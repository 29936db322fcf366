"""Metrics of campaigns for Prometheus, by client-go's names where it has them. Needs `incumbent[prometheus]`.

Everything is taken from what a driver tells of each step (`incumbent.runtime.trace.Trace`).
"""

from __future__ import annotations

from typing import Final, NamedTuple
from weakref import WeakKeyDictionary

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from incumbent.clock import SYSTEM_CLOCK, Clock
from incumbent.core.elector import Elector
from incumbent.core.messages import Effects, Input
from incumbent.runtime.measuring import BUCKETS, KINDS, Measured

__all__ = ["Metrics"]


class Metrics:
    """The metrics of one campaign; give it as `trace`. All campaigns of a registry share their families.

    Args:
        name: The lease, as the label `name`.
        registry: What is scraped; that of `prometheus_client` by default.
        clock: The campaign's clock.

    Gauges are computed at each scrape by that clock, so that none of them outlives what it says.
    """

    def __init__(
        self, name: str, *, registry: CollectorRegistry = REGISTRY, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        families = _FAMILIES.get(registry)
        if families is None:
            families = _FAMILIES[registry] = _Families.of(registry)
        self._measured = measured = Measured(_Counts(name, families), clock)
        families.leads.labels(name).set_function(lambda: float(measured.time_left() > 0))
        families.time_left.labels(name).set_function(measured.time_left)
        families.is_led.labels(name).set_function(lambda: float(measured.knows_a_leader()))
        families.slow_path.labels(name)
        families.terms.labels(name)
        for kind in KINDS:
            families.seconds.labels(name, kind)
            families.failures.labels(name, kind)

    def began(self, elector: Elector) -> None:
        """A run begins."""
        self._measured.began(elector)

    def handled(self, event: Input, now: int, effects: Effects) -> None:
        """An input was handled."""
        self._measured.handled(event, now, effects)

    def close(self) -> None:
        """The run is over."""
        self._measured.close()


class _Families(NamedTuple):
    leads: Gauge
    is_led: Gauge
    time_left: Gauge
    slow_path: Counter
    terms: Counter
    ended: Counter
    seconds: Histogram
    failures: Counter

    @classmethod
    def of(cls, registry: CollectorRegistry) -> _Families:
        def gauge(name: str, text: str) -> Gauge:
            return Gauge(name, text, ["name"], registry=registry)

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(name, text, ["name", *labels], registry=registry)

        return cls(
            gauge("leader_election_master_status", "Whether this campaign leads: 1 or 0, for followers too"),
            gauge(
                "incumbent_leader_known", "Whether somebody is known to lead, by this candidate's own count"
            ),
            gauge("incumbent_time_left_seconds", "Until this term ends unless it is renewed; 0: no leader"),
            counter("leader_election_slowpath_total", "Renewals that were refused, or of unknown outcome"),
            counter("incumbent_terms_total", "Terms of office that began"),
            counter("incumbent_terms_ended_total", "Terms of office that ended, by cause", "cause"),
            Histogram(
                "incumbent_store_request_seconds",
                "From a request to its answer, by kind: read, claim, renew, release",
                ["name", "request"],
                buckets=BUCKETS,
                registry=registry,
            ),
            counter("incumbent_store_failures_total", "Requests without a usable answer, by kind", "request"),
        )


_FAMILIES: Final[WeakKeyDictionary[CollectorRegistry, _Families]] = WeakKeyDictionary()


class _Counts(NamedTuple):
    name: str
    families: _Families

    def term_began(self) -> None:
        self.families.terms.labels(self.name).inc()

    def term_ended(self, cause: str) -> None:
        self.families.ended.labels(self.name, cause).inc()

    def answered(self, kind: str, seconds: float) -> None:
        self.families.seconds.labels(self.name, kind).observe(seconds)

    def failed(self, kind: str) -> None:
        self.families.failures.labels(self.name, kind).inc()

    def took_slow_path(self) -> None:
        self.families.slow_path.labels(self.name).inc()
