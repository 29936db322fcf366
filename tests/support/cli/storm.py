"""A command that forks faster than it can be looked for; it writes beats as `PID token=TOKEN NANOSECONDS`.

    python storm.py LOG KIND

Each process of `chain` lives until it has forked the next one, which goes on in its process group; in
`sessions` each founds a session, and so a group, of its own; `spread` has two dozen of those at a time.
`threads` forks nothing: its first thread ends, and another one goes on.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time

from worker import Worker

BEAT = f"token={os.environ.get('INCUMBENT_TOKEN', '')}"
SYS_EXIT = {"x86_64": 60, "aarch64": 93}.get(os.uname().machine, 60)


def main(path: str, kind: str) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    worker = Worker(path)
    if kind == "threads":
        threading.Thread(target=beat, args=(worker,)).start()
        ctypes.CDLL(None).syscall(SYS_EXIT, 0)
    for _ in range(24 if kind == "spread" else 1):
        if os.fork() == 0:
            go_on(worker, founds_sessions=kind != "chain")
    time.sleep(1000)


def beat(worker):
    while True:
        worker.write(BEAT)
        time.sleep(0.01)


def go_on(worker, *, founds_sessions):
    while True:
        if founds_sessions:
            os.setsid()
        worker.write(BEAT)
        if os.fork() != 0:
            os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
