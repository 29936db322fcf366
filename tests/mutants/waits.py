"""Wrong pools, schedulers, terms and clocks: what campaigns share, and wait on."""

from __future__ import annotations

from support.mutants.patch import Mutant, Patch

POOLS_TESTS = "schedules/test_pools.py::test_"
GATHERING_TESTS = "schedules/test_gathering.py::test_"
SCHEDULER_TESTS = "schedules/test_scheduler.py::test_"
CAMPAIGN_TESTS = "schedules/test_campaigns.py::test_"
TERM_TESTS = "schedules/test_terms.py::test_"
ONCE = f"{POOLS_TESTS}every_submitted_call_runs_exactly_once"
IDLED = f"{POOLS_TESTS}a_pool_lives_on_after_its_threads_have_idled_out"
GATHERED = f"{GATHERING_TESTS}what_is_gathered_is_taken_exactly_once_and_in_order"
QUEUE = f"{POOLS_TESTS}a_queue_runs_its_calls_one_after_the_other_and_in_order"
SHARED_POOL = f"{POOLS_TESTS}a_shared_pool_lives_as_long_as_anybody_uses_it"
SHARED_SCHEDULER = f"{SCHEDULER_TESTS}a_shared_scheduler_lives_as_long_as_anybody_uses_it"
STOPPED = f"{CAMPAIGN_TESTS}stop_returns_when_nothing_is_left_whoever_else_starts_and_stops"
WOKEN = f"{TERM_TESTS}no_wakeup_is_lost_while_the_work_waits"


def mutant(name, rule, killer, *patch):
    """One place in one file, found by one test."""
    return Mutant(name, rule, "a slip", ("drivers", killer), (Patch(*patch),))


def pool(name, killer, old, new):
    """Of the threads that store calls and observers run on."""
    return mutant(name, "P10", killer, "runtime/pools.py", old, new)


POOLS = (
    pool(
        "a thread that has idled out is counted for ever",
        IDLED,
        "            self._threads.discard(threads.current())\n",
        "",
    ),
    pool(
        "one idle thread is enough for two calls",
        f"{POOLS_TESTS}a_hung_call_starves_no_other_while_threads_are_left",
        "if self._idle >= len(self._calls):",
        "if self._idle > 0:",
    ),
    pool(
        "whether a pool is busy is asked while a call begins",
        f"{POOLS_TESTS}a_pool_is_busy_until_all_that_was_submitted_has_run",
        "        with self._changed:\n            if self._calls and len(",
        "        if True:\n            if self._calls and len(",
    ),
    pool("a pool that nobody uses is kept", STOPPED, "        pool.close()\n", ""),
    pool(
        "a pool has a thread more than it may",
        f"{POOLS_TESTS}a_pool_never_has_more_threads_than_it_may",
        "if len(self._threads) >= THREADS_PER_POOL:",
        "if len(self._threads) > THREADS_PER_POOL:",
    ),
    pool("an idle thread does not count", IDLED, "            self._idle += 1\n", ""),
    pool("an idle thread is not woken", IDLED, "                self._changed.notify()\n", ""),
    pool(
        "a thread that could not be started is counted for ever",
        ONCE,
        "            with self._changed:\n                self._threads.discard(thread)\n",
        "",
    ),
    pool(
        "a call is lost when no thread can be started",
        ONCE,
        "                self._threads.discard(thread)\n            self._run_one()\n",
        "                self._threads.discard(thread)\n",
    ),
    pool("a busy thread counts as idle", ONCE, "            self._idle -= 1\n", ""),
    pool(
        "a call that ended counts as running",
        f"{POOLS_TESTS}a_pool_is_busy_while_a_call_is_about_to_begin_or_has_not_run_for_long",
        "            self._begun.pop(me, None)",
        "            pass",
    ),
    pool(
        "a call that hangs counts as about to end",
        f"{POOLS_TESTS}a_pool_is_busy_while_a_call_is_about_to_begin_or_has_not_run_for_long",
        "            return bool(self._begun) and min(self._begun.values()) > hanging_since\n",
        "            return bool(self._begun)\n",
    ),
    pool(
        "a pool is closed without waiting for its threads",
        STOPPED,
        "                thread.join(timeout=max(0.0, patience_until - threads.monotonic()))\n",
        "                pass\n",
    ),
    pool("threads of a closed pool idle out", STOPPED, "            self._closed = True\n", ""),
    pool(
        "a call that asks its thread to exit ends it",
        ONCE,
        "        except BaseException:  # P13: not even",
        "        except Exception:  # P13: not even",
    ),
    pool(
        "each item that waits is a call",
        f"{GATHERING_TESTS}all_that_waits_is_one_call",
        "            if len(gathered) > 1:\n",
        "            if False:\n",
    ),
    pool(
        "what is too much for a batch is forgotten",
        GATHERED,
        "                self._gathered[key] = ",
        "                _ = ",
    ),
    pool(
        "a batch takes more than it may",
        GATHERED,
        "gathered[:MOST_TOGETHER], gathered[MOST_TOGETHER:]",
        "gathered, []",
    ),
    pool("a queue is drained by two threads at once", QUEUE, "            self._running = True\n", ""),
    pool(
        "a queue that was drained is never drained again",
        f"{CAMPAIGN_TESTS}stop_returns_when_the_observers_were_told_all",
        "                    self._running = False\n",
        "",
    ),
    pool(
        "an observer that raises SystemExit ends the queue",
        QUEUE,
        "            except BaseException:  # P13: a callback's",
        "            except Exception:  # P13: a callback's",
    ),
    pool(
        "a queue runs the latest call first",
        QUEUE,
        "                call = self._calls.popleft()\n            try:\n                call()",
        "                call = self._calls.pop()\n            try:\n                call()",
    ),
    pool(
        "a pool is closed while another uses it",
        SHARED_POOL,
        "self._pools[key] = (pool, users + 1)",
        "self._pools[key] = (pool, 1)",
    ),
    pool(
        "a pool is never let go of",
        SHARED_POOL,
        "            if users > 1:\n",
        "            if users > 0:\n",
    ),
)


