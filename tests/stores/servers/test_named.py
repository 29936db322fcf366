"""P17 over real servers: who is named leads within a round trip or so, whoever else contends."""

from __future__ import annotations

from importlib import import_module
from uuid import uuid4

import pytest

from support.servers import running
from support.servers.named import RETRY_PERIOD, handed_on


@pytest.mark.parametrize("kind", ["postgres", "redis", "etcd", "consul", "mongodb", "kubernetes"])
def test_a_lease_is_handed_on_to_whom_its_leader_names(kind):
    """Each time, of three that hear of it at once, to one that stands back for everybody else."""
    with running(import_module(f"support.servers.{kind}").SERVER) as server:
        took = handed_on(server.url, f"named-{uuid4().hex}")
    print(f"handed on by name on {kind}: {', '.join(f'{each * 1000:.0f}' for each in took)} ms")  # noqa: T201
    assert max(took) < RETRY_PERIOD / 2
