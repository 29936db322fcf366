"""Wrong terms, and waits of asyncio that are wrong: one line each."""

from __future__ import annotations

from support.mutants.patch import Mutant, Patch

OURS = "ours: one line turned, dropped or moved"
TERM = "drivers/test_leadership.py::test_"
AIO = "drivers/test_aio.py::test_"
CLOCK = "drivers/test_aio_clock.py::test_"
DOOR = "drivers/test_aio_door.py::test_"
LOOPS = "drivers/test_aio_loops.py::test_"
RACES = "drivers/test_aio_races.py::test_"
WAITS = "drivers/test_aio_waits.py::test_"
STARTS = "drivers/test_aio_starts.py::test_"
HOSTILE = "drivers/test_hostile_aio.py::test_"


def one(name, rule, killer, file, old, new):  # noqa: PLR0917 - a row of the table
    """A mutant of one place."""
    return Mutant(name, rule, OURS, ("drivers", killer), (Patch(file, old, new),))


def of_term(name, rule, killer, old, new):
    return one(name, rule, TERM + killer, "runtime/handle.py", old, new)


def of_loop(name, rule, killer, old, new):
    return one(name, rule, killer, "runtime/on_loop.py", old, new)


def of_wait(name, rule, killer, old, new):
    return one(name, rule, killer, "runtime/loop_waits.py", old, new)


def of_face(name, rule, killer, old, new):
    return one(name, rule, killer, "aio.py", old, new)


def of_door(name, killer, old, new):
    return one(name, "P13", DOOR + killer, "runtime/callables.py", old, new)


LEADERSHIP = (
    of_term(
        "a wait sleeps past the renew deadline",
        "P3",
        "a_wait_ends_at_the_deadline_whatever_holds_up_the_library",
        "(ends if until is None else min(ends, until)) - now",
        "(ends if until is None else until) - now",
    ),
    of_term(
        "work is to end only when it was told",
        "P3",
        "a_term_goes_on_until_its_deadline",
        "self._over_because is not None or not self.is_valid()",
        "self._over_because is not None",
    ),
    of_term(
        "a term that is over goes on until its deadline",
        "P8",
        "a_term_that_is_over_is_to_end_though_its_time_goes_on",
        "self._asked_because is not None or self._over_because is not None or not",
        "self._asked_because is not None or not",
    ),
    of_term(
        "the last request gives the reason",
        "P9",
        "the_first_request_to_end_gives_the_reason_until_the_term_is_over",
        "self._asked_because = self._asked_because or reason",
        "self._asked_because = reason",
    ),
    of_term(
        "why it was asked to end hides why it is over",
        "P8",
        "the_first_request_to_end_gives_the_reason_until_the_term_is_over",
        "return self._over_because or self._asked_because",
        "return self._asked_because or self._over_because",
    ),
    of_term(
        "listeners are not told",
        "P9",
        "listeners_are_told_of_a_request_and_of_the_end",
        "        self._changed.tell()\n        self.listeners.call()",
        "        self._changed.tell()",
    ),
    of_term(
        "a thread that waits is not told",
        "P9",
        "a_wait_ends_when_the_work_is_to_end",
        "        self._changed.tell()\n        self.listeners.call()",
        "        self.listeners.call()",
    ),
    of_term(
        "a later term keeps the work of an earlier one going",
        "P11",
        "a_later_term_of_the_same_candidate_is_another",
        "office is None or office.token != self.token",
        "office is None",
    ),
    of_term(
        "the deadline of a term is not remembered",
        "P3",
        "a_renewal_moves_the_deadline",
        "        self._until = office.until\n        return office",
        "        self._until = self._until or office.until\n        return office",
    ),
    of_term(
        "a wait whose time has passed says that the work is to end",
        "P9",
        "a_wait_ends_when_its_time_has_passed",
        "                    return False\n",
        "                    return True\n",
    ),
    of_term(
        "a check never raises",
        "P3",
        "a_term_goes_on_until_its_deadline",
        "        if not self.is_valid():\n            reason",
        "        if False:\n            reason",
    ),
    one(
        "a listener that was removed is called on",
        "P9",
        TERM + "listeners_may_come_and_go_while_they_are_called",
        "runtime/listeners.py",
        "self._listeners.pop(listener, None)",
        "self._listeners.get(listener)",
    ),
    one(
        "a listener may not remove itself",
        "P9",
        TERM + "listeners_may_come_and_go_while_they_are_called",
        "runtime/listeners.py",
        "in list(self._listeners)",
        "in self._listeners",
    ),
)

WAITING = (
    of_wait(
        "a cancelled wait leaves its listener",
        "P9",
        WAITS + "cancelled_waits_leave_nothing_behind",
        "        changes.remove(wake)\n",
        "        pass\n",
    ),
    of_wait(
        "a cancelled wait leaves its timer",
        "P9",
        WAITS + "cancelled_waits_leave_nothing_behind",
        "            timeout.cancel()\n",
        "            pass\n",
    ),
    one(
        "cancelled timers are kept until their instant",
        "P9",
        WAITS + "cancelled_waits_leave_nothing_behind",
        "runtime/scheduler.py",
        "if len(self._timers) >= self._crowded:",
        "if False:",
    ),
    one(
        "waits are timed by the thread that a store can hold up",
        "P3",
        CLOCK + "work_is_cancelled_at_the_deadline_whatever_holds_up_the_library",
        "runtime/scheduler.py",
        "waits: Final = _Shared()",
        "waits: Final = shared",
    ),
    of_wait(
        "a wait for no time waits",
        "P9",
        CLOCK + "a_wait_for_a_time_that_has_passed_asks_and_does_not_wait",
        "self.has_passed: bool = seconds <= 0",
        "self.has_passed = False",
    ),
    of_wait(
        "a wait ends at once",
        "P9",
        CLOCK + "a_wait_ends_at_its_instant_and_not_before",
        "waits.now() + to_ns(seconds)",
        "waits.now()",
    ),
    of_wait(
        "a wait whose time has passed goes on",
        "P9",
        CLOCK + "a_wait_ends_at_its_instant_and_not_before",
        "        self.has_passed = True\n",
        "        self.has_passed = False\n",
    ),
    of_wait(
        "a wait that was woken once spins",
        "P9",
        WAITS + "a_wait_that_is_woken_for_nothing_waits_again",
        "            woken.clear()\n",
        "            pass\n",
    ),
    of_wait(
        "a wait is woken on whatever thread made the change",
        "P9",
        WAITS + "a_wait_that_is_woken_for_nothing_waits_again",
        "        tell(loop, woken.set)\n",
        "        woken.set()\n",
    ),
    of_wait(
        "a closed loop is taken for one that was told",
        "P9",
        LOOPS + "a_campaign_is_stopped_from_another_loop_though_its_own_is_closed",
        "        return False\n    return True",
        "        return True\n    return True",
    ),
    of_wait(
        "a closed loop raises on the thread that keeps the campaigns",
        "P13",
        STARTS + "a_term_that_begins_after_the_loop_was_closed_is_given_up",
        "    except RuntimeError:\n",
        "    except ArithmeticError:\n",
    ),
)
