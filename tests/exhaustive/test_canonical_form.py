"""What the exploration takes for the same is the same: no step is lost by it, and none is added."""

import random

import pytest

from incumbent.core import (
    Abstain,
    AskedToResign,
    AskedToStop,
    Ended,
    Resign,
    Start,
    Stop,
    StoreChanged,
    TermConfig,
    WorkEnded,
)
from incumbent.testing.exploration import SmallWorld
from incumbent.testing.exploration.graph import Graph
from incumbent.testing.exploration.world import IDENTITY, STEP
from support.simulation import naive_world
from support.sizes import EXPLORE

WALKS = 6 if EXPLORE == "small" else 12

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
    SmallWorld(lease_duration=2, skew=0, holds=True, touches=True, crashes=True, inputs=(Stop(), Ended())),
    SmallWorld(
        lease_duration=2,
        skew=0,
        takeover_delay=1,
        touches=True,
        crashes=True,
        inputs=(Resign(successor=IDENTITY), Resign(successor="nobody"), Ended()),
    ),
    SmallWorld(
        candidates=3, crashes=True, takeover_delay=1, resign_requests=True, inputs=(Resign(), Ended())
    ),
    SmallWorld(
        lease_duration=3,
        renew_deadline=3,
        skew=0,
        resign_requests=True,
        term=TermConfig(lease_ns=3 * STEP, stop_timeout_ns=2 * STEP),
        endings=(WorkEnded(), WorkEnded(failed=True)),
        inputs=(AskedToResign("asked"), AskedToStop(STEP), AskedToStop(3 * STEP)),
    ),
    SmallWorld(
        crashes=True,
        errors=True,
        term=TermConfig(lease_ns=4 * STEP, stop_timeout_ns=STEP, tells=False, release=False),
        endings=(WorkEnded(failed=True),),
        inputs=(AskedToResign("asked"), StoreChanged()),
    ),
]
NAMES = ["messages", "touches", "failures", "inputs", "holds", "names", "three", "terms", "failing work"]


@pytest.mark.parametrize("world", WORLDS, ids=NAMES)
def test_a_walk_in_real_coordinates_meets_the_same_choices(world):
    """Where clocks go on and no version or session repeats, candidates can do just what the graph says."""
    graph, terms = Graph(world), 0
    for seed in range(WALKS):
        chance, naive = random.Random(seed), naive_world.beginning(world)
        care = chance.choice([0.3, 0.6, 0.85])
        for step in range(100):
            choices = list(naive_world.successors(world, naive))
            reached = {naive_world.canonical(graph, choice): choice for choice in choices}
            here = naive_world.canonical(graph, naive)
            assert set(reached) == set(graph.successors(here)), f"{seed=} {step=}"
            naive = stroll(reached.get(graph.obliging(here)), naive, reached, chance, care)
        terms += naive.granted
    assert terms >= WALKS // 3, "the walks never got anywhere"


def stroll(good, naive, reached, chance, care):
    """With care on to an election and through it; else anywhere."""
    later = [choice for choice in reached.values() if choice.clocks != naive.clocks]
    if chance.random() < care and (good or later):
        return good or chance.choice(later)
    return chance.choice(list(reached.values()))


def test_work_that_fails_again_and_again_is_soon_all_the_same():
    """The back-off doubles up to a bound, and in real coordinates the failures are counted on for ever."""
    world = SmallWorld(
        candidates=1,
        lease_duration=2,
        skew=0,
        term=TermConfig(lease_ns=2 * STEP, stop_timeout_ns=STEP, tells=False),
        endings=(WorkEnded(failed=True), WorkEnded()),
    )
    graph, naive = Graph(world), naive_world.beginning(world)
    while failures(naive) < 7:
        choices = list(naive_world.successors(world, naive))
        reached = {naive_world.canonical(graph, choice): choice for choice in choices}
        here = naive_world.canonical(graph, naive)
        assert set(reached) == set(graph.successors(here)), f"after {failures(naive)} failures"
        failed = [choice for choice in choices if failures(choice) > failures(naive)]
        later = [choice for choice in choices if choice.clocks != naive.clocks]
        naive = failed[0] if failed else reached.get(graph.obliging(here), later[0])


def failures(naive):
    term = naive.candidates[0].term
    return 0 if term is None else term.failures
