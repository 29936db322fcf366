"""The term: work beside work, what is owed and when, patience, and back-off."""

from __future__ import annotations

import pytest

from incumbent.core.messages import (
    Abstain,
    Ended,
    Resign,
    Start,
    StartedLeading,
    Stop,
    StoppedLeading,
    TimerFired,
)
from incumbent.core.term import Term, TermConfig
from incumbent.core.term_messages import (
    AskedToResign,
    AskedToStop,
    AskToEnd,
    BeginTerm,
    EndTerm,
    LeaveBehind,
    TellingEnded,
    WorkEnded,
)
from incumbent.lease import to_ns
from support.elector.term import LEASE, PATIENCE, TermBench

STARTED, LOST = StartedLeading(7), StoppedLeading(7, "lost")


def a_term_that_fails(bench):
    """One term whose work raises, from its beginning to the end of its back-off."""
    bench.give(STARTED).give(WorkEnded(failed=True)).give(LOST).give(TellingEnded())
    waits = bench.wake_at - bench.now
    bench.at(bench.wake_at).give(TimerFired())
    assert bench.last.inputs == (Start(),)
    return waits


class TestWorkNeverRunsBesideWork:
    def test_the_elector_abstains_until_all_of_a_lost_term_has_ended(self):
        bench = TermBench().give(STARTED).give(LOST)
        assert bench.inputs == [Abstain()]
        bench.give(WorkEnded())
        assert bench.inputs == [Abstain()]
        bench.give(TellingEnded())
        assert bench.inputs == [Abstain(), Ended(), Start()]

    def test_also_where_nobody_is_told(self):
        bench = TermBench(tells=False).give(STARTED).give(LOST)
        assert bench.inputs == [Abstain()]
        assert bench.give(WorkEnded()).inputs[1:] == [Ended(), Start()]

    def test_also_where_there_is_no_work_and_somebody_is_told(self):
        bench = TermBench(has_work=False).give(STARTED).give(LOST)
        assert bench.inputs == [Abstain()]
        assert bench.give(TellingEnded()).inputs[1:] == [Ended(), Start()]

    def test_also_where_it_only_backs_off(self):
        """Nothing runs any more, and the next term is not to begin yet."""
        bench = TermBench(tells=False).give(STARTED).give(WorkEnded(failed=True)).give(LOST)
        assert bench.inputs == [Resign(), Abstain(), Ended()]
        assert bench.term.state == "backing_off"

    def test_in_whichever_order_the_two_end(self):
        bench = TermBench().give(STARTED).give(LOST).give(TellingEnded()).give(WorkEnded())
        assert bench.inputs == [Abstain(), Ended(), Start()]

    def test_a_term_within_a_term_is_a_defect(self):
        with pytest.raises(Exception, match="begin"):
            TermBench().give(STARTED).give(STARTED)


class TestWorkIsToldAndWaitedFor:
    @pytest.mark.parametrize("wish", [AskedToResign("asked"), AskedToStop(to_ns(5))])
    def test_office_is_given_up_when_the_work_has_ended(self, wish):
        """P9: first the work ends, then the term."""
        bench = TermBench().give(STARTED).give(wish)
        assert [type(order) for order in bench.orders] == [BeginTerm, AskToEnd]
        assert bench.inputs == []
        bench.give(WorkEnded())
        assert [type(event) for event in bench.inputs] == [Stop if isinstance(wish, AskedToStop) else Resign]

    def test_without_work_at_once(self):
        assert TermBench(has_work=False).give(STARTED).give(AskedToResign("asked")).inputs == [Resign()]

    def test_a_lease_that_is_to_expire_is_not_released_by_a_stop(self):
        bench = TermBench(release=False).give(STARTED).give(AskedToStop(to_ns(5))).give(WorkEnded())
        assert bench.inputs == [Stop(release=False)]
        assert LeaveBehind() not in bench.orders

    def test_a_resignation_releases_all_the_same(self):
        bench = TermBench(release=False).give(STARTED).give(AskedToResign("asked")).give(WorkEnded())
        assert bench.inputs == [Resign()]

    def test_each_beginning_has_one_end(self):
        bench = TermBench()
        for _ in range(3):
            bench.give(STARTED).give(LOST).give(WorkEnded()).give(TellingEnded())
        assert [type(order) for order in bench.orders] == [BeginTerm, EndTerm] * 3

    def test_who_asks_first_gives_the_reason(self):
        bench = TermBench().give(STARTED).give(AskedToResign("asked by carol")).give(AskedToStop(to_ns(5)))
        assert bench.orders[1:] == [AskToEnd("asked by carol")]


