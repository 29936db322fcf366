"""What the end of the process, and a fork of it, mean for the campaigns that run in it."""

from __future__ import annotations

import atexit
import os
import secrets
import socket
import time
from typing import Final, Protocol

from incumbent.runtime import pools, scheduler


class Runner(Protocol):
    """A running campaign, as the process sees it."""

    def stop(self) -> None:
        """Leave the race, and wait until all has ended."""

    def _ask_to_stop(self) -> None:
        """Leave the race."""

    def _join(self, since: float) -> bool:
        """Whether it has ended: wait as long as that may take from `since`, by `time.monotonic()`."""

    def _disown(self, parent: int) -> None:
        """In a forked child: never lead."""


running: Final[set[Runner]] = set()


def default_identity() -> str:
    """Host, process and chance: a name that people can find, and that no other process has."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"


def _stop_all() -> None:
    """At interpreter exit: let the work end and release, as if each campaign had been stopped."""
    for runner in list(running):
        runner._ask_to_stop()  # noqa: SLF001  # all of them first, so that they end side by side
    since = time.monotonic()
    for runner in list(running):
        if runner._join(since):  # noqa: SLF001  # for ever on a clock of a test's, which nobody turns now
            runner.stop()


def _after_fork_in_child() -> None:
    """The threads stayed with the parent: nobody is the leader here, and no lock can be trusted."""
    for runner in list(running):
        runner._disown(os.getppid())  # noqa: SLF001  # a copy of the parent's
    running.clear()
    scheduler.forget_all()
    pools.forget_all()


atexit.register(_stop_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
