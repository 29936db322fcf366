"""Wrong campaigns: how they begin and end, in one process, in its children and with it."""

from __future__ import annotations

from mutants.waits import CAMPAIGN_TESTS, STOPPED, TERM_TESTS, mutant

FORKS = "drivers/test_forks.py::test_"
ENDING = "drivers/test_ending.py::test_"
SIGNALS = "drivers/test_signals.py::test_"
CAMPAIGN = "drivers/test_campaign.py::test_"
FORKED = f"{CAMPAIGN_TESTS}a_forked_child_leads_nothing_and_hangs_on_nothing_wherever_the_fork_comes"
ONE_RUN = f"{CAMPAIGN_TESTS}only_one_may_run_a_campaign_and_it_returns_when_it_is_stopped"
TERMS = f"{TERM_TESTS}a_loop_of_terms_ends_when_it_is_stopped_and_runs_its_body_alone"
WAITED = f"{TERM_TESTS}waiting_until_leader_ends_with_the_campaign"


def campaign(name, killer, old, new, rule="P9"):
    """Of `Campaign` itself."""
    return mutant(name, rule, killer, "campaign.py", old, new)


CAMPAIGNS = (
    campaign(
        "of two starts at once each begins a run",
        STOPPED,
        "            if self._driver is not None:\n                if is_new:",
        "            if self._driver is not None and is_new:\n                if is_new:",
    ),
    campaign(
        "two may run one campaign",
        ONE_RUN,
        "                if is_new:\n                    raise",
        "                if False:\n                    raise",
    ),
    campaign(
        "a second stop returns early",
        STOPPED,
        "                with self._ending:\n                    pass  # another thread's call has it end\n",
        "                pass\n",
    ),
    campaign(
        "a stop ends the run that another thread has begun meanwhile",
        f"{CAMPAIGN_TESTS}a_stop_ends_no_run_that_was_begun_after_it",
        "                if self._driver is not driver:\n                    return\n",
        "",
    ),
    mutant(
        "stop does not wait for the observers",
        "P9",
        f"{CAMPAIGN_TESTS}stop_returns_when_the_observers_were_told_all",
        "runtime/threaded.py",
        "            self._observers.join(patience_s)\n",
        "",
    ),
    mutant(
        "a campaign that ended keeps the scheduler",
        "P9",
        STOPPED,
        "runtime/threaded.py",
        "        scheduler.shared.release(self.clock)\n",
        "",
    ),
    campaign(
        "a campaign that ended is stopped once more at exit",
        STOPPED,
        "                registry.pop(self, None)\n            if runtime",
        "            if runtime",
    ),
    campaign(
        "work that stops its own campaign waits for itself",
        f"{CAMPAIGN}the_work_may_stop_its_own_campaign",
        "        if threads.is_own():\n            threads.thread",
        "        if False:\n            threads.thread",
    ),
    campaign(
        "the time given to stop is ignored",
        "drivers/test_timing.py::test_a_campaign_is_stopped_within_the_time_that_is_given_to_stop",
        "patience = self._stop_timeout if timeout is None else timeout",
        "patience = self._stop_timeout",
    ),
    mutant(
        "a start returns before it has begun",
        "P9",
        f"{CAMPAIGN_TESTS}a_start_returns_when_it_has_begun",
        "runtime/threaded.py",
        "            self.scheduler.call(action)\n",
        "            self.scheduler.post(action)\n",
    ),
    campaign(
        "waiting to lead outlasts the campaign",
        WAITED,
        "while not driver.has_finished and not self.is_leader():",
        "while not self.is_leader():",
    ),
    campaign(
        "a token is told after its term",
        "drivers/test_timing.py::test_a_term_ends_by_the_clock_while_every_thread_of_the_library_is_held_up",
        "leadership.token if leadership is not None and leadership.is_valid() else None",
        "leadership.token if leadership is not None else None",
        "P3",
    ),
    campaign(
        "a loop of terms goes on in a forked child",
        "drivers/test_hostile.py::test_a_forked_child_that_goes_on_in_a_loop_of_terms_is_told",
        "                yield leadership\n                self._check_process()\n",
        "                yield leadership\n",
    ),
    campaign(
        "a loop of terms that is left does not stop the campaign",
        "drivers/test_hostile.py::test_a_loop_of_terms_that_is_left_stops_the_campaign",
        "            self.stop()\n            watcher.join()\n",
        "            pass\n",
    ),
    campaign(
        "run returns before the end",
        f"{CAMPAIGN_TESTS}run_returns_when_nothing_is_left",
        "                else:\n                    self.stop()\n",
        "",
    ),
    campaign(
        "what the work raised is kept silent",
        f"{CAMPAIGN}run_once_raises_what_the_work_raised",
        "        if driver.failure is not None:\n",
        "        if False:\n",
    ),
)


