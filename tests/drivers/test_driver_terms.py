"""A driver on a port of the test's own: what it does of a term, and what it tells of it. No threads."""

import logging

import pytest

from incumbent import aio
from incumbent.core.messages import Found, Missing, Unavailable, Written
from incumbent.lease import MAX_TRANSITIONS
from incumbent.runtime.reporter import Callbacks
from support.elector.bench import record
from support.port import SETTINGS, Trace, a_driver, is_expiry, leading, nothing, started


class TestTerms:
    def test_a_term_has_one_leadership_from_its_beginning_to_its_end(self, port):
        seen = []
        driver = a_driver(port, **SETTINGS)
        driver.listeners.add(lambda: seen.append(driver.leadership))
        driver.start()
        port.reply(Missing)
        assert driver.leadership is None
        port.reply(Written, 1)
        assert [leadership.token for leadership in seen] == [1]
        assert seen[0].is_valid()
        assert driver.leadership is seen[0]
        driver.resign("asked")
        assert driver.leadership is None
        assert (seen[0].reason, seen[0].is_valid()) == ("resigned", False)

    def test_who_is_told_of_its_end_finds_no_term(self, port):
        driver, seen = leading(port), []
        driver._last[0].listeners.add(lambda: seen.append((driver.leadership, driver._last[0].reason)))
        driver.resign("asked")
        assert seen[-1] == (None, "resigned")

    def test_a_term_shows_whose_it_is_and_why_it_ends(self, port):
        driver = leading(port, callbacks=Callbacks(on_started_leading=nothing))
        terms = driver.leadership, aio.Leadership(driver._last[0], None)
        for reason in ("it goes on", "asked by carol"):
            if reason != "it goes on":
                driver.resign(reason)
            assert {repr(term) for term in terms} == {f"<Leadership of 'a' by token 1: {reason}>"}
            assert {(term.identity, term.token, term.deadline) for term in terms} == {("a", 1, 10.0)}

    def test_the_work_is_told_why_it_is_to_end(self, port):
        driver = leading(port, callbacks=Callbacks(on_started_leading=nothing))
        leadership = driver.leadership
        driver.resign("asked by carol")
        assert leadership.reason == "asked by carol"
        assert driver.leadership is leadership

    def test_the_end_is_told_in_any_case_and_the_work_only_where_there_is_a_place(self, port):
        """P9: what must be cleaned up is, though the machine has no thread left."""
        driver = leading(port, callbacks=Callbacks(on_started_leading=nothing, on_stopped_leading=nothing))
        driver.resign("asked")
        port.run("work")
        assert [(name, or_here) for name, _, _, or_here in port.spawned] == [("work", False), ("told", True)]
        port.run("told")
        assert "failed" not in str(driver.lines)

    @pytest.mark.parametrize(
        ("name", "line"), [("work", "the work failed"), ("told", "on_stopped_leading f")]
    )
    def test_what_user_code_raises_is_a_line_and_ends_it(self, port, name, line):
        """P13: it ends the term as a return does, and is not lost."""
        driver = leading(port, callbacks=Callbacks(on_started_leading=nothing, on_stopped_leading=nothing))
        driver.resign("asked")
        if name == "told":
            port.run("work")
        port.run(name, LookupError("it was not there"))
        assert line in str(driver.lines)
        assert driver.lines.kept[-1][0] in {logging.ERROR, logging.INFO}
        assert (driver.term.working, driver.term.telling) == (False, name == "work")
        assert driver.term.failures == (name == "work")

    @pytest.mark.parametrize("is_asked", [False, True])
    def test_only_work_that_ends_by_itself_gives_a_run_its_failure(self, port, is_asked):
        driver = leading(port, callbacks=Callbacks(on_started_leading=nothing), term={"once": True})
        if is_asked:
            driver.resign("asked")
        failure = LookupError("it was not there")
        port.run("work", failure)
        assert driver.failure is (None if is_asked else failure)

    def test_a_run_that_is_not_for_once_keeps_no_failure(self, port):
        driver = leading(port, callbacks=Callbacks(on_started_leading=nothing))
        port.run("work", LookupError("it was not there"))
        assert driver.failure is None

    def test_a_forked_child_does_not_lead(self, port):
        driver = leading(port)
        term = driver.leadership
        driver.after_fork()
        assert driver.leadership is None
        assert not term.is_valid()


