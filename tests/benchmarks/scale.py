"""CPU of a server for a renewal, and for a follower: from `tests`, `python -m benchmarks.scale`.

Prints, for each server, the CPU of the server and of the process with the campaigns: first 1,000 leases (of
etcd: 300), each renewed every two seconds, then one lease with 300 candidates. `docs/explanation/scale.md`
counts with what it prints.
"""

from __future__ import annotations

import time
from contextlib import suppress

import psutil

from benchmarks.bulk import Counted
from incumbent import Campaign, open_store
from support.servers import running
from support.servers.etcd import EtcdServer
from support.servers.postgres import PostgresServer
from support.servers.redis import RedisServer

SECONDS = 10
TIMING = {"retry_period": 2.0, "lease_duration": 60.0}


def cpu_of(pid):
    """CPU seconds of a server, with those of its processes that live."""
    first, spent = psutil.Process(pid), 0.0
    for process in (first, *first.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            spent += times.user + times.system
    return spent


def cost(server, leases):
    """How much was done of what was due, and CPU seconds for one: of the server, and of this process."""
    stores = [Counted(open_store(server.url, lease=lease)) for lease in leases]
    campaigns = [Campaign(store, identity=f"c{n}", **TIMING) for n, store in enumerate(stores)]
    for campaign in campaigns:
        campaign.start()
    while not all(campaign.leader for campaign in campaigns):
        time.sleep(0.1)
    followers = len(leases) - len(set(leases))
    before, calls = (cpu_of(server._process.pid), time.process_time()), done(stores, followers)
    time.sleep(SECONDS)
    after, calls = (cpu_of(server._process.pid), time.process_time()), done(stores, followers) - calls
    for campaign in campaigns:
        campaign.stop()
    for store in stores:
        store.close()
    spent = [(end - begin) / calls for begin, end in zip(before, after, strict=True)]
    return calls / (SECONDS / 2 * len(leases)), *spent


def done(stores, followers):
    """All calls that were made, and what followers were told: each write of their leader."""
    writes = sum(store.writes for store in stores)
    return writes + followers * writes + sum(store.reads for store in stores)


def main():
    """A line for each server and size."""
    for kind in (RedisServer, PostgresServer, EtcdServer):
        with running(kind) as server:
            many = [f"lease-{number}" for number in range(1000 if kind is not EtcdServer else 300)]
            for what, leases in (
                ("a renewal", many),
                ("what a follower is told", ["one"] * 300),
            ):
                made, of_server, ours = cost(server, leases)
                costs = f"server {1e6 * of_server:.0f} us, process {1e6 * ours:.0f} us"
                print(f"{kind.name}: {what}: {costs}; {made:.0%} of what was due", flush=True)


if __name__ == "__main__":
    main()
