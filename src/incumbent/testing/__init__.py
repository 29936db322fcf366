"""The testing kit: what our own tests are made of, and yours can be.

Everything here is public; the properties of a run, one function each, are named in `properties`. Names are
imported when they are first used, so that the fake clock costs nobody an import of Hypothesis or pytest. The
fixtures `fake_clock`, `memory_store` and `simulation` are there for pytest where this package is installed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from incumbent.testing.clock import FakeClock
    from incumbent.testing.exploration import Exploration, SmallWorld, explore
    from incumbent.testing.history import History
    from incumbent.testing.machine import ElectionMachine
    from incumbent.testing.profile import Profile
    from incumbent.testing.properties import PropertyViolated, check, violations
    from incumbent.testing.properties.coverage import sightings, sometimes, unseen
    from incumbent.testing.simulation.swarm import check_seed
    from incumbent.testing.simulation.verbs import Simulation
    from incumbent.testing.stores.contract import LeaseStoreContract
    from incumbent.testing.stores.machine import LeaseStoreMachine
    from incumbent.testing.timeline import Timeline, report

_HOMES: Final = {
    "properties": ("PropertyViolated", "check", "violations"),
    "clock": ("FakeClock",),
    "stores.contract": ("LeaseStoreContract",),
    "exploration": ("Exploration", "SmallWorld", "explore"),
    "history": ("History",),
    "machine": ("ElectionMachine",),
    "profile": ("Profile",),
    "properties.coverage": ("sightings", "sometimes", "unseen"),
    "simulation.verbs": ("Simulation",),
    "stores.machine": ("LeaseStoreMachine",),
    "simulation.swarm": ("check_seed",),
    "timeline": ("Timeline", "report"),
}
_HOME: Final = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "ElectionMachine",
    "Exploration",
    "FakeClock",
    "History",
    "LeaseStoreContract",
    "LeaseStoreMachine",
    "Profile",
    "PropertyViolated",
    "Simulation",
    "SmallWorld",
    "Timeline",
    "check",
    "check_seed",
    "explore",
    "report",
    "sightings",
    "sometimes",
    "unseen",
    "violations",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'incumbent.testing' has no attribute {name!r}")
    return getattr(import_module(f"incumbent.testing.{_HOME[name]}"), name)
