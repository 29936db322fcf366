"""Metrics of campaigns for Prometheus, by client-go's names where it has them. Needs `incumbent[prometheus]`.

Everything is taken from what a driver tells of each step (`incumbent.runtime.trace.Trace`).
"""

from __future__ import annotations

from typing import Final, NamedTuple
from weakref import WeakKeyDictionary

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from incumbent.clock import SYSTEM_CLOCK, Clock
from incumbent.core.elector import Elector
from incumbent.core.messages import (
    Effects,
    Found,
    GetLease,
    Input,
    Missing,
    Refused,
    Request,
    Unavailable,
    Written,
)
from incumbent.core.states import LEADER
from incumbent.lease import NANOSECONDS, to_ns

__all__ = ["Metrics"]

_REPLIES: Final = (Found, Missing, Refused, Unavailable, Written)
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


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
        self._name, self._clock, self._families = name, clock, families
        self._elector: Elector | None = None
        self._pending: tuple[Request, str] | None = None
        families.leads.labels(name).set_function(lambda: float(self._time_left() > 0))
        families.time_left.labels(name).set_function(self._time_left)
        families.is_led.labels(name).set_function(lambda: float(self._knows_a_leader()))
        families.slow_path.labels(name)
        families.terms.labels(name)
        for kind in ("read", "claim", "renew", "release"):
            families.seconds.labels(name, kind)
            families.failures.labels(name, kind)

    def began(self, elector: Elector) -> None:
        """A run begins."""
        self._elector = elector

    def handled(self, event: Input, now: int, effects: Effects) -> None:
        """An input was handled."""
        if self._pending is not None:
            request, kind = self._pending
            if isinstance(event, _REPLIES) and event.id == request.id:
                self._answered(request, kind, event, now)
            elif now >= request.expires_at:  # no answer in time, or one that nobody waits for (P10)
                self._failed(kind)
        for move in effects.moves:
            if move.dest == LEADER:
                self._families.terms.labels(self._name).inc()
            elif move.source == LEADER:
                self._families.ended.labels(self._name, _cause(move.trigger, move.reason)).inc()
        if effects.request is not None:
            self._pending = effects.request, self._kind(effects.request)

    def close(self) -> None:
        """The run is over."""
        self._elector = self._pending = None

    def _answered(self, request: Request, kind: str, reply: Input, now: int) -> None:
        self._pending = None
        self._families.seconds.labels(self._name, kind).observe((now - request.sent_at) / NANOSECONDS)
        if isinstance(reply, Unavailable):
            self._failed(kind)
        elif isinstance(reply, Refused) and kind == "renew":
            self._families.slow_path.labels(self._name).inc()

    def _failed(self, kind: str) -> None:
        self._pending = None
        self._families.failures.labels(self._name, kind).inc()
        if kind == "renew":  # its outcome is unknown: the record is read back (P7)
            self._families.slow_path.labels(self._name).inc()

    def _kind(self, request: Request) -> str:
        if isinstance(request, GetLease):
            return "read"
        if request.lease.is_vacant:
            return "release"
        return "renew" if self._elector is not None and self._elector.state == LEADER else "claim"

    def _time_left(self) -> float:
        office = None if self._elector is None else self._elector.office
        now = to_ns(self._clock.now())
        return (office.until - now) / NANOSECONDS if office is not None and office.covers(now) else 0.0

    def _knows_a_leader(self) -> bool:
        if self._elector is None:
            return False
        return self._elector.observation.leader_at(to_ns(self._clock.now())) is not None


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
                buckets=_BUCKETS,
                registry=registry,
            ),
            counter("incumbent_store_failures_total", "Requests without a usable answer, by kind", "request"),
        )


_FAMILIES: Final[WeakKeyDictionary[CollectorRegistry, _Families]] = WeakKeyDictionary()


def _cause(trigger: str, reason: str) -> str:
    """One of a few words: a reason names people, and a label must not have many values."""
    if trigger == "stop":
        return "stopped"
    if reason == "resigned":
        return "resigned"
    if reason == "the renew deadline passed":
        return "deadline"
    return "clock" if reason.startswith("the clock went backwards") else "record"
