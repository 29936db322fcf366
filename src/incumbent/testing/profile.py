"""Profiles of simulated worlds, from perfect to hostile. The default is quick and without faults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from incumbent.config import ElectorConfig

MILLISECOND: Final = 1_000_000
REQUEST_TROUBLES: Final = ("lose", "slow", "repeat", "reject")
CODE_TROUBLES: Final = ("return", "raise", "hang", "stop", "resign")
ANSWER_TROUBLES: Final = ("lose", "slow", "repeat", "garble", "stale")

Rates = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Profile:
    """The faults of a run. All times are in nanoseconds of true time.

    Attributes:
        delay: Every message's least and greatest time on its way.
        unit: The grid of drawn sizes; with `gridded`, of everything (F22).
        requests: (trouble, how many in a million) of requests: lose (F1), slow (F3), repeat (F5), or
            reject for certain (F16).
        answers: The same of answers: lose (F2), slow (F4), repeat (F6), garble into nonsense or the answer
            to another question (F16), or stale: read from a replica that lags.
        strikes: Which faults strike from time to time: names of `simulation.faults.STRIKES`.
        strike_every: The mean time from one strike to the next; 0: none.
        drift: Candidates' clocks start at the extremes of their declared drift, or anywhere between (F13).
        gridded: Delays are whole units and may be 0, so that ties happen (F22).
        wind_down: The longest that user code takes to end: work that is asked to, and `on_stopped_leading`.
        stop_timeout: How long it may take before it is left behind.
        releases: Whether a campaign that stops releases the lease.
        hold: For how long from the beginning of a term nobody should claim the lease again, if its work
            returned by itself (P16). Where it is not 0 wall clocks tell the true time, until they are turned.
        code: (trouble, how many in a million) of user code: it may return or raise by itself, hang until all
            faults end (F19), or stop its campaign or resign from inside.
        watches: The same of watches: refuse them, or have them mute, so that they tell that something
            changed, and not what.
        work_every: How often a leader's work writes to the guarded resource; 0: never.
        offsets: Clocks start anywhere in plus or minus this.
    """

    delay: tuple[int, int] = (1 * MILLISECOND, 10 * MILLISECOND)
    unit: int = 1000 * MILLISECOND
    requests: Rates = ()
    answers: Rates = ()
    strikes: tuple[str, ...] = ()
    strike_every: int = 0
    drift: bool = False
    gridded: bool = False
    wind_down: int = 0
    stop_timeout: int = 30_000 * MILLISECOND
    releases: bool = True
    hold: int = 0
    code: Rates = ()
    watches: Rates = ()
    work_every: int = 0
    offsets: int = 10**18


def sizes(config: ElectorConfig, unit: int) -> tuple[int, ...]:
    """Return the useful sizes of a fault, in nanoseconds, smallest first.

    Every whole unit up to the lease duration and two more, and each threshold of the protocol with its
    neighbours: what a menu of round numbers misses lies between two of them.
    """
    lease, deadline = config.lease_ns, config.renew_deadline_ns
    whole = range(0, lease + 2 * unit + 1, unit)
    thresholds = (deadline, lease, lease - deadline, config.request_timeout_ns)
    near = (at + step for at in thresholds for step in (-unit, -1, 0, 1, unit))
    return tuple(sorted({size for size in (*whole, *near) if size >= 0}))
