"""At no time do two contenders' commands run, whatever is done to the contenders."""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from incumbent.cli import guard
from incumbent.cli.demo import freeze
from support.cli.contenders import LONGER, SHORT, WORKER, Journal, World, eventually
from support.cli.namespaces import IN_A_NAMESPACE, WITHOUT_CGROUPS, is_permitted

ROUNDS = int(os.environ.get("INCUMBENT_ROUNDS", "0"))
"""In each of the places. CI sets it; the plain run is short, and in the first place only."""

STORM = str(Path(WORKER).with_name("storm.py"))
WORKERS = [(WORKER, "daemon", "named"), (WORKER, "daemon", "named", "stubborn")]
STORMS = [(STORM, kind) for kind in ("chain", "sessions", "spread")]
NAMESPACE = (*WITHOUT_CGROUPS, *IN_A_NAMESPACE)
BELOW_AN_INIT = (*NAMESPACE, "sh", "-c", '"$@"; exit $?', "sh")
DISK = 8 << 20


class Place(NamedTuple):
    """Where contenders run, and what."""

    commands: list[tuple[str, ...]] = WORKERS
    prefixes: list[tuple[str, ...]] = [()]  # noqa: RUF012 - nobody changes it
    options: tuple[str, ...] = SHORT
    has_full_disk: bool = False


PLACES = {
    "plain": Place(),
    "namespace": Place(prefixes=[NAMESPACE, BELOW_AN_INIT]),  # its first process, or another; the outer /proc
    "storm": Place(commands=STORMS, options=LONGER),  # where a cgroup may be had, the kernel ends them
    "storm-without-cgroups": Place(commands=STORMS, options=LONGER, prefixes=[WITHOUT_CGROUPS]),
    "full-disk": Place(prefixes=[(), WITHOUT_CGROUPS], has_full_disk=True),
}


class Contender(NamedTuple):
    name: str
    process: subprocess.Popen[str]

    def supervisor(self) -> psutil.Process:
        """Itself, or what `unshare` starts."""
        process = psutil.Process(self.process.pid)

        def find() -> psutil.Process | None:
            for each in [process, *process.children(recursive=True)]:
                with suppress(psutil.NoSuchProcess):
                    if each.cmdline()[1:3] == ["-m", "incumbent"]:
                        return each
            return None

        return eventually("a supervisor", find)


@pytest.fixture
def place(request, world, tmp_path):
    """The place, prepared. What is on the full disk is the store and the logs, not the journal."""
    found = PLACES[request.param]
    if found.commands is STORMS and not ROUNDS:
        pytest.skip("a minute of fork storms: INCUMBENT_ROUNDS=4")
    if not all(is_permitted(*prefix) for prefix in found.prefixes if prefix):
        pytest.skip("namespaces of processes cannot be made here: it takes root")
    if not found.has_full_disk:
        yield found
        return
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(disk)]
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("no small volume can be mounted here: it takes root")
    world.move_to(disk)
    try:
        yield found
    finally:
        world.close()
        subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.timeout(90 + 40 * ROUNDS)
@pytest.mark.parametrize("place", PLACES, indirect=True)
def test_exclusion(world, place, request):
    """What may befall a supervisor and its guard, at random: the lives of the commands never overlap.

    `INCUMBENT_ROUNDS` and `INCUMBENT_SEED` set the length and the draw; a failure names the seed.
    """
    rounds = ROUNDS or (4 if place is PLACES["plain"] else 1)
    seed = int(os.environ.get("INCUMBENT_SEED", random.randrange(2**32)))
    print(f"replay: INCUMBENT_ROUNDS={rounds} INCUMBENT_SEED={seed} pytest -s {request.node.nodeid}")  # noqa: T201 - shown when it fails
    strife = Strife(world, place, random.Random(seed))
    try:
        failovers = strife.go_on(rounds)
    finally:
        strife.end()

    lives = sorted(terms(world.journal))
    for earlier, later in pairwise(lives):
        assert earlier[1] < later[0], f"two commands at once for {(earlier[1] - later[0]) / 1e6:.1f} ms"
    assert len(lives) > len(failovers)
    if failovers:
        middle = statistics.median(failovers)
        print(f"failovers {len(failovers)}: {min(failovers):.2f} {middle:.2f} {max(failovers):.2f} s")  # noqa: T201 - measured


