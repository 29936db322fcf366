"""`incumbent demo`: three contenders, as real processes, and what happens when their leader fails.

Everything shown is measured: each contender's command writes down every 50 ms that it lives, and the last
line counts how many of them ever lived at once.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any, Final, NamedTuple

from incumbent.cli import beat, guard, tree
from incumbent.cli.demo_view import DEAD, FROZEN, WAITING, Beat, Contender, View, open_view

NAMES: Final = ("anna", "bruno", "clara")
LEASE_DURATION: Final = 2
PATIENCE: Final = 30.0
"""Seconds after which something has failed: on a busy machine a few starts of Python take ten."""

FRAME: Final = 0.05
PAUSE: Final = 1.0


class Failover(NamedTuple):
    """From what was done to the leader to the first sign of life of the next, in seconds."""

    what: str
    seconds: float


class DemoFailed(Exception):
    """Something did not happen in time."""


def main(arguments: argparse.Namespace) -> int:  # noqa: ARG001 - it has no options
    """Play, and return 0 if every failover worked and nobody ever led beside another."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # tidy up then too
    tree.adopt_orphans()  # the guards of those that will be killed
    directory = Path(tempfile.mkdtemp(prefix="incumbent-demo-"))
    failovers: list[Failover] = []
    demo = Demo(directory)
    try:
        with open_view([demo.contenders[name] for name in NAMES]) as demo.view:
            failovers = list(demo.play())
    except DemoFailed as failure:
        print(f"the demo failed: {failure}\n{(directory / 'log').read_text()}", file=sys.stderr)
    finally:
        tree.end_descendants()
        count = leaders_at_once(demo.beats)
        shutil.rmtree(directory, ignore_errors=True)
    print(f"\n{'what happened to the leader':<34} the next one led after")
    for failover in failovers:
        print(f"{failover.what:<34} {failover.seconds:6.2f} s")
    print(f"leaders at once: {count}")
    return 0 if count == 1 and failovers else 1


def leaders_at_once(beats: Iterable[Beat]) -> int:
    """Count the terms, each from its first to its last sign of life, that overlapped at any one instant."""
    spans: dict[int, tuple[int, int]] = {}
    for _, token, at in beats:
        first, last = spans.get(token, (at, at))
        spans[token] = (min(first, at), max(last, at))
    starts = (start for start, _ in spans.values())
    return max((sum(first <= at <= last for first, last in spans.values()) for at in starts), default=0)


def freeze(process: subprocess.Popen[Any], *files: Path) -> None:
    """SIGSTOP, but not in the middle of a transaction on one of these SQLite files.

    There it would keep SQLite's lock, and until it is thawed or killed nobody could take over: the kernel
    takes a lock from the dead, not from the sleeping.
    """
    while True:
        process.send_signal(signal.SIGSTOP)
        if all(map(_is_free, files)):
            return
        process.send_signal(signal.SIGCONT)
        time.sleep(FRAME)


def _is_free(file: Path) -> bool:
    with closing(sqlite3.connect(file, timeout=0.5, isolation_level=None)) as probe:
        try:
            probe.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            return False
    return True


class Demo:
    """The stage: a lease that is short, three contenders for it, and the journal of their commands."""

    def __init__(self, directory: Path) -> None:
        self.view: View = View([])
        self.contenders: dict[str, Contender] = {name: Contender(name) for name in NAMES}
        self._directory = directory
        self._journal = directory / "journal"
        self._journal.touch()

    @property
    def beats(self) -> list[Beat]:
        """All that the commands wrote so far."""
        text = self._journal.read_text()
        lines = (line.split() for line in text[: text.rfind("\n") + 1].splitlines())  # whole ones
        return [Beat(identity, int(token), int(at)) for identity, token, at in lines]

    def play(self) -> Iterable[Failover]:
        """The whole story; about fifteen seconds."""
        self.view.tell(f"three contenders for one lease of {LEASE_DURATION} s")
        for name in NAMES:
            self._start(name)
        self.view.tell(f"{self._next_leader(0).name} leads")
        self._pause()
        yield self._fail("killed (SIGKILL)", self._kill)
        yield self._fail("frozen (SIGSTOP)", self._freeze)
        yield self._fail("asked to resign", self._resign)
        yield self._fail("ended in good order (SIGTERM)", self._end)

    def _fail(self, what: str, act: Callable[[Contender], None]) -> Failover:
        leader = self._leader()
        token = self.beats[-1].token
        self.view.tell(f"{leader.name} is {what}")
        began = guard.now_ns()
        act(leader)
        successor = self._next_leader(token)
        seconds = (next(beat.at for beat in self.beats if beat.token > token) - began) / 1e9
        self.view.tell(f"{successor.name} leads, {seconds:.2f} s later")
        self._pause()
        if leader.state == FROZEN:
            leader.process.send_signal(signal.SIGCONT)
            self.view.tell(f"{leader.name} is thawed, finds its term over, and waits in line")
            leader.change(WAITING)
        elif leader.state == DEAD:
            self._start(leader.name)
            self.view.tell(f"{leader.name} is started again")
        self._pause()
        return Failover(what, seconds)

    def _kill(self, leader: Contender) -> None:
        leader.process.kill()
        leader.process.wait()
        leader.change(DEAD)

    def _freeze(self, leader: Contender) -> None:
        freeze(leader.process, self._directory / "leases.db")
        leader.change(FROZEN)

    def _resign(self, leader: Contender) -> None:  # noqa: ARG002 - the record says who is asked
        self._incumbent("resign", "--by", "the demo").wait()

    def _end(self, leader: Contender) -> None:
        leader.process.terminate()
        leader.process.wait()
        leader.change(DEAD)

    def _start(self, name: str) -> None:
        options = ("--id", name, "--lease-duration", str(LEASE_DURATION), "--retry-period", "0.2")
        command = (sys.executable, str(Path(beat.__file__)), str(self._journal))
        self.contenders[name].process = self._incumbent("run", *options, "--", *command)
        self.contenders[name].change(WAITING)

    def _incumbent(self, action: str, *arguments: str) -> subprocess.Popen[bytes]:
        place = ("--store", f"sqlite:///{self._directory / 'leases.db'}", "--lease", "demo")
        with (self._directory / "log").open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - our own command
                [sys.executable, "-m", "incumbent", action, *place, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the demo, which ends them
            )

    def _leader(self) -> Contender:
        return self.contenders[self.beats[-1].identity]

    def _next_leader(self, token: int) -> Contender:
        """Wait for a term with a larger token."""
        until = time.monotonic() + PATIENCE
        while not (self.beats and self.beats[-1].token > token):
            if time.monotonic() > until:
                raise DemoFailed(f"nobody followed the leader with token {token} within {PATIENCE} s")
            self._show()
        return self._leader()

    def _pause(self) -> None:
        until = time.monotonic() + PAUSE
        while time.monotonic() < until:
            self._show()

    def _show(self) -> None:
        self.view.show(self.beats)
        time.sleep(FRAME)
