"""Every interleaving of a small world, on the shipped elector and term, until there is nothing new.

    explore(SmallWorld()).check()  # raises with the shortest trace, as a program, if a rule can be broken

In the order in which to read: `world` (what it is made of), `deeds` (what can happen), `rules` and
`user_code` (what must not), `canonical` (what counts as the same), `relations`, `tables` and `graph` (how
millions of states are made of a few thousand situations), `search` (the walk through them), `program` (the
way back to real clocks). The numbers, and what they show, are in `docs/reference/exploration.md`.
"""

from __future__ import annotations

from incumbent.testing.exploration.search import Exploration, Violation, explore
from incumbent.testing.exploration.world import SmallWorld

__all__ = ["Exploration", "SmallWorld", "Violation", "explore"]
