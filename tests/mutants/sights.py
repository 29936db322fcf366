"""Wrong observers: what they say of a lease that they only look at."""

from __future__ import annotations

from support.mutants.patch import Mutant, Patch

UNIT = "unit/test_sight.py"
DRIVEN = "drivers/test_observer.py"
SIGHT = "core/sight.py"
OBSERVER = "observer.py"


def of_sight(name, rule, test, old, new):
    return Mutant(name, rule, "ours", ("unit", f"{UNIT}::{test}"), (Patch(SIGHT, old, new),))


def of_driver(name, rule, test, old, new):
    return Mutant(name, rule, "ours", ("drivers", f"{DRIVEN}::{test}"), (Patch(OBSERVER, old, new),))


SIGHTS = (
    of_sight(
        "a sight that was made without a record has a beginning",
        "P13",
        "test_a_sight_without_a_record_names_nobody",
        "return self.lease.acquire_time if self.lease is not None and self.state == HELD",
        "return self.lease.acquire_time if self.state == HELD",
    ),
    of_sight(
        "an answer that was asked for before the expiry says that nobody leads",
        "P4",
        "test_nobody_leads_if_the_record_is_there_when_asked_after_its_time",
        "asked_at >= free_at",
        "now >= free_at",
    ),
    of_sight(
        "that nobody leads is said by the clock alone",
        "P4",
        "test_a_holder_is_named_with_token_and_time_until_the_record_expires",
        "        if self.is_confirmed:\n",
        "        if self.is_confirmed or (lease and seen.leader_at(now) is None):\n",
    ),
    of_sight(
        "that nobody leads is said on while the store does not answer",
        "P13",
        "test_a_store_that_does_not_answer_says_nothing_of_anybody",
        "return self._at(now)._replace(is_confirmed=False, trouble=reason)",
        "return self._at(now)._replace(trouble=reason)",
    ),
    of_sight(
        "an observer believes what it counted on a clock that went backwards",
        "P3",
        "test_a_clock_that_went_backwards_proves_nothing",
        "        if now >= self.latest:\n",
        "        if True:\n",
    ),
    of_sight(
        "an observer's question outlives a clock that went backwards",
        "P3",
        "test_a_clock_that_went_backwards_proves_nothing",
        "asked_at=None, is_confirmed=False, latest=now)",
        "is_confirmed=False, latest=now)",
    ),
    of_sight(
        "every renewal is news",
        "P15",
        "test_sights_are_alike_if_people_would_see_no_difference",
        "(lease.holder_session, lease.leader_transitions)\n",
        "(lease.holder_session, lease.leader_transitions, lease.renew_time)\n",
    ),
    of_driver(
        "an observer does not look when the record expires",
        "P12",
        "test_it_tells_who_leads_that_the_lease_expired_and_who_took_it_over",
        "                due = min(due, self.lookout.looks_at)\n",
        "                pass\n",
    ),
    of_driver(
        "an observer waits for a store that hangs",
        "P10",
        "test_a_store_that_hangs_is_given_up_on_and_asked_again",
        "        self._patience.set(request.expires_at)\n",
        "",
    ),
    of_driver(
        "an observer takes an answer whose time was over",
        "P10",
        "test_a_store_that_hangs_is_given_up_on_and_asked_again",
        "or request.id != self._asked or not self._is_waiting",
        "",
    ),
    of_driver(
        "a watch that is refused ends the observer",
        "P13",
        "test_a_watch_that_is_refused_leaves_the_polling",
        "            except Exception as error:  # noqa: BLE001  # P13: then it is polled like any other\n",
        "            except MemoryError as error:\n",
    ),
)
