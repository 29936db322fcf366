"""A recorded run is the whole run, in a form that anybody can read back."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from incumbent import Campaign
from incumbent.config import ElectorConfig
from incumbent.core.elector import Elector
from incumbent.core.messages import Found, Missing, Start, StartedLeading, Stop, StoppedLeading, Written
from incumbent.errors import ConfigurationError
from incumbent.runtime import trace
from incumbent.runtime.recording import files, read_runs, read_trace
from incumbent.runtime.trace import TraceWriter, older
from incumbent.testing.recorded.held import of_run
from support.driving import RemoteStore, settle
from support.elector.bench import record


@pytest.fixture
def written(tmp_path, clock):
    """The trace of a run that is over."""
    path = tmp_path / "trace"
    with Campaign(RemoteStore(), identity="a", clock=clock, trace=path):
        pass
    return path


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


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ('{"is":"Start"}\n', ":1 is damaged: it is 'Start', neither a beginning nor a step"),
        ("what a log says\n", ":1 is damaged, or was never part of a trace: b'what a log says"),
        ("\0\1\2", ":1 is no whole line of a trace"),
        ('{"is":"Began","session":"a","config":null}\n', ":1 begins a trace of format 1, written by edition"),
        (
            '{"is":"Began","format":3,"version":"9.1"}\n',
            "format 3, written by edition '9.1', and this one reads",
        ),
        ('{"is":"Began","format":2,"session":"a","config":5}\n', ":1 is damaged: .*config of Began is 5"),
        ('{"is":"Began","format":2,"colour":5}\n', ":1 is damaged: .*colour"),
    ],
)
def test_what_is_no_trace_is_refused_by_file_and_line(content, error, tmp_path):
    path = tmp_path / "other.ndjson"
    path.write_text(content)
    with pytest.raises(ConfigurationError, match=f"other.ndjson{error}" if error[0] == ":" else error):
        list(read_trace(path))


def test_a_step_without_a_beginning_is_refused(written):
    """As where the first lines of a file were cut off."""
    _, *others = written.read_text().splitlines(keepends=True)
    written.write_text("".join(others))
    with pytest.raises(ConfigurationError, match="trace:1 is a step of a run whose beginning is not there"):
        list(read_trace(written))


@pytest.mark.parametrize("damage", ["", "{", '{"is":"Handled"}', '{"is":"Nothing"}', "[1]", "7", '"' * 70000])
def test_a_damaged_line_is_named(damage, written):
    lines = written.read_text().splitlines()
    written.write_text("\n".join([*lines[:2], damage, *lines[2:], ""]))
    with pytest.raises(ConfigurationError, match="trace:3 is damaged"):
        list(read_trace(written))


@pytest.mark.parametrize(
    ("number", "old", "new"),
    [
        (1, '"epoch":', '"epoch":99999999999999999999'),
        (1, '"state":null', '"state":["follower",0]'),
        (1, '"state":null', '"state":[]'),
        (1, '"state":null', '"state":["king"' + 13 * ",null" + "]"),
        (1, '"state":null', '"state":[{}' + 13 * ",null" + "]"),
        (2, '"epoch":', '"epoch":-99999999999999999999'),
    ],
)
def test_so_is_one_with_a_value_that_no_elector_has(number, old, new, written):
    """Of the right type: what is made of it later would stumble over it."""
    lines = written.read_text().splitlines()
    assert old in lines[number - 1]
    written.write_text(
        "\n".join([*lines[: number - 1], lines[number - 1].replace(old, new), *lines[number:], ""])
    )
    with pytest.raises(ConfigurationError, match=f"trace:{number} is damaged"):
        list(read_trace(written))


def test_so_is_one_with_a_move_to_no_role(written):
    text = written.read_text()
    assert '"dest":"candidate"' in text
    written.write_text(text.replace('"dest":"candidate"', '"dest":"king"'))
    with pytest.raises(ConfigurationError, match=r"trace:\d+ is damaged: .*king"):
        list(read_trace(written))


def test_where_a_process_was_killed_the_next_run_begins_on_a_line_of_its_own(written, clock):
    """A campaign that goes on in the file of a process that was killed ends the unfinished line."""
    runs = len(list(read_trace(written)))
    written.write_text(written.read_text() + '{"is":"Handled","now":')
    with Campaign(RemoteStore(), clock=clock, trace=written):
        pass
    assert len(list(read_trace(written))) == runs + 1
    with written.open("a") as file:
        file.write('{"is":"Handled"')
    assert len(list(read_trace(written))) == runs + 1


def test_a_long_run_goes_on_in_another_file(tmp_path, clock, monkeypatch):
    """What is kept is bounded, and each step that is kept can be repeated: the state goes along."""
    monkeypatch.setattr(trace, "LARGEST", 4000)
    path = tmp_path / "trace"
    with Campaign(RemoteStore(), identity="a", clock=clock, trace=path) as campaign:
        for _ in range(40):
            clock.advance(2)
            settle(campaign)
    assert path.stat().st_size + older(path).stat().st_size < 3 * 4000
    assert {each.name for each in tmp_path.iterdir()} == {"trace", "trace.1"}
    [run] = read_runs(path)
    assert run.began.state is not None
    assert {step.line.path for step in run.steps} == {path, older(path)}
    assert of_run(run) is None
    assert of_run(replace(run, began=run.began._replace(state=None))) is not None


def test_a_folder_has_a_file_for_each_run(tmp_path, clock):
    for identity in ("a", "b/../c\n", "a"):
        with Campaign(RemoteStore(), identity=identity, clock=clock, trace=tmp_path):
            pass
    found = [each for path in files(tmp_path) for each in read_trace(path)]
    assert len(found) == len(list(tmp_path.iterdir())) == 3
    assert sorted(began.config.identity for began, _ in found) == ["a", "a", "b/../c\n"]
    assert sorted(path.name.partition("-")[0] for path in tmp_path.iterdir()) == ["a", "a", "b_.._c_"]


def test_a_version_that_json_cannot_hold_is_written_as_it_is_shown(tmp_path):
    """A store of somebody's own may have any: a trace of it costs nobody the lease."""
    path, elector = tmp_path / "trace", Elector(ElectorConfig("a"))
    writer = TraceWriter(path)
    writer.began(elector)
    writer.handled(Found(1, record((1, b"x"))), 5, elector.handle(Start(), 5))
    writer.close()
    [(_, [step])] = read_trace(path)
    assert step.event.stored.version == (1, "b'x'")


