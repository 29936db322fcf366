"""A process that forks while it has a SQLite store, and says on one line what the child could do.

python forker.py idle|busy|stuck PATH: with nobody in a transaction; with a thread in one that ends;
with a thread in one that does not end before the child has.
"""

# ruff: noqa: T201 - it talks to its starter
from __future__ import annotations

import os
import sys
import threading
import warnings
from dataclasses import replace
from datetime import datetime, timezone

from incumbent.errors import StoreUnavailable
from incumbent.lease import Lease
from incumbent.stores import _sqlite_file
from incumbent.stores.sqlite import SqliteStore

warnings.simplefilter("ignore", DeprecationWarning)  # of forking with threads: that is what is tried here
NOON = datetime(2024, 2, 29, 12, tzinfo=timezone.utc)
LEASE = Lease("parent", "s", 15.0, NOON, NOON, 1)


def child(store, version):
    if store._file._connection is not None:
        return "has the parent's connection"
    try:
        store.update_lease(replace(LEASE, holder_identity="child"), version, timeout=2)
    except StoreUnavailable as error:
        return f"unknown {error.outcome_unknown}: {error}"
    return "wrote"


def main(what, path):
    _sqlite_file._PATIENCE = 0.3 if what == "stuck" else 10.0
    store = SqliteStore(path, "lease")
    version = store.create_lease(LEASE, timeout=5)
    begun, end = threading.Event(), threading.Event()

    def hold():
        with store._file.writing(5):
            begun.set()
            end.wait(0.3 if what == "busy" else 20)

    holder = threading.Thread(target=hold)
    if what != "idle":
        holder.start()
        begun.wait()
    pid = os.fork()
    if pid == 0:
        print("child", child(store, version), flush=True)
        os._exit(0)
    os.waitpid(pid, 0)
    end.set()
    if what != "idle":
        holder.join()
    read = store.get_lease(timeout=5)
    store.update_lease(LEASE, read.version, timeout=5)
    print("parent read", read.lease.holder_identity)
    store.close()


main(*sys.argv[1:])
