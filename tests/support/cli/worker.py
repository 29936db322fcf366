"""What the tests have `incumbent run` run: it writes what happens to it, as `PID EVENT NANOSECONDS`.

    python cli_worker.py LOG [stubborn] [daemon] [children] [named] [exits:CODE] [lasts:SECONDS]

Every 10 ms it writes `beat`; each signal it is sent it writes by name. `stubborn` takes SIGTERM and goes on,
`daemon` also starts a stubborn worker that leaves the tree by a double fork and a session of its own,
`children` a stubborn worker in the same process group; `named` writes the token for each beat; `lasts` ends
it after a while, with the code of `exits`.
"""

from __future__ import annotations

import os
import signal
import sys
import time

if sys.platform == "linux":
    CLOCK = time.CLOCK_BOOTTIME
else:
    CLOCK = time.CLOCK_MONOTONIC


class Worker:
    """Beats until it is ended."""

    def __init__(self, path: str) -> None:
        self.log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def write(self, event: str) -> None:
        os.write(self.log, f"{os.getpid()} {event} {time.clock_gettime_ns(CLOCK)}\n".encode())

    def run(self, words: list[str]) -> int:
        settings = dict(word.partition(":")[::2] for word in words)
        for name in ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGWINCH", "SIGCONT"):
            signal.signal(getattr(signal, name), self.on_signal)
        self.is_stubborn = "stubborn" in settings
        token = f"token={os.environ.get('INCUMBENT_TOKEN', '')}"
        self.write(token)  # before it has children: the journal's first words are the command's own
        if "children" in settings and os.fork() == 0:
            self.is_stubborn = True
            settings = {}
            self.write(token)
        if "daemon" in settings and os.fork() == 0:
            os.setsid()
            if os.fork() != 0:
                os._exit(0)
            self.is_stubborn = True
            settings = {}
            self.write(token)
        beat = token if "named" in words else "beat"
        end = time.monotonic() + float(settings.get("lasts", "inf"))
        while time.monotonic() < end:
            self.write(beat)
            time.sleep(0.01)
        return int(settings.get("exits", "0"))

    def on_signal(self, number: int, frame: object) -> None:
        self.write(signal.Signals(number).name)
        if number == signal.SIGTERM and not self.is_stubborn:
            os._exit(128 + number)


if __name__ == "__main__":
    sys.exit(Worker(sys.argv[1]).run(sys.argv[2:]))
