"""The swarm: every seed is another world, with other settings, other faults and other sizes of them.

    python -m incumbent.testing.simulation.swarm SEED...

A run is struck for a while; then everything heals, and a leader is demanded (`demand_liveness`).
"""

from __future__ import annotations

import gc
import sys
import time
from dataclasses import replace
from random import Random
from typing import Any, Final

from incumbent.config import ElectorConfig
from incumbent.lease import NANOSECONDS, StoreGuarantees
from incumbent.testing.profile import ANSWER_TROUBLES, CODE_TROUBLES, REQUEST_TROUBLES, Profile, Rates
from incumbent.testing.properties import PropertyViolated, violations
from incumbent.testing.properties.liveness import election_bound, handover_bound, patience
from incumbent.testing.simulation.faults import INSIDE, OUTSIDE, urge
from incumbent.testing.simulation.participants import MILLION
from incumbent.testing.simulation.verbs import NAMES, Simulation
from incumbent.tracked import tracked

STRUCK_FOR: Final = 30
"""How many lease durations of faults a run has."""

STABLE_FOR: Final = 10
"""For how many lease durations the same leader is demanded (L2)."""


def draw(seed: int) -> Simulation:
    """The world of this seed, at its beginning."""
    random = Random(seed)  # noqa: S311 - not a secret
    if _percent(random, 20):
        return _draw_gridded(random, seed)
    drift = random.choice((0.0, 0.001, 0.01, 0.1))
    configs: list[ElectorConfig] = []
    shared = _draw_timing(random, drift)
    for name in NAMES[: random.choice((2, 2, 3, 3, 4))]:
        timing = shared if _percent(random, 80) else _draw_timing(random, drift)
        configs.append(ElectorConfig(name, **timing))
    lease = max(config.lease_ns for config in configs)
    profile = _draw_profile(random, seed, lease)
    # When all is well again, a round trip must fit into everybody's request timeout.
    calm = min(profile.delay[0], min(config.request_timeout_ns for config in configs) // 4)
    hold = Random(f"hold {seed}").choice((0, lease // 2, 3 * lease))  # noqa: S311 - as above
    profile = replace(profile, delay=(calm, profile.delay[1]), drift=drift > 0, hold=hold)
    return Simulation(configs=configs, profile=profile, seed=seed)


def _draw_timing(random: Random, drift: float) -> dict[str, Any]:
    lease = random.choice((4.0, 10.0, 15.0))
    most = lease * (1 - drift) / (1 + drift) - 1e-8
    deadline = random.choice((most, lease * 2 / 3, lease * random.uniform(0.3, 0.7)))
    retry = deadline * random.choice((0.2, 0.25, 0.4))
    jitter = random.choice((0.0, 0.1, 0.5))
    left = deadline - retry * (1 + jitter)
    watches = _percent(random, 30)
    return {
        "lease_duration": lease,
        "renew_deadline": deadline,
        "retry_period": retry,
        "jitter": jitter,
        "request_timeout": left * random.choice((0.1, 0.5, 0.95)),
        "takeover_delay": random.choice((0.0, 0.0, 0.0, lease / 4)),
        "clock_drift": drift,
        "guarantees": StoreGuarantees(durable=_percent(random, 80), can_watch=watches),
    }


def _draw_gridded(random: Random, seed: int) -> Simulation:
    """All times are small whole numbers, and the renew deadline is the whole lease: so that ties happen."""
    lease = random.choice((3, 4, 5))
    timing = {
        "lease_duration": lease,
        "renew_deadline": lease,
        "retry_period": 1,
        "request_timeout": lease - 2,
    }
    names = NAMES[: random.choice((2, 3))]
    guarantees = StoreGuarantees(durable=True)
    configs = [
        ElectorConfig(name, jitter=0, clock_drift=0, guarantees=guarantees, **timing) for name in names
    ]
    profile = _draw_profile(random, seed, lease * NANOSECONDS)
    unit = NANOSECONDS // random.choice((1, 2))
    slowest = random.choice((0, unit)) if profile.strikes else 0
    profile = replace(profile, delay=(0, slowest), unit=unit, gridded=True)
    return Simulation(configs=configs, profile=profile, seed=seed)


def _draw_profile(random: Random, seed: int, lease: int) -> Profile:
    """A random half of all faults, at rates of their own; now and then one outside the promise, or none."""
    if _percent(random, 5):
        return Profile(work_every=lease // 4)
    strikes = [strike.__name__ for strike in INSIDE if strike is not urge and _percent(random, 40)]
    if _percent(Random(f"urge {seed}"), 40):  # noqa: S311 - drawn apart: the worlds without it stay as they were
        strikes.append(urge.__name__)
    if _percent(random, 15):
        strikes += [strike.__name__ for strike in OUTSIDE if _percent(random, 50)]
    slowest = random.choice((lease // 1000, lease // 100, lease // 20))
    return Profile(
        delay=(slowest // 20, slowest),
        unit=lease // random.choice((4, 10, 15)),
        requests=_draw_rates(random, REQUEST_TROUBLES),
        answers=_draw_rates(random, ANSWER_TROUBLES),
        strikes=tuple(strikes),
        strike_every=int(lease * random.choice((0.3, 1, 3))),
        wind_down=random.choice((0, lease // 4, lease)),
        stop_timeout=int(lease * random.choice((0.5, 2))),
        releases=_percent(random, 90),
        code=_draw_rates(random, CODE_TROUBLES),
        watches=(("refuse", random.choice((0, MILLION // 3))), ("mute", MILLION // 3)),
        work_every=lease // random.choice((2, 8)),
    )


def _draw_rates(random: Random, troubles: tuple[str, ...]) -> Rates:
    if _percent(random, 40):
        return ()
    most = random.choice((MILLION // 100, MILLION // 20, MILLION // 5))
    return tuple((trouble, random.randrange(most)) for trouble in troubles if _percent(random, 50))


def _percent(random: Random, likely: int) -> bool:
    return random.random() * 100 < likely


def run(seed: int) -> Simulation:
    """The whole run of this seed: strikes, then recovery and what is owed then. Nothing is checked yet."""
    simulation = draw(seed)
    lease = max(config.lease_ns for config in simulation.history.configs.values())
    if not (simulation.profile.strikes or simulation.profile.requests or simulation.profile.answers):
        simulation.mark("no churn", STRUCK_FOR * lease)
    simulation.run_until(STRUCK_FOR * lease)
    demand_liveness(simulation)
    return simulation


def demand_liveness(simulation: Simulation) -> None:
    """End every fault; demand a leader, a stable one that all know, then a handover and a succession."""
    configs = list(simulation.history.configs.values())
    election = election_bound(configs, simulation.profile)
    stable_for = STABLE_FOR * max(config.lease_ns for config in configs)
    simulation.recover()
    simulation.run_until(max(simulation.now, simulation.world.network.busy_until))
    simulation.mark("leader", election)
    simulation.run_until(simulation.now + 2 * election)
    simulation.mark("stability", stable_for)
    simulation.run_until(simulation.now + stable_for)
    simulation.mark("agreement")
    handover = handover_bound(configs, simulation.profile)
    if simulation.alive > 1:
        within = handover + patience(configs) + simulation.profile.wind_down
        simulation.mark("handover", within)
        simulation.resign("leader", "nobody who is here")
        simulation.run_until(simulation.now + within + election)  # who resigned stands aside no longer (P5d)
    for verb, demand, within in (("stop", "handover", handover), ("crash", "succession", election)):
        if simulation.alive > 1 and (verb != "stop" or simulation.profile.releases):
            simulation.mark(demand, within)
            getattr(simulation, verb)("leader")
            simulation.run_until(simulation.now + within)


def check_seed(seed: int) -> Simulation:
    """Run a seed and hold it against every property.

    Raises:
        PropertyViolated: What was violated, the world drawn, and the line that repeats it.
    """
    try:
        simulation = run(seed)
        found = violations(simulation.history)
    except Exception as error:
        raise PropertyViolated(f"an elector failed: {error!r}\n{repeat_line(seed)}") from error
    if found:
        from incumbent.testing.timeline import report  # noqa: PLC0415  # only a failure is drawn

        drawn = "\n".join(str(config) for config in simulation.history.configs.values())
        wrong = "\n".join(str(one) for one in found[:10])
        story = report(simulation.history, *found)
        raise PropertyViolated(f"{story}\n{wrong}\n{drawn}\n{simulation.profile}\n{repeat_line(seed)}")
    return simulation


def repeat_line(seed: int) -> str:
    """The one line that repeats a seed."""
    return f"repeat: python -m incumbent.testing.simulation.swarm {seed}"


def collect_seldom() -> None:
    """Look for garbage less often, in a process that does nothing but run seeds: a run makes little of it."""
    gc.freeze()
    gc.set_threshold(50_000)


def main(seeds: list[str]) -> None:
    """Check these seeds, and say how many events a second that was, checks included."""
    collect_seldom()
    events, began = 0, time.process_time()
    with tracked(seeds, "checking") as given:
        for seed in given:
            found = check_seed(int(seed)).events
            events += found
            print(seed, found, "events")
    seconds = time.process_time() - began
    rate = events / seconds
    print(f"{events:,} events in {seconds:.1f} s of processor time, {rate:,.0f} a second")


if __name__ == "__main__":
    main(sys.argv[1:])
