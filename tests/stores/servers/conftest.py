"""Tests of a store whose client is not installed are skipped as a whole, with what to install."""

from __future__ import annotations

import pytest

from incumbent.stores._kinds import KINDS
from support.servers import missing_client

HTTP = KINDS["etcd"]
"""What the etcd and the Consul store have in common is tested by both."""


SEVERAL = {
    "test_batches": ("redis", "postgres"),
    "test_told": ("redis", "postgres"),
    "test_named": ("postgres", "redis", "etcd", "consul", "mongodb", "kubernetes"),
}
"""The kinds of which a module tests more than one."""


class Skipped(pytest.Module):
    """Not even imported."""

    reason = ""

    def collect(self):
        pytest.skip(self.reason, allow_module_level=True)


def pytest_pycollect_makemodule(module_path, parent):
    """`test_<kind>.py` and `test_<kind>_<part>.py` need the client of that kind."""
    names = SEVERAL.get(module_path.stem) or [module_path.stem.split("_")[1]]
    reason = next(filter(None, (missing_client(KINDS.get(name, HTTP)) for name in names)), "")
    if not reason:
        return None
    skipped = Skipped.from_parent(parent, path=module_path)
    skipped.reason = reason
    return skipped
