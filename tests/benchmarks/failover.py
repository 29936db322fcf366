"""How long nobody leads after a crash, and after an orderly stop: three candidates on one real server."""

from __future__ import annotations

import queue
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, suppress

from benchmarks.contender import LEASE
from incumbent import open_store

PATIENCE = 60


class Contender:
    """A process that contends. What it says comes into the queue, as (what, when, whom it comes from)."""

    def __init__(self, kind, url, name, said):
        self.said = said
        self.renewed = None
        command = [sys.executable, "-m", "benchmarks.contender", kind, url, name]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        for line in self.process.stdout:
            what, _, when = line.strip().partition(" ")
            if what == "renews":
                self.renewed = float(when)
            else:
                self.said.put((float(when), self))

    def end(self):
        """It leaves nothing behind."""
        with suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()


def handovers(kind, url, number, rounds):
    """Seconds beyond what the protocol waits for: for each round, that leader's end by this signal.

    After SIGKILL counted from the last renewal and the lease, or from the kill where there is no lease; after
    SIGTERM from the signal.
    """
    said, values = queue.Queue(), []
    names = (f"candidate-{count}" for count in range(1000))
    with ExitStack() as stack:

        def begin():
            made = Contender(kind, url, next(names), said)
            stack.callback(made.end)

        for _ in range(3):
            begin()
        _, leader = said.get(timeout=PATIENCE)
        for _ in range(rounds):
            time.sleep(3)  # the one that began last is in the race by now
            leader.process.send_signal(number)
            at = time.time()
            if number == signal.SIGKILL:
                leader.process.wait()
                at = expiry(kind, url, leader) or at
            when, successor = said.get(timeout=PATIENCE)
            values.append(when - at)
            begin()
            leader = successor
    return values


def expiry(kind, url, leader):
    """When the lease of a leader that was killed expires: known to the store, or to whoever listened."""
    if kind == "incumbent":
        store = open_store(url, lease="benchmark")
        record = store.get_lease(timeout=5).lease
        store.close()
        return record.renew_time.timestamp() + record.lease_duration
    return leader.renewed and leader.renewed + LEASE
