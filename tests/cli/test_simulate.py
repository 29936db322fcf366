"""`incumbent simulate`: a run, its verdict, and files to look at it."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from incumbent.cli import main
from incumbent.testing.history import History, Marked
from incumbent.testing.simulation.faults import STRIKES
from incumbent.testing.simulation.replay import replay
from incumbent.testing.simulation.verbs import Simulation
from incumbent.testing.timeline import run as timeline_run
from support.simulation.timeline_runs import Careless


def simulate(capsys, *options):
    code = main(["simulate", *options])
    return code, capsys.readouterr().out


def test_a_good_run_ends_with_0_and_tells_its_parameters(capsys):
    """The settings drawn, who led when, the verdict, and the line that repeats it."""
    code, out = simulate(capsys, "--seed", "7", "--for", "1m")

    assert code == 0
    assert "  seed             7\n" in out
    assert "lease" in out
    assert "█" in out
    assert ": every property holds\n" in out
    assert out.splitlines()[-1] == "repeat: incumbent simulate --seed 7 --for 60"
    assert simulate(capsys, "--seed", "7", "--for", "60s") == (code, out)
    assert "\x1b" not in out


def test_a_seed_is_drawn_and_told(capsys):
    """So that any run can be had again."""
    _, out = simulate(capsys, "--for", "30", "--candidates", "2", "--faults", "pause")
    again = out.splitlines()[-1].split()[2:]

    assert simulate(capsys, *again[1:])[1] == out


def test_a_broken_promise_ends_with_1_and_is_shown(capsys, monkeypatch, tmp_path):
    """What is violated by name, around the time at which it was; the page is written all the same."""

    def careless(seed, faults, candidates):
        simulation = Simulation(3, seed=seed, store=Careless())
        simulation.run_for(20)
        simulation.crash("leader")
        simulation.delay("all", 1.9, "requests")
        return simulation

    monkeypatch.setattr(timeline_run, "prepare", careless)
    page = tmp_path / "run.html"
    code, out = simulate(capsys, "--seed", "3", "--for", "60", "--html", str(page))

    assert code == 1
    assert "VIOLATED: S4 one_history, at " in out
    assert "▼" in out
    assert "every property holds" not in out
    assert "one_history" in page.read_text("utf-8")


def test_an_elector_that_fails_ends_with_1(capsys, monkeypatch):
    """Its own invariants are properties, too."""

    def fail(*_):
        raise AssertionError("an invariant")

    monkeypatch.setattr(timeline_run, "run", fail)
    code, out = simulate(capsys, "--seed", "3")

    assert code == 1
    assert "an elector failed" in out
    assert "repeat: " in out


def test_files_are_written_and_the_history_can_be_replayed(capsys, tmp_path):
    """HTML, SVG, and NDJSON."""
    html, svg, json = tmp_path / "a.html", tmp_path / "a.svg", tmp_path / "a.ndjson"
    simulate(capsys, "--seed", "2", "--html", str(html), "--svg", str(svg), "--json", str(json))

    assert html.read_text("utf-8").startswith("<!DOCTYPE html>")
    assert svg.read_text("utf-8").startswith("<svg ")
    history = History.load(json)
    assert history.seed == 2
    assert replay(history).history.records == history.records
    assert {mark.demand for mark in history.of(Marked)} >= {"leader", "stability", "agreement", "handover"}


@pytest.mark.parametrize(
    ("given", "seconds"), [("90", 90), ("90s", 90), ("1.5m", 90), ("2m", 120), ("0.1h", 360)]
)
def test_durations(capsys, given, seconds):
    """In seconds, or with a unit."""
    code, out = simulate(capsys, "--seed", "1", "--faults", "none", "--for", given)

    assert code == 0
    assert f", {seconds} s of faults" in out


@pytest.mark.parametrize("given", ["0", "-1", "m", "", "soon", "5d", "nan", "infh"])
def test_what_is_no_duration_is_refused(capsys, given):
    """And the message says how to give one."""
    with pytest.raises(SystemExit) as ended:
        main(["simulate", "--for", given])

    assert ended.value.code == 2
    assert "90, 90s, 10m, 1h" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        (["--faults", "pause,flood"], "there is no 'flood': give some of drawn, none, all, partition"),
        (["--seed", "1", "--html", "/nowhere/run.html"], "/nowhere/run.html cannot be written"),
        (["--seed", "1", "--json", "/nowhere/run.ndjson"], "/nowhere/run.ndjson cannot be written"),
        (["--seed", "1", "--json", "/dev/full"], "a file cannot be written (No space left"),
    ],
)
def test_wrong_configuration_is_2(capsys, options, hint):
    """With the way out."""
    assert main(["simulate", "--for", "10", *options]) == 2
    assert hint in capsys.readouterr().err


@pytest.mark.parametrize("given", ["0", "27", "many"])
def test_a_wrong_number_of_candidates_is_2(given):
    """There are as many names as letters."""
    with pytest.raises(SystemExit) as ended:
        main(["simulate", "--candidates", given])

    assert ended.value.code == 2


@pytest.mark.parametrize("faults", ["drawn", "all", "none", "drift,twin"])
def test_as_many_candidates_as_are_asked_for(capsys, faults):
    """Whatever else is drawn."""
    code, out = simulate(capsys, "--seed", "4", "--for", "20", "--candidates", "5", "--faults", faults)

    assert code == 0
    assert out.startswith("5 candidates, ")
    assert {"a", "b", "c", "d", "e"} <= set(re.findall(r"^(\w)  role ", out, re.MULTILINE))


def test_help_names_every_fault_and_loads_no_kit(capsys):
    """What `--faults` takes is told without importing what does it."""
    script = (
        "import sys\nfrom incumbent.cli import main\n"
        "try: main(['simulate', '--help'])\n"
        "except SystemExit: print(*[name for name in sys.modules if 'testing' in name], file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert set(STRIKES) <= set(re.findall(r"\w+", ran.stdout))
    assert max(map(len, ran.stdout.splitlines())) < 80
    assert ran.stderr.split() == []


def test_a_terminal_gets_colours_and_the_same_text(capsys, monkeypatch):
    """Told apart by words without them."""
    options = ("--seed", "1", "--for", "2m", "--faults", "crash")
    monkeypatch.setenv("COLUMNS", "100")
    _, plain = simulate(capsys, *options)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm-256color")
    _, coloured = simulate(capsys, *options)

    assert "\x1b[" in coloured
    without = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", coloured)
    assert [line for line in plain.splitlines() if line not in without] == []
