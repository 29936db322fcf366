"""`incumbent timings`: explain what a choice of timings means, number by number."""

from __future__ import annotations

import argparse
from typing import Final

from incumbent.config import DEFAULT_CLOCK_DRIFT, DEFAULT_LEASE_DURATION, DEFAULT_RETRY_PERIOD, ElectorConfig
from incumbent.runtime.spread import EXPIRY_SPREAD_NS

TIGHT: Final = 1
LONG: Final = 1000

ROUND_TRIPS_PER_REQUEST: Final = 10
"""Making a connection takes several: TCP, TLS, logging in."""


def main(arguments: argparse.Namespace) -> int:
    """Explain; return 1 if the round trip is too slow for such timings."""
    lease = arguments.lease_duration or DEFAULT_LEASE_DURATION
    deadline = arguments.renew_deadline or lease * 2 / 3
    config = ElectorConfig(
        "anybody",
        lease_duration=lease,
        renew_deadline=deadline,
        retry_period=arguments.retry_period or min(DEFAULT_RETRY_PERIOD, deadline / 5),
        clock_drift=DEFAULT_CLOCK_DRIFT if arguments.drift is None else arguments.drift,
    )
    for name, value, meaning in (*settings(config), ("", "", ""), *consequences(config, arguments.rtt)):
        print(f"{name:<18} {value:<14} {meaning}".rstrip())
    timeout = config.request_timeout or 0.0
    if timeout < ROUND_TRIPS_PER_REQUEST * arguments.rtt:
        print(
            f"\ntoo tight: a request is given {seconds(timeout)}, and making a connection may take "
            f"{ROUND_TRIPS_PER_REQUEST} round trips,\n{seconds(ROUND_TRIPS_PER_REQUEST * arguments.rtt)}: "
            f"lengthen the lease or shorten the retry period"
        )
        return TIGHT
    return 0


def settings(config: ElectorConfig) -> list[tuple[str, str, str]]:
    """Return each setting with its meaning, as rows."""
    lease, deadline = config.lease_duration, config.renew_deadline or 0.0
    apart = (1 + config.clock_drift) / (1 - config.clock_drift) - 1
    return [
        ("lease duration", seconds(lease), "others take over when they saw no change for so long (P4)"),
        ("renew deadline", seconds(deadline), "a leader believes for so long after it sent a renewal (P3)"),
        ("retry period", seconds(config.retry_period), "from one renewal, look or attempt to the next (P12)"),
        (
            "request timeout",
            seconds(config.request_timeout or 0.0),
            "then a call counts as of unknown outcome, and the record is read back (P7, P10)",
        ),
        (
            "clocks",
            f"{100 * (lease / deadline - 1):.3g} %",
            f"so much faster may one run than another, and by the drift given it is {100 * apart:.3g} % (P6)",
        ),
    ]


def consequences(config: ElectorConfig, rtt: float) -> list[tuple[str, str, str]]:
    """Return what follows from the settings, as rows: durations of real time, by the worst clocks."""
    lease, deadline, retry = config.lease_duration, config.renew_deadline or 0.0, config.retry_period
    drift, poll = config.clock_drift, retry * (1 + config.jitter)
    soonest = max(0.0, lease / (1 + drift) - retry / (1 - drift) - rtt)
    latest = (poll + lease + EXPIRY_SPREAD_NS / 1e9) / (1 - drift) + 4 * rtt
    released = poll / (1 - drift) + 3 * rtt
    # What is swallowed is found out after its timeout; the try after the last such must be answered in time.
    timeout = config.request_timeout or deadline
    tries = (deadline / (1 + drift) - retry / (1 - drift) - 2 * rtt) // timeout
    away = tries * timeout - 2 * rtt
    gap = lease / (1 + drift) - deadline / (1 - drift)
    return [
        ("after a crash", seconds(soonest), "at the soonest, if the last renewal is old, the next one leads"),
        ("", seconds(latest), "at the latest: nobody is told of a renewal, followers poll it (P12)"),
        ("after a release", seconds(released), "at the latest, where followers poll; at once where notified"),
        (
            "a store away",
            seconds(max(0.0, away)),
            "for less than that costs no leader, even if it swallows requests",
        ),
        (
            "work to end",
            seconds(gap),
            f"from the renew deadline to the next leader; `run` kills it after {seconds(gap / 2)}",
        ),
        (
            "requests",
            f"{1 / retry:.3g}/s",
            "by the leader, and as many by each follower (fewer where notified)",
        ),
    ]


def seconds(value: float) -> str:
    """Write a duration with three digits, in a unit that suits."""
    if value < 1:
        return f"{value * 1000:.3g} ms"
    return f"{value:.3g} s" if value < LONG else f"{value:.0f} s"
