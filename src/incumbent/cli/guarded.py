"""The supervisor's side of the guard: start a command under guard, give it time, hear how it ended."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from incumbent.cli import cgroup, guard, tree

log: Final = logging.getLogger("incumbent.run")

_SCRIPT: Final = str(Path(guard.__file__).resolve())


class End(NamedTuple):
    """The end of a command, of which no process is left.

    Attributes:
        code: Its exit code, 128+n if signal n ended it.
        by_itself: False if its guard ended it.
    """

    code: int
    by_itself: bool


def _two_pipes(here: contextlib.ExitStack, on_failure: contextlib.ExitStack) -> tuple[int, int, int, int]:
    """Make a pipe for orders and one for reports: our ends, closed on failure; the guard's, closed here."""
    orders, our_orders = os.pipe()
    here.callback(os.close, orders)
    on_failure.callback(os.close, our_orders)
    our_reports, reports = os.pipe()
    here.callback(os.close, reports)
    on_failure.callback(os.close, our_reports)
    return our_orders, our_reports, orders, reports


class GuardedCommand:
    """A command that is running under a guard of its own.

    Raises:
        OSError: The guard cannot be started.

    Args:
        command: The program and its arguments.
        environment: The command's.
        term_at: When the guard is to send SIGTERM, in nanoseconds of `guard.now_ns`.
        kill_at: When it is to send SIGKILL.
        grace: Nanoseconds from SIGTERM to SIGKILL for what the command leaves behind, or for all if this
            process dies; not beyond `kill_at`.
        descriptors: To be passed to the command, besides standard input, output and error.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        term_at: int,
        kill_at: int,
        grace: int,
        *,
        descriptors: Sequence[int] = (),
    ) -> None:
        self._lock = threading.Lock()
        self._until = (term_at, kill_at)
        self._cgroup: Path | None = None
        passed = ",".join(map(str, descriptors))
        with contextlib.ExitStack() as here, contextlib.ExitStack() as on_failure:
            self._orders, self._reports, orders, reports = _two_pipes(here, on_failure)
            os.set_blocking(
                self._orders, False
            )  # a guard that is stopped reads nothing, and must not stop us
            self._cgroup = cgroup.make()
            on_failure.callback(self._remove_cgroup)
            numbers = map(str, (orders, reports, term_at, kill_at, grace))
            self._guard = subprocess.Popen(  # noqa: S603 - to run a command is what this is for
                [sys.executable, _SCRIPT, *numbers, str(self._cgroup or ""), passed, *command],
                env=environment,
                pass_fds=(orders, reports, *descriptors),
                start_new_session=True,  # no terminal is to stop or interrupt it
            )
            on_failure.pop_all()

    def until(self, term_at: int, kill_at: int) -> None:
        """Move the two instants, if they differ from those given before."""
        if (term_at, kill_at) != self._until and self._order(f"until {term_at} {kill_at}"):
            self._until = (term_at, kill_at)

    def signal(self, number: int) -> None:
        """Pass a signal on to the command."""
        self._order(f"signal {number}")

    def wait(self, timeout: float) -> End | None:
        """Wait for the command's end; None if it has not ended within `timeout` seconds."""
        readable, _, _ = select.select([self._reports], [], [], timeout)
        if not readable:
            return None
        report = os.read(self._reports, 4096)
        if not report:
            log.error("the guard was killed: killing what it guarded")
            return self.kill()
        word, code = report.split()
        return self._close(End(int(code), by_itself=word == b"exited"))

    def kill(self) -> End:
        """End the guard and all that it guards, now, from here.

        On Linux that is all: what lost its parent has become a child of this process.
        """
        if self._cgroup is not None:
            cgroup.kill(self._cgroup)
        tree.end_descendants()
        return self._close(End(128 + signal.SIGKILL, by_itself=False))

    def _order(self, line: str) -> bool:
        """Write it to the guard; False where that would block, as a guard that is stopped reads nothing."""
        with self._lock, contextlib.suppress(BrokenPipeError, BlockingIOError):
            if self._orders >= 0:
                os.write(self._orders, f"{line}\n".encode())
                return True
        return False

    def _close(self, end: End) -> End:
        with self._lock:
            os.close(self._orders)
            self._orders = -1
        os.close(self._reports)
        self._guard.wait()
        self._remove_cgroup()
        return end

    def _remove_cgroup(self) -> None:
        if self._cgroup is not None:
            cgroup.remove(self._cgroup)
