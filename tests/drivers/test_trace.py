"""A recorded run is the whole run, in a form that anybody can read back."""

import json
from types import SimpleNamespace

import pytest

from incumbent import Campaign
from incumbent.config import ElectorConfig
from incumbent.core.elector import Elector
from incumbent.core.messages import Found, Missing, Start, StartedLeading, Stop, StoppedLeading, Written
from incumbent.runtime.trace import TraceWriter, read_trace
from support.driving import RemoteStore, settle
from support.elector.bench import record


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


def full(*_, **__):
    raise OSError("no space left")


def test_a_file_that_is_full_costs_the_rest_of_the_trace(tmp_path, caplog):
    """And one line in the log; not the lease."""
    path, elector = tmp_path / "trace", Elector(ElectorConfig("a"))
    trace = TraceWriter(path)
    trace.began(elector)
    trace._file.close()
    trace._file = SimpleNamespace(write=full, close=full)
    trace.began(elector)
    trace.began(elector)
    trace.close()
    assert [each.getMessage() for each in caplog.records] == ["the trace ends here: no space left"]
    assert [began.session for began, _ in read_trace(path)] == [elector.session]


def test_nor_does_a_log_that_is_full_too(tmp_path, monkeypatch):
    trace = TraceWriter(tmp_path / "trace")
    trace._file.close()
    trace._file = SimpleNamespace(write=full, close=full)
    monkeypatch.setattr("incumbent.runtime.trace.logger", SimpleNamespace(error=full))
    trace.began(Elector(ElectorConfig("a")))


def test_what_comes_after_the_end_is_not_written(tmp_path):
    path, elector = tmp_path / "trace", Elector(ElectorConfig("a"))
    trace = TraceWriter(path)
    trace.close()
    trace.began(elector)
    trace.close()
    assert list(read_trace(path)) == []


def test_each_line_can_be_read_while_the_run_goes_on(tmp_path):
    """A process that is killed leaves all but its last."""
    path, elector = tmp_path / "trace", Elector(ElectorConfig("ä"))
    trace = TraceWriter(path)
    trace.began(elector)
    trace.handled(Start(), 5, elector.handle(Start(), 5))
    lines = path.read_text("utf-8").splitlines()
    trace.close()
    assert [json.loads(line)["is"] for line in lines] == ["Began", "Handled"]
    assert '"ä"' in lines[0]
    assert ": " not in lines[0]


def test_values_come_back_as_they_were(tmp_path):
    path, elector = tmp_path / "trace", Elector(ElectorConfig("a"))
    trace = TraceWriter(path)
    trace.began(elector)
    steps = []
    for event in (Start(), Missing(1), Written(2, 7), Found(9, record((1, "x")))):
        steps.append((event, elector.handle(event, 20_000_000_000 * len(steps))))
        trace.handled(event, 20_000_000_000 * (len(steps) - 1), steps[-1][1])
    trace.close()
    [(began, handled)] = read_trace(path)
    assert (began.session, began.config) == (elector.session, elector.config)
    assert [(step.event, step.effects) for step in handled] == steps
    assert [step.now for step in handled] == [20_000_000_000 * number for number in range(4)]


@pytest.mark.parametrize(
    "first", ['{"is":"Handled","now":1,"event":{"is":"Start"},"effects":null}', '{"is":"Start"}']
)
def test_a_file_that_begins_otherwise_is_no_trace(tmp_path, first):
    path = tmp_path / "trace"
    path.write_text(first + "\n")
    with pytest.raises(ValueError, match="where a run should begin"):
        list(read_trace(path))
