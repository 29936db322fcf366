"""The Spin model gives the verdicts that are expected of it: a small part of `specs/check.py`."""

from __future__ import annotations

import pytest

from specs import check

needs_spin = pytest.mark.skipif(bool(check.what_is_missing()), reason=check.what_is_missing())

SMALL = [
    check.Run("loss, delay, pause, drift", (3, 1, 1), (), check.SAFE),
    check.Run("one less than the bound of P6", (2, 1, 1), (), check.BROKEN),
    check.Run("touches", (2, 1, 0), ("TOUCH",), check.SAFE),
    check.Run(
        "a touch begins the wait anew", (3, 2, 0), ("LIVE", "TOUCH", "BROKEN_TOUCH_WAITS"), check.BROKEN
    ),
    check.Run(
        "a claim names the first version", (3, 2, 0), ("LIVE", "TOUCH", "BROKEN_FIRST_VERSION"), check.BROKEN
    ),
    check.Run("validity counts from the touch", (3, 2, 0), ("TOUCH", "BROKEN_TOUCH_RENEWS"), check.BROKEN),
    check.Run("a leader again and again", (2, 1, 0), ("LIVE",), check.LIVE),
]


@needs_spin
@pytest.mark.parametrize("run", SMALL, ids=[run.title for run in SMALL])
def test_the_model_has_its_verdict(run, tmp_path):
    """Safe within the bound, live under fairness, and broken where a rule is."""
    assert check.check(run, tmp_path).found == run.expected


def test_the_sweep_stands_on_both_sides_of_the_bound():
    """P6: for each deadline and skew one lease that is just long enough, and one that is just too short."""
    assert {run.expected for run in check.SWEEP} == {check.SAFE, check.BROKEN}
    assert all(check.within_bound(*run.timing) == (run.expected == check.SAFE) for run in check.SWEEP)
