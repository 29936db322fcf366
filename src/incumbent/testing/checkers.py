"""What must hold of every run: one function a property, each from a `History` to its violations.

S1 to S6 (`safety`), E1 to E6, E8 and E9 (`conduct`) are always owed, but for what the promise does not cover
(`History.excused`); E7 and L1 to L5 (`liveness`) are owed where a run says that all faults are over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from incumbent.errors import ElectionError
from incumbent.testing.conduct import CONDUCT
from incumbent.testing.history import History, Violation
from incumbent.testing.liveness import LIVENESS
from incumbent.testing.safety import SAFETY

Property: TypeAlias = Callable[[History], Iterator[Violation]]

PROPERTIES: Final[tuple[Property, ...]] = (*SAFETY, *CONDUCT, *LIVENESS)


class PropertyViolated(ElectionError, AssertionError):
    """A run broke its promise; the message names each property, when it broke, and how."""


def violations(history: History) -> list[Violation]:
    """All that is wrong with a run, in order of time."""
    found = [wrong for rule in PROPERTIES for wrong in rule(history)]
    return sorted(found, key=lambda wrong: wrong.at)


def check(history: History) -> None:
    """Hold a run against every property.

    Raises:
        PropertyViolated: With all violations, the first in time first.
    """
    found = violations(history)
    if found:
        raise PropertyViolated("\n".join(str(wrong) for wrong in found[:20]))
