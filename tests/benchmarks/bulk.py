"""Many campaigns that lead in one process: `python -m benchmarks.bulk 1000 memory: 2`.

Prints one JSON object: CPU of a renewal, memory of a campaign, CPU and time of starting and stopping all.
"""

from __future__ import annotations

import gc
import json
import sys
import threading
import time
from pathlib import Path

from incumbent import Campaign, open_store
from incumbent.stores.memory import MemorySpace, MemoryStore

SECONDS = 6


class Counted:
    """A store that counts its calls; everything else is the store's own."""

    def __init__(self, store):
        self._store = store
        self.writes = self.reads = 0
        if hasattr(store, "call_together"):
            self.call_together = self._call_together

    def __getattr__(self, name):
        return getattr(self._store, name)

    def get_lease(self, **options):
        self.reads += 1
        return self._store.get_lease(**options)

    def update_lease(self, *arguments, **options):
        self.writes += 1
        return self._store.update_lease(*arguments, **options)

    def _call_together(self, calls):
        outcomes = self._store.call_together([call._replace(store=call.store._store) for call in calls])
        for call, outcome in zip(calls, outcomes, strict=True):
            call.store.writes += outcome is not None and call.method == "update_lease"
            call.store.reads += outcome is not None and call.method == "get_lease"
        return outcomes


def resident():
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * 4096


def stores_at(url, many):
    """Another lease in each; those in memory in a space of their own."""
    if url == "memory:":
        space = MemorySpace()
        return [MemoryStore(f"lease-{number}", space=space) for number in range(many)]
    return [open_store(url, lease=f"lease-{number}") for number in range(many)]


def measure(many, url, retry_period):
    """All lead, and each renews every `retry_period` seconds."""
    stores = stores_at(url, many)
    gc.collect()
    before = resident()
    watched = [Counted(store) for store in stores] if url != "memory:" else stores
    timing = {"retry_period": retry_period, "lease_duration": 30 * retry_period}
    result = {}
    with Timed(result, "start"):
        campaigns = [Campaign(store, identity=f"candidate-{n}", **timing) for n, store in enumerate(watched)]
        for campaign in campaigns:
            campaign.start()
    while not all(campaign.is_leader() for campaign in campaigns):
        time.sleep(0.05)
    writes, cpu = writes_of(watched), time.process_time()
    time.sleep(SECONDS)
    renewals, cpu = writes_of(watched) - writes, time.process_time() - cpu
    gc.collect()
    result |= {
        "renewal_cpu": cpu / renewals,
        "renewals_due": SECONDS / retry_period * many,
        "renewals": renewals,
        "campaign_bytes": (resident() - before) / many,
        "threads": threading.active_count(),
    }
    with Timed(result, "stop"):
        for campaign in campaigns:
            campaign.stop()
    return result


def writes_of(stores):
    """How many writes were made, by all."""
    if isinstance(stores[0], MemoryStore):
        return stores[0].space._last_version
    return sum(store.writes for store in stores)


class Timed:
    """The CPU and the wall time of a block, in seconds, as items of `result`."""

    def __init__(self, result, name):
        self._result, self._name = result, name

    def __enter__(self):
        self._cpu, self._wall = time.process_time(), time.monotonic()

    def __exit__(self, *_):
        self._result[f"{self._name}_cpu"] = time.process_time() - self._cpu
        self._result[f"{self._name}_wall"] = time.monotonic() - self._wall


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]))))
