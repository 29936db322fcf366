"""The command as Django runs it, told to end by a signal."""

import os
import signal
import subprocess
import sys
from pathlib import Path


def test_it_makes_reports_until_it_is_told_to_end(tmp_path):
    environment = os.environ | {
        "STORE": f"sqlite:///{tmp_path}/leases.db",
        "DJANGO_SETTINGS_MODULE": "settings",
    }
    command = [sys.executable, "-u", "-m", "django", "makereports", "--every", "0.05"]
    process = subprocess.Popen(
        command,
        cwd=Path(__file__).parent,
        env=environment | {"PYTHONPATH": "."},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "a report, fenced by 1\n"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 0
