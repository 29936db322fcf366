"""Every interleaving of small worlds whose candidates have terms; and wrong terms, which must be found."""

import sys
from contextlib import suppress

import pytest

from incumbent.core import (
    Abstain,
    AskedToResign,
    AskedToStop,
    Ended,
    EndTerm,
    Start,
    Stop,
    StoreChanged,
    Term,
    TermConfig,
    WorkEnded,
)
from incumbent.errors import ConfigurationError
from incumbent.testing.exploration import SmallWorld, explore
from incumbent.testing.exploration.world import STEP
from support.exploring import LARGE_ONLY, no_rule_can_be_broken, not_on_the_page, run

TERM = TermConfig(lease_ns=2 * STEP, stop_timeout_ns=STEP)
ASKED, STOP = AskedToResign("asked"), AskedToStop(STEP)
RAISES = (WorkEnded(), WorkEnded(failed=True))


def world(term=TERM, *, candidates=1, inputs=(ASKED, STOP), **settings):
    return SmallWorld(candidates, lease_duration=2, skew=0, term=term, inputs=inputs, **settings)


ONE = world()
FAILING = world(inputs=(), endings=RAISES)
ONCE = world(TermConfig(lease_ns=2 * STEP, stop_timeout_ns=STEP, once=True, release=False))
BARE = world(TermConfig(lease_ns=2 * STEP, stop_timeout_ns=STEP, has_work=False, tells=False))
PATIENT = world(
    TermConfig(lease_ns=2 * STEP, stop_timeout_ns=3 * STEP),
    inputs=(ASKED, AskedToStop(0), AskedToStop(2 * STEP), AskedToStop(4 * STEP)),
    crashes=True,
)
REQUESTS = world(errors=True, resign_requests=True)
EVERYTHING = world(
    candidates=2,
    crashes=True,
    duplicates=True,
    errors=True,
    resign_requests=True,
    touches=True,
    endings=RAISES,
    inputs=(ASKED, AskedToStop(0), STOP, StoreChanged()),
)
WORKING = world(TermConfig(lease_ns=2 * STEP, stop_timeout_ns=STEP, tells=False), candidates=2, inputs=())

# The counts are pinned, as in `test_exploration`.
SMALL = {
    "one": (ONE, None, 4_131, 17_508, 27),
    "failing": (FAILING, 30, 2_993, 8_076, 30),
    "once": (ONCE, 12, 1_588, 4_878, 12),
    "bare": (BARE, 12, 1_109, 3_386, 12),
    "requests": (REQUESTS, 10, 2_745, 7_268, 10),
    "two": (world(candidates=2), 9, 3_508, 10_068, 9),
    "everything": (EVERYTHING, 6, 902, 3_894, 6),
}
LARGE = {
    "failing": (FAILING, None, 9_298, 25_670, 96),
    "once": (ONCE, None, 3_547, 15_029, 27),
    "bare": (BARE, None, 2_321, 9_283, 26),
    "patient": (PATIENT, None, 6_980, 49_049, 26),
    "requests": (REQUESTS, 16, 23_679, 98_824, 16),
    "working": (WORKING, None, 2_524_470, 10_411_812, 80),
    "two": (world(candidates=2), 15, 250_894, 997_756, 15),
    "everything": (EVERYTHING, 9, 18_774, 95_786, 9),
}


@pytest.mark.parametrize("name", SMALL)
def test_no_rule_can_be_broken(name):
    """E10 to E17 beside the elector's rules on every state and step, L1 and L2 from every state."""
    no_rule_can_be_broken(*SMALL[name])


@LARGE_ONLY
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("name", LARGE)
def test_nor_in_a_larger_world(name):
    """The same, for minutes."""
    no_rule_can_be_broken(*LARGE[name])


def test_the_page_gives_the_pinned_counts():
    """Which change when the elector or its term does."""
    assert not_on_the_page(LARGE) == []


def without(method, *, order=None, wish=None):
    """The term's own method, with an output that is left out."""

    def broken(self, *args):
        method(self, *args)
        self._orders = [each for each in self._orders if order is None or not isinstance(each, order)]
        self._inputs = [each for each in self._inputs if wish is None or not isinstance(each, wish)]

    return broken


def releases_beside_the_work(self, reason, until):
    WIND_DOWN(self, reason, until)
    if self.working:
        self._give_up_office()
        self._inputs.append(Ended())


def forgets_the_stop(self, event, now):
    stopping = self.stopping
    STOP_TERM(self, event, now)
    self.stopping = stopping


def leaves_nothing_behind(self):
    self.patience_until = None


def wakes_from_a_back_off_only(self):
    return self.not_before if self.state == "backing_off" else None


def rests_while_something_runs(self):
    return self.state not in {"serving", "winding_down"}


def backs_off_once(self, event, now):
    self.failures = 0
    WORK_ENDED(self, event, now)


def gives_up_at_once(self, event, now):
    BEGIN(self, event, now)
    self._give_up_office()


END, CLOSE, WIND_DOWN = Term._end, Term._close_if_over, Term._wind_down
STOP_TERM, AGAIN, WORK_ENDED, BEGIN = Term._stop, Term._contend_again, Term._work_ended, Term._begin
WRONG = {
    "that contends beside the end of its last one": ("_end", without(END, wish=Abstain), ONE, "E10"),
    "that lets the lease go beside its work": ("_wind_down", releases_beside_the_work, ONE, "E1[16]"),
    "that never says that it has ended": ("_close_if_over", without(CLOSE, wish=Ended), ONE, "E11"),
    "that tells nobody of its end": ("_end", without(END, order=EndTerm), ONE, "E12"),
    "that asks no work to end": ("_wind_down", lambda *_: None, ONE, "E13"),
    "that waits for ever": ("_lose_patience", leaves_nothing_behind, ONE, "E14"),
    "that sleeps while time runs out": ("wake_at", property(wakes_from_a_back_off_only), ONE, "E14"),
    "that forgets a stop": ("_stop", forgets_the_stop, ONE, "E14"),
    "that has finished too soon": ("is_at_rest", property(rests_while_something_runs), ONE, "E15"),
    "that does not count its failures": ("_work_ended", backs_off_once, FAILING, "E17"),
    "that never contends again": ("_contend_again", without(AGAIN, wish=Start), ONE, "L2"),
    "that gives up for want of a wish": ("_begin", gives_up_at_once, ONE, "E16"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_term_is_found_with_a_program_that_shows_it(name, monkeypatch):
    """The program is a test of its own, which the wrong term fails, and the right one does not."""
    attribute, wrong, small, rule = WRONG[name]
    right = Term.__dict__[attribute]
    monkeypatch.setattr(Term, attribute, wrong)
    violation = explore(small).violation
    sys.stdout.write(violation.program)
    assert violation.is_replayed
    with pytest.raises(AssertionError, match=f"^{rule}"):
        run(violation.program)
    if not rule.startswith("L"):
        monkeypatch.setattr(Term, attribute, right)
        with suppress(IndexError):  # it may not send what the other one sent
            run(violation.program)


def test_a_wish_goes_to_the_term_where_there_is_one():
    """An elector that is told to stop behind its term's back would leave the work running."""
    with pytest.raises(ConfigurationError, match="its term gives an elector these"):
        world(inputs=(Stop(),))
