"""Wrong campaigns for asyncio, as their users meet them: one line each."""

from __future__ import annotations

from mutants.aio_runs import LOOP
from mutants.term_handles import (
    AIO,
    CLOCK,
    DOOR,
    HOSTILE,
    LEADERSHIP,
    STARTS,
    WAITING,
    WAITS,
    of_door,
    of_face,
)

FACE = (
    of_face(
        "a stop from the work waits for the work",
        "P9",
        AIO + "the_work_may_stop_its_own_campaign",
        "if not run.is_work(asyncio.current_task()):",
        "if True:",
    ),
    of_face(
        "a stop does not wait",
        "P9",
        STARTS + "a_stop_returns_when_it_has_stopped",
        "            await until(lambda: run.has_ended, run.changes)\n\n    async def resign",
        "            pass\n\n    async def resign",
    ),
    of_face(
        "a start returns before it is in the race",
        "P9",
        STARTS + "a_store_that_hangs_at_the_start_blocks_no_loop",
        "            await until(lambda: run.has_begun, run.changes)\n        except",
        "            pass\n        except",
    ),
    of_face(
        "an entry that was cancelled contends on",
        "P9",
        HOSTILE + "cancelling_the_entry_leaves_nothing_running",
        "            await self.stop()  # nobody",
        "            pass  # nobody",
    ),
    of_face(
        "a start while it stops has no effect",
        "P9",
        STARTS + "a_start_while_it_stops_waits_for_that_and_starts_anew",
        "and last.is_stopping and not last.has_ended:",
        "and False:",
    ),
    of_face(
        "a task that had no turn yet is no run",
        "P9",
        WAITS + "the_run_and_its_waiters_may_be_in_any_order",
        "            await asyncio.sleep(0)\n",
        "            pass\n",
    ),
    of_face(
        "a wait for the lead outlives the campaign",
        "P9",
        CLOCK + "a_wait_for_the_lead_ends_with_the_campaign",
        "lambda: run.driver.has_finished or self.is_leader()",
        "self.is_leader",
    ),
    of_face(
        "a resignation is not passed on",
        "P9",
        STARTS + "start_and_stop_are_what_the_block_does",
        "        self._contest.resign(to)\n",
        "",
    ),
    of_face(
        "a resignation does not wait for what it leads to",
        "P9",
        STARTS + "a_resignation_without_work_is_done_when_it_returns",
        "        await until(lambda: bool(asked) or run.has_ended, run.changes)\n",
        "",
    ),
    of_face(
        "two runs at once",
        "P9",
        HOSTILE + "only_one_may_run_a_campaign",
        "        if self._is_running:\n",
        "        if False:\n",
    ),
    of_face(
        "a campaign runs once",
        "P9",
        HOSTILE + "work_is_not_run_again_by_a_later_start",
        "                self._is_running = False\n",
        "                pass\n",
    ),
    of_face(
        "what is wrong with the work is not said",
        "P13",
        DOOR + "work_that_turns_out_to_be_plain_ends_the_run_and_is_not_tried_again",
        "        if run.refused is not None:\n",
        "        if False:\n",
    ),
    of_face(
        "a run that was cancelled leaves its campaign in the race",
        "P9",
        AIO + "cancelling_run_stops_the_campaign_gracefully",
        "            try:\n                await self.stop()\n            finally:",
        "            try:\n                pass\n            finally:",
    ),
    of_face(
        "a wait in the work knows no time",
        "P9",
        AIO + "waiting_in_the_work_blocks_no_loop",
        "self._term.listeners, timeout_of(self._waits, timeout))",
        "self._term.listeners)",
    ),
    of_face(
        "a timeout that is none is found out on another thread",
        "P13",
        DOOR + "a_timeout_that_is_none_is_refused",
        '            check_number("timeout", timeout, positive=False)\n        run',
        "            pass\n        run",
    ),
    of_face(
        "a setting does not arrive",
        "P6",
        DOOR + "each_setting_reaches_the_campaign",
        "            takeover_delay=takeover_delay,\n",
        "",
    ),
    of_face(
        "a callback that nobody awaits is accepted",
        "P13",
        DOOR + "a_callback_that_nobody_would_await_is_refused",
        '        check_plain("report_metric", report_metric)\n',
        "",
    ),
    of_face(
        "work that cannot be awaited is accepted",
        "P13",
        DOOR + "work_that_is_plain_is_refused_before_it_is_called",
        "        check_coroutine_function(lead)\n",
        "",
    ),
    of_door(
        "an object whose call is a coroutine is taken for plain",
        "a_callback_that_nobody_would_await_is_refused",
        "inspect.iscoroutinefunction(call) or inspect",
        "False or inspect",
    ),
    of_door(
        "a decorated coroutine function is taken for plain",
        "all_that_can_be_awaited_is_work",
        "    function = inspect.unwrap(lead)\n",
        "    function = lead\n",
    ),
    of_door(
        "a partial of a plain function is taken for work",
        "work_that_is_plain_is_refused_before_it_is_called",
        "        function = inspect.unwrap(function.func)\n",
        "        return\n",
    ),
    of_door(
        "a lambda is refused",
        "all_that_can_be_awaited_is_work",
        ' and getattr(function, "__name__", "") != "<lambda>"',
        "",
    ),
    of_door(
        "work that was called already is called wrong",
        "work_that_was_called_already_is_refused",
        "    if inspect.isawaitable(lead):\n",
        "    if False:\n",
    ),
)

ASYNC = (*LEADERSHIP, *WAITING, *LOOP, *FACE)
