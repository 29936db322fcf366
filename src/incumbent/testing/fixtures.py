"""Fixtures for pytest, there for every project that has this package installed.

Importing this module imports nothing else of the package, so a project that uses none pays for none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from incumbent.stores.memory import MemoryStore
    from incumbent.testing.clock import FakeClock
    from incumbent.testing.simulation.verbs import Simulation


# Their assertions explain themselves, as those of a test module do.
pytest.register_assert_rewrite(
    "incumbent.testing.stores.contract",
    "incumbent.testing.stores.fixtures",
    "incumbent.testing.stores.machine",
)


@pytest.fixture
def fake_clock() -> FakeClock:
    """A `FakeClock` at 0 s."""
    from incumbent.testing.clock import FakeClock  # noqa: PLC0415  # only who uses it pays

    return FakeClock()


@pytest.fixture
def memory_store() -> Callable[..., MemoryStore]:
    """Opens stores in memory: `memory_store()`, or `memory_store("name")`.

    All that one test opens under one name share a record, and share it with no other test.
    """
    from incumbent.stores.memory import MemorySpace, MemoryStore  # noqa: PLC0415  # only who uses it pays

    space = MemorySpace()

    def open_store(name: str = "lease") -> MemoryStore:
        return MemoryStore(name, space=space)

    return open_store


@pytest.fixture
def simulation() -> type[Simulation]:
    """The class `Simulation`: `simulation(candidates=3, seed=7)`."""
    from incumbent.testing.simulation.verbs import Simulation  # noqa: PLC0415  # only who uses it pays

    return Simulation
