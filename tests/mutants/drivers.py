"""Wrong terms and wrong drivers: what is owed of a term, and what is done about it when. One line each."""

from __future__ import annotations

from mutants.term_handles import OURS, one
from support.mutants.patch import Mutant, Patch

DRIVER = "drivers/test_driver.py::"
HANGING = "drivers/test_hanging_store.py::test_"
CALLED, WATCH, END = (
    f"{DRIVER}Test{name}::test_" for name in ("WhenItIsCalled", "AWatchThatCannotBeHad", "TheEnd")
)
RULES = "unit/test_rules_1_to_4.py::TestP3ValidityCountsFromTheSend"
TERMS, STEPS = f"{DRIVER}TestTerms::test_", f"{DRIVER}TestSteps::test_"


def owed(name, killer, old, new, rule="P9"):
    """Of what a term is asked and owes."""
    return Mutant(
        name, rule, OURS, ("unit", f"unit/test_term.py::Test{killer}"), (Patch("core/term.py", old, new),)
    )


def driver(name, killer, old, new, rule="P9"):
    """Of what is done about it."""
    return one(name, rule, killer, "runtime/driver.py", old, new)


OWED = (
    owed(
        "a failure is not forgotten",
        "BackOff::test_success_resets_it",
        "self.failures + 1 if event.failed else 0",
        "self.failures + event.failed",
    ),
    owed(
        "a back-off doubles for ever",
        "BackOff::test_it_doubles_up_to_a_bound",
        "min(2 ** (self.failures - 1), LONGEST_BACK_OFF)",
        "2 ** (self.failures - 1)",
    ),
    owed(
        "losing patience with a resignation gives up on a stop",
        "Patience::test_the_first_stop_decides_whatever_a_resignation_had_left",
        '        if self.stopping:\n            self._move("give_up")\n',
        '        if True:\n            self._move("give_up")\n',
    ),
    owed(
        "a stop waits as long as a resignation",
        "Patience::test_a_stop_waits_as_long_as_it_says",
        "until = now + event.patience",
        "until = now + self.config.stop_timeout_ns",
    ),
    owed(
        "a second stop counts anew",
        "Patience::test_a_second_stop_winds_nothing_down_anew",
        "            until = min(until, self.patience_until)\n",
        "            pass\n",
    ),
    owed(
        "a second stop is not heard",
        "Patience::test_but_it_can_shorten_the_wait",
        "until = min(until, self.patience_until)",
        "until = self.patience_until",
    ),
    owed(
        "a stop without any time leaves a lease behind that nobody uses",
        "Patience::test_no_time_at_all_leaves_behind_what_runs_and_nothing_else",
        "if is_over and (self.working or self.telling):",
        "if is_over:",
    ),
    owed(
        "patience is forgotten when the term ends",
        "Patience::test_a_callback_that_hangs_is_left_behind_as_work_is",
        "        self.telling = self.config.tells\n",
        "        self.telling, self.patience_until = self.config.tells, None\n",
    ),
    owed(
        "work that was cut off counts as done",
        "Once::test_work_of_a_lost_term_does_not",
        "if self.state == SERVING and self.config.once:",
        "if self.config.once:",
    ),
    owed(
        "work that ended by itself backs off when its campaign is over",
        "Once::test_work_that_ends_by_itself_ends_the_campaign",
        "now < self.not_before and not self.stopping:",
        "now < self.not_before:",
    ),
    owed(
        "a clock that runs backwards prolongs what is left of patience",
        "AClockThatRunsBackwards::test_what_is_left_of_patience_is_left",
        "            self.patience_until -= by\n",
        "            pass\n",
        "P3",
    ),
    owed(
        "a clock that runs backwards prolongs a back-off",
        "AClockThatRunsBackwards::test_and_of_a_back_off",
        "            self.not_before -= by\n",
        "            pass\n",
        "P3",
    ),
    owed(
        "a clock that runs backwards makes a term begin later",
        "AClockThatRunsBackwards::test_and_of_the_least_time_from_term_to_term",
        "        self.began_at -= by\n",
        "        pass\n",
        "P3",
    ),
    owed(
        "work that returns at once hurries from term to term",
        "BackOff::test_work_that_returns_at_once_leads_once_a_lease_duration_at_most",
        "            self.not_before = self.began_at + self.config.lease_ns\n",
        "            pass\n",
    ),
    owed(
        "a resignation leaves the lease to expire",
        "WorkIsToldAndWaitedFor::test_a_resignation_releases_all_the_same",
        "Stop(release=self.config.release) if self.stopping else Resign()",
        "Stop(release=self.config.release) if self.stopping else Resign(release=self.config.release)",
    ),
    Mutant(
        "a release without an answer is waited for",
        "P10",
        OURS,
        ("unit", "unit/test_release.py::TestARelease::test_it_is_waited_for_as_long_as_any_request"),
        (
            Patch(
                "core/elector.py",
                "if late is not None and now >= late.expires_at and getattr",
                "if late is not None and now >= late.expires_at and self.leaving is None and getattr",
            ),
        ),
    ),
    Mutant(
        "when to write next is kept though the clock ran backwards",
        "P3",
        OURS,
        ("unit", f"{RULES}::test_a_step_back_forgets_when_to_write_next"),
        (
            Patch(
                "core/elector.py",
                "self.pending, self.leaving, self.write_not_before = None, None, None",
                "self.pending, self.leaving = None, None",
            ),
        ),
    ),
)

