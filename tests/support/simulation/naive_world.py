"""A small world in real coordinates: its clocks go on, its versions and sessions never repeat.

It holds no canonical form, and so it is what the canonical form is held against.
"""

from __future__ import annotations

from typing import NamedTuple

from incumbent.core.messages import StartedLeading
from incumbent.testing.exploration.canonical import Canonizer
from incumbent.testing.exploration.deeds import actions, outcomes
from incumbent.testing.exploration.relations import Relation, Relations, places
from incumbent.testing.exploration.tables import switch_hold
from incumbent.testing.exploration.world import OPERATOR, STEP, Moment, Participant, StoredLease


class Naive(NamedTuple):
    """A state. `seen`: the highest token that each candidate saw; `used` counts sessions and versions."""

    candidates: tuple
    clocks: tuple
    seen: tuple
    record: StoredLease | None = None
    top: int = 0
    granted: int = 0
    used: int = 0


def beginning(world):
    count = world.candidates
    return Naive((Participant(),) * count, (0,) * count, (0,) * count)


def changed(values, at, value):
    return (*values[:at], value, *values[at + 1 :])


def successors(world, naive):
    """All states that one step leads to."""
    for who, candidate in enumerate(naive.candidates):
        now = naive.clocks[who] * STEP
        moment = Moment(now, f"session{naive.used}", naive.used + 1)
        for action in actions(world, candidate, now):
            for _, outcome in outcomes(world, candidate, naive.record, action, moment):
                assert not outcome.broken, outcome.broken
                yield after(naive, who, outcome)
        clocks = changed(naive.clocks, who, naive.clocks[who] + 1)
        if world.skew and max(clocks) - min(clocks) <= world.skew:
            yield naive._replace(clocks=clocks)
    if not world.skew:
        yield naive._replace(clocks=tuple(clock + 1 for clock in naive.clocks))
    record = naive.record
    if world.resign_requests and record and not (record.lease.is_vacant or record.lease.resign_requested_by):
        asked = StoredLease(record.lease.asked_to_resign(OPERATOR), naive.used + 1)
        yield naive._replace(record=asked, used=naive.used + 1)
    if world.holds and record and record.lease.is_vacant:
        held = StoredLease(switch_hold(record.lease), naive.used + 1)
        yield naive._replace(record=held, used=naive.used + 1)
    if world.touches and record:
        yield naive._replace(record=StoredLease(record.lease, naive.used + 1), used=naive.used + 1)


def after(naive, who, outcome):
    elector = outcome.participant.elector
    seen, granted, top = naive.seen, naive.granted, naive.top
    if elector is not None and elector.observation.since is not None:
        seen = changed(seen, who, elector.observation.highest_token)
    for notice in outcome.notices():
        granted = max(granted, notice.token) if isinstance(notice, StartedLeading) else granted
    if outcome.record is not None:
        top = max(top, outcome.record.lease.leader_transitions)
    candidates = changed(naive.candidates, who, outcome.participant)
    return Naive(candidates, naive.clocks, seen, outcome.record, top, granted, naive.used + 1)


def canonical(graph, naive):
    """The state of the graph that this is."""
    canonizer, tables = Canonizer(graph.world), graph.tables
    number, names = tables.records.number(None), ()
    if naive.record is not None:
        written = canonizer.record(naive.record, naive.top)
        number, names = tables.records.number(written.value), written.names
    situations, relations = [], []
    for candidate, clock, seen in zip(naive.candidates, naive.clocks, naive.seen, strict=True):
        form = canonizer.participant(candidate, clock * STEP, seen)
        situations.append(tables.situation(form))
        behind = min(naive.top - form.token, 2)
        relations.append(Relation(clock - min(naive.clocks), behind, places(form.names, names)))
    related = tables.relations.number(Relations(naive.granted == naive.top, tuple(relations)))
    return graph._in_order(related, number, situations, None, None)
