"""Wrong drivers: what they do about what an elector and its term decide, and when. One line each."""

from __future__ import annotations

from mutants.term_handles import one

DRIVER = "drivers/test_driver.py::"
HANGING = "drivers/test_hanging_store.py::test_"
CALLED, WATCH, END = (
    f"{DRIVER}Test{name}::test_" for name in ("WhenItIsCalled", "AWatchThatCannotBeHad", "TheEnd")
)
NOBODY = "drivers/test_driver_terms.py::TestObservers::test_"
TERMS, STEPS = "drivers/test_driver_terms.py::TestTerms::test_", f"{DRIVER}TestSteps::test_"


def driver(name, killer, old, new, rule="P9"):
    """Of what is done about it."""
    return one(name, rule, killer, "runtime/driver.py", old, new)


def spread(name, killer, old, new, rule="P12"):
    """Of how late a look may be."""
    return one(name, rule, killer, "runtime/spread.py", old, new)


CARRIED_OUT = (
    one(
        "that nobody leads is not told",
        "P12",
        f"{NOBODY}that_nobody_leads_is_told_when_the_record_has_expired",
        "runtime/known_leader.py",
        "            self._alarm.set(expires_at)\n",
        "            pass\n",
    ),
    one(
        "a leader that comes back is not told",
        "P12",
        f"{NOBODY}a_leader_that_comes_back_is_told_anew",
        "runtime/known_leader.py",
        "            self._told = leader\n",
        "            self._told = leader or self._told\n",
    ),
    one(
        "a follower is woken when what was released would have expired",
        "P12",
        f"{NOBODY}it_is_forgotten_where_nobody_leads_any_more",
        "runtime/known_leader.py",
        "            self._expires_at = expires_at\n",
        "",
    ),
    one(
        "a leader is woken when its record would expire",
        "P12",
        f"{NOBODY}a_leader_needs_no_such_instant",
        "runtime/known_leader.py",
        "        if leader is None or leads:\n",
        "        if leader is None:\n",
    ),
    one(
        "a record that has expired names a leader at that instant",
        "P4",
        f"{NOBODY}that_nobody_leads_is_told_when_the_record_has_expired",
        "core/observation.py",
        "expires_at is not None and now < expires_at else None",
        "expires_at is not None and now <= expires_at else None",
    ),
    one(
        "who leads is asked of the elector, not of the clock",
        "P12",
        "drivers/test_parts.py::TestWhoLeads::test_it_is_asked_of_the_clock",
        "campaign.py",
        "driver.elector.observation.leader_at(to_ns(self._clock.now()))",
        "driver.elector.leader",
    ),
    driver(
        "the expiry of a record is looked at after the end",
        f"{END}a_follower_leaves_no_timer_either",
        "        self._known_leader.close()\n",
        "",
    ),
    spread(
        "a request expires late by a jitter",
        f"{CALLED}a_request_expires_on_time",
        " or elector.pending is not None or",
        " or",
    ),
    spread(
        "a release is given up late by a jitter",
        f"{CALLED}a_release_that_is_given_up_is_so_on_time",
        " or elector.leaving is not None:",
        ":",
    ),
    spread(
        "a renewal is late by a jitter",
        f"{CALLED}a_renewal_is_on_time_and_so_is_its_end",
        "if elector.state != FOLLOWER or elector",
        "if elector",
    ),
    spread(
        "a succession waits for the jitter of a poll",
        f"{CALLED}a_look_at_a_lease_that_expires_is_little_late",
        "        spread, draw = min(spread, EXPIRY_SPREAD_NS), few_first(draw)\n",
        "        draw = few_first(draw)\n",
    ),
    spread(
        "followers without a jitter look late",
        f"{CALLED}and_not_at_all_without_a_jitter",
        "spread, draw = min(spread, EXPIRY_SPREAD_NS), few_first(draw)",
        "spread, draw = EXPIRY_SPREAD_NS, few_first(draw)",
    ),
    spread(
        "a succession is spread evenly, however many look",
        f"{CALLED}few_look_at_the_beginning_of_what_it_may_be_late",
        "spread, draw = min(spread, EXPIRY_SPREAD_NS), few_first(draw)",
        "spread = min(spread, EXPIRY_SPREAD_NS)",
    ),
    one(
        "the patience of a term is not counted anew",
        "P3",
        f"{CALLED}a_clock_that_went_back_is_looked_at_by_both",
        "core/candidate.py",
        "        if type(event) in _OF_TERMS:\n            yield from",
        "        if type(event) in _OF_TERMS - _OF_ELECTORS:\n            yield from",
    ),
    one(
        "a candidate is woken when the later one of its machines is due",
        "P12",
        "unit/test_candidate.py::test_it_is_woken_by_whichever_of_both_is_due_first",
        "core/candidate.py",
        "min(due, default=None)",
        "max(due, default=None)",
    ),
    one(
        "a term takes a step for each answer of the store",
        "P9",
        "unit/test_candidate.py::test_a_term_takes_no_step_for_what_is_not_its_affair",
        "core/candidate.py",
        "        if type(event) in _OF_TERMS:\n            yield from",
        "        if True:\n            yield from",
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
        "elector = self._reporter.elector = Elector(polled",
        "elector = Elector(polled",
        "P13",
    ),
    driver(
        "a leader takes a step for each hint",
        f"{WATCH}a_leader_takes_no_step_for_it",
        "        if self.elector.state != LEADER:\n            self._give(StoreChanged(stored))\n",
        "        self._give(StoreChanged(stored))\n",
        "P12",
    ),
    driver(
        "a watch is left open",
        f"{END}nothing_is_left_behind",
        "        if self._watch is not None:\n",
        "        if False:\n",
    ),
    driver(
        "the timer is left in a shared scheduler",
        f"{STEPS}a_defect_ends_the_term_and_the_race",
        "        self._alarm.set(None)\n",
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
        "        self.changed.tell()\n        self.listeners.call()\n\n    def _fail_closed",
        "        self.changed.tell()\n\n    def _fail_closed",
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
        "if self._is_handling or self.has_finished:",
        "if self.has_finished:",
    ),
    driver(
        "a defect leaves its term without an end",
        f"{STEPS}a_defect_ends_the_term_and_the_race",
        '            self._end_term(*self._last, "a defect")\n',
        "            pass\n",
    ),
    driver(
        "an assertion that fails leaves a leader behind",
        f"{STEPS}a_defect_ends_the_term_and_the_race",
        "        except Exception:  # noqa: BLE001  # a defect",
        "        except ArithmeticError:  # noqa: BLE001  # a defect",
    ),
    driver(
        "work that fails does not back off",
        f"{TERMS}what_user_code_raises_is_a_line_and_ends_it",
        "WorkEnded(failed=failure is not None)",
        "WorkEnded()",
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
        "(self.request.expires_at - self.runtime.now()) / NANOSECONDS",
        "(self.request.expires_at - self.request.sent_at) / NANOSECONDS",
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
