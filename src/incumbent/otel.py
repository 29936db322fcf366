"""Metrics of campaigns for OpenTelemetry: those of `incumbent.prometheus`, by OpenTelemetry's conventions.

Needs `incumbent[otel]`, which is OpenTelemetry's API; what exports them is your application's SDK.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final
from weakref import WeakKeyDictionary

from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation, get_meter_provider

from incumbent import __version__
from incumbent.clock import SYSTEM_CLOCK, Clock
from incumbent.core.elector import Elector
from incumbent.core.messages import Effects, Input
from incumbent.runtime.measuring import BUCKETS, Measured

__all__ = ["Metrics"]

LEASE: Final = "incumbent.lease.name"
KIND: Final = "incumbent.request.kind"
CAUSE: Final = "incumbent.term.cause"


class Metrics:
    """The metrics of one campaign; give it as `trace`. All campaigns of a provider share its instruments.

    Args:
        name: The lease, as the attribute `incumbent.lease.name`.
        meter_provider: Whose instruments they are; the global one by default.
        clock: The campaign's clock.

    Gauges are computed at each collection by that clock, so that none of them outlives what it says.
    """

    def __init__(
        self, name: str, *, meter_provider: MeterProvider | None = None, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        provider = get_meter_provider() if meter_provider is None else meter_provider
        instruments = _INSTRUMENTS.get(provider)
        if instruments is None:
            instruments = _INSTRUMENTS[provider] = _Instruments(provider)
        self._measured = instruments.measured[name] = Measured(_Counts(name, instruments), clock)

    def began(self, elector: Elector) -> None:
        """A run begins."""
        self._measured.began(elector)

    def handled(self, event: Input, now: int, effects: Effects) -> None:
        """An input was handled."""
        self._measured.handled(event, now, effects)

    def close(self) -> None:
        """The run is over."""
        self._measured.close()


class _Instruments:
    """Those of one provider: an instrument is made once, or each collection would have it twice."""

    def __init__(self, provider: MeterProvider) -> None:
        self.measured: dict[str, Measured] = {}
        meter = provider.get_meter("incumbent", __version__)
        for name, unit, text, value in (
            (
                "incumbent.leader.status",
                "1",
                "Whether this campaign leads: 1 or 0, for followers too",
                _leads,
            ),
            ("incumbent.leader.known", "1", "Whether somebody is known to lead, by its own count", _is_led),
            (
                "incumbent.term.time_left",
                "s",
                "Until this term ends unless it is renewed; 0: no leader",
                _left,
            ),
        ):
            meter.create_observable_gauge(name, [self._observing(value)], unit, text)
        self.slow_path = meter.create_counter(
            "incumbent.renewal.slow_path", "{renewal}", "Renewals that were refused, or of unknown outcome"
        )
        self.begun = meter.create_counter("incumbent.term.begun", "{term}", "Terms of office that began")
        self.ended = meter.create_counter("incumbent.term.ended", "{term}", "Terms of office that ended")
        self.duration = meter.create_histogram(
            "incumbent.store.request.duration",
            "s",
            "From a request to its answer",
            explicit_bucket_boundaries_advisory=BUCKETS,
        )
        self.failures = meter.create_counter(
            "incumbent.store.request.failures", "{request}", "Requests without a usable answer"
        )

    def _observing(
        self, value: Callable[[Measured], float]
    ) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def observe(_: CallbackOptions) -> Iterable[Observation]:
            return [Observation(value(one), {LEASE: name}) for name, one in list(self.measured.items())]

        return observe


def _leads(measured: Measured) -> float:
    return int(measured.time_left() > 0)


def _is_led(measured: Measured) -> float:
    return int(measured.knows_a_leader())


def _left(measured: Measured) -> float:
    return measured.time_left()


_INSTRUMENTS: Final[WeakKeyDictionary[MeterProvider, _Instruments]] = WeakKeyDictionary()


class _Counts:
    """Where the campaign of one lease is counted; what may never happen is told as 0 from the beginning."""

    def __init__(self, name: str, instruments: _Instruments) -> None:
        self._lease, self._instruments = {LEASE: name}, instruments
        instruments.slow_path.add(0, self._lease)
        instruments.begun.add(0, self._lease)

    def term_began(self) -> None:
        self._instruments.begun.add(1, self._lease)

    def term_ended(self, cause: str) -> None:
        self._instruments.ended.add(1, {**self._lease, CAUSE: cause})

    def answered(self, kind: str, seconds: float) -> None:
        self._instruments.duration.record(seconds, {**self._lease, KIND: kind})

    def failed(self, kind: str) -> None:
        self._instruments.failures.add(1, {**self._lease, KIND: kind})

    def took_slow_path(self) -> None:
        self._instruments.slow_path.add(1, self._lease)
