"""How far long work has come: on a terminal, and nowhere else."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from contextlib import suppress
from importlib.util import find_spec
from types import SimpleNamespace

import pytest

from incumbent import tracked as module
from incumbent.tracked import tracked

SEEDS = [sys.executable, "-m", "incumbent.testing.simulation.swarm", "1", "2"]
STORE = [sys.executable, "-m", "incumbent", "check-store", "memory:"]
LONG = [sys.executable, "-m", "incumbent", "simulate", "--seed", "1", "--for", "21m", "--faults", "crash"]


def on_terminal(command, *, whole=False):
    """Standard output by a pipe, or by the terminal, too; what the terminal got; the exit code."""
    ours, theirs = pty.openpty()
    out = theirs if whole else subprocess.PIPE
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "100"}
    with subprocess.Popen(command, stdin=theirs, stdout=out, stderr=theirs, env=environment) as process:
        os.close(theirs)
        told, printed = b"", b""
        with suppress(OSError):  # which is how Linux says that nobody holds the terminal any more
            while piece := os.read(ours, 65536):
                told += piece
        if not whole:
            printed = process.stdout.read()
        process.wait(60)
    os.close(ours)
    return printed.decode(), told.decode(), process.returncode


@pytest.mark.parametrize(
    ("command", "what"), [(SEEDS, "checking"), (STORE, "checking"), (LONG, "simulating")]
)
def test_a_terminal_sees_a_bar_and_a_pipe_gets_what_it_ever_got(command, what):
    printed, told, code = on_terminal(command)
    assert code == 0
    assert f"{what} " in told
    assert "━" in told
    assert "\x1b" not in printed
    assert "━" not in printed
    assert printed.count("\n") > 1


def test_what_is_printed_meanwhile_stays_whole():
    """Above the bar, where both go to one terminal."""
    _, told, code = on_terminal(SEEDS, whole=True)
    assert code == 0
    assert "checking " in told
    erased = re.escape("\r\x1b[2K")
    assert re.findall(rf"{erased}(\d) \d+ events\r\n", told) == ["1", "2"]


def test_without_a_terminal_nothing_is_told():
    run = subprocess.run(SEEDS, capture_output=True, text=True, check=True)
    assert run.stderr == ""
    assert run.stdout.count(" events\n") == 2


@pytest.mark.parametrize(
    ("stderr", "rich"),
    [
        (None, True),
        (SimpleNamespace(isatty=lambda: False), True),
        (SimpleNamespace(isatty=lambda: True), False),
    ],
)
def test_steps_are_taken_as_they_are_where_no_bar_can_be(stderr, rich, monkeypatch):
    """Standard error is closed, or is no terminal, or rich is not installed."""
    monkeypatch.setattr(sys, "stderr", stderr)
    monkeypatch.setattr(module, "find_spec", lambda name: find_spec(name) if rich else None)
    steps = iter("abc")
    with tracked(steps, "counting", 3) as taken:
        assert taken is steps
