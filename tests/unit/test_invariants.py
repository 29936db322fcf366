"""The assertions at the end of every step: each corruption of the state is noticed, not carried on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from incumbent.core.candidacy import Leaving
from support.elector.bench import ns
from support.elector.stages import (
    STAGES,
    candidate_waiting,
    follower_reading,
    follower_waiting,
    leader_waiting,
    stopped,
)


def _no_office(elector):
    elector.office = None


def _no_held_write(elector):
    elector.candidacy = elector.candidacy._replace(held=None)


def _no_leader(elector):
    elector.state = "follower"


def _a_leader_by_name_only(elector):
    elector.state = "leader"


def _an_office_already_over(elector):
    elector.office = elector.office._replace(until=elector.now)


def _a_pending_request_past_its_time(elector):
    elector.pending = elector._request = replace(elector.pending, expires_at=elector.now)


def _a_release_not_under_way(elector):
    elector.leaving = Leaving("lease", "v1", ended=True)


def _a_release_while_leading(elector):
    elector.leaving = Leaving("lease", "v1", ended=True)
    elector.pending = follower_reading().pending


def _a_candidate_with_nothing_to_wait_for(elector):
    elector.read_at = None


def _a_stopped_one_that_reads(elector):
    elector.read_at = ns(20)


def _a_stopped_one_that_contends(elector):
    elector.contending = True


def _a_request_that_is_not_pending(elector):
    elector._request = follower_reading().pending


@pytest.mark.parametrize(
    ("stage", "corrupt"),
    [
        (leader_waiting, _no_office),
        (leader_waiting, _no_held_write),
        (leader_waiting, _no_leader),
        (follower_waiting, _a_leader_by_name_only),
        (leader_waiting, _an_office_already_over),
        (follower_reading, _a_pending_request_past_its_time),
        (follower_waiting, _a_release_not_under_way),
        (leader_waiting, _a_release_while_leading),
        (candidate_waiting, _a_candidate_with_nothing_to_wait_for),
        (stopped, _a_stopped_one_that_reads),
        (stopped, _a_stopped_one_that_contends),
        (follower_waiting, _a_request_that_is_not_pending),
    ],
    ids=lambda value: value.__name__.strip("_"),
)
def test_a_broken_invariant_is_an_assertion(stage, corrupt):
    elector = stage().elector
    corrupt(elector)
    with pytest.raises(AssertionError):
        elector._check()


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.__name__)
def test_the_invariants_hold_in_every_situation(stage):
    stage().elector._check()


def test_every_step_ends_with_the_check():
    """The check is part of the product, not of the tests: a lie in the state stops the next step."""
    bench = leader_waiting()
    held = bench.elector.candidacy.held
    bench.elector.candidacy = bench.elector.candidacy._replace(held=replace(held, sent_at=ns(-10)))
    with pytest.raises(AssertionError):
        bench.wake()


def test_to_leave_an_office_that_is_not_held_is_an_assertion():
    with pytest.raises(AssertionError, match="a leader holds the lease by a write of its own"):
        follower_waiting().elector._leave_office("step_down", "no reason", release=False)
