"""A driver on a port of the test's own: what it asks for, when, and what it leaves behind. No threads."""

import logging
from functools import partial

import pytest

from incumbent.core.messages import (
    CreateLease,
    Found,
    GetLease,
    Missing,
    Refused,
    UpdateLease,
    Written,
)
from incumbent.runtime.reporter import Callbacks
from support.elector.bench import record
from support.port import SETTINGS, Trace, a_driver, leading, nothing, started


class TestWhenItIsCalled:
    def test_a_poll_is_late_by_its_jitter(self, port):
        """P12: by that fraction of the retry period at most."""
        started(port)
        for port.chance, at in ((0.0, 2.0), (0.5, 4.5), (1.0, 7.5)):
            port.reply(Found, record(1))
            assert port.set_for() == [at]
            port.fire()

    def test_a_look_at_a_lease_that_expires_is_little_late(self, port):
        """Jitter would be most of the time that nobody leads."""
        port.chance = 1.0
        started(port, can_watch=True)
        port.reply(Found, record(1))
        assert port.set_for() == [15.01]

    @pytest.mark.parametrize(("chance", "late"), [(0.0, 0.0), (0.001, 0.001), (0.03, 0.005), (0.5, 0.009)])
    def test_few_look_at_the_beginning_of_what_it_may_be_late(self, port, chance, late):
        """Of a thousand one looks within the first tenth, of three one within the last."""
        port.chance = chance
        started(port, can_watch=True)
        port.reply(Found, record(1))
        assert port.set_for() == [pytest.approx(15 + late, abs=1e-4)]

    def test_and_not_at_all_without_a_jitter(self, port):
        port.chance = 1.0
        started(port, can_watch=True, jitter=0.0)
        port.reply(Found, record(1))
        assert port.set_for() == [15.0]

    def test_a_request_expires_on_time(self, port):
        """P10: what gets no answer in time counts as unanswered then."""
        port.chance = 1.0
        started(port)
        assert port.set_for() == [3.0]

    def test_a_renewal_is_on_time_and_so_is_its_end(self, port):
        port.chance = 1.0
        leading(port)
        assert port.set_for() == [2.0]
        port.fire()
        assert port.set_for() == [5.0]

    def test_a_release_that_is_given_up_is_so_on_time(self, port):
        port.chance = 1.0
        driver = leading(port, callbacks=Callbacks(on_stopped_leading=nothing))
        driver.resign("asked")
        assert driver.elector.leaving is not None
        assert 15.0 in port.set_for()

    def test_an_instant_that_is_no_longer_wanted_is_forgotten(self, port):
        """One timer for the elector and its term, however long it leads."""
        driver = leading(port, callbacks=Callbacks(on_started_leading=nothing))
        driver.resign("asked")
        for version in range(2, 9):
            assert len(port.set_for()) == 1
            port.fire()
            port.reply(Written, version)
        assert port.set_for() == [16.0]

    def test_a_clock_that_went_back_is_looked_at_by_both(self, port):
        """The elector's waits begin anew, and what is left of the term's patience stays (P3)."""
        driver = leading(port, callbacks=Callbacks(on_stopped_leading=nothing))
        port.seconds = 1.0
        driver.stop(5 * 10**9)
        port.seconds = 0.5
        port.went_back()
        assert (driver.term.now, driver.elector.now) == (port.now(), port.now())
        assert port.set_for() == [5.5]


class TestAWatchThatCannotBeHad:
    def test_the_store_is_polled(self, port):
        """At each retry period, by the elector of the same session (P2)."""
        port.refuses_watch = True
        driver = started(port, can_watch=True)
        port.reply(Found, record(1))
        assert port.set_for() == [2.0]
        assert driver.elector.session == "A"
        assert "watching the store failed" in str(driver.lines)

    def test_its_lines_tell_of_the_elector_that_goes_on(self, port):
        port.refuses_watch = True
        driver = started(port, can_watch=True)
        port.reply(Missing)
        port.reply(Written, 1)
        assert driver.lines.kept[-1][2]["state"] == "leader"

    def test_a_store_without_one_is_not_asked(self, port):
        started(port)
        assert not port.is_watching

    def test_a_hint_is_an_input(self, port):
        started(port, can_watch=True)
        port.reply(Found, record(1))
        port.changed(None)
        assert [type(request) for request in port.asked] == [GetLease, GetLease]

    def test_a_leader_takes_no_step_for_it(self, port):
        """It hears of each of its own renewals, and whoever else has written is seen at the next one."""
        driver = leading(port, can_watch=True)
        trace = driver._trace = Trace()
        port.changed(None)
        assert trace.lines == []
        driver.resign("asked")
        port.reply(Written, 2)
        port.changed(None)
        assert [line[0] for line in trace.lines][-1] == "StoreChanged"


