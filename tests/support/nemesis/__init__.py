"""Three contender processes over a real store, each behind a proxy of its own, and what is done to them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from incumbent.cli.demo import freeze as freeze_outside_transaction
from support.nemesis.contender import now_ns
from support.servers import Server
from support.servers.proxy import Proxy

PATIENCE = 40.0
"""Seconds until a leader is missed: many times what any failover takes."""

ROOT = Path(__file__).parents[3]
SOURCE = ROOT / "src"
CONTENDER = Path(__file__).with_name("contender.py")


class TooLate(Exception):
    """Nobody was elected in time. That costs time, and no promise but the fourth."""


class Site(NamedTuple):
    """Where an election is held.

    Attributes:
        name: The kind of store.
        url: The store, as one process reaches it: given that process's proxy, if there is a server.
        register_url: The register, which nobody's proxy is in the way of.
        server: What can be restarted; None for a store without a server.
        file: Where there is no server: the file whose lock a frozen process would keep.
        lease_duration: In seconds.
    """

    name: str
    url: Callable[[Proxy | None], str]
    register_url: str
    server: Server | None
    file: Path | None
    lease_duration: float


class Contender:
    """One place to contend from: a proxy that stays, and processes that come and go."""

    def __init__(self, site: Site, folder: Path, source: Path = SOURCE) -> None:
        self.site, self.folder, self.source = site, folder, source
        self.proxy = None if site.server is None else Proxy(site.server.port)
        self.lives: list[Path] = []
        self.killed_at: dict[Path, int] = {}
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Begin another life, with a folder of its own."""
        life = self.folder / str(len(self.lives))
        life.mkdir(parents=True)
        self.lives.append(life)
        example = ROOT / "docs" / "examples" / "fencing" / f"{self.site.name}.py"
        settings = [self.site.url(self.proxy), "nemesis", str(self.site.lease_duration)]
        with (life / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, CONTENDER, *settings, example, self.site.register_url, life],
                stderr=log,
                env=os.environ | {"PYTHONPATH": str(self.source)},
            )

    def wait_for_late_write(self, token: int, since: int) -> None:
        """Wait until it has tried to write by a token that is no longer the largest."""
        end = time.monotonic() + PATIENCE
        while not self.has_written(token, since, "late"):
            if time.monotonic() >= end:
                raise TooLate(
                    f"who was thawed at {since} does not go on: {lines(self.lives[-1] / 'writes')[-5:]}"
                )
            time.sleep(0.01)

    def signal(self, number: int) -> None:
        """Send a signal to the process."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL; it is dead when this returns."""
        self.process.kill()
        self.process.wait(10)
        self.killed_at[self.lives[-1]] = now_ns()

    def close(self) -> None:
        """End it all."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.kill()
        if self.proxy is not None:
            self.proxy.close()

    def knows(self, token: int) -> bool:
        """Whether this life has seen that token: its own are larger, whatever a store forgets (P11)."""
        trace = self.lives[-1] / "trace.ndjson"
        return trace.exists() and f'"leader_transitions":{token},' in trace.read_text()

    def terms(self) -> list[tuple[int, int]]:
        """The terms of the current life: token, and when it began."""
        return [(int(token), int(at)) for token, at in lines(self.lives[-1] / "terms")]

    def has_written(self, token: int, since: int, *what: str) -> bool:
        """Whether it wrote to the register by that token, later than `since`, and that was so."""
        return any(
            int(write[0]) == token and int(write[1]) > since and set(what) <= set(write[3:])
            for write in lines(self.lives[-1] / "writes")
        )


class Arena:
    """The contenders of one election."""

    def __init__(self, site: Site, folder: Path, source: Path = SOURCE) -> None:
        self.site = site
        self.contenders = [Contender(site, folder / name, source) for name in "abc"]

    def close(self) -> None:
        """End all of it."""
        for contender in self.contenders:
            contender.close()

    def gather(self) -> tuple[Contender, int, int]:
        """Wait until one leads, and works, and all know by which token; see `leader`."""
        end, since = time.monotonic() + PATIENCE, now_ns()
        while time.monotonic() < end:
            leader, token, at = self.leader()
            is_known = all(contender.knows(token) for contender in self.contenders)
            if is_known and leader.has_written(token, since, "in-office", "accepted"):
                return leader, token, at
            time.sleep(0.01)
        raise TooLate(f"not all know a leader that works, within {PATIENCE} s")

    def leader(self, above: int = 0) -> tuple[Contender, int, int]:
        """Wait for a leader with a token above that one: who, its token, and when its term began."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            found = [(*term, contender) for contender in self.contenders for term in contender.terms()]
            token, at, contender = max(found, key=lambda term: term[0], default=(0, 0, None))
            if token > above and contender.process.poll() is None:
                return contender, token, at
            time.sleep(0.01)
        logs = "\n".join(
            (life / "log").read_text()[-800:] for each in self.contenders for life in each.lives[-1:]
        )
        raise TooLate(f"nobody leads within {PATIENCE} s with a token above {above}:\n{logs}")

    def lives(self) -> list[tuple[Path, int | None]]:
        """The folder of every life that had begun, and when it was ended by force."""
        return [
            (life, each.killed_at.get(life))
            for each in self.contenders
            for life in each.lives
            if (life / "trace.ndjson").exists()
        ]


