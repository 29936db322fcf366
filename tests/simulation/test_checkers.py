"""Every checker accepts a good story, and rejects the one that it is there for."""

from __future__ import annotations

import pytest

from incumbent.core.messages import Missing, StartedLeading, StoppedLeading, Written
from incumbent.lease import StoredLease
from incumbent.testing import properties
from incumbent.testing.history import (
    Answered,
    Asked,
    Booted,
    Executed,
    Fenced,
    Finished,
    Invoked,
    Led,
    Marked,
    Ran,
    Struck,
    Told,
    Turned,
)
from incumbent.testing.properties import PROPERTIES, PropertyViolated, check, violations
from incumbent.testing.properties.process import missing_is_waited_out
from support.simulation.stories import (
    FIRST,
    GOOD,
    HELD_BACK,
    MEANT,
    RELEASED,
    SECOND,
    TAKEN,
    found,
    history,
    leads,
    lease,
    read,
    steps_down,
    update,
    won,
)

START = [*won("a-1", 1, 0, FIRST.lease), *leads("a-1", 1, 0, 6)]
STOPPED = [*START, *steps_down("a-1", 1, 4, "stop", "stopped")]


RENEWAL = update(2, 1, FIRST.lease, FIRST.version)
CREATION = update(3, 10, lease("b-1", 2), None)


def missing(who, number, at):
    request = read(number, at)
    return [Invoked(at * SECOND, who, request), Answered(at * SECOND, who, Missing(number), True)]


def release(at, number=2):
    return won("a-1", number, at, RELEASED.lease, FIRST)


BOOTED = Booted(0, "a-1")


def ran(at, what, code="work", token=1):
    return Ran(at, "a-1", code, what, token)


