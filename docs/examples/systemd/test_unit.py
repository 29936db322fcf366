"""The unit is one that systemd understands, and its command line one that incumbent does."""

import configparser
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNIT = Path(__file__).parent / "reports.service"
PROGRAMS = "/usr/bin/incumbent", "/usr/bin/make-reports"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
def test_systemd_understands_it(tmp_path):
    text = UNIT.read_text()
    for program in PROGRAMS:
        text = text.replace(program, shutil.which("true"))
    (tmp_path / UNIT.name).write_text(text)
    command = ["systemd-analyze", "verify", "--man=no", tmp_path / UNIT.name]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    said = [line for line in outcome.stderr.splitlines() if UNIT.name in line]
    assert said == []


def test_incumbent_understands_its_command(tmp_path):
    (tmp_path / "store").write_text(f"sqlite:///{tmp_path}/leases.db\n")
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str
    unit.read_string(UNIT.read_text())
    program, *arguments = shlex.split(unit["Service"]["ExecStart"].replace("%d", str(tmp_path)))
    assert program == PROGRAMS[0]
    assert arguments[-1] == PROGRAMS[1]
    command = [sys.executable, "-m", "incumbent", *arguments[:-1], "sh", "-c", "echo $INCUMBENT_TOKEN"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "1\n"
