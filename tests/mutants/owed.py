"""Wrong terms: what is asked and owed of them, and for how long. One line each."""

from __future__ import annotations

from mutants.term_handles import OURS
from support.mutants.patch import Mutant, Patch

RULES = "unit/test_rules_1_to_4.py::TestP3ValidityCountsFromTheSend"


def owed(name, killer, old, new, rule="P9"):
    """Of what a term is asked and owes."""
    return Mutant(
        name, rule, OURS, ("unit", f"unit/test_term.py::Test{killer}"), (Patch("core/term.py", old, new),)
    )


OWED = (
    owed(
        "a failure is not forgotten",
        "BackOff::test_success_resets_it",
        "self.failures + 1 if event.failed else 0",
        "self.failures + (1 if event.failed else 0)",
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
        "a resignation makes a stop wait less",
        "Patience::test_nor_does_a_resignation_make_a_stop_wait_less",
        "if self.stopping and self.patience_until is not None:",
        "if self.patience_until is not None:",
    ),
    owed(
        "a candidate contends beside its unfinished work where nobody is told",
        "WorkNeverRunsBesideWork::test_also_where_nobody_is_told",
        "elif self.working or self.telling or self.not_before",
        "elif self.telling or self.not_before",
    ),
    owed(
        "a candidate contends at once when its work has failed",
        "WorkNeverRunsBesideWork::test_also_where_it_only_backs_off",
        "elif self.working or self.telling or self.not_before is not None:",
        "elif self.working or self.telling:",
    ),
    owed(
        "a lease that is to expire is released by a stop",
        "WorkIsToldAndWaitedFor::test_a_lease_that_is_to_expire_is_not_released_by_a_stop",
        "Stop(self.config.release, hold_ns, successor)",
        "Stop(hold_ns=hold_ns, successor=successor)",
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
        "            if self.working or self.telling:\n                self._lose",
        "            if True:\n                self._lose",
    ),
    owed(
        "patience is forgotten when the term ends",
        "Patience::test_a_callback_that_hangs_is_left_behind_as_work_is",
        '        self.telling, self.successor = self.config.tells, ""\n',
        '        self.telling, self.successor, self.patience_until = self.config.tells, "", None\n',
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
        "Resign(hold_ns=hold_ns, successor=successor)",
        "Resign(self.config.release, hold_ns, successor)",
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
                "core/leaving.py",
                "self.pending, self.leaving, self.write_not_before = None, None, None",
                "self.pending, self.leaving = None, None",
            ),
        ),
    ),
)
