"""One candidate of a failover benchmark, in its own process: `python -m benchmarks.contender KIND URL NAME`.

Prints `renews TIME` before each write that keeps a lease, and `leads TIME` when it leads, by the time of day;
SIGTERM has it hand over as its library can. Where a peer has no loop of its own, the loop is what its
documentation shows, with the same lease (2 s), renewals (0.4 s) and, where it polls, a look each 0.1 s.
"""

from __future__ import annotations

import signal
import sys
import threading
import time

LEASE, RENEWAL, POLL = 2.0, 0.4, 0.1
stopping = threading.Event()


def say(what):
    """A line for whoever measures."""
    print(what, time.time(), flush=True)


def incumbent(url, name):
    """Ours: renewals are read off the record."""
    from incumbent import Campaign, open_store  # noqa: PLC0415 - only this one needs it

    def lead(leadership):
        say("leads")
        leadership.wait()

    store = open_store(url, lease="benchmark")
    timing = {"lease_duration": LEASE, "retry_period": RENEWAL}
    Campaign(store, identity=name, on_started_leading=lead, **timing).run()


def redis_lock(url, _name):
    """redis-py's Lock, kept by `extend`."""
    import redis  # noqa: PLC0415
    from redis.lock import Lock  # noqa: PLC0415

    lock = Lock(redis.Redis.from_url(url), "benchmark", timeout=LEASE, sleep=POLL)
    while not stopping.is_set():
        if lock.acquire(blocking_timeout=RENEWAL):
            say("renews")
            say("leads")
            while not stopping.wait(RENEWAL):
                say("renews")
                lock.extend(LEASE, replace_ttl=True)
            lock.release()


def tooz(url, name):
    """The lock of tooz; its heartbeat keeps it."""
    from tooz import coordination  # noqa: PLC0415

    coordinator = coordination.get_coordinator(f"{url}?timeout=2", name.encode())
    coordinator.start()
    lock = coordinator.get_lock(b"benchmark")
    while not stopping.is_set():
        if lock.acquire(blocking=False):
            say("renews")
            say("leads")
            while not stopping.wait(RENEWAL):
                say("renews")
                coordinator.heartbeat()
            lock.release()
        stopping.wait(POLL)
    coordinator.stop()


def advisory_lock(url, _name):
    """An advisory lock of PostgreSQL's: no lease, it ends with the connection."""
    import psycopg  # noqa: PLC0415

    with psycopg.connect(url, autocommit=True) as connection:
        while not stopping.is_set():
            if connection.execute("SELECT pg_try_advisory_lock(42)").fetchone()[0]:
                say("leads")
                while not stopping.wait(RENEWAL):
                    connection.execute("SELECT 1")
                return
            stopping.wait(POLL)


KINDS = {"incumbent": incumbent, "redis-py": redis_lock, "tooz": tooz, "advisory-lock": advisory_lock}

if __name__ == "__main__":
    kind, place, identity = sys.argv[1:]
    if kind != "incumbent":
        signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    KINDS[kind](place, identity)
