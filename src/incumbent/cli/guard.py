"""The guard: a process of its own that ends a command in time, whatever becomes of its supervisor.

It holds two instants, which its supervisor moves on with every renewal: at `term_at` the command's whole
process tree is sent SIGTERM, and SIGKILL at `kill_at`, which is before anybody else can hold the lease. A
supervisor that hangs, or is stopped, moves nothing; one that died closes the pipe, and the command is ended
at once. Nobody has to act for the command to end: somebody has to act for it to go on.

On Linux an orphan becomes the guard's child (`PR_SET_CHILD_SUBREAPER`), so what double-forked or made a
session of its own is found and ended too, and the command dies with a guard that is killed
(`PR_SET_PDEATHSIG`). Elsewhere the guard ends the command's process group and whatever psutil can still
trace to it: a daemon that left both survives. Nowhere does it reach what runs by order of the command under
another parent, such as a container or a unit of systemd, nor what it has no permission to signal.

Run as a script, so that it imports nothing of this package and nothing of the current directory.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import psutil

SLICE: Final = 0.1
"""Seconds after which the clock is asked again: the timeout of select() stands still in suspend."""

TO_GROUP: Final = frozenset({signal.SIGINT, signal.SIGQUIT, signal.SIGWINCH, signal.SIGCONT})
"""What a terminal sends to a whole process group; other signals are for the command itself."""

NOT_FOR_GUARDS: Final = (
    *(signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2),
    *(signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU),
)

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36
_libc: Final = ctypes.CDLL(None)

_CANNOT_EXECUTE: Final = 126
_NOT_FOUND: Final = 127


def now_ns() -> int:
    """The clock of `incumbent.clock.SystemClock`, which goes on in suspend."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) if sys.platform == "linux" else time.monotonic_ns()


def adopt_orphans() -> bool:
    """Become the parent of every orphan among one's descendants; False where the system cannot do that."""
    return _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> bool:
    """Ask it of Linux; False where it cannot be had."""
    arguments = (ctypes.c_ulong(argument) for argument in (value, 0, 0, 0))
    return sys.platform == "linux" and bool(_libc.prctl(ctypes.c_int(option), *arguments) == 0)


def send_to(processes: Iterable[psutil.Process], number: int) -> None:
    """Signal each of these processes, as far as they still exist and may be signalled."""
    import psutil  # noqa: PLC0415 - not before the command was started: it would wait 30 ms for it

    for process in processes:
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            process.send_signal(number)


def descendants() -> list[psutil.Process]:
    """All that descends from this process, zombies too."""
    import psutil  # noqa: PLC0415 - see above

    return psutil.Process().children(recursive=True)


