"""Real `incumbent run` processes over one SQLite file, and what their commands wrote down."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import psutil

from incumbent.cli import tree
from incumbent.errors import LeaseConflict, LeaseNotFound
from incumbent.lease import Lease, StoredLease
from incumbent.stores.sqlite import SqliteStore

WORKER = str(Path(__file__).with_name("worker.py"))
SECOND_NS = 1_000_000_000

PATIENCE = 60.0
"""Seconds after which something has gone wrong: far more than anything here takes."""

LEASE_NS = 2_400_000_000
SHORT = ("--lease-duration", "2.4")
"""Lost within 2.4 s; SIGTERM after 1.6 s, SIGKILL after 2 s: what is left is for a busy machine to use up."""

LONGER_NS = 6_000_000_000
LONGER = ("--lease-duration", "6", "--retry-period", "0.2")
"""For what needs no loss, or may take its time to one."""


def eventually(what: str, condition: Callable[[], object], patience: float = PATIENCE) -> object:
    """Ask again and again until the answer is true."""
    end = time.monotonic() + patience
    while not (answer := condition()):
        assert time.monotonic() < end, f"not within {patience} s: {what}"
        time.sleep(0.01)
    return answer


class Event(NamedTuple):
    pid: int
    what: str
    at: int


class Journal:
    """What the workers wrote into one file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def events(self) -> list[Event]:
        if not self.path.exists():
            return []
        text = self.path.read_text()
        lines = text[: text.rfind("\n") + 1].splitlines()  # the last one may be half written
        return [Event(int(pid), what, int(at)) for pid, what, at in (line.split() for line in lines)]

    def pids(self) -> list[int]:
        """The processes that ever beat, in order of their first words."""
        return list(dict.fromkeys(event.pid for event in self.events()))

    def of(self, pid: int) -> list[str]:
        """What happened to one process, without the beats."""
        return [event.what for event in self.events() if event.pid == pid and event.what != "beat"]

    def spans(self) -> dict[int, tuple[int, int]]:
        """From when to when each process is known to have lived, in order of their first words."""
        spans: dict[int, tuple[int, int]] = {}
        for pid, _, at in self.events():
            spans[pid] = (min(at, spans.get(pid, (at, at))[0]), max(at, spans.get(pid, (at, at))[1]))
        return spans


class World:
    """A store, a journal, and contenders; `close` ends every process that descends from them."""

    def __init__(self, directory: Path) -> None:
        self.journal = Journal(directory / "journal")
        self.marker = uuid4().hex
        self.contenders: list[subprocess.Popen[str]] = []
        self._open(directory)

    def _open(self, directory: Path) -> None:
        self.directory = directory
        self.url = f"sqlite:///{directory / 'leases.db'}"
        self.store = SqliteStore(str(directory / "leases.db"), "lease")

    def move_to(self, directory: Path) -> None:
        """Have the store and the logs elsewhere from now on, but the journal where it is."""
        self.store.close()
        self._open(directory)

    def run(self, *words: str, options=(), command=None, **settings):
        """Start a contender for the lease whose command is a worker, or `command`."""
        options = ("--store", self.url, "--lease", "lease", *options)
        command = [sys.executable, WORKER, str(self.journal.path), *words] if command is None else command
        return self.start("run", *options, "--", *command, **settings)

    def start(self, *arguments: str, prefix=(), stdin=subprocess.PIPE, pass_fds=(), **environment: str):
        """Start `incumbent` itself."""
        with (self.directory / f"stderr-{len(self.contenders)}").open("w") as stderr:
            process = subprocess.Popen(
                [*prefix, sys.executable, "-m", "incumbent", *arguments],
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=os.environ | {"INCUMBENT_TEST": self.marker} | environment,
                text=True,
                pass_fds=pass_fds,
                start_new_session=True,
                preexec_fn=heed_signals,  # noqa: PLW1509 - no thread of a test's runs here
            )
        self.contenders.append(process)
        return process

    def stderr(self, contender: subprocess.Popen[str]) -> str:
        return (self.directory / f"stderr-{self.contenders.index(contender)}").read_text()

    def lease(self) -> StoredLease | None:
        try:
            return self.store.get_lease(timeout=5.0)
        except LeaseNotFound:
            return None

    def put(self, lease: Lease) -> None:
        """Write a record over whatever is there, also when its holder is just renewing it."""
        while True:
            current = self.lease()
            try:
                if current is None:
                    self.store.create_lease(lease, timeout=5.0)
                else:
                    self.store.update_lease(lease, current.version, timeout=5.0)
            except LeaseConflict:
                continue
            return

    def workers(self, count: int) -> list[int]:
        """Wait until so many workers were ever started."""
        eventually(f"{count} workers", lambda: len(self.journal.pids()) >= count)
        return self.journal.pids()

    def supervisor_of(self, pid: int) -> subprocess.Popen[str]:
        """Which contender runs this worker."""
        ancestors = {parent.pid for parent in psutil.Process(pid).parents()}
        return next(contender for contender in self.contenders if contender.pid in ancestors)

    def guard_of(self, pid: int) -> psutil.Process:
        """The guard is the parent of the command."""
        return psutil.Process(pid).parent()

    def members(self) -> list[psutil.Process]:
        """Every living process that was started, at any remove, by this world."""
        return [
            process
            for process in psutil.process_iter(["environ"])
            if (process.info["environ"] or {}).get("INCUMBENT_TEST") == self.marker
        ]

    def close(self) -> None:
        while members := self.members():
            for process in members:
                tree.send(process.pid, signal.SIGKILL)
            for contender in self.contenders:
                contender.poll()
        for contender in self.contenders:
            contender.wait(PATIENCE)
            for stream in filter(None, (contender.stdin, contender.stdout)):
                stream.close()
        self.store.close()


def heed_signals() -> None:
    """A shell has what it starts in the background ignore these, and a contender keeps to that."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def all_dead(pids: list[int]) -> bool:
    return not any(is_alive(pid) for pid in pids)