CARRIED_OUT = (
    driver(
        "a request expires late by a jitter",
        f"{CALLED}a_request_expires_on_time",
        " or elector.pending is not None or",
        " or",
        "P12",
    ),
    driver(
        "a release is given up late by a jitter",
        f"{CALLED}a_release_that_is_given_up_is_so_on_time",
        " or elector.leaving is not None:",
        ":",
        "P12",
    ),
    driver(
        "a renewal is late by a jitter",
        f"{CALLED}a_renewal_is_on_time_and_so_is_its_end",
        "if elector.state != FOLLOWER or elector",
        "if elector",
        "P12",
    ),
    driver(
        "a succession waits for the jitter of a poll",
        f"{CALLED}a_look_at_a_lease_that_expires_is_little_late",
        "            spread = min(spread, EXPIRY_SPREAD_NS)\n",
        "            pass\n",
        "P12",
    ),
    driver(
        "followers without a jitter look late",
        f"{CALLED}and_not_at_all_without_a_jitter",
        "spread = min(spread, EXPIRY_SPREAD_NS)",
        "spread = EXPIRY_SPREAD_NS",
        "P12",
    ),
    driver(
        "the patience of a term is not counted anew",
        f"{CALLED}a_clock_that_went_back_is_looked_at_by_both",
        "        self._give_term(TimerFired())\n        self._give(TimerFired())\n",
        "        self._give(TimerFired())\n",
        "P3",
    ),
    one(
        "an instant that is no longer wanted wakes all the same",
        "P12",
        f"{CALLED}an_instant_that_is_no_longer_wanted_is_forgotten",
        "runtime/alarm.py",
        "            self._timer.cancel()\n",
        "            pass\n",
    ),
    driver(
        "a store whose watch failed is not polled",
        f"{WATCH}the_store_is_polled",
        "guarantees=replace(config.guarantees, can_watch=False)",
        "guarantees=config.guarantees",
        "P12",
    ),
    driver(
        "a store whose watch failed is polled by another session",
        f"{WATCH}the_store_is_polled",
        "Elector(polled, session=self.elector.session)",
        "Elector(polled)",
        "P2",
    ),
    driver(
        "lines tell of an elector that does not run",
        f"{WATCH}its_lines_tell_of_the_elector_that_goes_on",
        "self.elector = self._reporter.elector = Elector(polled",
        "self.elector = Elector(polled",
        "P13",
    ),
    driver(
        "a watch is left open",
        f"{END}nothing_is_left_behind",
        "        if self._watch is not None:\n",
        "        if False:\n",
    ),
    driver(
        "the elector's timer is left in a shared scheduler",
        f"{STEPS}a_defect_ends_the_term_and_the_race",
        "        self._alarm.set(None)\n",
        "",
    ),
    driver(
        "the term's timer is left in a shared scheduler",
        f"{STEPS}a_defect_ends_the_term_and_the_race",
        "        self._term_alarm.set(None)\n",
        "",
    ),
    driver(
        "a driver that has ended is told of the clock",
        f"{END}nothing_is_left_behind",
        "        self._runtime.when_clock_goes_back(None)\n",
        "",
    ),
    driver(
        "who waits for the end is not told",
        f"{END}nothing_is_left_behind",
        "            self.changed.notify_all()\n        self.listeners.call()\n\n    def _fail_closed",
        "            self.changed.notify_all()\n\n    def _fail_closed",
    ),
    driver(
        "a driver ends twice",
        f"{END}it_ends_once",
        "        if self.has_finished:\n            return\n        self._alarm",
        "        self._alarm",
    ),
    driver(
        "a stop that came first is forgotten",
        f"{END}a_stop_that_comes_first_leaves_nothing_to_start",
        "        if self.has_finished:\n            return\n        config",
        "        config",
    ),
    driver(
        "what is asked within a step is done within it",
        f"{STEPS}what_is_asked_within_a_step_is_done_after_it",
        "if self._is_stepping or self.has_finished:",
        "if self.has_finished:",
    ),
    driver(
        "a defect leaves its term without an end",
        f"{STEPS}a_defect_ends_the_term_and_the_race",
        '            self._end_term(*self._last, "a defect")\n',
        "            pass\n",
    ),
    driver(
        "a defect ends a term that had ended",
        f"{STEPS}a_defect_after_the_term_ends_nothing_twice",
        "if self.leadership is not None and self._last is not None:",
        "if self._last is not None:",
    ),
    driver(
        "a defect of the elector leaves it in the race",
        f"{STEPS}a_defect_ends_the_term_and_the_race",
        '        MACHINE.events["stop"].trigger',
        "        (lambda *_, **__: None)",
    ),
    driver(
        "the end of a term needs a thread",
        f"{TERMS}the_end_is_told_in_any_case_and_the_work_only_where_there_is_a_place",
        "self._telling_ended, or_here=True)",
        "self._telling_ended)",
    ),
    driver(
        "work that was asked to end gives its run a failure",
        f"{TERMS}only_work_that_ends_by_itself_gives_a_run_its_failure",
        "if self.term.config.once and self.term.state == SERVING:",
        "if self.term.config.once:",
    ),
    one(
        "time in the queue is not taken off",
        "P10",
        f"{HANGING}time_in_the_queue_is_taken_off_and_what_expired_there_is_never_sent",
        "runtime/threaded.py",
        "(request.expires_at - self.now()) / NANOSECONDS",
        "(request.expires_at - request.sent_at) / NANOSECONDS",
    ),
    one(
        "what expired in the queue is sent",
        "P10",
        f"{HANGING}time_in_the_queue_is_taken_off_and_what_expired_there_is_never_sent",
        "runtime/store_calls.py",
        "    if timeout <= 0:\n",
        "    if timeout < 0:\n",
    ),
)
