"""How the command behaves among other programs: pipes, missing files, slips of the hand."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import psutil
import pytest

from incumbent.cli import main
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
@pytest.mark.parametrize(("command", "code"), [("status", 0), ("resign", 1)])
def test_looking_at_a_file_that_is_not_there_does_not_create_it(tmp_path, lease, command, code):
    """A slip in the path of a store leaves nothing behind."""
    path = tmp_path / "leases.db"
    assert main([command, "--store", f"sqlite:///{path}", *lease]) == code
    assert not path.exists()


@pytest.mark.parametrize("seconds", ["soon", "-1", "inf"])
def test_what_is_no_number_of_seconds_is_called_so(capsys, seconds):
    """In the user's words: no name of a function of ours."""
    with pytest.raises(SystemExit):
        main(["watch", f"--every={seconds}"])
    assert f"{seconds!r} is no number of seconds: give 0 or more" in capsys.readouterr().err


def test_a_guard_that_cannot_be_started_costs_no_descriptor(monkeypatch):
    """A machine without processes left is tried again and again: that must not use up anything."""
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    before = psutil.Process().num_fds()
    with pytest.raises(FileNotFoundError):
        GuardedCommand(["true"], {}, 0, 0, 0)
    assert psutil.Process().num_fds() <= before
