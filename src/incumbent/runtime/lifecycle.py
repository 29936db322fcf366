"""Handle the end of the process, and forks of it, for the campaigns that run in it."""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol
from weakref import WeakSet

from incumbent.runtime import pools, scheduler, threads


class Runner(NamedTuple):
    """A running campaign, as the end of the process sees it.

    Attributes:
        ask_to_stop: Leave the race; waits for nothing.
        join: Wait until it has ended, as long as that may take from an instant of `threads.monotonic()`;
            return whether it has.
        stop: Leave the race, and wait until nothing is left.
    """

    ask_to_stop: Callable[[], None]
    join: Callable[[float], bool]
    stop: Callable[[], None]


class Forkable(Protocol):
    """A campaign or an observer, as a fork of the process sees it."""

    def _forked(self, parent: int) -> None:
        """Be another one than the one in the process `parent`: take none of its locks, never lead."""


registry: Final[dict[object, Runner]] = {}
"""The running campaigns of this process."""

campaigns: Final[WeakSet[Forkable]] = WeakSet()
"""All campaigns and observers of this process: also one that another thread was about to start has a
lock to be renewed."""


def default_identity() -> str:
    """A name that people can find and no other process has: host, process id and a random suffix."""
    import socket  # noqa: PLC0415 - takes long to import, and whoever names itself needs none

    return f"{socket.gethostname()}-{os.getpid()}-{os.urandom(3).hex()}"


def _stop_all() -> None:
    """At interpreter exit: let the work end and release, as if each campaign had been stopped."""
    runners = list(registry.values())
    for runner in runners:
        runner.ask_to_stop()  # all of them first, so that they end side by side
    since = threads.monotonic()
    for runner in runners:
        if runner.join(since):  # else `stop` waits for ever, on a fake clock that nobody advances any more
            runner.stop()


def _after_fork_in_child() -> None:
    """The threads stayed with the parent: nobody is the leader here, and no lock can be trusted."""
    for campaign in list(campaigns):
        campaign._forked(os.getppid())  # noqa: SLF001  # users have no use for it
    registry.clear()
    scheduler.forget_all()
    pools.forget_all()


atexit.register(_stop_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
