"""What the elector's modules are told of terms, where Python does not ask the values themselves.

A few names are put in the place of builtins, in the modules' namespaces, and one term each in the place of
`Lease.is_same_write`, `Lease.is_renewal_of` and `Observation.claimable_at`, which lemmas show to be the same.
How a store spells what is beside the write (`Lease._note`) is left out: nothing of it is a decision. All
other bytecode is as it was compiled.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import reduce
from typing import Any
from unittest.mock import patch

import z3

import incumbent.core.elector
import incumbent.core.leaving
import incumbent.core.observation
import incumbent.core.state
import incumbent.core.term
import incumbent.lease
import specs.conduct
import specs.projection
from incumbent.config import ElectorConfig
from incumbent.core.observation import Observation
from incumbent.lease import MAX_TRANSITIONS, Lease
from specs.code.proxies import Delta, Number, Power, Time, parts_of, session_of
from specs.proof.logic import every, is_term, larger, no, term_of


def _type(*of: Any) -> Any:
    """`type(now) is not int` is asked of integers."""
    return int if isinstance(of[0], Number) else builtins.type(*of)


def _timedelta(**parts: Any) -> Any:
    ticks = parts.get("microseconds")
    return Delta(ticks) if isinstance(ticks, Number) else timedelta(**parts)


def _extreme(choose: Callable[[Any, Any], Any], plain: Callable[..., Any]) -> Any:
    """`max` or `min` as one term: the path need not fork."""

    def chosen(*of: Any) -> Any:
        values = tuple(of[0]) if len(of) == 1 else of
        if isinstance(values[0], Power):
            return values[0].capped(values[1])
        if all(isinstance(value, Time) for value in values):
            return Time(reduce(choose, (value.ticks for value in values)))
        if not all(isinstance(value, (Number, int)) for value in values) or not any(map(is_term, values)):
            return plain(values)
        return reduce(choose, values)

    return chosen


IS_SAME_WRITE = Lease.is_same_write
"""As it is shipped; that `same_write` says the same for all values is a lemma."""


def same_write(one: Lease, other: Lease) -> Any:
    """`Lease.is_same_write` as one term: the path need not fork at each of its fields."""
    return every(*(getattr(one, name) == getattr(other, name) for name in WRITTEN))


WRITTEN = (
    *("holder_identity", "holder_session", "lease_duration"),
    *("leader_transitions", "renew_time", "acquire_time"),
)


IS_RENEWAL_OF = Lease.is_renewal_of
"""As it is shipped; that `renewal_of` says the same for all values is a lemma."""


def renewal_of(one: Lease, other: Lease) -> Any:
    """`Lease.is_renewal_of` as one term."""
    is_held, is_later = no(one.holder_identity == ""), one.renew_time > other.renew_time
    return every(is_held, one.holder_session == other.holder_session, is_later)


CLAIMABLE_AT = Observation.claimable_at
"""As it is shipped; that `claimable_at` says the same for all values is a lemma."""


def claimable_at(seen: Observation, config: ElectorConfig) -> Any:
    """`Observation.claimable_at` with one term for the wait: the path need not fork at what a record says."""
    if seen.stored is None or seen.since is None:
        return CLAIMABLE_AT(seen, config)
    if seen.highest_token == MAX_TRANSITIONS:
        return None
    lease, delay = seen.stored.lease, config.takeover_delay_ns
    names_another = _chosen(lease.successor == "", 0, 2 * config.retry_ns) + delay
    once_vacant = _chosen(lease.successor == config.identity, 0, names_another)
    is_held = no(lease.holder_identity == "")
    return seen.since + _chosen(is_held, lease.lease_duration_ns + delay, once_vacant)


def _note(lease: Lease) -> str:
    return lease.resign_requested_by


def _chosen(condition: Any, then: Any, otherwise: Any) -> Any:
    if not is_term(condition):
        return then if condition else otherwise
    return Number(z3.If(term_of(condition), term_of(then), term_of(otherwise)))


@contextmanager
def disguise() -> Iterator[None]:
    """Inside, the elector's modules take terms for values. Their code is what it is."""
    largest = _extreme(larger, max)
    smallest = _extreme(lambda a, b: a + b - larger(a, b), min)
    elector, state = incumbent.core.elector, incumbent.core.state
    names = [(elector, "type", _type), (incumbent.lease, "type", _type)]
    names += [(state, "timedelta", _timedelta), (state, "session_of", session_of)]
    names.append((specs.conduct, "timedelta", _timedelta))
    names += [(Lease, "is_same_write", same_write), (Lease, "is_renewal_of", renewal_of)]
    names += [(Observation, "claimable_at", claimable_at)]
    names += [(Lease, "_note", _note), (specs.projection, "parts_of", parts_of)]
    for module in (elector, incumbent.core.leaving, state, incumbent.core.observation):
        names += [(module, "max", largest), (module, "min", smallest)]
    names.append((incumbent.core.term, "min", smallest))
    with ExitStack() as stack:
        for module, name, value in names:
            stack.enter_context(patch.object(module, name, value, create=True))
        yield
