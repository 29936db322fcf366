"""No secret of a store's URL gets into the trace of a campaign, which is a file that people pass on."""

from __future__ import annotations

import json
import time
from contextlib import closing

import pytest

from incumbent import Campaign
from incumbent.stores import open_store
from support.servers import free_port

FAST = {"lease_duration": 1.5, "renew_deadline": 1.0, "retry_period": 0.2, "request_timeout": 0.2}


@pytest.mark.parametrize(
    ("client", "url"),
    [
        ("redis", "redis://user:SECRET@127.0.0.1:{}/0"),
        ("redis", "redis://127.0.0.1:{}/0?prefix=incumbent&wait=1"),
        ("psycopg", "postgresql://user:SECRET@127.0.0.1:{}/db"),
        ("psycopg", "postgresql://127.0.0.1:{}/db?password=SECRET&sslpassword=SECRET"),
        ("httpcore", "etcd://root:SECRET@127.0.0.1:{}"),
        ("httpcore", "consul://:SECRET@127.0.0.1:{}"),
        ("pymongo", "mongodb://user:SECRET@127.0.0.1:{}/db"),
    ],
)
def test_a_trace_holds_no_secret(client, url, tmp_path, caplog):
    """The reasons for which calls fail are in it; they are the drivers' own words."""
    pytest.importorskip(client)
    trace = tmp_path / "trace"
    with (
        closing(open_store(url.format(free_port()), lease="x")) as store,
        Campaign(store, trace=trace, **FAST),
    ):
        end = time.monotonic() + 30
        while '"Unavailable"' not in trace.read_text():
            assert time.monotonic() < end, "no call failed"
            time.sleep(0.02)
    told = [json.loads(line) for line in trace.read_text().splitlines()]
    assert any("reason" in line.get("event", {}) for line in told)
    assert "SECRET" not in trace.read_text() + caplog.text
