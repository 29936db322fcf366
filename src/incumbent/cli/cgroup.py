"""A cgroup (v2) of the command's own, in which the kernel ends everything at once.

It is a help, not a condition: the guard ends process trees without it, too. It is there where this process
may make one, as root or by `Delegate=` of systemd, on Linux from 5.14 on.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from incumbent.unique import unique

_OLD: Final = 60.0
"""Seconds after which nobody is about to enter an empty one."""

_ROOT_AT, _MOUNTED_AT = 3, 4  # fields of mountinfo


def make() -> Path | None:
    """Make one below this process's own; None where that cannot be had.

    Nor is one made where this process's own sets a limit: Java, Go and others ask the cgroup they are in for
    the memory and the cores that they may use, and would not find it in one below.
    """
    try:
        own = _own()
        if own is None or _is_limited(own):
            return None
        _tidy_up(own)
        made = own / f"incumbent-{os.getpid()}-{unique()[:8]}"
        made.mkdir()
    except (OSError, ValueError):
        return None
    if (made / "cgroup.kill").exists():
        return made
    remove(made)
    return None


def remove(cgroup: Path) -> None:
    """Remove it once it is empty."""
    with suppress(OSError):
        cgroup.rmdir()


def kill(cgroup: Path) -> None:
    """SIGKILL everything in it at once, with all that is being forked."""
    with suppress(OSError):
        (cgroup / "cgroup.kill").write_text("1")


def _tidy_up(own: Path) -> None:
    """Remove what was left behind where guard and supervisor were killed at once; what is in use stays."""
    for left in own.glob("incumbent-*-*"):
        with suppress(OSError):
            if time.time() - left.stat().st_ctime > _OLD:
                left.rmdir()


def _own() -> Path | None:
    """The directory of this process's cgroup."""
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    path = next((line.removeprefix("0::") for line in lines if line.startswith("0::")), None)
    if path is None or ".." in Path(path).parts:  # outside of the namespace of cgroups
        return None
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields, _, kind = line.partition(" - ")
        root, mounted = fields.split()[_ROOT_AT : _MOUNTED_AT + 1]
        if kind.startswith("cgroup2 ") and Path(path).is_relative_to(root):
            return Path(mounted) / Path(path).relative_to(root)
    return None


def _is_limited(cgroup: Path) -> bool:
    limits = (cgroup / name for name in ("memory.max", "memory.high", "cpu.max"))
    return any(not limit.read_text().startswith("max") for limit in limits if limit.exists())