class TestTheEnd:
    def test_nothing_is_left_behind(self, port):
        """No timer, watch or callback; all who wait are told, and the trace is closed."""
        trace, told = Trace(), []
        driver = leading(port, can_watch=True, trace=trace, callbacks=Callbacks(on_stopped_leading=nothing))
        driver.listeners.add(lambda: told.append(driver.has_finished))
        driver.stop(1)
        port.run("told")
        assert port.asked[-1].lease.is_vacant
        assert not driver.has_finished
        assert not driver.join(0.001)
        port.reply(Written, 2)
        assert driver.has_finished
        assert (port.set_for(), port.expiries(), port.is_watching, port.went_back) == ([], [], False, None)
        assert told == [True]
        assert trace.lines[-1] == "closed"
        assert driver.join(0)

    def test_it_ends_once(self, port):
        """What comes late is passed over."""
        trace = Trace()
        driver = leading(port, trace=trace)
        driver.stop(0)
        port.reply(Written, 2)
        lines = list(trace.lines)
        driver.stop(0)
        driver.resign("asked")
        port.reply(Written, 3)
        driver._finish()
        assert trace.lines == lines

    def test_a_term_that_waits_leaves_no_timer_either(self, port):
        """What hangs is left behind at the end of patience, and nothing wakes the driver afterwards."""
        driver = leading(port, callbacks=Callbacks(on_started_leading=nothing))
        driver.stop(5 * 10**9)
        while not driver.has_finished:
            port.fire()
            if isinstance(port.asked[-1], UpdateLease) and driver.elector.pending is not None:
                port.reply(Written, len(port.asked))
        assert port.seconds == 5.0
        assert port.set_for() == []
        assert "the work of token 1 did not end in time" in str(driver.lines)

    def test_a_follower_leaves_no_timer_either(self, port):
        driver = started(port)
        port.reply(Found, record(1))
        assert (len(port.set_for()), port.expiries()) == (1, [15.0])
        driver.stop(0)
        assert driver.has_finished
        assert (port.set_for(), port.expiries()) == ([], [])

    def test_a_stop_that_comes_first_leaves_nothing_to_start(self, port):
        driver = a_driver(port)
        driver.stop(0)
        driver.start()
        assert driver.has_finished
        assert (port.asked, port.went_back, port.told) == ([], None, [])

    def test_a_watch_that_cannot_be_closed_is_a_line(self, port):
        driver = started(port, can_watch=True)
        driver._watch.close = partial(int, "no number")
        driver.stop(0)
        assert driver.has_finished
        assert "closing the watch failed" in str(driver.lines)


def broken(*_):
    raise AssertionError("an invariant does not hold")


class TestSteps:
    def test_what_is_asked_within_a_step_is_done_after_it(self, port):
        """A call from within, as of a local store that answers at once, nests no step in another."""
        depth, deepest = [0], []
        driver = a_driver(port, **SETTINGS)
        answers = iter([(Missing, ()), (Written, (1,)), (Written, (2,))])

        def at_once(request, answered):
            port.asked.append(request)
            kind, fields = next(answers)
            answered(request, kind(request.id, *fields))
            deepest.append(depth[0])

        def counted(handle, event):
            depth[0] += 1
            handle(event)
            depth[0] -= 1

        port.ask = at_once
        driver._handle = partial(counted, driver._handle)
        driver.start()
        driver.stop(0)
        assert [type(request) for request in port.asked] == [GetLease, CreateLease, UpdateLease]
        assert deepest == [1, 1, 1]
        assert driver.has_finished

    def test_what_is_asked_within_a_step_is_done_in_order(self, port):
        driver = leading(port, callbacks=Callbacks(on_started_leading=nothing))

        def at_once(*_):
            driver.resign("asked first")
            driver.resign("asked second")

        port.ask = at_once
        port.fire()
        assert driver.leadership.reason == "asked first"

    def test_a_defect_ends_the_term_and_the_race(self, port, monkeypatch):
        """Nobody leads by an elector that has failed, who waits for the end is told, and no timer is left."""
        both = Callbacks(on_started_leading=nothing, on_stopped_leading=nothing)
        driver = leading(port, can_watch=True, callbacks=both)
        driver.resign("asked")
        term = driver.leadership
        assert len(port.set_for()) == 1
        monkeypatch.setattr(type(driver.elector), "handle", broken)
        port.run("work")
        assert (driver.elector.state, driver.leadership, term.reason) == ("stopped", None, "a defect")
        assert driver.has_finished
        assert port.set_for() == []
        assert driver.lines.kept[-1][0] == logging.CRITICAL
        assert [name for name, *_ in port.spawned] == ["work", "told"]

    def test_work_that_was_left_behind_before_it_began_never_begins(self, port):
        """A stop without any time has returned by then: whoever called it counts on that."""
        began = []
        driver = leading(port, callbacks=Callbacks(on_started_leading=began.append))
        driver.stop(0)
        port.fire()
        assert driver.has_finished
        [(_, begin, *_)] = [each for each in port.spawned if each[0] == "work"]
        begin()
        assert began == []

    def test_a_defect_after_the_term_ends_nothing_twice(self, port, monkeypatch):
        driver = leading(port, callbacks=Callbacks(on_stopped_leading=nothing))
        driver.resign("asked")
        monkeypatch.setattr(type(driver.elector), "handle", broken)
        port.run("told")
        assert driver.has_finished
        assert [name for name, *_ in port.spawned] == ["told"]

    def test_a_refused_claim_brings_no_term(self, port):
        driver = started(port)
        port.reply(Missing)
        port.reply(Refused)
        assert (driver.elector.state, driver.leadership, port.spawned) == ("follower", None, [])
