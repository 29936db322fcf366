"""How the command behaves among other programs: pipes, missing files, slips of the hand."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import psutil
import pytest

from incumbent.cli import main
from incumbent.cli.durations import duration
from incumbent.cli.guarded import GuardedCommand


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("command", ["status", "watch", "stores"])
def test_a_reader_that_goes_away_is_no_error(tmp_path, command, unbuffered):
    """`incumbent ... | head`: no traceback, and the code of a program that SIGPIPE ended."""
    url = f"sqlite:///{tmp_path}/leases.db"
    subprocess.run(
        [sys.executable, "-m", "incumbent", "run", "--store", url, "--lease", "x", "--", "true"],
        check=True,
        capture_output=True,
    )
    options = [] if command == "stores" else ["--store", url]
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(
        [sys.executable, "-m", "incumbent", command, *options],
        stdout=writing,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
        text=True,
        check=False,
        timeout=60,
    )
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (128 + signal.SIGPIPE, "")


@pytest.mark.parametrize("lease", [[], ["--lease", "x"]])
@pytest.mark.parametrize("command", ["status", "resign"])
def test_looking_at_a_file_that_is_not_there_does_not_create_it(tmp_path, lease, command, capsys):
    """A slip in the path of a store leaves nothing behind, and is told as what it is."""
    path = tmp_path / "leases.db"
    assert main([command, "--store", f"sqlite:///{path}", *lease]) == 1
    assert f"there is no file '{path}'" in "".join(capsys.readouterr())
    assert not path.exists()


@pytest.mark.parametrize("command", ["status", "resign", "watch"])
def test_a_directory_that_is_not_there_is_wrong_configuration(tmp_path, command, capsys):
    """As for three slashes where four were meant."""
    assert main([command, "--store", f"sqlite:///{tmp_path}/none/leases.db", "--lease", "x"]) == 2
    assert "there is no directory" in capsys.readouterr().err


@pytest.mark.parametrize("seconds", ["soon", "-1", "inf", "1e9", "1d", "", " 1", "1_0", "9" * 400, "1h30m"])
def test_what_is_no_duration_is_called_so(capsys, seconds):
    """In the user's words: no name of a function of ours."""
    with pytest.raises(SystemExit):
        main(["watch", f"--every={seconds}"])
    assert "is no duration: give 0 or more, such as 90, 90s" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("90", 90),
        ("1.5", 1.5),
        ("15s", 15),
        ("2m", 120),
        ("1h", 3600),
        ("0.5h", 1800),
        ("250ms", 0.25),
    ],
)
def test_durations_may_have_a_unit(text, seconds):
    """Of seconds where there is none."""
    assert duration(text) == seconds


def test_to_look_without_a_pause_is_refused(capsys):
    """It would keep the store busy with nothing else."""
    with pytest.raises(SystemExit):
        main(["watch", "--every=0"])
    assert "more than 0" in capsys.readouterr().err


def test_a_guard_that_cannot_be_started_costs_no_descriptor(monkeypatch):
    """A machine without processes left is tried again and again: that must not use up anything."""
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    before = psutil.Process().num_fds()
    with pytest.raises(FileNotFoundError):
        GuardedCommand(["true"], {}, 0, 0, 0)
    assert psutil.Process().num_fds() <= before
