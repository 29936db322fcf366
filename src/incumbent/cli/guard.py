"""The guard: a process of its own that ends a command in time, whatever becomes of its supervisor.

It holds two instants, which its supervisor moves on with every renewal: at `term_at` the command's whole
process tree is sent SIGTERM, and SIGKILL at `kill_at`, which is before anybody else can hold the lease. A
supervisor that hangs, or is stopped, moves nothing; one that died closes the pipe, and the command is ended
at once. Nobody has to act for the command to end: somebody has to act for it to go on.

On Linux an orphan becomes the guard's child (`PR_SET_CHILD_SUBREAPER`), so what double-forked or made a
session of its own is found and ended too; the command dies with a guard that is killed
(`PR_SET_PDEATHSIG`), and a guard that is stopped is woken when its supervisor dies. Elsewhere the guard ends
the command's process group and whatever psutil can still trace to it: a daemon that left both survives.
Nowhere does it reach what runs by order of the command under another parent, such as a container or a unit
of systemd, nor what it has no permission to signal.

Run as a script, so that it imports nothing of the current directory, and of this package only `tree`.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING or __package__:
    from incumbent.cli import tree
else:
    sys.path.insert(0, os.path.dirname(__file__))  # noqa: PTH120 - pathlib takes 5 ms. PYTHONSAFEPATH leaves it out
    import tree

SLICE: Final = 0.1
"""Seconds after which the clock is asked again: the timeout of select() stands still in suspend."""

TO_GROUP: Final = frozenset({signal.SIGINT, signal.SIGQUIT, signal.SIGWINCH, signal.SIGCONT})
"""Signals that a terminal sends to a whole process group; others are for the command itself."""

NOT_FOR_GUARDS: Final = (
    *(signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2),
    *(signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU),
)

_CANNOT_EXECUTE: Final = 126
_NOT_FOUND: Final = 127


def now_ns() -> int:
    """The clock of `incumbent.clock.SystemClock`, which goes on in suspend."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) if sys.platform == "linux" else time.monotonic_ns()


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
        cgroup: The directory of an empty cgroup to put the command into, or an empty string.
        descriptors: To be left open for the command, besides 0, 1 and 2.
    """

    def __init__(
        self,
        orders: int,
        reports: int,
        term_at: int,
        kill_at: int,
        grace: int,
        *,
        cgroup: str = "",
        descriptors: tuple[int, ...] = (),
    ) -> None:
        self.orders: int = orders
        self.reports = reports
        self.term_at: int = term_at
        self.kill_at: int = kill_at
        self.grace = grace
        self.cgroup = cgroup
        self.descriptors = descriptors
        self.cgroup_kill: int = -1  # opened now: in the hour of need there may be no descriptor left
        with suppress(OSError):
            self.cgroup_kill = os.open(f"{cgroup}/cgroup.kill", os.O_WRONLY)
        self.end_by: int | None = None  # SIGKILL not later than this: set once nobody wants the command
        self.child: subprocess.Popen[bytes] | None = None
        self.code: int | None = None  # the command's exit code, once it was reaped
        self.unread: bytes = b""
        self.is_ending: bool = False
        self.word: str = "exited"
        self.is_subreaper: bool = tree.adopt_orphans()
        self.woken: int = _wake_on_sigchld()

    def run(self, command: list[str]) -> None:
        """Start the command, guard it, and report its end."""
        tree.signal_me_when_my_parent_dies(signal.SIGCONT)  # who is stopped does not see the end of a pipe
        self._take_orders()
        if self.end_by is None and now_ns() < self.term_at:
            self._start(command)
            self._guard()
        else:
            self.word, self.code = "ended", 128 + signal.SIGTERM
        if self.cgroup:
            with suppress(OSError):
                os.rmdir(self.cgroup)  # noqa: PTH106 - pathlib takes 5 ms
        with suppress(BrokenPipeError):
            os.write(self.reports, f"{self.word} {self.code}\n".encode())

    def _start(self, command: list[str]) -> None:
        guard, supervisor = os.getpid(), os.getppid()

        def prepare() -> None:
            if tree.signal_me_when_my_parent_dies(signal.SIGKILL) and os.getppid() != guard:
                os.kill(os.getpid(), signal.SIGKILL)  # it died before this was asked for
            if self.cgroup:
                with suppress(OSError):
                    _write(f"{self.cgroup}/cgroup.procs", b"0")
            if os.environ.get("LISTEN_PID") == str(supervisor):  # sockets passed on by systemd
                os.environ["LISTEN_PID"] = str(os.getpid())

        try:
            self.child = subprocess.Popen(  # noqa: S603 - to run a command is what this is for
                command,
                start_new_session=True,
                pass_fds=self.descriptors,
                preexec_fn=prepare,  # noqa: PLW1509 - the guard has no threads
            )
        except OSError as error:
            sys.stderr.write(f"incumbent: cannot run {command[0]!r}: {error.strerror}\n")
            self.code = _NOT_FOUND if isinstance(error, FileNotFoundError) else _CANNOT_EXECUTE

    def _guard(self) -> None:
        """Wait and act until the command is reaped and has left nothing behind."""
        _make_haste()
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
                self._kill()
            elif now >= self.term_at and not self.is_ending:
                self.is_ending = True
                self._terminate()
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
            tree.send(self.child.pid, number)

    def _nobody_wants_it(self) -> None:
        """End what is left, beginning now."""
        if self.end_by is None:
            now = now_ns()
            self.term_at, self.end_by = min(self.term_at, now), now + self.grace

    def _kill_at(self) -> int:
        return self.kill_at if self.end_by is None else min(self.kill_at, self.end_by)

    def _terminate(self) -> None:
        seen = [process.pid for process in tree.descendants()]
        for pid in seen:
            tree.send(pid, signal.SIGTERM)
        if not self.is_subreaper or not seen:
            self._signal_group(signal.SIGTERM)

    def _kill(self) -> None:
        """All means at once: what one of them cannot reach another does."""
        with suppress(OSError):  # there may be none
            os.write(self.cgroup_kill, b"1")
        self._signal_group(signal.SIGKILL)
        tree.kill_descendants()

    def _nothing_is_left(self) -> bool:
        return not tree.has_children() and (self.is_subreaper or not self._signal_group(0))

    def _signal_group(self, number: int) -> bool:
        """Signal the command's process group; False if it is empty.

        Once the command was reaped another group may have its number: then only where nothing else is left
        to hold on to.
        """
        if self.child is None or (self.code is not None and self.is_subreaper):
            return False
        return tree.send_to_group(self.child.pid, number)

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


def _make_haste() -> None:
    """Go before other processes where that is permitted: a fork storm takes the processor from its guard."""
    with suppress(OSError, AttributeError):  # not permitted, not on this system
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))


def _write(path: str, text: bytes) -> None:
    file = os.open(path, os.O_WRONLY)
    try:
        os.write(file, text)
    finally:
        os.close(file)


def main(arguments: list[str]) -> None:
    """Guard a command: `guard.py ORDERS REPORTS TERM_AT KILL_AT GRACE CGROUP DESCRIPTORS COMMAND...`."""
    for number in NOT_FOR_GUARDS:
        if signal.getsignal(number) != signal.SIG_IGN:  # under nohup the command is to ignore it too
            signal.signal(number, do_nothing)
    orders, reports, term_at, kill_at, grace = map(int, arguments[:5])
    cgroup, listed, *command = arguments[5:]
    os.set_inheritable(orders, False)
    os.set_inheritable(reports, False)
    descriptors = tuple(map(int, filter(None, listed.split(","))))
    guard = Guard(orders, reports, term_at, kill_at, grace, cgroup=cgroup, descriptors=descriptors)
    guard.run(command)


if __name__ == "__main__":
    main(sys.argv[1:])