BAD = {
    "exclusion": [
        [*START, *leads("b-1", 2, 5, 11)],
        [*START, *leads("b-1", 2, 0, 3), Led(2 * SECOND, "a-1", "a-1.0", 1, 8 * SECOND)],
    ],
    "trust_bound": [
        [*won("a-1", 1, 0, FIRST.lease), *leads("a-1", 1, 1, 7)],
        [*leads("a-1", 1, 1, 2)],
    ],
    "patience": [
        [*won("a-1", 1, 0, FIRST.lease, lands=2), *won("b-1", 1, 11, TAKEN.lease, FIRST, lands=30)],
    ],
    "one_history": [
        [*won("a-1", 1, 0, FIRST.lease), *won("b-1", 1, 20, TAKEN.lease)],
        [
            *won("a-1", 1, 0, FIRST.lease),
            *won("b-1", 1, 20, TAKEN.lease, FIRST),
            *won("a-1", 2, 21, FIRST.lease, FIRST),
        ],
        [
            *won("a-1", 1, 0, FIRST.lease),
            Executed(SECOND, "b-1", update(1, 1, TAKEN.lease, 7), Written(1, 2), FIRST),
        ],
        [*won("a-1", 1, 0, FIRST.lease), Executed(SECOND, "b-1", read(1, 1), Written(1, 1), TAKEN)],
    ],
    "fencing": [
        [*won("a-1", 1, 0, FIRST.lease), *won("b-1", 1, 20, lease("b-1", 1), FIRST)],
        [*won("a-1", 1, 0, FIRST.lease), *won("b-1", 1, 20, lease("", 0), FIRST)],
        [*won("a-1", 1, 0, FIRST.lease), *leads("a-1", 2, 0, 6)],
        [*START, *won("b-1", 1, 5, TAKEN.lease, FIRST)],
    ],
    "fenced_register": [
        [Fenced(0, "b-1", 2, True), Fenced(1, "a-1", 1, True)],
        [Fenced(0, "b-1", 2, True), Fenced(1, "a-1", 2, True)],
    ],
    "moves_are_declared": [
        [Turned(0, "a-1", "win", "candidate", "leader", "")],
        [Turned(0, "a-1", "win", "follower", "leader", "")],
    ],
    "stopped_is_final": [
        [*STOPPED, *leads("a-1", 1, 5, 6)],
        [*STOPPED, Led(5 * SECOND, "a-1", "a-1.0", 1, 6 * SECOND)],
        [*STOPPED, Invoked(5 * SECOND, "a-1", read(2, 5)), Invoked(8 * SECOND, "a-1", read(3, 8))],
        [*STOPPED, *release(5), *release(8, 3)],
        [Turned(0, "a-1", "stop", "follower", "stopped", ""), *release(5), *release(8, 3)],
    ],
    "started_and_stopped_alternate": [
        [*START, *leads("a-1", 2, 1, 6)],
        [*START, *steps_down("a-1", 2, 1)],
        [*START, *steps_down("a-1", 1, 1), Led(2 * SECOND, "a-1", "a-1.0", 1, 3 * SECOND)],
    ],
    "one_request_in_flight": [
        [Invoked(0, "a-1", read(1, 0)), Invoked(SECOND, "a-1", read(2, 1))],
    ],
    "release_is_last": [
        [*START, *release(4)],
        [
            *START,
            *won("b-1", 1, 20, TAKEN.lease, FIRST),
            *steps_down("a-1", 1, 21),
            *won("a-1", 2, 21, lease("", 2), TAKEN),
        ],
    ],
    "unknown_outcome_proves_nothing": [
        [*START, Led(SECOND, "a-1", "a-1.0", 1, 7 * SECOND)],
    ],
    "no_known_rival": [
        [*START, *found("a-1", 2, 3, TAKEN)],
        [*START, *found("a-1", 2, 3, RELEASED)],
        [*START, Invoked(SECOND, "a-1", RENEWAL), Answered(2 * SECOND, "a-1", Missing(2), True)],
    ],
    "missing_is_waited_out": [
        [*found("b-1", 1, 0, FIRST), *missing("b-1", 2, 1), Invoked(10 * SECOND, "b-1", CREATION)],
        [*found("b-1", 1, 0, FIRST), Invoked(12 * SECOND, "b-1", CREATION)],
    ],
    "hold_is_kept": [
        [*STOPPED, *won("b-1", 2, 8, lease("b-1", 2, 8), HELD_BACK)],
        [*STOPPED, *won("b-1", 2, 8, lease("b-1", 2, 10), HELD_BACK)],  # by a clock that is ahead
    ],
    "successor_comes_first": [
        [*STOPPED, *won("a-1", 2, 4, MEANT.lease, FIRST), *won("b-1", 2, 5, lease("b-1", 2, 5), MEANT)]
    ],
    "term_is_over_when_told": [
        [*START, Told(SECOND, "a-1", StoppedLeading(1, "")), *leads("b-1", 2, 2, 3)],
        [*START, Led(SECOND, "a-1", "a-1.0", 1, SECOND)],
    ],
    "no_work_beside_work": [[ran(0, "begins"), ran(SECOND, "begins", token=2)]],
    "release_waits_for_all": [
        [ran(0, "begins"), *release(5)],
        [ran(0, "begins", "told"), *release(5)],
    ],
    "every_end_is_told_once": [
        [BOOTED, *START, *steps_down("a-1", 1, 4)],
        [ran(0, "begins", "told")],
        [
            *START,
            *steps_down("a-1", 1, 4),
            ran(4 * SECOND, "begins", "told"),
            ran(5 * SECOND, "begins", "told"),
        ],
    ],
    "work_is_told_at_once": [
        [*START, ran(0, "begins"), *steps_down("a-1", 1, 4), ran(5 * SECOND, "returns", "told")],
    ],
    "stop_is_in_time": [[Asked(0, "a-1", "stop", 0)]],
    "nothing_is_left": [
        [Finished(0, "a-1", ("a timer",))],
        [Finished(0, "a-1", ("work",))],
        [Asked(0, "a-1", "stop", 10 * SECOND), Finished(SECOND, "a-1", ("work",))],
        [Finished(0, "a-1", ()), Invoked(SECOND, "a-1", read(1, 1))],
        [Finished(0, "a-1", ()), ran(SECOND, "begins")],
    ],
    "terms_end_for_a_cause": [
        [BOOTED, *START, Turned(4 * SECOND, "a-1", "step_down", "leader", "follower", why)]
        for why in ("resigned", "the renew deadline passed", "the lease is held by 'b'")
    ],
    "failure_backs_off": [
        [ran(0, "begins"), ran(SECOND, "raises"), Told(10 * SECOND, "a-1", StartedLeading(2))],
        [
            *(ran(at * SECOND, what) for at in (0, 20) for what in ("begins", "raises")),
            Told(31 * SECOND, "a-1", StartedLeading(2)),
        ],
    ],
    "election": [
        [Marked(0, "leader", SECOND)],
        [*GOOD, Marked(27 * SECOND, "leader", SECOND)],
    ],
    "leadership_is_stable": [
        [*GOOD, Marked(22 * SECOND, "stability", 10 * SECOND)],
        [*GOOD, Marked(2 * SECOND, "stability", 20 * SECOND)],
    ],
    "release_hands_over": [[*START, Marked(SECOND, "handover", SECOND), *STOPPED[len(START) :]]],
    "no_churn": [[Marked(0, "no churn", 30 * SECOND), *GOOD]],
    "crash_is_survived": [[*START, Marked(SECOND, "succession", SECOND)]],
    "leader_is_known_to_all": [[*GOOD, Marked(25 * SECOND, "agreement", 0)]],
}


@pytest.mark.parametrize("rule", PROPERTIES, ids=lambda rule: rule.__name__)
def test_a_good_story_is_accepted(rule):
    """Otherwise the tests below would pass for a checker that rejects everything."""
    assert list(rule(history(*GOOD))) == []


