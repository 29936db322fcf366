"""A real gunicorn with three workers, with and without preload."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PATIENCE = 60


def until(what, condition):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {PATIENCE} s: {what}")


@pytest.mark.parametrize("options", [[], ["--preload"]], ids=["as it is", "preload"])
def test_one_of_the_workers_works_and_another_one_takes_over(tmp_path, options):
    journal = tmp_path / "journal"
    journal.touch()

    def lines():
        return [tuple(map(int, line.split())) for line in journal.read_text().splitlines() if " " in line]

    command = [
        "-m",
        "gunicorn",
        "-c",
        HERE / "gunicorn_conf.py",
        "-w",
        "3",
        "-b",
        f"unix:{tmp_path}/socket",
        *options,
    ]
    environment = os.environ | {"STORE": f"sqlite:///{tmp_path}/leases.db", "JOURNAL": str(journal)}
    server = subprocess.Popen([sys.executable, *command, "app:application"], cwd=HERE, env=environment)
    try:
        first, token = until("somebody works", lines)[-1]
        os.kill(first, signal.SIGTERM)  # a worker is replaced, as after `--max-requests`
        began = time.monotonic()
        until("another one works", lambda: lines()[-1][1] > token)
        assert time.monotonic() - began < 12, "the lease was released: nobody waited for its 15 s"
        assert lines()[-1][0] != first
        assert [each for _, each in lines()] == sorted(each for _, each in lines()), "never two at once"
    finally:
        server.terminate()
        assert server.wait(PATIENCE) == 0
