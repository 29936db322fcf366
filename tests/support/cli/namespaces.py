"""Namespaces of Linux, for the tests that need some."""

from __future__ import annotations

import subprocess

import pytest

IN_A_NAMESPACE = ("unshare", "--pid", "--fork", "--kill-child")
WITHOUT_CGROUPS = (
    *("unshare", "--mount", "sh", "-c"),
    *('grep -o " /sys/fs/cgroup[^ ]* " /proc/mounts | sort -r | xargs umount; exec "$@"', "sh"),
)


def is_permitted(*command: str) -> bool:
    """Whether this may be done here: by root, that is, and not in every container."""
    try:
        return subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


needs_namespaces = pytest.mark.skipif(
    not is_permitted(*WITHOUT_CGROUPS, *IN_A_NAMESPACE), reason="namespaces of processes cannot be made here"
)
