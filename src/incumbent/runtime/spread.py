"""How late a follower looks, so that not all look at once (P12)."""

from __future__ import annotations

from collections.abc import Callable
from math import log, log1p
from typing import Final

from incumbent.core.elector import Elector
from incumbent.core.states import FOLLOWER

EXPIRY_SPREAD_NS: Final = 10 * 10**6
"""Over how long the looks of followers at a lease that expires are spread, at most."""

CROWD: Final = 1000
"""How many times as often they look at the end of that as at its beginning."""


def few_first(draw: float) -> float:
    """Return which part of a spread to let pass, of a draw that is uniform from 0 to 1.

    Looks grow exponentially more frequent. So whoever is first is about as far ahead of the second in a
    thousand as in ten, and nobody needs to know how many they are: with a uniform draw the time that a claim
    takes sees none of three, but dozens of a thousand. After Jamieson, Balakrishnan and Tay, "Sift: A MAC
    Protocol for Event-Driven Wireless Sensor Networks" (2003).
    """
    return log1p(draw * (CROWD - 1)) / log(CROWD)


def look_at(wake_at: int, elector: Elector, random: Callable[[], float]) -> int:
    """Return when to wake an elector: a follower looks late by some jitter, less if it is to succeed (P12).

    A deadline is kept.
    """
    config = elector.config
    if elector.state != FOLLOWER or elector.pending is not None or elector.leaving is not None:
        return wake_at
    spread, draw = config.jitter * config.retry_ns, random()
    if wake_at == elector.observation.claimable_at(config):
        spread, draw = min(spread, EXPIRY_SPREAD_NS), few_first(draw)
    return wake_at + round(draw * spread)