def loop(name, killer, old, new, rule="P10"):
    """Of the thread that handles all electors."""
    return mutant(name, rule, killer, "runtime/scheduler.py", old, new)


SCHEDULERS = (
    loop(
        "what was posted before the close is dropped",
        f"{SCHEDULER_TESTS}everything_posted_before_the_close_has_run_when_it_returns",
        "if self._closing and not self._inbox:",
        "if self._closing:",
    ),
    loop(
        "a call of a closed scheduler is waited for",
        f"{SCHEDULER_TESTS}a_call_returns_when_it_was_carried_out_or_refused",
        "            if self._closing:\n                return False\n",
        "",
    ),
    loop(
        "an action that is posted wakes nobody",
        STOPPED,
        "            self._inbox.append(action)\n            self._changed.notify_all()\n",
        "            self._inbox.append(action)\n",
    ),
    loop(
        "an action that raises is waited for",
        f"{SCHEDULER_TESTS}an_action_that_raises_ends_neither_the_thread_nor_the_wait_for_it",
        "            try:\n                action()\n            finally:\n                done.set()\n",
        "            action()\n            done.set()\n",
        "P13",
    ),
    loop(
        "a log that raises ends the thread of all campaigns",
        f"{SCHEDULER_TESTS}an_action_that_raises_ends_neither_the_thread_nor_the_wait_for_it",
        "        with suppress(Exception):\n            logger.exception",
        "        if True:\n            logger.exception",
        "P13",
    ),
    loop(
        "a timer that is due at this instant is not",
        f"{SCHEDULER_TESTS}timers_run_in_order_at_their_instants_whatever_is_posted_meanwhile",
        "self._timers[0][0] <= (self.now()",
        "self._timers[0][0] < (self.now()",
        "P3",
    ),
    loop(
        "a cancelled timer runs",
        f"{SCHEDULER_TESTS}timers_run_in_order_at_their_instants_whatever_is_posted_meanwhile",
        'scheduler\'s thread."""\n        self.action = None\n',
        'scheduler\'s thread."""\n',
    ),
    loop(
        "timers that are always due starve what is posted",
        "drivers/test_hostile.py::test_timers_that_are_always_due_starve_nobody",
        "while self._is_due(due_by):",
        "while self._is_due():",
    ),
    loop(
        "a clock that went back is not noticed",
        f"{SCHEDULER_TESTS}a_clock_that_goes_back_is_noticed_by_all_who_asked",
        "        return self.now() < self._latest\n",
        "        return False\n",
        "P3",
    ),
    loop(
        "a campaign that ended is told of the clock for ever",
        f"{CAMPAIGN_TESTS}a_campaign_leaves_nothing_behind_in_a_shared_scheduler",
        "            self._backwards.pop(action, None)\n",
        "            pass\n",
    ),
    loop(
        "a scheduler is closed while another campaign uses it",
        SHARED_SCHEDULER,
        "1 if entry is None else entry[2] + 1",
        "1",
    ),
    loop(
        "a closed scheduler is handed out again",
        SHARED_SCHEDULER,
        "            del self._users[id(clock)]\n",
        "",
    ),
    loop(
        "a scheduler is closed without waiting for its thread",
        STOPPED,
        "            self.thread.join()\n",
        "            pass\n",
    ),
)

TERMS_AND_CLOCKS = (
    mutant(
        "a wait sleeps past the end of the term",
        "P3",
        "drivers/test_timing.py::test_a_wait_ends_with_the_term_while_every_thread_of_the_library_is_held_up",
        "runtime/handle.py",
        "(ends if until is None else min(ends, until)) - now",
        "(ends if until is None else until) - now",
    ),
    mutant(
        "work that waits is not woken when it is asked to end",
        "P9",
        WOKEN,
        "runtime/handle.py",
        "self._asked_because or reason\n        self._notify()\n",
        "self._asked_because or reason\n",
    ),
    mutant(
        "a term is valid during the next one",
        "P11",
        "drivers/test_timing.py::test_a_term_that_was_kept_is_not_valid_in_the_next_one",
        "runtime/handle.py",
        "if office is None or office.token != self.token:",
        "if office is None:",
    ),
    mutant(
        "the clock stands still while the machine is suspended",
        "P3",
        "drivers/test_timing.py::test_the_clock_goes_on_while_the_machine_is_suspended",
        "clock.py",
        "return time.clock_gettime(time.CLOCK_BOOTTIME)",
        "return time.monotonic()",
    ),
)

THREADS = (
    mutant(
        "threads are those that were there when the package was loaded",
        "P10",
        "drivers/test_forks.py::test_gevent_may_replace_threads_after_the_package_was_loaded",
        "runtime/threads.py",
        "def thread(name: str, target: Callable[[], None]) -> threading.Thread:\n",
        "def thread(name, target, threading=__import__('types').SimpleNamespace(**vars(threading))):\n",
    ),
    mutant(
        "work that ignores everything keeps the interpreter alive",
        "P9",
        "drivers/test_ending.py::test_work_that_ignores_everything_does_not_keep_the_interpreter_alive",
        "runtime/threads.py",
        "daemon=True",
        "daemon=False",
    ),
)
