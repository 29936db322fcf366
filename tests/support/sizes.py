"""How much of what takes long is done: little where somebody waits for it, more in `.ci/run`, all at night.

INCUMBENT_CLAUSES    few, some or all: of rules, conditions and clauses, which are broken one by one
INCUMBENT_EXPLORE    small, closed or large: worlds of which every interleaving is tried
"""

from __future__ import annotations

import os

CLAUSES = os.environ.get("INCUMBENT_CLAUSES", "few")
EXPLORE = os.environ.get("INCUMBENT_EXPLORE", "small")


def sample(things, *, few, some):
    """One in so many, of few and of some; or all."""
    return list(things)[:: {"few": few, "some": some, "all": 1}[CLAUSES]]
