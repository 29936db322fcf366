"""`incumbent explain`: a real incident, read back from what its processes wrote down."""

from __future__ import annotations

import re
import shutil
import signal
from pathlib import Path

import pytest

from incumbent.cli import main
from incumbent.runtime.recording import files, read_runs
from support.cli.contenders import SHORT, World, eventually

LATER = 3
"""Renewals of a term, so that there is something to tell of it."""


def explained(capsys, *arguments):
    code = main(["explain", *map(str, arguments)])
    return code, capsys.readouterr().out


def renewals(folder):
    """Of whoever led last: its identity, and how often it has renewed."""
    lines = [
        (run.began.config.identity, step.handled)
        for path in files(folder)
        for run in read_runs(path)
        for step in run.steps
    ]
    led = max((n.token, who) for who, step in lines for n in step.effects.notices if hasattr(n, "token"))
    last = [step for who, step in lines if who == led[1]]
    return led[1], sum(type(step.event).__name__ == "Written" for step in last), led[0]


def leads(folder, token):
    """Whoever leads by that token or a later one, once it has renewed a few times."""

    def ask():
        who, count, latest = renewals(folder)
        return who if latest >= token and count > LATER else None

    return eventually(f"token {token} is renewed", ask)


@pytest.fixture(scope="module")
def incident(tmp_path_factory):
    """Three contenders; whoever leads is frozen and goes on, the next one is killed, the third stopped."""
    world = World(tmp_path_factory.mktemp("incident"))
    folder = world.directory / "traces"
    contenders = {
        name: world.run(options=("--id", name, *SHORT, "--retry-period", "0.2"), INCUMBENT_TRACE=str(folder))
        for name in ("north", "south", "west")
    }
    eventually("all write", lambda: folder.is_dir() and len(list(folder.iterdir())) == len(contenders))
    frozen = leads(folder, 1)
    contenders[frozen].send_signal(signal.SIGSTOP)
    killed = leads(folder, 2)
    contenders[frozen].send_signal(signal.SIGCONT)
    contenders[killed].kill()
    stopped = leads(folder, 3)
    contenders[stopped].terminate()
    contenders[stopped].wait(30)
    world.close()
    return folder, frozen, killed, stopped


def test_an_incident_is_told_in_words(incident, capsys):
    """Who led when and by which token, why each term ended, how long nobody led, and why."""
    folder, frozen, killed, stopped = incident
    code, out = explained(capsys, folder)
    assert code == 0
    assert re.search(r"runs, \d+ steps: each conforms to the protocol", out)
    letters = {
        who: letter for letter, who in re.findall(r"^([a-c])-1   (north|south|west) \(", out, re.MULTILINE)
    }
    lines = re.findall(r"^ +[\d.]+ s  (\w+) +(.*)$", out, re.MULTILINE)

    def says(who, pattern):
        name = letters.get(who, who)
        return any(name == one and re.search(pattern, what) for one, what in lines)

    assert says(frozen, r"^leads with token 1: there was no record")
    assert says(frozen, r"^stands still for [\d.]+ s")
    passed = r"^leads no more, after [\d.]+ s and \d+ renewals: the renew deadline of 1.6 s passed"
    assert says(frozen, passed + r".*; its process stood still for [\d.]+ s$")
    assert says("nobody", r"^leads for [\d.]+ s: \w had to see the lease unchanged for its 2.4 s")
    assert says(killed, r"^leads with token 2: the lease of who led before had to expire")
    assert says(killed, r"^is not heard of after this: killed, or still frozen, or its trace was cut off")
    assert says(killed, passed)
    assert says("nobody", rf"^leads for [\d.]+ s, or for [\d.]+ s if {letters[killed]} was killed,")
    assert says(stopped, r"^leads with token 3: the lease of who led before had to expire")
    assert says(stopped, r"^leads no more, .*: it (resigned|was told to stop)")
    assert says(stopped, r"^has stopped")
    assert "uncertain" not in out  # they share the machine's clock


def test_it_is_drawn_into_a_file(incident, capsys, tmp_path):
    for form, begins in (("html", "<!DOCTYPE html>"), ("svg", "<svg "), ("text", "seconds ")):
        output = tmp_path / f"incident.{form}"
        code, out = explained(capsys, *files(incident[0]), "--format", form, "-o", output)
        assert (code, out.splitlines()[-1]) == (0, f"written to {output}")
        assert output.read_text().startswith(begins)
        code, out = explained(capsys, incident[0], "--format", form)
        assert (code, out.startswith(begins)) == (0, True)


def test_a_trace_that_does_not_conform_is_exit_code_1(incident, capsys, tmp_path):
    """A term that nobody won: the rule, the file and the line are named."""
    path = Path(shutil.copy(files(incident[0])[0], tmp_path))
    lines = path.read_text().splitlines(keepends=True)
    number = next(
        number
        for number, line in enumerate(lines)
        if '"Found"' in line and '"notices":[],"request":null' in line
    )
    lines[number] = lines[number].replace('"notices":[]', '"notices":[{"is":"StartedLeading","token":9}]', 1)
    path.write_text("".join(lines))
    code, out = explained(capsys, path)
    assert code == 1
    assert f"DOES NOT CONFORM: {path}:{number + 1}: P3, P7: a term begins, though no write of its own" in out


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (None, r"trace.ndjson cannot be read \(No such file"),
        (
            "2026-11-27 a log\n",
            r"trace.ndjson:1 is damaged, or was never part of a trace: b'2026-11-27 a log",
        ),
        (
            '{"is":"Began","format":9,"version":"9.0"}\n',
            r"trace.ndjson:1 begins a trace of format 9, written by",
        ),
        ("", "there is no step in these traces: has anybody contended"),
    ],
)
def test_what_is_no_trace_is_wrong_usage(content, error, tmp_path, capsys):
    path = tmp_path / "trace.ndjson"
    if content is not None:
        path.write_text(content)
    assert main(["explain", str(path)]) == 2
    assert re.search(error, capsys.readouterr().err)


def test_a_folder_without_traces_is_wrong_usage(tmp_path, capsys):
    assert main(["explain", str(tmp_path)]) == 2
    assert "there is no trace in" in capsys.readouterr().err


def test_an_output_that_cannot_be_written_is_wrong_usage(incident, tmp_path, capsys):
    assert main(["explain", str(incident[0]), "-o", str(tmp_path / "none" / "x")]) == 2
    assert "cannot be written (No such file or directory): give another file" in capsys.readouterr().err


# The trace of `incumbent run`.


def test_a_trace_that_is_a_file_is_refused(world, tmp_path):
    """Several processes would write into it."""
    (tmp_path / "trace").touch()
    contender = world.run(options=("--trace", str(tmp_path / "trace")))
    assert contender.wait(30) == 2
    assert "is no folder: give one, each process has a file in it" in world.stderr(contender)


def test_a_trace_that_cannot_be_written_costs_no_election(world):
    """As on a full disk: one line says so, and the command runs."""
    contender = world.run(command=["true"], options=("--trace", "/dev/full/traces"))
    assert contender.wait(30) == 0
    assert world.stderr(contender).count("no trace is written: ") == 1


def test_no_secret_of_the_store_is_in_a_trace(world, tmp_path):
    """Nor the URL at all."""
    folder = tmp_path / "traces"
    assert world.run(command=["true"], INCUMBENT_TRACE=str(folder)).wait(30) == 0
    (path,) = folder.iterdir()
    assert "sqlite:" not in path.read_text()
    assert '"lease":"lease"' in path.read_text()
