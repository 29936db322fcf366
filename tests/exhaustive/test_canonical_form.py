"""What the exploration takes for the same is the same: no step is lost by it, and none is added."""

import random

import pytest

from incumbent.core.messages import Abstain, Ended, Resign, Start, Stop, StoreChanged
from incumbent.testing.exploration import SmallWorld
from incumbent.testing.exploration.graph import Graph
from support.simulation import naive_world

WORLDS = [
    SmallWorld(in_flight=2, duplicates=True),
    SmallWorld(errors=True, crashes=True, takeover_delay=1, resign_requests=True, touches=True),
    SmallWorld(lease_duration=5, renew_deadline=3, in_flight=2, crashes=True, errors=True),
    SmallWorld(
        lease_duration=3,
        renew_deadline=3,
        skew=0,
        resign_requests=True,
        inputs=(Resign(), Resign(release=False), Stop(), Abstain(), Start(), StoreChanged(), Ended()),
    ),
    SmallWorld(
        candidates=3, crashes=True, takeover_delay=1, resign_requests=True, inputs=(Resign(), Ended())
    ),
]


@pytest.mark.parametrize("world", WORLDS, ids=["messages", "touches", "failures", "inputs", "three"])
def test_a_walk_in_real_coordinates_meets_the_same_choices(world):
    """Where clocks go on and no version or session repeats, electors can do just what the graph says."""
    graph, terms = Graph(world), 0
    for seed in range(12):
        chance, naive = random.Random(seed), naive_world.beginning(world)
        care = chance.choice([0.3, 0.6, 0.85])
        for step in range(100):
            choices = list(naive_world.successors(world, naive))
            reached = {naive_world.canonical(graph, choice): choice for choice in choices}
            here = naive_world.canonical(graph, naive)
            assert set(reached) == set(graph.successors(here)), f"{seed=} {step=}"
            naive = stroll(reached.get(graph.obliging(here)), naive, reached, chance, care)
        terms += naive.granted
    assert terms >= 4, "the walks never got anywhere"


def stroll(good, naive, reached, chance, care):
    """With care on to an election and through it; else anywhere."""
    later = [choice for choice in reached.values() if choice.clocks != naive.clocks]
    if chance.random() < care and (good or later):
        return good or chance.choice(later)
    return chance.choice(list(reached.values()))