class Guard:
    """One command under guard, from its start until nothing of it is left.

    Args:
        orders: Where the supervisor writes `until TERM_AT KILL_AT` and `signal NUMBER`, one a line. Its end
            means that the supervisor died.
        reports: Where it reads the exit code, once nothing is left of the command: `exited CODE` if it ended
            by itself, `ended CODE` if the guard ended it.
        term_at: When to send SIGTERM, in nanoseconds of `now_ns`.
        kill_at: When to send SIGKILL.
        grace: Nanoseconds from SIGTERM to SIGKILL once nobody wants the command any more, if the lease lasts
            as long.
    """

    def __init__(self, orders: int, reports: int, term_at: int, kill_at: int, grace: int) -> None:
        self.orders = orders
        self.reports = reports
        self.term_at = term_at
        self.kill_at = kill_at
        self.grace = grace
        self.end_by: int | None = None  # SIGKILL not later than this: set once nobody wants the command
        self.child: subprocess.Popen[bytes] | None = None
        self.code: int | None = None  # the command's exit code, once it was reaped
        self.unread = b""
        self.is_ending = False
        self.word = "exited"
        self.is_subreaper = adopt_orphans()
        self.woken = _wake_on_sigchld()

    def run(self, command: list[str]) -> None:
        """Start the command, guard it, and report its end."""
        self._take_orders()
        if self.end_by is None and now_ns() < self.term_at:
            self._start(command)
            self._guard()
        else:
            self.word, self.code = "ended", 128 + signal.SIGTERM
        with suppress(BrokenPipeError):
            os.write(self.reports, f"{self.word} {self.code}\n".encode())

    def _start(self, command: list[str]) -> None:
        guard = os.getpid()

        def die_with_guard() -> None:
            if _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) and os.getppid() != guard:
                os.kill(os.getpid(), signal.SIGKILL)  # it died before this was asked for

        try:
            self.child = subprocess.Popen(  # noqa: S603 - to run a command is what this is for
                command,
                start_new_session=True,
                preexec_fn=die_with_guard,  # noqa: PLW1509 - the guard has no threads
            )
        except OSError as error:
            sys.stderr.write(f"incumbent: cannot run {command[0]!r}: {error.strerror}\n")
            self.code = _NOT_FOUND if isinstance(error, FileNotFoundError) else _CANNOT_EXECUTE

    def _guard(self) -> None:
        """Wait and act until the command is reaped and has left nothing behind."""
        descendants()  # imports psutil now: in the hour of need there may be no file system
        if self.orders >= 0:
            self._take_orders()  # the lease was renewed since, if all that took longer than it had left
        while True:
            self._reap()
            if self.code is not None:
                if self._nothing_is_left():
                    return
                self._nobody_wants_it()
            now = now_ns()
            if now >= self._kill_at():
                self.is_ending = True
                self._signal_tree(signal.SIGKILL)
            elif now >= self.term_at and not self.is_ending:
                self.is_ending = True
                self._signal_tree(signal.SIGTERM)
            if self.is_ending and self.code is None:
                self.word = "ended"
            self._wait()

    def _wait(self) -> None:
        """Until there is an order, a child's death, or something to do by the clock."""
        timeout = SLICE / 5 if self.is_ending else min(SLICE, (self.term_at - now_ns()) / 1e9)
        readable, _, _ = select.select(self._sources(), [], [], max(timeout, 0.0))
        if self.woken in readable:
            os.read(self.woken, 4096)
        if self.orders in readable:
            self._take_orders()

    def _sources(self) -> list[int]:
        return [self.woken] if self.orders < 0 else [self.woken, self.orders]

    def _take_orders(self) -> None:
        """Obey what was written so far."""
        while select.select([self.orders], [], [], 0)[0]:
            received = os.read(self.orders, 4096)
            if not received:
                os.close(self.orders)
                self.orders = -1
                self._nobody_wants_it()
                return
            *lines, self.unread = (self.unread + received).split(b"\n")
            for line in lines:
                word, *numbers = line.split()
                if word == b"until":
                    self.term_at, self.kill_at = map(int, numbers)
                else:
                    self._forward(int(numbers[0]))

    def _forward(self, number: int) -> None:
        if self.child is None or self.code is not None:
            return
        if number in TO_GROUP:
            self._signal_group(number)
        else:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(self.child.pid, number)

    def _nobody_wants_it(self) -> None:
        """End what is left, beginning now."""
        if self.end_by is None:
            now = now_ns()
            self.term_at, self.end_by = min(self.term_at, now), now + self.grace

    def _kill_at(self) -> int:
        return self.kill_at if self.end_by is None else min(self.kill_at, self.end_by)

    def _signal_tree(self, number: int) -> None:
        if not self.is_subreaper:
            self._signal_group(number)
        send_to(descendants(), number)

    def _nothing_is_left(self) -> bool:
        return not descendants() and (self.is_subreaper or not self._signal_group(0))

    def _signal_group(self, number: int) -> bool:
        """Signal the command's process group; False if it is empty."""
        with suppress(ProcessLookupError, PermissionError):
            if self.child is not None:
                os.killpg(self.child.pid, number)
                return True
        return False

    def _reap(self) -> None:
        with suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if self.child is not None and pid == self.child.pid:
                    code = os.waitstatus_to_exitcode(status)
                    self.child.returncode = code
                    self.code = code if code >= 0 else 128 - code


def _wake_on_sigchld() -> int:
    """A descriptor that select() finds readable when a child has died."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, do_nothing)
    return reading


def do_nothing(number: int, frame: object) -> None:
    """Handle a signal by nothing: unlike an ignored one, the command gets it back with its default."""


def main(arguments: list[str]) -> None:
    """Guard a command: `guard.py ORDERS REPORTS TERM_AT KILL_AT GRACE COMMAND...`."""
    for number in NOT_FOR_GUARDS:
        if signal.getsignal(number) != signal.SIG_IGN:  # under nohup the command is to ignore it too
            signal.signal(number, do_nothing)
    orders, reports, *instants = map(int, arguments[:5])
    os.set_inheritable(orders, False)
    os.set_inheritable(reports, False)
    Guard(orders, reports, *instants).run(arguments[5:])


if __name__ == "__main__":
    main(sys.argv[1:])