def lines(path: Path) -> list[list[str]]:
    """The words of each whole line: the last may be half written."""
    if not path.exists():
        return []
    return [line.split() for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]


# Strikes: each does something to the leader or the server, and returns when a successor leads (how many
# seconds after), or when nothing is wrong any more (None).


def kill(arena: Arena, victim: Contender, token: int) -> float:
    """The leader's process dies at once; another one comes in its place."""
    struck = now_ns()
    victim.kill()
    took = succeeded(arena, token, struck)
    victim.start()
    return took


def freeze(arena: Arena, victim: Contender, token: int) -> float:
    """The leader's process stands still until another leads, then goes on as if nothing had been."""
    if arena.site.file is None:
        victim.signal(signal.SIGSTOP)
    else:
        register = Path(arena.site.register_url.removeprefix("sqlite:///"))
        freeze_outside_transaction(victim.process, arena.site.file, register)
    struck = now_ns()
    try:
        took = succeeded(arena, token, struck)
    finally:
        thawed = now_ns()
        victim.signal(signal.SIGCONT)
    victim.wait_for_late_write(token, thawed)
    return took


def hand_over(arena: Arena, victim: Contender, token: int) -> float:
    """The leader is asked to end: it releases the lease."""
    struck = now_ns()
    victim.signal(signal.SIGTERM)
    took = succeeded(arena, token, struck)
    assert victim.process.wait(PATIENCE) == 0
    victim.start()
    return took


def cut(arena: Arena, victim: Contender, token: int) -> float:
    """Nothing gets from the leader to the store, nor back."""
    return severed(arena, victim, token, drops_requests=True, drops_replies=True)


def deafen(arena: Arena, victim: Contender, token: int) -> float:
    """What the leader writes arrives, but it hears nothing: its writes land, and it does not know."""
    return severed(arena, victim, token, drops_requests=False, drops_replies=True)


def silence(arena: Arena, victim: Contender, token: int) -> float:
    """What the leader writes is lost, though its connection stands."""
    return severed(arena, victim, token, drops_requests=True, drops_replies=False)


def severed(arena: Arena, victim: Contender, token: int, **drops: bool) -> float:
    struck = now_ns()
    victim.proxy.drops_requests, victim.proxy.drops_replies = drops["drops_requests"], drops["drops_replies"]
    try:
        return succeeded(arena, token, struck)
    finally:
        victim.proxy.heal()


def slow_down(arena: Arena, victim: Contender, _: int) -> None:
    """Every answer to the leader is late, some of them too late."""
    victim.proxy.delay = arena.site.lease_duration / 4
    time.sleep(arena.site.lease_duration)
    victim.proxy.heal()


def rush(arena: Arena, victim: Contender, token: int) -> float:
    """The leader dies while the way to the store is long for all: two may claim before either hears."""
    for contender in arena.contenders:
        # A new connection takes several round trips, and has to be made within one request's timeout.
        contender.proxy.delay = arena.site.lease_duration / 48
    try:
        return kill(arena, victim, token)
    finally:
        for contender in arena.contenders:
            contender.proxy.heal()


def reset(arena: Arena, victim: Contender, _: int) -> None:
    """The leader's connections are reset, again and again."""
    for _ in range(5):
        victim.proxy.reset()
        time.sleep(arena.site.lease_duration / 10)


def restart_server(arena: Arena, *_: object) -> None:
    """The server is restarted in good order."""
    arena.site.server.restart()


def crash_server(arena: Arena, *_: object) -> None:
    """The server is killed, and started again."""
    arena.site.server.kill()
    arena.site.server.start()


def stall_server(arena: Arena, *_: object) -> None:
    """The server stands still for as long as a lease: all leadership ends, and then somebody leads."""
    with arena.site.server.frozen():
        time.sleep(arena.site.lease_duration)


def succeeded(arena: Arena, token: int, struck: int) -> float:
    """Wait for a successor: how many seconds after the strike its term began."""
    return (arena.leader(token)[2] - struck) / 1e9


ON_PROCESSES = (kill, freeze, hand_over)
ON_CONNECTIONS = (cut, deafen, silence, slow_down, rush, reset)
ON_SERVERS = (restart_server, crash_server, stall_server)
