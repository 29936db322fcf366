"""Build and run the simulation behind `incumbent simulate`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from itertools import cycle, islice
from typing import Final

from incumbent.config import ElectorConfig
from incumbent.errors import ConfigurationError
from incumbent.lease import to_ns
from incumbent.testing.history import History, Invoked, Struck, Violation
from incumbent.testing.profile import Profile
from incumbent.testing.simulation.faults import INSIDE, STRIKES
from incumbent.testing.simulation.swarm import demand_liveness, draw
from incumbent.testing.simulation.verbs import NAMES, Simulation
from incumbent.testing.timeline.parts import firsts
from incumbent.testing.timeline.words import named

CANDIDATES: Final = 3
SLICE: Final = to_ns(600)
"""Progress is told so often, in virtual time; what fits into one is quick."""


def prepare(seed: int, faults: str = "drawn", candidates: int | None = None) -> Simulation:
    """The world of this seed at its beginning: drawn, or with the default settings and these faults.

    Args:
        seed: Decides everything.
        faults: "drawn", "none", "all" within the promise, or names of faults, separated by commas.
        candidates: How many; as drawn, or 3, by default.

    Raises:
        ConfigurationError: There is no such fault, or too many candidates.
    """
    if faults == "drawn":
        drawn = draw(seed)
        if candidates is None:
            return drawn
        configs = islice(zip(NAMES, cycle(drawn.history.configs.values())), candidates)
        settings = [replace(config, identity=name) for name, config in configs]
        return Simulation(configs=settings, profile=drawn.profile, seed=seed)
    given = {"none": [], "all": [strike.__name__ for strike in INSIDE]}.get(faults, faults.split(","))
    for fault in given:
        if fault not in STRIKES:
            known = ", ".join(("drawn", "none", "all", *STRIKES))
            raise ConfigurationError(f"faults is {faults!r}, but there is no {fault!r}: give some of {known}")
    lease = ElectorConfig("a").lease_ns
    profile = Profile(
        strikes=tuple(given),
        strike_every=2 * lease,
        drift="drift" in given,
        wind_down=lease // 4,
        work_every=lease // 4,
    )
    return Simulation(candidates or CANDIDATES, profile=profile, seed=seed)


def run(
    simulation: Simulation,
    until: int,
    track: Callable[[Sequence[int]], AbstractContextManager[Iterable[int]]] = nullcontext,
) -> None:
    """Let faults strike until this true time; then end them all, and demand a leader.

    Args:
        simulation: The world.
        until: In nanoseconds.
        track: Given the times at which progress is to be told, if there are several; see `tracked`.
    """
    instants = [*range(SLICE, until, SLICE), until]
    with (track if len(instants) > 1 else nullcontext)(instants) as times:
        for at in times:
            simulation.run_until(at)
    demand_liveness(simulation)


def verdict(history: History, found: Sequence[Violation]) -> list[str]:
    """Summarise the result, in lines."""
    terms, requests = len(history.terms()), len(history.of(Invoked))
    faults = sum(one.verb not in {"run_until", "heal", "resume", "restart"} for one in history.of(Struck))
    counts = f"{terms} terms, {requests} requests, {faults} faults"
    if not found:
        return [f"{counts}: every property holds"]
    broken = [f"VIOLATED: {named(one.rule)}, at {one.at / 1e9:.9f} s: {one.what}" for one in firsts(found)]
    return [f"{counts}: {len(found)} violations", *broken]
