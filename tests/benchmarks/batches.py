"""Many leases on one server, called together and one by one: from `tests`, `python -m benchmarks.batches`.

Prints, for each server that can and each size, one line for calls by themselves and one for calls together:
CPU of a renewal (of the process, and of the server), what was made of the renewals due, and the threads and
connections that it took. Both are measured in turn, each in a process of its own, on the same server.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time

import psutil

from benchmarks.scale import cpu_of
from incumbent import Campaign, open_store
from incumbent.core.messages import Unavailable, Written
from incumbent.runtime import threaded
from support.servers import running
from support.servers.etcd import EtcdServer
from support.servers.postgres import PostgresServer
from support.servers.redis import RedisServer

SECONDS = 10
PERIOD = 2.0
TIMING = {"retry_period": PERIOD, "renew_deadline": 40.0, "lease_duration": 60.0}
SIZES = (1000, 10_000)


class Counted(threaded._Asked):
    """A request that is counted when it is answered."""

    written = unavailable = 0

    def answer(self, reply):
        Counted.written += isinstance(reply, Written)
        Counted.unavailable += isinstance(reply, Unavailable)
        super().answer(reply)


def measure(url, pid, many, *, together):
    """All lead, and each renews every two seconds."""
    threaded._Asked = Counted
    make, sizes = threaded.perform_together, []
    threaded.perform_together = lambda asked: (sizes.append(len(asked)), make(asked))[1]
    stores = [open_store(url, lease=f"lease-{number}") for number in range(many)]
    campaigns = [Campaign(store, identity=f"candidate-{n}", **TIMING) for n, store in enumerate(stores)]
    if not together:
        threaded.BatchStore = ()
    for campaign in campaigns:
        campaign.start()
    until = time.monotonic() + 120
    while time.monotonic() < until and not all(campaign.is_leader() for campaign in campaigns):
        time.sleep(0.2)
    time.sleep(PERIOD)
    most_threads = 0
    counts, cpu, began = (
        (Counted.written, Counted.unavailable),
        (time.process_time(), cpu_of(pid)),
        time.monotonic(),
    )
    sizes.clear()
    while time.monotonic() < began + SECONDS:
        time.sleep(0.5)
        most_threads = max(most_threads, threading.active_count())
    wall = time.monotonic() - began
    written, failed = Counted.written - counts[0], Counted.unavailable - counts[1]
    ours, theirs = time.process_time() - cpu[0], cpu_of(pid) - cpu[1]
    connections = len([c for c in psutil.Process().net_connections("inet") if c.status == "ESTABLISHED"])
    leading = sum(campaign.is_leader() for campaign in campaigns)
    print(
        json.dumps(
            {
                "due": round(written / (wall / PERIOD * many), 3),
                "process_us": round(1e6 * ours / max(written, 1)),
                "server_us": round(1e6 * theirs / max(written, 1)),
                "cores": round(ours / wall, 2),
                "failed": failed,
                "threads": most_threads,
                "connections": connections,
                "leading": leading,
                "batch": round(sum(sizes) / max(len(sizes), 1), 1),
            }
        ),
        flush=True,
    )
    os._exit(0)  # without a release of each


def main():
    """A line for each of the sizes given, or of 1,000 and 10,000."""
    if "://" in "".join(sys.argv[1:2]):
        url, pid, many, how = sys.argv[1:]
        measure(url, int(pid), int(many), together=how == "together")
    sizes = [int(s) for s in sys.argv[1:]] or SIZES
    for kind in (RedisServer, PostgresServer, EtcdServer):
        with running(kind) as server:
            for many in sizes:
                for how in ("alone", "together"):
                    arguments = (server.url, str(server._process.pid), str(many), how)
                    command = [sys.executable, "-m", "benchmarks.batches", *arguments]
                    found = subprocess.run(
                        command, check=False, stdout=subprocess.PIPE, text=True, timeout=600
                    ).stdout
                    print(f"{kind.name}, {many:,} leases, {how}: {found}", flush=True, end="")


if __name__ == "__main__":
    main()
