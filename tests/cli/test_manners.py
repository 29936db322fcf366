"""How the command behaves among other programs: pipes, missing files, slips of the hand."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from incumbent.cli import main
from incumbent.cli.durations import duration
from incumbent.cli.guarded import GuardedCommand
from support.cli.contenders import PATIENCE, SHORT
from support.cli.records import lease_of


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


def test_a_guard_that_is_half_started_costs_no_descriptor():
    """There is room for one of its two pipes."""
    process = psutil.Process()
    before, (_, most) = process.num_fds(), resource.getrlimit(resource.RLIMIT_NOFILE)
    with open(os.devnull) as highest:  # noqa: PTH123 - its number is what matters
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest.fileno() + 3, most))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            GuardedCommand(["true"], {}, 0, 0, 0)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    assert process.num_fds() <= before


def test_once_ends_where_no_guard_can_be_started(world):
    """And not with 75, which says that somebody else does the work: with few descriptors, 71."""
    codes = set()
    for most in range(8, 24):
        limited = ("sh", "-c", f'ulimit -n {most}; exec "$@"', "sh")
        contender = world.run(options=(*SHORT, "--once"), command=["true"], prefix=limited)
        codes.add(contender.wait(PATIENCE))
        assert "Traceback" not in world.stderr(contender)
        if codes >= {0, 71}:
            break
    assert codes == {0, 71}
    assert any("guard cannot be started: [Errno 24]" in world.stderr(each) for each in world.contenders)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has /dev/full")
@pytest.mark.parametrize("command", [["stores"], ["status", "--json"], ["resign", "--by", "me"]])
def test_a_full_disk_behind_standard_output_is_71(world, command):
    """One line, and no code that means something else, as 1 does of `status`."""
    world.put(lease_of("anna"))
    options = () if command == ["stores"] else ("--store", world.url, "--lease", "lease")
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - no path is needed
        ran = subprocess.run(
            [sys.executable, "-m", "incumbent", *command, *options],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (ran.returncode, ran.stderr) == (71, "incumbent: [Errno 28] No space left on device\n")
