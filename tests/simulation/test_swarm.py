"""The swarm: every seed another world; every property must hold in it, and everything must be seen sometimes.

More seeds: INCUMBENT_SEEDS=10000 pytest tests/simulation/test_swarm.py
One seed:   python -m incumbent.testing.simulation.swarm SEED
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from incumbent.testing import PropertyViolated, Simulation, check_seed, sometimes

SEEDS = int(os.environ.get("INCUMBENT_SEEDS", "80"))
PINNED = [
    int(line.split()[0])
    for line in (Path(__file__).parent / "seeds.txt").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
]


@pytest.mark.timeout(600 + SEEDS)  # seconds on a free core, minutes on a busy one
def test_every_seed_keeps_every_promise():
    """S1 to S6, E1 to E7 and L1 to L5 in every world; a batch that never saw something is an empty one."""
    sometimes(check_seed(seed).history for seed in (*range(SEEDS), *PINNED))


def test_a_batch_in_which_nothing_happened_is_an_empty_one():
    """However well every property holds in it."""
    calm = Simulation(seed=1)
    calm.run_for(100)
    calm.check()
    with pytest.raises(PropertyViolated, match=r"^no run saw: takeover after a pause, .*, three terms"):
        sometimes([calm.history])


@pytest.mark.parametrize("seed", PINNED)
def test_seeds_that_found_something_pass(seed):
    """A seed stays for as long as it is a different story from the others."""
    check_seed(seed)