def full(*_, **__):
    raise OSError("no space left")


@pytest.mark.parametrize(
    ("write", "why"),
    [(full, "no space left"), (lambda line: len(line) - 1, "there was no room for all of a line")],
)
def test_a_file_that_is_full_costs_the_rest_of_the_trace(write, why, tmp_path, caplog):
    """And one line in the log; not the lease."""
    path, elector = tmp_path / "trace", Elector(ElectorConfig("a"))
    writer = TraceWriter(path)
    writer.began(elector)
    writer._file.close()
    writer._file = SimpleNamespace(write=write, close=full)
    writer.began(elector)
    writer.began(elector)
    writer.close()
    (said,) = [each.getMessage() for each in caplog.records]
    assert said.startswith(f"the trace ends here: {why}")
    assert [began.session for began, _ in read_trace(path)] == [elector.session]


def test_nor_does_a_log_that_is_full_too(tmp_path, monkeypatch):
    trace = TraceWriter(tmp_path / "trace")
    trace._file.close()
    trace._file = SimpleNamespace(write=full, close=full)
    monkeypatch.setattr("incumbent.runtime.trace.logger", SimpleNamespace(error=full))
    trace.began(Elector(ElectorConfig("a")))


def test_what_comes_after_the_end_is_not_written(tmp_path, caplog):
    """And nothing is said of it."""
    path, elector = tmp_path / "trace", Elector(ElectorConfig("a"))
    trace = TraceWriter(path)
    trace.close()
    trace.began(elector)
    trace.close()
    assert list(read_trace(path)) == []
    assert caplog.records == []


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


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device here")
def test_a_disk_that_is_full_costs_the_trace_only(clock, caplog):
    """A real one, as far as the kernel is concerned."""
    with Campaign(RemoteStore(), clock=clock, trace="/dev/full") as campaign:
        settle(campaign)
        clock.advance(60)
        settle(campaign)
        assert campaign.is_leader()
    (said,) = [each.getMessage() for each in caplog.records if each.levelname == "ERROR"]
    assert said == "the trace ends here: [Errno 28] No space left on device"


def test_a_campaign_may_have_several_traces(tmp_path, clock):
    """Such as metrics and a file. One that raises costs the others nothing."""

    class Broken:
        def began(self, _elector):
            raise RuntimeError("began")

        def handled(self, _event, _now, _effects):
            raise RuntimeError("handled")

        def close(self):
            raise RuntimeError("close")

    traces = [Broken(), tmp_path / "one", str(tmp_path / "two")]
    with Campaign(RemoteStore(), clock=clock, trace=traces) as campaign:
        settle(campaign)
    one, two = ((tmp_path / name).read_bytes() for name in ("one", "two"))
    assert one == two
    assert len(one) > 0
