"""An elector and its term, joined: what comes of one input, and in which order."""

from __future__ import annotations

import pytest

from incumbent import ElectorConfig, StoreGuarantees
from incumbent.core import (
    Abstain,
    AskedToStop,
    BeginTerm,
    Candidate,
    Elector,
    Ended,
    EndTerm,
    Found,
    GetLease,
    Handled,
    LeaveBehind,
    Missing,
    Start,
    Stop,
    StoreChanged,
    TellingEnded,
    Term,
    TermConfig,
    TimerFired,
    UpdateLease,
    WorkEnded,
    Written,
)
from incumbent.lease import NANOSECONDS
from support.elector.bench import record

CONFIG = ElectorConfig("ann", guarantees=StoreGuarantees(durable=True))
TERM = TermConfig(CONFIG.lease_ns, stop_timeout_ns=30 * NANOSECONDS)


@pytest.fixture
def candidate():
    return Candidate(Elector(CONFIG, session="ann-1"), Term(TERM))


def give(candidate, event, at=0):
    """What comes of an input, in order: inputs of the elector, orders, requests."""
    outputs = candidate.handle(event, round(at * NANOSECONDS))
    return [output.event if isinstance(output, Handled) else type(output) for output in outputs]


def elect(candidate):
    give(candidate, Start())
    give(candidate, Missing(1))
    return give(candidate, Written(2, "v1"))


def test_a_term_begins_in_the_step_that_elects(candidate):
    assert elect(candidate) == [Written(2, "v1"), BeginTerm]


def test_an_end_is_told_before_the_next_request_and_wishes_come_last(candidate):
    """The term is over for all that runs of it before the store hears anything."""
    elect(candidate)
    assert give(candidate, StoreChanged(), at=10) == [StoreChanged(), EndTerm, GetLease, Abstain()]


def test_a_release_is_the_last_thing_of_all(candidate):
    elect(candidate)
    give(candidate, AskedToStop(patience=5 * NANOSECONDS), at=1)
    assert give(candidate, WorkEnded(), at=1) == [Stop(), EndTerm, Stop()]
    assert give(candidate, TellingEnded(), at=1) == [Ended(), UpdateLease]
    assert not candidate.is_finished
    assert give(candidate, Written(3, "v2"), at=1) == [Written(3, "v2")]
    assert candidate.is_finished


def test_the_timer_is_both_machines(candidate):
    """The term is heard first: what is no longer waited for gives up office before it is lost."""
    elect(candidate)
    give(candidate, AskedToStop(patience=1 * NANOSECONDS), at=1)
    assert candidate.wake_at == 2 * NANOSECONDS
    outputs = [LeaveBehind, Stop(release=False), EndTerm, TimerFired(), Stop()]
    assert give(candidate, TimerFired(), at=2) == outputs


def test_a_term_takes_no_step_for_what_is_not_its_affair(candidate):
    """Answers of the store, and who leads elsewhere, are most of what happens."""
    give(candidate, Start())
    give(candidate, Found(1, record(1)), at=1)
    assert candidate.elector.leader == "bob"
    give(candidate, StoreChanged(), at=1.5)
    assert (candidate.elector.now, candidate.term.now) == (1.5 * NANOSECONDS, 0)
    give(candidate, TimerFired(), at=2)
    assert candidate.term.now == 2 * NANOSECONDS


@pytest.mark.parametrize(("patience", "due"), [(0.5, 1.5), (5, 2)])
def test_it_is_woken_by_whichever_of_both_is_due_first(candidate, patience, due):
    """The end of patience, or the renewal."""
    assert candidate.wake_at is None
    elect(candidate)
    assert candidate.wake_at == 2 * NANOSECONDS
    give(candidate, AskedToStop(patience=round(patience * NANOSECONDS)), at=1)
    assert candidate.wake_at == due * NANOSECONDS


def test_a_copy_goes_its_own_way(candidate):
    twin = candidate.copy()
    assert twin == candidate
    assert hash(twin) == hash(candidate)
    assert "_orders" not in repr(twin)  # of the last step, which are no part of what it is
    assert "_inputs" not in repr(twin)
    elect(twin)
    assert (twin.term.state, candidate.term.state) == ("serving", "idle")
