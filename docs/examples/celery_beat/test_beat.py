"""Two real beats, of which one sends; and the other one when the first is told to end."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

PATIENCE = 90


def origins(folder):
    """Which process sent each message, in order."""
    texts = [path.read_text() for path in sorted(folder.glob("*.msg"))]
    whole = [text for text in texts if text.endswith("}")]  # the others are being written
    return [json.loads(text)["headers"]["origin"].partition("@")[0] for text in whole]


def until(what, condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"not within {PATIENCE} s: {what}"
        time.sleep(0.1)


def test_one_beat_sends_and_the_other_one_goes_on(tmp_path):
    folder = tmp_path / "queue"
    folder.mkdir()
    environment = os.environ | {"STORE": f"sqlite:///{tmp_path}/leases.db", "FOLDER": str(folder)}
    beats = []
    try:
        for number in range(2):
            options = [
                "--scheduler",
                "beat.LedScheduler",
                "--schedule",
                tmp_path / f"schedule-{number}",
                "--pidfile=",
            ]
            command = [sys.executable, "-m", "celery", "-A", "tasks", "beat", *options]
            beats.append(subprocess.Popen(command, cwd=Path(__file__).parent, env=environment))
            until("tasks are sent", lambda: origins(folder))
        until("the other one runs", lambda: list(tmp_path.glob("schedule-1*")))
        sent = len(origins(folder))
        until("more are sent", lambda: len(origins(folder)) > sent + 20)
        assert set(origins(folder)) == {f"gen{beats[0].pid}"}, "the other one waits"
        beats[0].terminate()
        beats[0].wait(PATIENCE)
        until("the other one goes on", lambda: f"gen{beats[1].pid}" in origins(folder))
        senders = origins(folder)
        assert senders == sorted(senders, key=[f"gen{beat.pid}" for beat in beats].index), (
            "never both at once"
        )
    finally:
        for beat in beats:
            beat.terminate()
            beat.wait(PATIENCE)
