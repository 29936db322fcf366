"""Where elections are held: each store on a server of its own, or on a file."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from incumbent.stores._kinds import KINDS
from support.nemesis import Site
from support.servers import missing_client, running


@contextmanager
def site_of(name: str, folder: Path) -> Iterator[Site]:
    """A store of that kind that may be killed; the test is skipped where there is none."""
    lease_duration = max(1.5, 2 * KINDS[name].guarantees.resolution)
    if name == "sqlite":
        file = folder / "leases.db"
        register = f"sqlite:///{folder / 'register.db'}"
        yield Site(name, lambda _: f"sqlite:///{file}", register, None, file, lease_duration)
        return
    if why := missing_client(KINDS[name]):
        pytest.skip(why)
    kind = importlib.import_module(f"support.servers.{name}").SERVER
    with running(kind) as server:
        if not server.is_ours:
            pytest.skip("a server that somebody else runs is not for killing")
        yield Site(name, lambda proxy: server.url_at(proxy.port), server.url, server, None, lease_duration)