class TestObservers:
    def test_they_are_told_in_order_of_each_beginning_and_end(self, port):
        """Also that it follows, at the start: a gauge that nobody sets has no series."""
        told = []
        observe = Callbacks(
            on_new_leader=told.append,
            report_metric=lambda name, leads: told.append((name, leads)),
        )
        driver = leading(port, callbacks=observe)
        driver.resign("asked")
        port.reply(Written, 2)
        for call in port.told:
            call()
        assert told == [("a", False), "a", ("a", True), ("a", False), None]

    @pytest.mark.parametrize("settings", [{"takeover_delay": 60.0}, {"can_watch": True}, {}], ids=str)
    def test_that_nobody_leads_is_told_when_the_record_has_expired(self, port, settings):
        """Also to a candidate that holds back, and to one that looks only when the store says so."""
        told = []
        started(port, jitter=0.0, callbacks=Callbacks(on_new_leader=told.append), **settings)
        port.seconds = 1.0
        port.reply(Found, record(1))
        assert port.expiries() == [16.0]
        for at, known in ((15.999999999, ["bob"]), (16.0, ["bob", None])):
            port.seconds = at
            self.look_at_the_clock(port)
            assert self.heard(port, told) == known
        assert port.expiries() == []

    def test_a_leader_that_comes_back_is_told_anew(self, port):
        """Its record had expired on this clock, and then it renewed it all the same."""
        told = []
        started(port, jitter=0.0, callbacks=Callbacks(on_new_leader=told.append), can_watch=True)
        for at, version in ((0.0, 1), (14.0, 2), (30.0, 3)):
            port.seconds = at
            self.look_at_the_clock(port)
            if port.changed is not None and version > 1:
                port.changed(None)
            port.reply(Found, record(version))
        assert self.heard(port, told) == ["bob", None, "bob"]

    def test_a_leader_needs_no_such_instant(self, port):
        """It is told that it leads no longer by its own deadline, which comes first."""
        driver = leading(port)
        assert port.expiries() == []
        port.seconds = 10.0
        port.fire()
        assert driver.elector.state == "follower"
        assert port.expiries() == [15.0]

    def test_it_is_forgotten_where_nobody_leads_any_more(self, port):
        """Released, or gone: there is nothing that could expire, and a wake-up costs as much as a renewal."""
        started(port, jitter=0.0, takeover_delay=60.0)
        for answer, count in (
            ((Found, record(1)), 1),
            ((Found, record(2, "")), 0),
            ((Found, record(3)), 1),
            ((Missing,), 0),
        ):
            port.reply(*answer)
            assert len(port.expiries()) == count
            port.fire()

    @staticmethod
    def look_at_the_clock(port):
        """Let the alarms ring that are due for the observers, and no other."""
        for timer in [timer for timer in port.timers if timer.is_set and is_expiry(timer)]:
            if timer.at <= port.now():
                timer.is_set = False
                timer.action()

    @staticmethod
    def heard(port, told):
        while port.told:
            port.told.pop(0)()
        return told

    def test_each_step_is_traced_before_it_is_carried_out(self, port):
        trace = Trace()
        asked, port.ask = [], lambda request, _: asked.append((request, trace.lines[-1][2]))
        started(port, trace=trace)
        assert [request is traced for request, traced in asked] == [True]
        assert [line[0] for line in trace.lines] == ["began", "Start"]

    def test_a_store_that_fails_is_a_line_and_so_is_its_return(self, port):
        driver = started(port)
        port.reply(Unavailable, reason="TimeoutError: 3 s")
        port.fire()
        port.reply(Unavailable, reason="TimeoutError: 4 s")
        port.fire()
        port.reply(Found, record(1))
        assert [line.partition(" (")[0] for _, line, *_ in driver.lines.kept] == [
            "lease: the store failed to read the record: TimeoutError: 3 s",
            "lease: the store answers again",
        ]

    def test_a_token_that_cannot_grow_is_one_line(self, port):
        """P11: nobody leads by such a record, ever; without a line nobody would know why."""
        driver = started(port, jitter=0.0)
        for version in range(1, 4):
            port.reply(Found, record(version, holder="", token=MAX_TRANSITIONS))
            assert driver.elector.state == "follower"
            port.fire()
        assert [(level, "the largest possible" in line) for level, line, *_ in driver.lines.kept] == [
            (logging.ERROR, True)
        ]

    def test_a_clock_that_went_back_is_a_line(self, port):
        driver = leading(port)
        port.seconds = 2.0
        driver.resign("asked")
        port.seconds = 1.5
        port.went_back()
        assert "the clock went backwards by 0.500000 s" in str(driver.lines)
