"""The walk through all states of a small world, breadth first, and what it saw."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from incumbent.testing.exploration.graph import BrokenRule, Edge, Graph
from incumbent.testing.exploration.program import Happening, replay
from incumbent.testing.exploration.world import SmallWorld


@dataclass(frozen=True)
class Violation:
    """A rule that can be broken, and how.

    Attributes:
        rule: Its name, and what was seen.
        happenings: The shortest trace that leads there.
        program: The same as a Python program, a test that fails by itself.
        is_replayed: Whether the trace breaks the rule in real coordinates too. If not, the elector decides by
            something that the canonical form forgets, and that is the finding.
    """

    rule: str
    happenings: tuple[Happening, ...]
    program: str
    is_replayed: bool


@dataclass(frozen=True)
class Exploration:
    """The result of an exploration.

    Attributes:
        world: What was explored.
        states: How many different states there are.
        transitions: How many steps lead from them.
        depth: The length of the longest of the shortest traces to a state.
        is_closed: Whether there is nothing more to see; else it was cut off.
        seconds: How long it took.
        slowest_election: For how many steps nobody leads where it takes longest, once all is in good order;
            None if that was not looked at.
        violation: The first rule that was broken, or None.
    """

    world: SmallWorld
    states: int
    transitions: int
    depth: int
    is_closed: bool
    seconds: float
    slowest_election: int | None
    violation: Violation | None

    def check(self) -> None:
        """Do nothing if no rule was broken.

        Raises:
            AssertionError: The rule, and the program that breaks it.
        """
        if self.violation is not None:
            raise AssertionError(f"{self.violation.rule}\n\n{self.violation.program}")

    def __str__(self) -> str:
        verdict = "no rule is broken" if self.violation is None else self.violation.rule
        extent = "closed" if self.is_closed else "cut off"
        return (
            f"{verdict}: {self.states:,} states, {self.transitions:,} transitions, {extent} at depth "
            f"{self.depth}, slowest election {self.slowest_election}, {self.seconds:.1f} s"
        )


def explore(
    world: SmallWorld,
    *,
    depth: int | None = None,
    recovers: bool = True,
    on_level: Callable[[int, int], None] | None = None,
) -> Exploration:
    """Walk through all states of a world, breadth first, and hold every rule against every step and state.

    Then let the world be in good order from each of these states on: somebody must lead within
    `world.election_bound` steps (L1), and there must be a leader for ever from some moment on (L2).

    Args:
        world: What to explore.
        depth: How many happenings a trace may have; None: until there is nothing new.
        recovers: Whether to look at L1 and L2 at all.
        on_level: Called after each level with the depth and the number of states, to show progress.
    """
    begun, transitions, level = time.perf_counter(), 0, 0
    graph = Graph(world)
    came_from = {graph.beginning(): -1}
    frontier, violation, slowest = [graph.beginning()], None, None
    try:
        while frontier and (depth is None or level < depth):
            frontier, steps = _next_level(graph, came_from, frontier)
            transitions += steps
            level += bool(frontier)
            if on_level is not None:
                on_level(level, len(came_from))
        if recovers:
            slowest = _slowest_election(graph, came_from)
    except _FoundError as found:
        violation = _violation(graph, came_from, found)
    seconds = time.perf_counter() - begun
    is_closed = violation is None and not frontier
    return Exploration(world, len(came_from), transitions, level, is_closed, seconds, slowest, violation)


class _FoundError(Exception):
    """A rule is broken after the last of these states, by this edge if it is not broken by the state."""

    def __init__(self, rule: str, states: list[int], edge: Edge | None = None) -> None:
        super().__init__(rule)
        self.rule, self.states, self.edge = rule, states, edge


def _next_level(graph: Graph, came_from: dict[int, int], frontier: list[int]) -> tuple[list[int], int]:
    found, transitions = [], 0
    for state in frontier:
        try:
            successors = graph.successors(state)
        except BrokenRule as broken:
            raise _FoundError(broken.rule, [state], broken.edge) from None
        transitions += len(successors)
        for new in successors:
            if new not in came_from:
                came_from[new] = state
                found.append(new)
    return found, transitions


def _slowest_election(graph: Graph, states: dict[int, int]) -> int:
    """The longest time without a leader in good order, after any of these states."""
    waits: dict[int, int] = {}
    slowest = 0
    for state in states:
        if state in waits or not graph.is_contended(state):
            continue
        path, ticks, at = [], [], state
        while at not in waits:
            waits[at] = 0  # on the path
            path.append(at)
            at, is_tick = _in_good_order(graph, path)
            ticks.append(is_tick)
        if at in path:
            begin = path.index(at)
            if not any(ticks[begin:]):
                raise _FoundError("L2: a candidate is busy for ever at one instant", path)
            if not all(map(graph.has_leader, path[begin:])):
                raise _FoundError("L2: nobody comes to lead for ever", path)
        for before, is_tick in zip(reversed(path), reversed(ticks), strict=True):
            waits[before] = 0 if graph.has_leader(before) else waits[at] + is_tick
            at = before
        slowest = max(slowest, waits[state])
        if waits[state] > graph.world.election_bound:
            raise _FoundError(f"L1: nobody leads for {waits[state]} steps of good order", path)
    return slowest


def _in_good_order(graph: Graph, path: list[int]) -> tuple[int, bool]:
    try:
        after = graph.obliging(path[-1])
    except BrokenRule as broken:
        raise _FoundError(broken.rule, path, broken.edge) from None
    return (graph.tick(path[-1]), True) if after is None else (after, False)


def _violation(graph: Graph, came_from: dict[int, int], found: _FoundError) -> Violation:
    states = found.states
    while came_from.get(states[0], -1) != -1:
        states = [came_from[states[0]], *states]
    happenings, seats = [], list(range(graph.world.candidates))
    for before, after in pairwise(states):
        edge = graph.edge(before, after)
        happenings.append(Happening(None if edge.seat is None else seats[edge.seat], edge.action))
        if edge.order is not None:
            seats = [seats[seat] for seat in edge.order]
    if found.edge is not None and found.edge.seat is not None:
        happenings.append(Happening(seats[found.edge.seat], found.edge.action))
    walked = replay(graph.world, happenings)
    is_replayed = walked.broken == found.rule or found.rule.startswith("L")
    return Violation(found.rule, tuple(happenings), walked.program(found.rule), is_replayed)
