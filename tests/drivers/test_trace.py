"""A recorded run is the whole run, in a form that anybody can read back."""

import pytest

from incumbent import Campaign
from incumbent.core.messages import Start, StartedLeading, Stop, StoppedLeading, Written
from incumbent.runtime.trace import read_trace
from support.driving import RemoteStore, settle


def test_all_that_an_elector_was_told_and_answered_is_recorded(clock, tmp_path):
    path = tmp_path / "trace.ndjson"
    campaign = Campaign(RemoteStore(), identity="a", clock=clock, trace=path)
    for _ in range(2):
        campaign.start()
        settle(campaign)
        clock.advance(2)
        settle(campaign)
        campaign.stop()
    (first, steps), (second, _) = read_trace(path)
    assert first.config == campaign.config
    assert first.session != second.session
    assert steps[0].event == Start()
    assert any(isinstance(step.event, Written) and step.now == 2_000_000_000 for step in steps)
    notices = [notice for step in steps for notice in step.effects.notices]
    assert [type(notice) for notice in notices if hasattr(notice, "token")] == [
        StartedLeading,
        StoppedLeading,
    ]
    assert Stop() in [step.event for step in steps]


def test_what_a_killed_process_left_unfinished_is_passed_over(clock, tmp_path):
    path = tmp_path / "trace.ndjson"
    with Campaign(RemoteStore(), clock=clock, trace=path):
        pass
    whole = [len(steps) for _, steps in read_trace(path)]
    path.write_text(path.read_text() + '{"is":"Handled","now":')
    assert [len(steps) for _, steps in read_trace(path)] == whole


def test_what_is_no_trace_is_refused(tmp_path):
    path = tmp_path / "other.ndjson"
    path.write_text('{"is":"Start"}\n')
    with pytest.raises(ValueError, match="is no trace"):
        list(read_trace(path))
