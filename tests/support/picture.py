"""Draw docs/failover.svg, README's picture, from a simulated election: `python tests/support/picture.py`."""

from __future__ import annotations

from pathlib import Path

from incumbent.testing import Simulation, Timeline

PICTURE = Path(__file__).parents[2] / "docs" / "failover.svg"


def drawn() -> str:
    """A leader crashes; later the next one is cut off from the store, and stops before a third one starts."""
    world = Simulation(candidates=3, seed=4)
    world.run_for(12)
    world.crash("leader")
    world.run_for(28)
    world.partition("leader")
    world.run_for(30)
    world.check()
    return Timeline(world.history).svg(until=70.0)


if __name__ == "__main__":
    PICTURE.write_text(drawn())
