"""Processes that write to one SQLite lease. Each prints what was acknowledged, a line as soon as it was.

python worker.py increment PATH TIMES     add one by compare-and-swap, so many times
python worker.py write PATH               write ever larger records until killed
"""

# ruff: noqa: T201 - it talks to its starter
from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta, timezone

from incumbent.errors import LeaseConflict
from incumbent.lease import Lease
from incumbent.stores.sqlite import SqliteStore

NOON = datetime(2024, 2, 29, 12, tzinfo=timezone.utc)


def numbered(number):
    """A lease of several pages whose every field tells its number: half a write would show."""
    text = f"{number:08}" * 1500
    moment = NOON + timedelta(seconds=number)
    return Lease(text, text, 1.0 + number, moment, moment, number, text)


def increment(path, times):
    print("ready", flush=True)
    sys.stdin.readline()
    store = SqliteStore(path, "lease")
    with suppress(LeaseConflict):
        print(store.create_lease(Lease("a", "s", 15.0, NOON, NOON, 0), timeout=20), flush=True)
    for _ in range(times):
        while True:
            read = store.get_lease(timeout=20)
            lease = replace(read.lease, leader_transitions=read.lease.leader_transitions + 1)
            try:
                print(store.update_lease(lease, read.version, timeout=20), flush=True)
                break
            except LeaseConflict:
                continue


def write(path):
    store = SqliteStore(path, "lease")
    read = store.get_lease(timeout=20)
    number, version = read.lease.leader_transitions, read.version
    while True:
        number += 1
        version = store.update_lease(numbered(number), version, timeout=20)
        print(number, version, flush=True)


if __name__ == "__main__":
    what, path, *rest = sys.argv[1:]
    if what == "increment":
        increment(path, int(rest[0]))
    else:
        write(path)
