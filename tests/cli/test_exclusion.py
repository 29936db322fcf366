"""At no time do two contenders' commands run, whatever is done to the contenders."""

from __future__ import annotations

import os
import random
import signal
import statistics
from contextlib import suppress
from itertools import pairwise

import psutil
import pytest

from incumbent.cli import guard
from incumbent.cli.demo import freeze
from support.cli.contenders import SHORT, eventually

ROUNDS = int(os.environ.get("INCUMBENT_ROUNDS", "4"))
"""The issue's own number is 30: CI sets it. The plain run must be short."""


@pytest.mark.timeout(60 + 20 * ROUNDS)
def test_exclusion(world):
    """SIGKILL or SIGSTOP for supervisors at random, mostly the leader's: the commands' lives never overlap.

    Half of the commands are deaf to SIGTERM, and each has a daemon that left its session. `INCUMBENT_ROUNDS`
    and `INCUMBENT_SEED` set the length and the draw; a failure names the seed.
    """
    seed = int(os.environ.get("INCUMBENT_SEED", random.randrange(2**32)))
    dice = random.Random(seed)
    print(f"replay: INCUMBENT_ROUNDS={ROUNDS} INCUMBENT_SEED={seed} pytest -s {__file__}")  # noqa: T201 - shown when it fails

    def contend():
        return world.run("daemon", *dice.choice([(), ("stubborn",)]), options=SHORT)

    racing = [contend() for _ in range(3)]
    failovers = []
    for _ in range(ROUNDS):
        command, leader = running(world)
        victim = leader if dice.random() < 0.8 else dice.choice(racing)
        number = dice.choice([signal.SIGKILL, signal.SIGSTOP])
        struck_at = guard.now_ns()
        if number == signal.SIGSTOP:
            freeze(victim, world.directory / "leases.db")
        else:
            victim.send_signal(number)
        if victim is leader:
            successor, _ = running(world, after=command)
            failovers.append((world.journal.spans()[successor][0] - struck_at) / 1e9)
        if number == signal.SIGKILL:
            racing[racing.index(victim)] = contend()
        else:
            victim.send_signal(signal.SIGCONT)

    lives = terms(world)
    for earlier, later in pairwise(sorted(lives)):
        assert earlier[1] < later[0], f"two commands at once for {(earlier[1] - later[0]) / 1e6:.1f} ms"
    assert len(lives) > len(failovers)
    if failovers:
        middle = statistics.median(failovers)
        print(f"failovers {len(failovers)}: {min(failovers):.2f} {middle:.2f} {max(failovers):.2f} s")  # noqa: T201 - measured


def running(world, after=None):
    """Wait for a command that is alive, and started later than `after`; with its contender."""

    def find():
        pids = world.journal.pids()
        for pid in pids[pids.index(after) + 1 if after else 0 :]:
            with suppress(ProcessLookupError, psutil.NoSuchProcess, StopIteration):
                if os.getsid(pid) == pid:  # not a daemon
                    return pid, world.supervisor_of(pid)
        return None

    return eventually("a command", find)


def terms(world):
    """From the first to the last sign of life of each term's processes: the command's and its daemon's."""
    tokens = {event.pid: event.what for event in world.journal.events() if event.what.startswith("token=")}
    spans = world.journal.spans()
    lives = {}
    for pid, token in tokens.items():
        first, last = lives.get(token, spans[pid])
        lives[token] = (min(first, spans[pid][0]), max(last, spans[pid][1]))
    return list(lives.values())
