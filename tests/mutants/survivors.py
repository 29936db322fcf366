"""Mutants that nothing found when they were first tried, all over the runtime; what finds them came then."""

from __future__ import annotations

from mutants.campaigns import SIGNALS
from mutants.term_handles import RACES, TERM, WAITS
from mutants.waits import POOLS_TESTS, SCHEDULER_TESTS, TERM_TESTS, loop, mutant, pool

SETTINGS = "drivers/test_settings.py::test_"
OBSERVED, STEPS = "drivers/test_observer.py::test_", "drivers/test_observer_steps.py::test_"
EMPTY = f"{POOLS_TESTS}a_queue_is_waited_for_until_it_is_empty_or_for_as_long_as_was_said"

SURVIVORS = (
    mutant(
        "what is asked first within a step is done last",
        "P9",
        "drivers/test_driver.py::TestSteps::test_what_is_asked_within_a_step_is_done_in_order",
        "runtime/driver.py",
        "self._inputs.pop(0)",
        "self._inputs.pop()",
    ),
    pool(
        "an observer that hangs is waited for for ever",
        EMPTY,
        "wait_for(lambda: not self._running, timeout)",
        "wait_for(lambda: not self._running)",
    ),
    pool(
        "an empty queue is waited for in vain",
        EMPTY,
        "                    self._changed.notify_all()\n                    return\n",
        "                    return\n",
    ),
    pool(
        "a pool that is closed ends one of its idle threads",
        f"{POOLS_TESTS}a_pool_that_is_closed_has_no_thread_left_to_wait_out_its_time",
        "            self._changed.notify_all()\n            left",
        "            self._changed.notify()\n            left",
    ),
    pool(
        "a thread that closes its pool waits for itself",
        f"{POOLS_TESTS}a_pool_may_be_closed_by_a_call_of_its_own",
        "            if thread is not threads.current():\n",
        "            if True:\n",
    ),
    loop(
        "a thread that closes its scheduler waits for itself",
        f"{SCHEDULER_TESTS}a_scheduler_may_be_closed_by_an_action_of_its_own",
        "        if threads.current() is not self.thread:\n",
        "        if True:\n",
    ),
    loop(
        "the time of day is what it was at the beginning",
        f"{SCHEDULER_TESTS}a_time_of_day_that_is_turned_is_known_at_the_next_action",
        "self._latest, self._epoch = self._is_back(), self.now(), None",
        "self._latest = self._is_back(), self.now()",
        "P14",
    ),
    mutant(
        "a handler that came after the first signal is replaced",
        "P9",
        f"{SIGNALS}a_handler_that_was_set_after_the_first_signal_is_kept",
        "runtime/signals.py",
        "        self._ours.clear()\n",
        "",
    ),
    mutant(
        "a deadline is told in whole seconds",
        "P3",
        f"{TERM}a_renewal_moves_the_deadline",
        "leadership.py",
        "self._term.deadline_ns / NANOSECONDS",
        "self._term.deadline_ns // NANOSECONDS",
    ),
    mutant(
        "a resignation waits for a run that has ended",
        "P9",
        f"{RACES}a_resignation_returns_though_the_run_ends_before_it_is_known",
        "aio.py",
        "lambda: bool(asked) or run.has_ended",
        "lambda: bool(asked)",
    ),
    mutant(
        "a loop that was left ends the work of the next one",
        "P9",
        f"{RACES}the_loss_of_a_loop_that_was_left_is_none",
        "runtime/on_loop.py",
        "            if self.loop is not loop:\n                return\n",
        "",
    ),
    mutant(
        "a timeout is told before it has passed",
        "P9",
        f"{WAITS}a_timeout_has_passed_before_that_is_told",
        "runtime/loop_waits.py",
        "        self.has_passed = True\n        then()",
        "        then()\n        self.has_passed = True",
    ),
    mutant(
        "a call that surely did nothing may have done something",
        "P7",
        "drivers/test_hanging_store.py::test_what_a_store_knows_of_the_outcome_is_kept",
        "runtime/store_calls.py",
        "Unavailable(request.id, error.outcome_unknown, ",
        "Unavailable(request.id, True, ",
    ),
    mutant(
        "a loop of terms leaves a thread behind",
        "P9",
        f"{TERM_TESTS}a_loop_of_terms_that_is_left_leaves_no_thread",
        "campaign.py",
        "            self.stop()\n            watcher.join()\n",
        "            self.stop()\n",
    ),
    mutant(
        "an observer that stops leaves its watch open",
        "P13",
        f"{STEPS}nothing_is_left_behind",
        "observer.py",
        "        if self._watch is not None:\n            self._watch.close()\n",
        "",
    ),
    mutant(
        "an observer that stopped looks on as long as others do",
        "P13",
        f"{OBSERVED}one_that_stopped_looks_no_more_though_others_do",
        "observer.py",
        "        eye.runtime.do(eye.close)\n",
        "",
    ),
    mutant(
        "what is missing counts as held for as long as by default",
        "P5",
        f"{OBSERVED}each_setting_is_kept",
        "observer.py",
        "Lookout.over(store.guarantees, lease_duration)",
        "Lookout.over(store.guarantees)",
    ),
    mutant(
        "of two that enter at once both have one run",
        "P9",
        f"{RACES}of_two_that_enter_at_once_one_is_refused",
        "runtime/on_loop.py",
        "work=work, is_new=True)",
        "work=work)",
    ),
    mutant(
        "work that is given no time to end is refused",
        "P9",
        f"{SETTINGS}no_time_is_a_time",
        "campaign.py",
        'check_number("stop_timeout", stop_timeout, positive=False)',
        'check_number("stop_timeout", stop_timeout, positive=True)',
    ),
    loop(
        "a timer that was cancelled wakes the thread of all campaigns",
        "drivers/test_parts.py::TestScheduler::test_a_timer_that_was_cancelled_wakes_nobody",
        "        while self._timers and self._timers[0][2].action is None:\n",
        "        while False:\n",
    ),
)
