"""P12d: a renewal that the store tells with its hint is received by that; whatever else is told is read."""

import pytest

from incumbent.core.messages import GetLease, StoreChanged
from support.elector.bench import Bench, record, touched
from support.elector.stages import BOBS, candidate_reading_back, leader_waiting


def test_a_renewal_that_is_told_is_received_and_not_read():
    """P12d, P4: the wait begins anew with each, and the claim names what is read at its end."""
    bench = Bench(can_watch=True).start().found(BOBS)
    for second in (4, 8, 12):
        bench.at(second).give(StoreChanged(record(f"v{second}")))
        assert (bench.pending, bench.wake_at) == (None, second + 15)
    assert bench.at(26.9).give(StoreChanged(record("v12"))).found(record("v12")).state == "follower"
    assert bench.at(27).wake().found(touched(record("v12"), "t")).pending.version == "t"


@pytest.mark.parametrize("can_watch", [False, True])
def test_who_polls_and_is_told_looks_no_later_for_it(can_watch):
    bench = Bench(can_watch=can_watch).start().found(BOBS).at(1).give(StoreChanged(record("v2")))
    assert bench.wake_at == (16 if can_watch else 3)


@pytest.mark.parametrize(
    "told",
    [None, BOBS, touched(BOBS, "t"), record("v0"), record("v2", session="C.0"), record("v2", "")],
    ids=["nothing", "the same", "a touch", "what was before", "another's", "a release"],
)
def test_whatever_else_is_told_is_read(told):
    """A rival, a request to resign, a release, what comes late: the hint may be old, the store is not."""
    bench = Bench(can_watch=True).start().found(BOBS).at(4).give(StoreChanged(told))
    assert isinstance(bench.last.request, GetLease)
    assert bench.elector.observation.stored == BOBS


def test_what_is_told_during_a_look_is_read():
    """The answer that is under way may show what was before it, and would begin the wait anew."""
    bench = Bench(can_watch=True).start().found(BOBS).at(4).give(StoreChanged())
    bench.give(StoreChanged(record("v3"))).found(record("v2"))
    assert isinstance(bench.last.request, GetLease)
    assert bench.found(record("v3")).wake_at == 19


def test_nobody_claims_on_a_hint():
    """P4d: neither what has expired, nor what was released."""
    bench = Bench(can_watch=True).start().found(BOBS).at(15).give(StoreChanged(BOBS))
    assert (bench.state, type(bench.pending)) == ("follower", GetLease)
    bench = Bench(can_watch=True).start().found(BOBS).at(4).give(StoreChanged(record("v2", "")))
    assert (bench.state, type(bench.pending)) == ("follower", GetLease)


def test_a_write_of_ones_own_that_is_told_is_read():
    """P7: it may be the one whose outcome is unknown."""
    bench = Bench(can_watch=True).start().found(record("v1", "ann", session="A.7"))
    bench.give(StoreChanged(record("v2", "ann", session="A.7")))
    assert isinstance(bench.last.request, GetLease)


def test_what_is_told_moves_neither_leader_nor_candidate():
    for stage in (leader_waiting, candidate_reading_back):
        bench = stage()
        wake_at = bench.wake_at
        assert bench.give(StoreChanged(record("v9"))).last.request is None
        assert (bench.wake_at, bench.last.notices) == (wake_at, ())
