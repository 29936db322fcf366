"""`incumbent check-store` against each real server: it finds what is there, and leaves nothing behind."""

from __future__ import annotations

import importlib

import pytest

from incumbent.cli import main
from incumbent.cli.store_checks import CHECKS
from incumbent.stores._kinds import KINDS
from support.servers import missing_client, running

SERVERS = [name for name in KINDS if name not in {"memory", "sqlite"}]


@pytest.mark.parametrize("name", SERVERS)
def test_a_real_server_keeps_every_promise(name, capsys):
    """Each check is made, none is passed over, the round trips are measured and the advice is given."""
    if why := missing_client(KINDS[name]):
        pytest.skip(why)
    with running(importlib.import_module(f"support.servers.{name}").SERVER) as server:
        code = main(["check-store", server.url])
        out = capsys.readouterr().out
        assert code == 0, out
        assert out.count("  ok  ") == len(CHECKS)
        assert "renewing" in out
        assert "--lease-duration" in out
        assert f"not verified here: {KINDS[name].promise}" in out