def test_every_property_can_be_imported_by_its_name():
    """From the one place that the documentation names."""
    assert [getattr(properties, rule.__name__) for rule in PROPERTIES] == list(PROPERTIES)
    assert {rule.__name__ for rule in PROPERTIES} < set(properties.__all__)


def test_every_property_has_a_bad_story():
    assert sorted(BAD) == sorted(rule.__name__ for rule in PROPERTIES)


@pytest.mark.parametrize(
    ("name", "story"),
    [
        pytest.param(name, story, id=f"{name}-{at}")
        for name, stories in BAD.items()
        for at, story in enumerate(stories)
    ],
)
def test_a_bad_story_is_rejected(name, story):
    assert name in [wrong.rule for wrong in violations(history(*story))]


def test_terms_may_touch():
    """One ends at the very nanosecond at which the other begins."""
    story = [*START, *leads("b-1", 2, 6, 11)]
    assert "exclusion" not in [wrong.rule for wrong in violations(history(*story))]


def struck(verb, at, *targets, outside=True, by=0):
    return Struck(at * SECOND, verb, (targets, by), targets, True, outside)


OVERLAP = [*leads("a-1", 1, 50, 56), *leads("b-1", 2, 52, 58)]


@pytest.mark.parametrize(
    ("broken", "is_owed"),
    [
        ([], True),
        ([struck("jump", 49, "a")], False),
        ([struck("jump", 57, "a")], True),
        ([struck("jump", 20, "a")], True),
        ([struck("jump", 20, "a", by=-20)], False),
        ([struck("delete_lease", 40)], False),
        ([struck("restore_backup", 1)], False),
        ([struck("drift", 1, "a")], False),
        ([struck("drift", 1, "a"), struck("drift", 40, "a", outside=False)], False),
        ([struck("drift", 1, "a"), struck("drift", 20, "a", outside=False)], True),
        ([struck("drift", 1, "a", outside=False)], True),
        ([struck("pause", 51, "a", outside=False)], True),
    ],
)
def test_exclusion_is_owed_except_near_broken_assumptions(broken, is_owed):
    """A wrong clock or a lost record excuses two lease durations, a repeated version the rest of the run."""
    rules = [wrong.rule for wrong in violations(history(*broken, *OVERLAP))]
    assert ("exclusion" in rules) == is_owed


def test_fencing_is_owed_even_then():
    """S6 has no excuses, but two terms with one token where the store forgot the first."""
    lost = struck("delete_lease", 0)
    backwards = history(lost, Fenced(0, "b-1", 2, True), Fenced(1, "a-1", 1, True))
    shared = history(lost, Fenced(0, "b-1", 2, True), Fenced(1, "a-1", 2, True))
    assert [wrong.rule for wrong in violations(backwards)] == ["fenced_register"]
    assert violations(shared) == []


def test_check_raises_what_it_found():
    """The error names the property, the moment and the processes."""
    check(history(*GOOD))
    both = r"a-1 leads until 56\.000000000 s, b-1 until 58\.000000000 s"
    with pytest.raises(PropertyViolated, match=rf"exclusion, at 52\.000000000 s: {both}"):
        check(history(*OVERLAP))


def test_a_renewal_need_not_wait():
    """S3 is about the leases of others."""
    renewed = [*START, *won("a-1", 2, 2, lease("a-1", 1, 2), FIRST)]
    assert violations(history(*renewed)) == []


def test_a_version_used_again_is_taken_for_ones_own():
    """After a backup was put back the elector cannot tell: only S6 is owed then."""
    story = [*START, struck("restore_backup", 2), *found("a-1", 2, 3, TAKEN)]
    assert "no_known_rival" not in [wrong.rule for wrong in violations(history(*story))]


def test_to_be_shown_the_own_record_is_no_loss():
    """Nor is it one when the term has ended by that."""
    shown = found("a-1", 2, 3, TAKEN)
    assert violations(history(*START, *found("a-1", 2, 3, FIRST))) == []
    rules = [wrong.rule for wrong in violations(history(*START, *shown, *steps_down("a-1", 1, 3)))]
    assert "no_known_rival" not in rules


def test_a_missing_record_is_waited_for_from_its_first_sight():
    """P5: ten seconds after it was first missing, and at once for who never saw one."""
    waited = [*found("b-1", 1, 0, FIRST), *missing("b-1", 2, 1), Invoked(11 * SECOND, "b-1", CREATION)]
    fresh = [*missing("b-1", 2, 1), Invoked(2 * SECOND, "b-1", CREATION)]
    assert [*missing_is_waited_out(history(*waited)), *missing_is_waited_out(history(*fresh))] == []


def test_a_released_lease_need_not_be_waited_for():
    story = [
        *STOPPED,
        *release(4),
        *found("b-1", 1, 5, RELEASED),
        *won("b-1", 2, 5, lease("b-1", 2, 5), StoredLease(RELEASED.lease, 2)),
    ]
    assert violations(history(*story)) == []
