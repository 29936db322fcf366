"""What explorations of small worlds have in common: what is asserted of one, and how its programs run."""

from __future__ import annotations

import sys

import pytest

from incumbent.testing.exploration import explore
from support.project import ROOT
from support.sizes import EXPLORE

PAGE = ROOT / "docs" / "reference" / "exploration.md"
NOT_SMALL = pytest.mark.skipif(EXPLORE == "small", reason="INCUMBENT_EXPLORE is small")
LARGE_ONLY = pytest.mark.skipif(EXPLORE != "large", reason="INCUMBENT_EXPLORE is not large")


def no_rule_can_be_broken(world, depth, states, transitions, deepest):
    """In all of a world, or as far as `depth`; the counts show whoever changes what decides that it did."""
    result = explore(world, depth=depth)
    sys.stdout.write(f"{world}\n{result}\n")
    result.check()
    assert [result.states, result.transitions, result.depth] == [states, transitions, deepest]
    assert result.is_closed == (depth is None)
    assert 0 < result.slowest_election <= world.election_bound


def not_on_the_page(worlds):
    """Which worlds' pinned counts the page of the exploration does not give."""
    page = PAGE.read_text("utf-8")
    return [
        name
        for name, (_world, _depth, states, transitions, _deepest) in worlds.items()
        if f"| {states:,} | {transitions:,} |" not in page
    ]


def run(program):
    """The test that a violation is shown by."""
    names = {}
    exec(compile(program, "trace", "exec"), names)
    next(names[name] for name in names if name.startswith("test_"))()
