"""CPU of one lease that a peer keeps, ten times a second: `python -m benchmarks.peers KIND URL`. Prints JSON.

The same loop as in `benchmarks.contender`, faster; of the Kubernetes client, whose shortest period is a
second, its own loop with a lock in memory. And the elector alone, without clock, threads and store.
"""

from __future__ import annotations

import json
import sys
import threading
import time

PERIOD, SECONDS = 0.1, 6


def kept(renew):
    """CPU seconds for each call, one at a time with a pause between."""
    renew()
    times, cpu = round(SECONDS / PERIOD), time.process_time()
    for _ in range(times):
        time.sleep(PERIOD)
        renew()
    return (time.process_time() - cpu) / times


def redis_lock(url):
    import redis  # noqa: PLC0415 - each peer loads its own
    from redis.lock import Lock  # noqa: PLC0415

    lock = Lock(redis.Redis.from_url(url), "peer", timeout=2)
    lock.acquire()
    return kept(lambda: lock.extend(2, replace_ttl=True))


def tooz(url):
    from tooz import coordination  # noqa: PLC0415

    coordinator = coordination.get_coordinator(f"{url}?timeout=2", b"peer")
    coordinator.start()
    coordinator.get_lock(b"peer").acquire()
    return kept(coordinator.heartbeat)


def advisory_lock(url):
    import psycopg  # noqa: PLC0415

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(43)")
        return kept(lambda: connection.execute("SELECT 1"))


def kubernetes(_url):
    from kubernetes.leaderelection import electionconfig, leaderelection  # noqa: PLC0415

    class Lock:
        """Keeps the record in memory."""

        name, namespace, identity, record, writes = "peer", "default", "peer", None, 0

        def get(self, name, namespace):
            return (True, self.record) if self.record else (False, Missing())

        def create(self, name, namespace, election_record):
            self.record = election_record
            return True

        def update(self, name, namespace, updated_record):
            self.record = updated_record
            self.writes += 1
            return True

    class Missing:
        body = '{"code": 404}'

    lock = Lock()
    timing = {"lease_duration": 3, "renew_deadline": 2, "retry_period": 1}
    calls = {"onstarted_leading": int, "onstopped_leading": int}
    loop = leaderelection.LeaderElection(electionconfig.Config(lock, **timing, **calls))
    threading.Thread(target=loop.run, daemon=True).start()
    while not lock.writes:
        time.sleep(0.1)
    before, cpu = lock.writes, time.process_time()
    time.sleep(10)
    return (time.process_time() - cpu) / (lock.writes - before)


def elector(_url):
    """Of ours what decides, alone: two inputs a renewal, of 1,000 candidates in turn."""
    from incumbent.config import ElectorConfig  # noqa: PLC0415
    from incumbent.core import (  # noqa: PLC0415
        Candidate,
        Elector,
        Missing,
        Start,
        Term,
        TermConfig,
        TimerFired,
        UpdateLease,
        Written,
    )
    from incumbent.stores.memory import MemoryStore  # noqa: PLC0415

    def step(candidate, event, now):
        [*_, last] = candidate.handle(event, now)
        return last.id if isinstance(last, UpdateLease) else getattr(last, "id", None)

    candidates = []
    for number in range(1000):
        config = ElectorConfig(f"candidate-{number}", guarantees=MemoryStore.guarantees)
        terms = TermConfig(config.lease_ns, config.lease_ns, has_work=False, tells=False)
        candidates.append(candidate := Candidate(Elector(config), Term(terms)))
        step(candidate, Start(), 0)
        step(candidate, Missing(1), 0)
        step(candidate, Written(2, 1), 0)
    rounds, cpu = 20, time.process_time()
    for round_ in range(1, rounds + 1):
        now = round_ * 2 * 10**9
        for candidate in candidates:
            step(candidate, Written(step(candidate, TimerFired(), now), round_ + 1), now)
    return (time.process_time() - cpu) / rounds / len(candidates)


KINDS = {
    "redis-py": redis_lock,
    "tooz": tooz,
    "advisory-lock": advisory_lock,
    "kubernetes": kubernetes,
    "elector": elector,
}

if __name__ == "__main__":
    print(json.dumps({"renewal_cpu": KINDS[sys.argv[1]](sys.argv[2])}))
