"""Wrong small parts: what a campaign says, records and hands on. One line each."""

from __future__ import annotations

from mutants.term_handles import one

PARTS_TESTS = "drivers/test_parts.py::Test"
SAYS = "drivers/test_reporter.py::test_"
RECORDS = "drivers/test_trace.py::test_"
TOLD = "drivers/test_driver_terms.py::Test"
TROUBLE = f"{SAYS}trouble_is_a_line_when_it_begins_and_one_when_all_is_well"
FEW = f"{SAYS}a_store_that_refuses_every_write_is_a_few_lines"


def says(name, killer, old, new):
    """Of the log."""
    return one(name, "P13", killer, "runtime/reporter.py", old, new)


def records(name, killer, old, new):
    """Of the trace."""
    return one(name, "P13", RECORDS + killer, "runtime/trace.py", old, new)


def read_back(name, killer, old, new):
    """Of what reads it."""
    return one(name, "P13", RECORDS + killer, "runtime/recording.py", old, new)


PARTS = (
    says(
        "a store that can be read is back though it cannot be written",
        TROUBLE,
        "if is_write or not action]",
        "]",
    ),
    says(
        "a store is back while it fails otherwise", TROUBLE, "if mended and not self._trouble:", "if mended:"
    ),
    says(
        "each candidacy that fails alike is a line",
        FEW,
        "is_repeated = between in self._moved_in_trouble and",
        "is_repeated = False and",
    ),
    says(
        "what was repeated once is never told again", FEW, "            self._moved_in_trouble.clear()\n", ""
    ),
    says(
        "each failure of a store is a line",
        TROUBLE,
        "if kind not in self._trouble.values():",
        "if True:",
    ),
    says(
        "a store that fails in another way is no news",
        TROUBLE,
        "if kind not in self._trouble.values():",
        "if not self._trouble:",
    ),
    says(
        "a mended store is mended for ever",
        TROUBLE,
        "            del self._trouble[action]\n",
        "            pass\n",
    ),
    says(
        "a write that fails is called a read",
        TROUBLE,
        'action = "write" if is_write else "read"',
        'action = "read" if is_write else "write"',
    ),
    says(
        "a failure has no traceback",
        f"{SAYS}what_failed_is_shown_with_where",
        'f"{what} failed", exc_info=failure)',
        'f"{what} failed")',
    ),
    says(
        "a defect has no traceback",
        f"{SAYS}what_failed_is_shown_with_where",
        'this campaign is over", exc_info=True)',
        'this campaign is over", exc_info=False)',
    ),
    says(
        "a log that is full costs the lease",
        f"{SAYS}a_log_that_is_broken_costs_nothing",
        "        with suppress(Exception):  # P13: a log",
        "        with suppress(ArithmeticError):  # P13: a log",
    ),
    says(
        "a follower does not know the holder's token",
        f"{SAYS}a_follower_names_the_holder_and_its_token",
        "if token is None and stored is not None:",
        "if False:",
    ),
    says(
        "a change of role is without its reason",
        f"{SAYS}each_line_says_who_where_and_what",
        "source=move.source, reason=move.reason)",
        "source=move.source)",
    ),
    says(
        "an attempt that fails ends more than itself",
        f"{SAYS}an_attempt_that_fails_is_a_line_and_nothing_else",
        "        except Exception as error:  # noqa: BLE001  # whatever it was",
        "        except OSError as error:  # noqa: BLE001  # whatever it was",
    ),
    says(
        "a token that cannot grow is a line for each look",
        f"{TOLD}Observers::test_a_token_that_cannot_grow_is_one_line",
        "            self._is_spent = True\n",
        "            pass\n",
    ),
    one(
        "a token that cannot grow is no news",
        "P11",
        f"{TOLD}Observers::test_a_token_that_cannot_grow_is_one_line",
        "runtime/driver.py",
        "        self._reporter.observed()\n",
        "",
    ),
    says(
        "a gauge is set only while leading",
        f"{TOLD}Observers::test_they_are_told_in_order_of_each_beginning_and_end",
        "        if self._callbacks.report_metric is not None:\n",
        "        if self._callbacks.report_metric is not None and is_leader:\n",
    ),
    records(
        "a full disk is a line for each step",
        "a_file_that_is_full_costs_the_rest_of_the_trace",
        "whatever it is, it costs nobody the lease\n                self._end()\n",
        "\n",
    ),
    records(
        "a full disk ends the campaign",
        "a_file_that_is_full_costs_the_rest_of_the_trace",
        "            except Exception as error:  # noqa: BLE001  # whatever it is",
        "            except KeyError as error:  # noqa: BLE001  # whatever it is",
    ),
    records(
        "a log that is full ends the campaign of a trace",
        "nor_does_a_log_that_is_full_too",
        "                with suppress(Exception):\n",
        "                with suppress(KeyError):\n",
    ),
    records(
        "a trace is written after its end",
        "what_comes_after_the_end_is_not_written",
        "            if not self._is_open:\n                return\n",
        "",
    ),
    records(
        "a trace is written when it ends",
        "each_line_can_be_read_while_the_run_goes_on",
        ", buffering=0)",
        ")",
    ),
    records(
        "a line that is cut short passes for a whole one",
        "a_file_that_is_full_costs_the_rest_of_the_trace",
        "if self._file.write(written) != len(written):",
        "if not self._file.write(written):",
    ),
    records(
        "the next run goes on in the line of a killed process",
        "where_a_process_was_killed_the_next_run_begins_on_a_line_of_its_own",
        'if written.read(1) != b"\\n":',
        "if False:",
    ),
    records(
        "a long run goes on without its state",
        "a_long_run_goes_on_in_another_file",
        "state = (*elector.snapshot(), elector.last_renew_time)",
        "state = None",
    ),
    read_back(
        "what a killed process left unfinished is an error",
        "what_a_killed_process_left_unfinished_is_passed_over",
        "            cut = cut or record",
        "            raise record",
    ),
    read_back(
        "a damaged line is passed over",
        "a_damaged_line_is_named",
        "        elif cut is not None:\n            raise cut\n",
        "",
    ),
    read_back(
        "what came before in another file is left out",
        "a_long_run_goes_on_in_another_file",
        "for part in (older(path), path):",
        "for part in (path,):",
    ),
    one(
        "a call that raises is silent",
        "P13",
        f"{PARTS_TESTS}Pools::test_a_call_that_raises_is_a_line",
        "runtime/pools.py",
        '            logger.exception("a call failed")\n',
        "            pass\n",
    ),
    one(
        "an observer that raises is silent",
        "P13",
        f"{PARTS_TESTS}Pools::test_an_observer_that_raises_is_a_line_and_the_next_is_called",
        "runtime/pools.py",
        '                logger.exception("a callback failed")\n',
        "                pass\n",
    ),
    one(
        "timers lose their order when cancelled ones are swept away",
        "P12",
        f"{PARTS_TESTS}Scheduler::test_timers_keep_their_order_when_the_cancelled_ones_are_swept_away",
        "runtime/scheduler.py",
        "            heapq.heapify(self._timers)\n",
        "            self._timers.reverse()\n",
    ),
    one(
        "each of many timers is a wake-up of its own",
        "P12",
        f"{PARTS_TESTS}Scheduler::test_of_many_timers_those_of_one_millisecond_share_a_wake_up",
        "runtime/scheduler.py",
        "max(left, _SHORTEST_WAIT_S)",
        "left",
    ),
    one(
        "each timer is late by what is due soon after it",
        "P12",
        f"{PARTS_TESTS}Scheduler::test_of_many_timers_those_of_one_millisecond_share_a_wake_up",
        "runtime/scheduler.py",
        "len(self._timers) <= _FEW else",
        "False else",
    ),
    one(
        "records tell the time since the start",
        "P6",
        f"{PARTS_TESTS}ThreadedRuntime::test_the_epoch_is_when_the_clock_read_nothing",
        "runtime/scheduler.py",
        " - timedelta(seconds=self._clock.now())",
        "",
    ),
    one(
        "a wait to lead ends before its time",
        "P9",
        f"{PARTS_TESTS}WaitingToLead::test_it_waits_as_long_as_it_says_and_no_longer",
        "campaign.py",
        "if left is not None and left <= 0:",
        "if left is not None and left <= 1:",
    ),
    one(
        "a run that ends is ended by two threads",
        "P9",
        f"{PARTS_TESTS}Aio::test_a_run_ends_once_however_often_it_is_told",
        "runtime/on_loop.py",
        "            self._is_ending = True\n",
        "            pass\n",
    ),
    one(
        "a campaign that never started cannot be stopped",
        "P9",
        f"{PARTS_TESTS}Aio::test_a_campaign_that_never_started_may_be_stopped",
        "aio.py",
        "        if run is None or run.has_ended:\n            return\n        run.ask",
        "        run.ask",
    ),
    one(
        "who is told of the end finds the term still there",
        "P9",
        f"{TOLD}Terms::test_who_is_told_of_its_end_finds_no_term",
        "runtime/driver.py",
        "        self.leadership = None\n        handle.end(reason)\n",
        "        handle.end(reason)\n        self.leadership = None\n",
    ),
)
