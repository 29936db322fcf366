"""The tree of processes below this one: who is in it, and its end, however fast it forks.

Orphans in it become children of this process once it has called `adopt_orphans` (Linux), so whatever the
command started can be traced to it through `/proc`. Elsewhere psutil traces what it can.

Imported by the guard, which is run as a script: so it imports nothing of this package.
"""

from __future__ import annotations

import ctypes
import math
import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Final, NamedTuple

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36
_libc: Final = ctypes.CDLL(None)

IS_LINUX: Final = sys.platform == "linux"
_STATUS: Final = re.compile(rb"\nState:\t(\w).*?\nPPid:\t(\d+)(?:.*?\nNSpid:\t([\d\t]+))?", re.DOTALL)
_FOREIGN: Final = 0
"""The number of a group of another PID namespace. To kill that would kill this process's own."""

_LONGEST: Final = 0.1
"""Seconds within which the numbers of processes are not used up and given again, even in a storm."""

_MORE_THAN_A_STATUS: Final = 1 << 20  # it lists groups, of which there may be 65,536


def adopt_orphans() -> bool:
    """Become the parent of every orphan below this process; False where the system cannot do that."""
    return _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def signal_me_when_my_parent_dies(number: int) -> bool:
    """Have the kernel do that; False where it cannot. It is forgotten by a fork, not by an exec."""
    return _prctl(_PR_SET_PDEATHSIG, number)


def _prctl(option: int, value: int) -> bool:
    arguments = (ctypes.c_ulong(argument) for argument in (value, 0, 0, 0))
    return IS_LINUX and bool(_libc.prctl(ctypes.c_int(option), *arguments) == 0)


def why_unseen() -> str | None:
    """Why this process cannot see those below it; None if it can."""
    if not IS_LINUX:
        return None
    try:
        Descendants()
    except FileNotFoundError:
        if os.path.exists("/proc/stat"):  # noqa: PTH110 - pathlib would take 5 ms of the guard's start
            return "/proc shows a PID namespace that this process is not in"
        return "/proc is not mounted"
    except OSError as error:
        return f"/proc cannot be read ({error.strerror})"
    return None


class Process(NamedTuple):
    """One process of the tree.

    Attributes:
        pid: Its number in this process's PID namespace.
        is_dead_child: Whether it waits to be reaped by this process. Threads of it may live on.
    """

    pid: int
    is_dead_child: bool


class _Status(NamedTuple):
    parent: int  # as /proc numbers it
    numbers: list[int]  # in the PID namespaces from that of /proc inwards
    is_dead: bool


class Descendants:
    """The tree by `/proc`, which may be that of an outer PID namespace: its numbers are translated.

    Raises:
        OSError: It shows nothing of this process.
    """

    def __init__(self) -> None:
        self._me = int(os.readlink("/proc/self"))  # noqa: PTH115 - see above
        status = _read_status(self._me)
        if status is None:
            raise FileNotFoundError
        self._depth = len(status.numbers) - 1
        self._judged = {self._me}

    def new(self) -> Iterator[Process]:
        """Yield those that no earlier call has seen, as soon as they are seen, parents before children.

        The newest come first: among processes that fork and exit they are the ones that are still there.
        """
        # Kept for one look only: in a storm a number soon belongs to another process, a stranger perhaps.
        is_ours = {0: False, self._me: True}
        for pid in sorted(map(int, filter(str.isdigit, os.listdir("/proc"))), reverse=True):  # noqa: PTH208 - see above
            if pid not in self._judged:
                yield from self._judge(pid, is_ours)

    def _judge(self, pid: int, is_ours: dict[int, bool]) -> Iterator[Process]:
        """Follow the parents to one that is known; judge nothing where one vanishes meanwhile."""
        line: dict[int, _Status] = {}
        while pid not in is_ours:
            status = _read_status(pid)
            if status is None or pid in line:
                return
            line[pid] = status
            pid = status.parent
        verdict = is_ours[pid]
        for each, status in reversed(line.items()):
            is_ours[each] = verdict
            if each not in self._judged and verdict and len(status.numbers) > self._depth:
                is_child = status.parent == self._me
                yield Process(status.numbers[self._depth], status.is_dead and is_child)
            self._judged.add(each)


def _read_status(pid: int) -> _Status | None:
    """Read the status of a process from `/proc`; None if it is gone."""
    try:
        file = os.open(f"/proc/{pid}/status", os.O_RDONLY)
    except OSError:
        return None
    try:
        found = _STATUS.search(os.read(file, _MORE_THAN_A_STATUS))
    except OSError:
        return None
    finally:
        os.close(file)
    if found is None:
        return None
    state, parent, numbers = found.groups()
    return _Status(int(parent), [int(each) for each in (numbers or b"%d" % pid).split()], state in b"ZX")


def descendants() -> Iterator[Process]:
    """All that descends from this process, or none where it cannot be seen."""
    if IS_LINUX:
        with suppress(OSError):
            yield from Descendants().new()
    else:
        yield from _by_psutil()


def _by_psutil() -> Iterator[Process]:
    import psutil  # noqa: PLC0415 - Linux does without, and the import takes 30 ms

    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            is_child = process.ppid() == os.getpid()
            yield Process(process.pid, is_child and process.status() == psutil.STATUS_ZOMBIE)


def send(pid: int, number: int) -> None:
    """Signal a process, if it still exists and may be signalled."""
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def send_to_group(group: int, number: int) -> bool:
    """Signal a process group; False if it is empty, or none of it may be signalled."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
        return True
    return False


def kill_descendants() -> None:
    """SIGKILL all that descends from this process, on sight, until a look shows nothing new; or for a while.

    A process that is killed while it forks has no child, and a process group dies as a whole, with all that
    is being forked in it. So what forks in its group is gone at the first look; what founds a group with
    each fork is killed at the first look that is faster than its next fork, however many that takes.
    """
    if not IS_LINUX:
        for process in [*_by_psutil()]:
            _kill(process.pid, {os.getpgrp()})
        return
    with suppress(OSError):
        tree, end = Descendants(), math.inf
        groups = {_FOREIGN, os.getpgrp()}
        is_new = True
        while is_new and time.monotonic() < end:
            is_new = False
            for process in tree.new():
                is_new = True
                _kill(process.pid, groups)
            # The first look is at all processes of the machine, perhaps thousands; later ones catch a storm.
            end = min(end, time.monotonic() + _LONGEST)


def _kill(pid: int, spared: set[int]) -> None:
    with suppress(ProcessLookupError):
        group = os.getpgid(pid)
        if group not in spared:
            spared.add(group)  # it is gone, or has just been founded anew: then its founder is new as well
            send_to_group(group, signal.SIGKILL)
    send(pid, signal.SIGKILL)


def end_descendants() -> None:
    """Return when no process descends from this one any more."""
    while has_children():
        kill_descendants()
        for process in descendants():
            if process.is_dead_child:
                reap(process.pid)
        time.sleep(0.005)


def has_children() -> bool:
    """Whether this process has a child, dead or alive.

    With `adopt_orphans` that says whether anything descends from it.
    """
    if not IS_LINUX:
        return any(_by_psutil())
    with suppress(ChildProcessError):
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        return True
    return False


def reap(pid: int) -> None:
    """Take a dead child off the system's list."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