class TestPatience:
    def test_a_resignation_waits_for_the_stop_timeout(self):
        bench = TermBench().give(STARTED).at(1).give(AskedToResign("asked"))
        assert bench.at(1 + PATIENCE - 1e-9).give(TimerFired()).inputs == []
        bench.at(1 + PATIENCE).give(TimerFired())
        assert (bench.inputs, bench.orders[-1]) == ([Resign(release=False)], LeaveBehind())

    def test_and_the_candidate_goes_on_waiting_for_its_work(self):
        bench = (
            TermBench().give(STARTED).give(AskedToResign("asked")).at(PATIENCE).give(TimerFired()).give(LOST)
        )
        assert bench.inputs == [Resign(release=False), Abstain()]
        assert not bench.term.is_at_rest
        assert bench.give(TellingEnded()).give(WorkEnded()).inputs[2:] == [Ended(), Start()]

    def test_a_stop_waits_as_long_as_it_says(self):
        bench = TermBench().give(STARTED).give(AskedToStop(to_ns(2)))
        assert bench.at(1.9).give(TimerFired()).inputs == []
        assert not bench.term.is_at_rest
        assert bench.at(2).give(TimerFired()).inputs == [Stop(release=False)]
        assert bench.term.is_at_rest

    def test_the_end_is_told_also_where_the_work_is_left_behind(self):
        bench = TermBench().give(STARTED).give(AskedToStop(0)).give(TimerFired()).give(LOST)
        assert [type(order) for order in bench.orders] == [BeginTerm, AskToEnd, LeaveBehind, EndTerm]

    def test_a_second_stop_winds_nothing_down_anew(self):
        """It cannot make the first one wait longer."""
        bench = TermBench().give(STARTED).give(AskedToStop(to_ns(5))).at(4).give(AskedToStop(to_ns(5)))
        assert bench.wake_at == 5
        assert [type(order) for order in bench.orders] == [BeginTerm, AskToEnd]

    def test_but_it_can_shorten_the_wait(self):
        bench = TermBench().give(STARTED).give(AskedToStop(to_ns(50))).at(4).give(AskedToStop(to_ns(5)))
        assert bench.wake_at == 9

    def test_nor_does_a_resignation_make_a_stop_wait_less(self):
        bench = TermBench().give(STARTED).give(AskedToResign("asked")).at(4).give(AskedToStop(to_ns(50)))
        assert bench.wake_at == 54

    def test_the_first_stop_decides_whatever_a_resignation_had_left(self):
        """Losing patience with a resignation is not giving up on a stop."""
        bench = (
            TermBench().give(STARTED).give(AskedToResign("asked")).at(PATIENCE).give(TimerFired()).give(LOST)
        )
        bench.at(40).give(AskedToStop(to_ns(3)))
        assert not bench.term.is_at_rest
        assert bench.wake_at == 43
        assert bench.at(43).give(TimerFired()).term.is_at_rest

    def test_no_time_at_all_leaves_behind_what_runs_and_nothing_else(self):
        """Where nothing runs, the lease is released as ever."""
        bench = TermBench(has_work=False, tells=False).give(STARTED).give(AskedToStop(0)).give(LOST)
        assert bench.inputs == [Stop(), Stop(), Ended()]
        assert LeaveBehind() not in bench.orders
        bench = TermBench(has_work=False).give(STARTED).give(AskedToStop(0)).give(LOST)
        assert (bench.inputs, bench.wake_at) == ([Stop(), Stop()], 0)
        bench.give(TimerFired())
        assert (bench.inputs[2:], bench.orders[-1]) == ([Stop(release=False)], LeaveBehind())

    def test_a_callback_that_hangs_is_left_behind_as_work_is(self):
        bench = TermBench().give(STARTED).give(AskedToStop(to_ns(5))).give(WorkEnded()).give(LOST)
        assert bench.at(5).give(TimerFired()).orders[-1] == LeaveBehind()
        assert bench.inputs[-1] == Stop(release=False)
        assert bench.term.is_at_rest

    def test_what_ended_in_time_is_not_reported(self):
        bench = TermBench().give(STARTED).give(AskedToStop(to_ns(5))).give(WorkEnded()).give(LOST)
        bench.give(TellingEnded()).at(5).give(TimerFired())
        assert LeaveBehind() not in bench.orders


