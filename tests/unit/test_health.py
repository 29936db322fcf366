"""What a probe is told of a candidate; times in seconds, the store by hand."""

from __future__ import annotations

import pytest

from incumbent.core.candidate import Candidate, Handled
from incumbent.core.elector import Elector
from incumbent.core.health import Health, Vitals
from incumbent.core.messages import (
    Effects,
    Found,
    GetLease,
    Missing,
    Request,
    Start,
    StoreChanged,
    TimerFired,
    Unavailable,
    Written,
)
from incumbent.core.term import Term, TermConfig
from incumbent.core.term_messages import AskedToStop
from support.elector.bench import ns, record, settings


class Probed:
    """A candidate, driven by hand, and what a probe would be told; a lease lasts 15 s, a request 3 s."""

    def __init__(self, **changes):
        config = settings(**changes)
        terms = TermConfig(config.lease_ns, stop_timeout_ns=ns(30), has_work=True, tells=False)
        self.candidate = Candidate(Elector(config, session="ann-1"), Term(terms))
        self.vitals = Vitals(due=ns(0))
        self.request = None

    def give(self, event, at):
        for output in self.candidate.handle(event, ns(at)):
            if isinstance(output, Handled):
                self.vitals.handled(output.event, ns(at), output.effects)
            elif isinstance(output, Request):
                self.request = output
        self.vitals.due = self.candidate.wake_at
        return self

    def reply(self, kind, at, *fields):
        return self.give(kind(self.request.id, *fields), at)

    def at(self, seconds):
        return self.vitals.health(self.candidate, self.candidate.elector.office, ns(seconds))


def following(**changes):
    return Probed(**changes).give(Start(), 0).reply(Found, 1, record(1))


def leading():
    return Probed().give(Start(), 0).reply(Missing, 0).reply(Written, 0, 1)


def test_what_does_not_run_is_live_and_not_ready():
    """A process that has not begun, or is about to end, is not to be killed for that."""
    assert Health() == (True, False, False, "stopped", None, 0.0, "the campaign does not run")


def test_a_follower_whose_store_answers_is_live_and_ready():
    assert following().at(2) == (True, True, False, "follower", 1.0, 0.0, "")


def test_a_leader_says_how_much_of_its_term_is_left():
    """P3: it counts from the send of its last write."""
    assert leading().at(1) == (True, True, True, "leader", 1.0, 9.0, "")


def test_a_term_that_is_over_by_the_clock_is_no_leadership():
    health = leading().at(10)
    assert (health.is_leader, health.time_left, health.state) == (False, 0.0, "leader")


class TestLive:
    @pytest.mark.parametrize(("overdue", "is_live"), [(14.9, True), (15.0, False), (60.0, False)])
    def test_it_is_for_a_lease_duration_after_what_was_due(self, overdue, is_live):
        probed = following()
        due = probed.candidate.wake_at / 1e9
        health = probed.at(due + overdue)
        assert (health.is_live, health.is_ready) == (is_live, is_live)
        if not is_live:
            assert health.reason == f"nothing was done for {overdue} s: the campaign's thread is held up"

    def test_one_that_never_begins_is_not(self):
        """Its start is due when it is made."""
        assert Probed().at(14.9).is_live
        assert not Probed().at(15).is_live

    def test_where_nothing_is_due_nothing_is_overdue(self):
        probed = following()
        probed.vitals.due = None
        assert probed.at(1000).is_live

    def test_a_defect_is_told(self):
        probed = leading()
        probed.vitals.is_broken = True
        assert probed.at(1)[:2] == (False, False)
        assert probed.at(1).reason == "a defect has ended the campaign: see the log"

    def test_a_store_that_is_silent_is_no_reason_to_be_restarted(self):
        probed = silent(following(), until=100)
        assert (probed.at(100).is_live, probed.at(100).is_ready) == (True, False)

    def test_a_clock_that_went_back_makes_nothing_overdue(self):
        assert following().at(-100).is_live
        assert following().at(-100).answer_age == 0


def silent(probed, *, until):
    """What is due is done, and no request is answered."""
    while probed.candidate.wake_at < ns(until):
        probed.give(TimerFired(), probed.candidate.wake_at / 1e9)
    return probed


class TestReady:
    def test_it_is_not_before_the_store_has_answered(self):
        probed = Probed().give(Start(), 0)
        assert probed.at(1) == (True, False, False, "follower", None, 0.0, "the store has not answered yet")

    def test_a_failure_is_no_answer(self):
        probed = Probed().give(Start(), 0).reply(Unavailable, 1)
        assert probed.at(1).reason == "the store has not answered yet"

    def test_it_is_until_the_store_was_silent_for_a_lease_duration(self):
        """From the send of the first request that has no answer, here at 3 s."""
        probed = silent(following(), until=30)
        assert probed.at(17.9).is_ready
        assert not probed.at(18).is_ready
        assert probed.at(20).reason == "the store has not answered for 17.0 s"
        assert probed.at(20).answer_age == 19

    def test_it_is_again_at_the_next_answer(self):
        probed = silent(following(), until=30)
        probed.reply(Found, 30, record(2))
        assert probed.at(30) == (True, True, False, "follower", 0.0, 0.0, "")

    def test_an_answer_that_comes_too_late_is_none(self):
        """P10: nobody goes by it, and a store that is always so late is of no use."""
        probed = following().give(TimerFired(), 3)
        late = probed.request
        probed.give(TimerFired(), 6)  # its time is over, and another one is sent
        probed.give(Found(late.id, record(1)), 6.5)
        assert probed.at(7).answer_age == 6

    def test_so_is_one_after_which_nothing_was_asked(self):
        """It is late all the same."""
        vitals, request = Vitals(due=None), GetLease(7, sent_at=ns(1), expires_at=ns(4))
        vitals.handled(StoreChanged(), ns(1), Effects((), (), request, None))
        vitals.handled(TimerFired(), ns(4), Effects((), (), None, None))
        vitals.handled(Missing(7), ns(5), Effects((), (), None, None))
        assert (vitals.answered_at, vitals.silent_since) == (None, ns(1))

    def test_who_has_nothing_to_ask_is_not_short_of_answers(self):
        """A store that tells of changes is asked when the lease expires, if that takes an hour."""
        probed = Probed(can_watch=True).give(Start(), 0).reply(Found, 1, record(1, duration=3600.0))
        assert probed.at(3600).is_ready
        assert probed.at(3600).answer_age == 3599

    def test_who_is_about_to_leave_is_not(self):
        """As long as its work goes on it leads, but nobody is to be sent there any more."""
        probed = leading().give(AskedToStop(patience=ns(5)), 1)
        assert probed.at(1) == (True, False, True, "leader", 1.0, 9.0, "it is about to leave the race")

    def test_who_has_left_is_not(self):
        probed = following().give(AskedToStop(patience=ns(5)), 1)
        assert probed.at(1) == (True, False, False, "stopped", 0.0, 0.0, "it has left the race")
