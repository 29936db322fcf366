"""Runs killers on mutants: a process that has imported all but the package forks one child for each.

A mutant needs a fresh interpreter, and a fork is the cheapest: what the killers themselves need is imported
once, the package is imported in the child, broken.
"""

# ruff: noqa: PLC0415, T201 - a child must not have imported what it breaks; lines are its protocol

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[3]
PATHS = [str(ROOT / path) for path in ("tests", "src", "", "tests/support/mutants/site")]

SHARED = 8
"""How many times as long a second of CPU time may take, where others compute too."""


class Verdict(NamedTuple):
    """What a killer made of a mutant.

    found: What it found, "" if nothing.
    fault: Why there is no verdict, "" if there is one.
    seconds: Of CPU time, which says the same on a machine that has much else to do.
    """

    found: str
    fault: str
    seconds: float


class Bench:
    """The process, as a context manager."""

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory()
        paths = os.pathsep.join(PATHS)
        settings = {"PYTHONPATH": paths, "HYPOTHESIS_STORAGE_DIRECTORY": self._folder.name}
        environment = {**os.environ, **settings, "PYTHONDONTWRITEBYTECODE": "1"}
        environment |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}  # each child loads them
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()
        self._folder.cleanup()

    def run(self, mutant, killer, argument, seconds):
        """What `killer` makes of the mutant of this name; of the real code for ""."""
        print(json.dumps([mutant, killer, argument, seconds]), file=self._process.stdin, flush=True)
        return Verdict(*json.loads(self._process.stdout.readline()))


def serve():
    """Answer each line of the input."""
    import hypothesis.stateful  # noqa: F401 - here, once, rather than in each child
    import psutil  # noqa: F401
    import pytest  # noqa: F401
    import transitions  # noqa: F401

    for line in sys.stdin:
        print(json.dumps(_in_a_child(*json.loads(line))), flush=True)


def _in_a_child(name, killer, argument, seconds):
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
        os.write(writing, json.dumps(_kill(name, killer, argument, seconds)).encode()[:60_000])
        os._exit(0)
    os.close(writing)
    try:
        is_over = bool(select.select([reading], [], [], seconds * SHARED + 2)[0])
        said = os.read(reading, 65_536) if is_over else b""
    finally:
        os.close(reading)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        _, status, used = os.wait4(child, 0)
    if not said:
        is_late = not is_over or os.WTERMSIG(status) == signal.SIGXCPU
        said = json.dumps(["", f"not found within {seconds} s" if is_late else "the child died"])
    return [*json.loads(said), used.ru_utime + used.ru_stime]


def _kill(name, killer, argument, seconds):
    from mutants.table import MUTANTS
    from support.mutants import killers as mutant_killers
    from support.mutants.patch import infect

    sink = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(sink, stream)
    try:
        if name:
            infect(MUTANTS[name])
            os.environ["INCUMBENT_MUTANT"] = name  # for the interpreters that a test starts
        else:
            mutant_killers.PATIENCE *= 5  # what will happen may take its time on a busy machine
        return mutant_killers.KILLERS[killer](argument, seconds)[:300], ""
    except BaseException as error:  # noqa: BLE001 - the caller is told
        return "", f"{type(error).__name__}: {error}"[:500]


if __name__ == "__main__":
    serve()