class Strife:
    """Three contenders, and what is done to them."""

    def __init__(self, world: World, place: Place, dice: random.Random) -> None:
        self.world = world
        self.place = place
        self.dice = dice
        self.racing = {name: self.contend(name) for name in "abc"}

    def contend(self, name: str) -> Contender:
        script, *words = self.dice.choice(self.place.commands)
        process = self.world.run(
            command=[sys.executable, script, str(self.world.journal.path), *words],
            options=(*self.place.options, "--id", name),
            prefix=self.dice.choice(self.place.prefixes),
        )
        return Contender(name, process)

    def go_on(self, rounds: int) -> list[float]:
        """Return the seconds from each loss of a leader to the first sign of life of the next command."""
        failovers = []
        for _ in range(rounds):
            token, leader = self.running()
            victim = leader if self.dice.random() < 0.8 else self.racing[self.dice.choice("abc")]
            junk = self.fill() if self.place.has_full_disk else None
            struck_at = guard.now_ns()
            supervisor, is_dead = self.strike(victim, has_command=victim is leader)
            if junk is not None:  # not for ever: nobody may be able to claim meanwhile
                with suppress(psutil.TimeoutExpired):
                    supervisor.wait(self.dice.uniform(0, 4))
                junk.unlink()
            if victim is leader:
                successor, _ = self.running(after=token)
                failovers.append((first_beat(self.world.journal, successor) - struck_at) / 1e9)
            if is_dead:
                victim.process.kill()  # what `unshare` left
                self.racing[victim.name] = self.contend(victim.name)
            else:
                supervisor.resume()
        return failovers

    def end(self) -> None:
        """Leave the commands to their guards: a test would not find what forks so fast."""
        for contender in self.racing.values():
            supervisor = contender.supervisor()
            for process in [*supervisor.children(), supervisor]:
                with suppress(psutil.NoSuchProcess):
                    process.resume()
            supervisor.kill()
        eventually("the end of the guards", lambda: not any(map(is_guard, self.world.members())))

    def strike(self, victim: Contender, *, has_command: bool) -> tuple[psutil.Process, bool]:
        """Kill, freeze, or both; of the latter, the guard is what is frozen every other time.

        Returns:
            The supervisor, and whether it was killed.
        """
        supervisor = victim.supervisor()
        how = self.dice.choice(["kill", "freeze", "both", "guard"])
        if how in {"freeze", "both"}:
            freeze(supervisor, self.world.directory / "leases.db")
        if how == "guard" and has_command:
            for child in supervisor.children():
                with suppress(psutil.NoSuchProcess):
                    child.suspend()
        if how != "freeze":
            supervisor.kill()
        return supervisor, how != "freeze"

    def running(self, after: int = 0) -> tuple[int, Contender]:
        """Wait for a command of a later term than `after`; return its token and its contender."""

        def find() -> tuple[int, Contender] | None:
            token, stored = last_token(self.world.journal), self.world.lease()
            if token <= after or stored is None or stored.lease.leader_transitions != token:
                return None
            return token, self.racing[stored.lease.holder_identity]

        return eventually("a command", find)

    def fill(self) -> Path:
        """Return the file that takes the whole of the disk."""
        junk = self.world.directory / "junk"
        with suppress(OSError), junk.open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
        return junk


def is_guard(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return guard.__file__ in process.cmdline()
    return False


def last_token(journal: Journal) -> int:
    return max((token for token, _ in beats(journal, last=4096)), default=0)


def first_beat(journal: Journal, token: int) -> int:
    return next(at for of, at in beats(journal) if of == token)


def beats(journal: Journal, *, last: int = 0) -> Iterator[tuple[int, int]]:
    """The token and the instant of each sign of life; or of those in so many bytes at the end."""
    if not journal.path.exists():
        return
    with journal.path.open("rb") as file:
        if last:
            file.seek(max(0, journal.path.stat().st_size - last))
        for line in file:
            words = line.split()
            if (
                len(words) == 3 and line.endswith(b"\n") and words[1].startswith(b"token=")
            ):  # else cut at the seam
                yield int(words[1].removeprefix(b"token=")), int(words[2])


def terms(journal: Journal) -> list[tuple[int, int]]:
    """From the first to the last sign of life of each term's processes: the command's and its daemon's."""
    lives: dict[int, tuple[int, int]] = {}
    for token, at in beats(journal):
        first, last = lives.get(token, (at, at))
        lives[token] = (min(first, at), max(last, at))
    return list(lives.values())
