"""Records as the tests of `status`, `watch` and `resign` find them, and those commands on a file."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from incumbent.cli import main, watch
from incumbent.lease import Lease
from incumbent.stores.sqlite import SqliteStore


def lease_of(holder, *, renewed_ago=0.0, session=None, asked_by="", token=3):
    at = datetime.now(timezone.utc) - timedelta(seconds=renewed_ago)
    session = f"{holder}.1" if session is None else session
    return Lease(holder, session, 5.0, at - timedelta(minutes=1), at, token, asked_by)


def write(place, name, lease):
    store = SqliteStore(str(place), name)
    version = store.create_lease(lease, timeout=5)
    return store, version


def run(place, command, *options):
    return main([command, "--store", f"sqlite:///{place}", *options])


def look_at(place, lease=None):
    """What `watch` sees there."""
    return watch.Look(f"sqlite:///{place}", lease).states()