PROCESSES = (
    campaign(
        "a child waits for locks that stayed with the parent",
        FORKED,
        "    def _forked(self, parent: int) -> None:\n        self._make_locks()\n",
        "    def _forked(self, parent: int) -> None:\n",
    ),
    campaign(
        "a child runs its parent's campaign",
        FORKED,
        "            self._forked_from = parent\n",
        "            pass\n",
    ),
    campaign(
        "a child asks its parent's campaign to resign",
        f"{FORKS}a_forked_child_that_wishes_anything_but_the_end_is_told",
        "        self._check_process()\n        driver = self._driver\n",
        "        driver = self._driver\n",
    ),
    campaign(
        "a child leads as its parent does",
        f"{FORKS}a_forked_child_is_never_leader_and_says_so",
        "            self._driver.after_fork()\n",
        "            pass\n",
        "P2",
    ),
    campaign(
        "all children of a process have one name",
        f"{FORKS}a_campaign_built_before_a_fork_is_another_candidate_in_each_child",
        "        elif self._has_default_name:\n",
        "        elif False:\n",
        "P2",
    ),
    campaign(
        "a name that was given is changed by a fork",
        f"{FORKS}a_campaign_built_before_a_fork_is_another_candidate_in_each_child",
        "        elif self._has_default_name:\n",
        "        else:\n",
        "P2",
    ),
    mutant(
        "all children of a process draw the same jitter",
        "P12",
        f"{FORKS}a_fork_copies_no_chance",
        "runtime/threaded.py",
        "return SystemRandom().random()",
        "return globals().setdefault('_kept', __import__('random').Random()).random()",
    ),
    mutant(
        "a child's store calls wait for threads of its parent's",
        "P10",
        f"{FORKS}a_forked_child_has_threads_of_its_own_whatever_the_parent_runs",
        "runtime/lifecycle.py",
        "    pools.forget_all()\n",
        "",
    ),
    mutant(
        "a child's campaigns wait for the scheduler of its parent's",
        "P10",
        f"{FORKS}a_forked_child_has_threads_of_its_own_whatever_the_parent_runs",
        "runtime/lifecycle.py",
        "    scheduler.forget_all()\n",
        "",
    ),
    mutant(
        "a child that exits stops its parent's campaigns",
        "P9",
        f"{FORKS}a_forked_child_that_exits_stops_nothing_of_the_parents",
        "runtime/lifecycle.py",
        "    registry.clear()\n",
        "",
    ),
    mutant(
        "at exit campaigns are waited for and not asked",
        "P9",
        f"{ENDING}at_the_end_of_the_interpreter_campaigns_end_side_by_side",
        "runtime/lifecycle.py",
        "        runner.ask_to_stop()  # all",
        "        pass  # all",
    ),
    mutant(
        "a clock that nobody turns keeps the interpreter alive",
        "P9",
        "drivers/test_hostile.py::test_a_clock_that_nobody_turns_any_more_does_not_keep_the_interpreter_alive",
        "runtime/lifecycle.py",
        "        if runner.join(since):  ",
        "        if True:  ",
    ),
    mutant(
        "a process has its host's name alone",
        "P2",
        f"{CAMPAIGN}identities_differ_by_default",
        "runtime/lifecycle.py",
        "-{os.getpid()}-{os.urandom(3).hex()}",
        "",
    ),
    mutant(
        "a loop of terms that was kept holds up the exit",
        "P9",
        f"{ENDING}a_loop_of_terms_that_was_kept_ends_with_the_interpreter",
        "runtime/loop.py",
        "and not self._looping.is_alive():\n            self._done.set()\n",
        "and not self._looping.is_alive():\n            pass\n",
    ),
    mutant(
        "the next step of a loop does not end the term",
        "P9",
        TERMS,
        "runtime/loop.py",
        "            finally:\n                self._done.set()\n",
        "            finally:\n                pass\n",
    ),
    mutant(
        "a second signal is a wish like the first",
        "P9",
        f"{SIGNALS}a_second_signal_does_what_it_does_without_a_campaign",
        "runtime/signals.py",
        "        self._restore()\n        self._events.put(True)\n",
        "        self._events.put(True)\n",
    ),
    campaign(
        "a second Ctrl-C waits for the work at exit",
        f"{SIGNALS}a_second_signal_does_what_it_does_without_a_campaign",
        "                    registry.pop(self, None)  # a second",
        "                    pass  # a second",
    ),
    mutant(
        "SIGTERM ends the process at once",
        "P9",
        f"{SIGNALS}a_signal_tells_the_work_releases_and_returns",
        "runtime/signals.py",
        "    signal.SIGTERM: signal.SIG_DFL,\n",
        "",
    ),
    mutant(
        "handlers of one's own are replaced",
        "P9",
        f"{SIGNALS}handlers_of_ones_own_are_kept",
        "runtime/signals.py",
        " if signal.getsignal(number) is default\n",
        "\n",
    ),
    mutant(
        "the handlers stay after the campaign",
        "P9",
        f"{SIGNALS}the_handlers_are_the_defaults_again_afterwards",
        "runtime/signals.py",
        "    ) -> None:\n        self._restore()\n",
        "    ) -> None:\n        pass\n",
    ),
    mutant(
        "signals are caught though they are to be left alone",
        "P9",
        f"{SIGNALS}without_handlers_sigterm_ends_the_process_at_once",
        "runtime/signals.py",
        "if handle_signals and threading",
        "if threading",
    ),
    mutant(
        "asynchronous work is accepted and never runs",
        "P13",
        "drivers/test_work_refused.py",
        "runtime/reporter.py",
        "            if _only_creates(callback):\n",
        "            if False:\n",
    ),
)
