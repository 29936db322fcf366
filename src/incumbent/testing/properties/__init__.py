"""The properties of every run: one function each, from a `History` to its violations.

S1 to S6 (`safety`), E1 to E6 and E8 to E10 (`conduct`) are always owed, but for what the promise does not
cover (`History.excused`); E7 and L1 to L5 (`liveness`) are owed where a run says that all faults are over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from incumbent.errors import ElectionError
from incumbent.testing.history import History, Violation
from incumbent.testing.properties.liveness import (
    LIVENESS,
    crash_is_survived,
    election,
    leader_is_known_to_all,
    leadership_is_stable,
    no_churn,
    release_hands_over,
)
from incumbent.testing.properties.process import (
    CONDUCT,
    hold_is_kept,
    missing_is_waited_out,
    moves_are_declared,
    no_known_rival,
    one_request_in_flight,
    release_is_last,
    started_and_stopped_alternate,
    stopped_is_final,
    successor_comes_first,
    term_is_over_when_told,
    unknown_outcome_proves_nothing,
)
from incumbent.testing.properties.safety import (
    SAFETY,
    exclusion,
    fenced_register,
    fencing,
    one_history,
    patience,
    trust_bound,
)
from incumbent.testing.properties.work import (
    WORK,
    every_end_is_told_once,
    failure_backs_off,
    no_work_beside_work,
    nothing_is_left,
    release_waits_for_all,
    stop_is_in_time,
    terms_end_for_a_cause,
    work_is_told_at_once,
)

__all__ = [
    "PROPERTIES",
    "Property",
    "PropertyViolated",
    "check",
    "crash_is_survived",
    "election",
    "every_end_is_told_once",
    "exclusion",
    "failure_backs_off",
    "fenced_register",
    "fencing",
    "hold_is_kept",
    "leader_is_known_to_all",
    "leadership_is_stable",
    "missing_is_waited_out",
    "moves_are_declared",
    "no_churn",
    "no_known_rival",
    "no_work_beside_work",
    "nothing_is_left",
    "one_history",
    "one_request_in_flight",
    "patience",
    "release_hands_over",
    "release_is_last",
    "release_waits_for_all",
    "started_and_stopped_alternate",
    "stop_is_in_time",
    "stopped_is_final",
    "successor_comes_first",
    "term_is_over_when_told",
    "terms_end_for_a_cause",
    "trust_bound",
    "unknown_outcome_proves_nothing",
    "violations",
    "work_is_told_at_once",
]

Property: TypeAlias = Callable[[History], Iterator[Violation]]

PROPERTIES: Final[tuple[Property, ...]] = (*SAFETY, *CONDUCT, *WORK, *LIVENESS)


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