class TestBackOff:
    def test_it_doubles_up_to_a_bound(self):
        bench = TermBench()
        waits = [a_term_that_fails(bench) for _ in range(7)]
        assert waits == [LEASE * factor for factor in (1, 2, 4, 8, 16, 16, 16)]

    def test_success_resets_it(self):
        bench = TermBench()
        a_term_that_fails(bench)
        a_term_that_fails(bench)
        bench.give(STARTED).at(bench.now + 20).give(WorkEnded()).give(LOST).give(TellingEnded())
        assert a_term_that_fails(bench) == LEASE

    def test_nothing_contends_before_it_is_over(self):
        bench = TermBench().give(STARTED).give(WorkEnded(failed=True)).give(LOST).give(TellingEnded())
        assert bench.at(LEASE - 1e-9).give(TimerFired()).inputs == [Resign(), Abstain(), Ended()]
        assert bench.at(LEASE).give(TimerFired()).inputs[3:] == [Start()]
        assert bench.term.not_before is None

    def test_a_stop_ends_it(self):
        bench = TermBench().give(STARTED).give(WorkEnded(failed=True)).give(LOST).give(TellingEnded())
        assert bench.give(AskedToStop(0)).inputs[3:] == [Stop()]
        assert bench.wake_at is None
        assert bench.term.is_at_rest

    def test_work_that_returns_at_once_leads_once_a_lease_duration_at_most(self):
        """A candidate whose work comes back at once would hand the lease round and round."""
        bench = TermBench().at(3).give(STARTED).at(4).give(WorkEnded()).give(LOST).give(TellingEnded())
        assert bench.wake_at == 3 + LEASE
        assert bench.inputs == [Resign(), Abstain(), Ended()]

    def test_work_that_lasted_does_not_wait(self):
        bench = TermBench().give(STARTED).at(LEASE).give(WorkEnded()).give(LOST).give(TellingEnded())
        assert bench.wake_at is None
        assert bench.inputs[-1] == Start()

    def test_nor_does_work_that_was_asked_to_end(self):
        bench = TermBench().give(STARTED).give(AskedToResign("asked")).give(WorkEnded()).give(LOST)
        assert bench.give(TellingEnded()).inputs == [Resign(), Abstain(), Ended(), Start()]


class TestOnce:
    @pytest.mark.parametrize("failed", [False, True])
    def test_work_that_ends_by_itself_ends_the_campaign(self, failed):
        bench = TermBench(once=True).give(STARTED).give(WorkEnded(failed=failed)).give(LOST)
        assert bench.give(TellingEnded()).inputs == [Stop(), Stop(), Ended()]
        assert (bench.term.state, bench.wake_at) == ("idle", None)

    def test_work_of_a_lost_term_does_not(self):
        """It was cut off: the next term begins it again."""
        bench = TermBench(once=True).give(STARTED).give(LOST).give(TellingEnded()).give(WorkEnded())
        assert bench.inputs == [Abstain(), Ended(), Start()]

    def test_nor_does_work_that_was_asked_to_end(self):
        bench = TermBench(once=True).give(STARTED).give(AskedToResign("asked")).give(WorkEnded())
        assert bench.inputs == [Resign()]


class TestAClockThatRunsBackwards:
    @pytest.mark.parametrize(
        ("wish", "left"), [(AskedToStop(to_ns(5)), 2.0), (AskedToResign("asked"), PATIENCE - 3)]
    )
    def test_what_is_left_of_patience_is_left(self, wish, left):
        bench = (
            TermBench().at(100).give(STARTED).give(wish).at(103).give(TimerFired()).at(10).give(TimerFired())
        )
        assert bench.wake_at == 10 + left

    def test_and_of_a_back_off(self):
        bench = TermBench().at(100).give(STARTED).give(WorkEnded(failed=True)).give(LOST)
        bench.give(TellingEnded()).at(105).give(TimerFired()).at(50).give(TimerFired())
        assert bench.wake_at == 60

    def test_and_of_the_least_time_from_term_to_term(self):
        bench = TermBench().at(100).give(STARTED).at(105).give(TimerFired()).at(50).give(WorkEnded())
        assert bench.give(LOST).give(TellingEnded()).wake_at == 60


class TestATermIsAValue:
    def test_copies_are_equal_and_independent(self):
        bench = TermBench().give(STARTED)
        twin = bench.term.copy()
        assert (twin, hash(twin)) == (bench.term, hash(bench.term))
        bench.give(LOST)
        assert twin != bench.term
        assert twin.state == "serving"

    def test_an_invariant_that_is_broken_is_an_assertion(self):
        term = Term(TermConfig(lease_ns=1, stop_timeout_ns=1))
        term.working = True
        with pytest.raises(AssertionError):
            term.handle(TimerFired(), 0)

    @pytest.mark.parametrize(
        "broken",
        [
            {"working": True},
            {"telling": True},
            {"state": "backing_off", "not_before": 9, "telling": True},
            {"state": "ending"},
            {"state": "serving", "telling": True},
            {"state": "winding_down", "telling": True},
            {"state": "backing_off"},
            {"patience_until": 9},
            {"state": "serving", "working": True, "patience_until": 9},
            {"state": "abandoned", "patience_until": 9},
        ],
        ids=str,
    )
    def test_and_is_noticed_in_the_step_that_breaks_it(self, monkeypatch, broken):
        """Before its orders are carried out."""

        def take(term, *_):
            for name, value in broken.items():
                setattr(term, name, value)

        monkeypatch.setattr(Term, "_take", take)
        with pytest.raises(AssertionError):
            Term(TermConfig(lease_ns=1, stop_timeout_ns=1)).handle(TimerFired(), 0)
