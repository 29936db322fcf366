"""The testing kit: what our own tests are made of, and yours can be.

Everything here is public; the properties of a run, one function each, are named in `checkers`. Names are
imported when they are first used, so that the fake clock costs nobody an import of Hypothesis or pytest. The
fixtures `fake_clock`, `memory_store` and `simulation` are there for pytest where this package is installed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from incumbent.testing.checkers import PropertyViolated, check, violations
    from incumbent.testing.clock import FakeClock
    from incumbent.testing.contract import LeaseStoreContract
    from incumbent.testing.exploration import Exploration, SmallWorld, explore
    from incumbent.testing.history import History
    from incumbent.testing.machine import ElectionMachine
    from incumbent.testing.profile import Profile
    from incumbent.testing.sightings import sightings, sometimes, unseen
    from incumbent.testing.simulation import Simulation
    from incumbent.testing.store_machine import LeaseStoreMachine
    from incumbent.testing.swarm import check_seed
    from incumbent.testing.timeline import Timeline, report

_HOMES: Final = {
    "checkers": ("PropertyViolated", "check", "violations"),
    "clock": ("FakeClock",),
    "contract": ("LeaseStoreContract",),
    "exploration": ("Exploration", "SmallWorld", "explore"),
    "history": ("History",),
    "machine": ("ElectionMachine",),
    "profile": ("Profile",),
    "sightings": ("sightings", "sometimes", "unseen"),
    "simulation": ("Simulation",),
    "store_machine": ("LeaseStoreMachine",),
    "swarm": ("check_seed",),
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
