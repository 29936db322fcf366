"""The command's log: lines for people, JSON for machines, and nothing raw in either."""

from __future__ import annotations

import json
import logging
import subprocess
import sys

import pytest

from incumbent.cli.logs import JsonFormatter, TextFormatter
from support.cli.contenders import PATIENCE

RAW = "\x1b[2Jok\n2026-01-01 00:00:00,000 incumbent[1] forged"


def record(message, error=None, **fields):
    info = None if error is None else (type(error), error, error.__traceback__)
    made = logging.LogRecord("incumbent", logging.INFO, "", 0, message, (), info)
    vars(made).update(fields)
    return made


def test_a_text_line_is_one_line():
    """Escaped and cut; a traceback cannot pass for lines of its own."""
    text = TextFormatter().format(record(RAW, ValueError(RAW)))
    first, *others = text.splitlines()
    assert "\x1b" not in text
    assert first.endswith(r"\x1b[2Jok\n2026-01-01 00:00:00,000 incumbent[1] forged")
    assert others
    assert all(line.startswith("    ") for line in others)
    assert len(TextFormatter().format(record("x" * 10_000_000))) < 2_000


def test_a_json_line_has_the_records_fields():
    """Time, level, message, and whatever the record has of its own; each of them bounded."""
    line = JsonFormatter().format(
        record(RAW, ValueError(RAW), token=7, leader=None, lease=RAW, reason="x" * 9999)
    )
    assert line.isascii()
    assert "\n" not in line
    made = json.loads(line)
    assert made["level"] == "info"
    assert made["time"].endswith("+00:00")
    assert (made["token"], made["leader"]) == (7, None)
    assert "\x1b" not in made["lease"] + made["message"] + "".join(made["traceback"])
    assert len(made["reason"]) < 2_000


def test_the_log_of_a_run_as_json(world):
    """Each line is an object; the last one says how it ended."""
    contender = world.run("lasts:0.05", "exits:3", options=("--log-format", "json", "--id", "anna"))
    assert contender.wait(PATIENCE) == 3
    lines = [json.loads(line) for line in world.stderr(contender).splitlines()]
    won = next(line for line in lines if line.get("trigger") == "win")
    assert (won["lease"], won["identity"], won["token"], won["leader"]) == ("lease", "anna", 1, "anna")
    assert (lines[-1]["exit_code"], lines[-1]["lease"], lines[-1]["level"]) == (3, "lease", "info")
    assert [line for line in lines if (line["lease"], line["identity"]) != ("lease", "anna")] == []


def test_what_ends_the_command_is_json_as_well(tmp_path):
    """Whoever reads stderr as JSON reads all of it so."""
    ended = subprocess.run(
        [
            sys.executable,
            "-m",
            "incumbent",
            "status",
            "--log-format=json",
            "--store",
            f"sqlite:///{tmp_path}",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    (line,) = ended.stderr.splitlines()
    made = json.loads(line)
    assert (ended.returncode, made["level"], made["exit_code"]) == (2, "error", 2)
    assert "this is a directory" in made["message"]


def test_a_quiet_run_says_nothing_as_long_as_all_is_well(world):
    """So that cron sends no mail; what is wrong is still said."""
    contender = world.run("lasts:0.05", options=("--quiet",))
    assert contender.wait(PATIENCE) == 0
    assert world.stderr(contender) == ""

    unwritable = world.start("run", "--quiet", "--store", f"sqlite:///{world.directory}", "--", "true")
    assert unwritable.wait(PATIENCE) == 2
    assert world.stderr(unwritable).startswith("incumbent: ")


def test_identities_are_escaped_in_the_log_of_a_run(world):
    """Of others as well as one's own."""
    contender = world.run("lasts:0.05", options=("--id", RAW))
    assert contender.wait(PATIENCE) == 0
    assert "\x1b" not in world.stderr(contender)
    assert not [line for line in world.stderr(contender).splitlines() if line.endswith("incumbent[1] forged")]


@pytest.mark.parametrize("command", ["status", "watch"])
def test_a_terminal_that_cannot_show_a_name_shows_it_escaped(tmp_path, command):
    """No UnicodeEncodeError."""
    url = f"sqlite:///{tmp_path}/leases.db"
    options = ["--store", url, "--lease", "Ж", "--id", "Ж日本"]
    start = [sys.executable, "-m", "incumbent"]
    subprocess.run([*start, "run", *options, "--", "true"], check=True, capture_output=True)
    with subprocess.Popen(
        [*start, command, "--store", url],
        env={"PYTHONIOENCODING": "ascii:strict", "PATH": "/usr/bin:/bin"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert rb"\u0416" in process.stdout.readline()
        process.kill()
