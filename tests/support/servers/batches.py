"""Many leases on one server, for calls that are made together."""

from __future__ import annotations

from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace

from incumbent import open_store
from incumbent.store import Call
from incumbent.testing.stores.machine import PLAIN

MANY = 50
RENEWED = replace(PLAIN, holder_identity="renewed")


@contextmanager
def opened(url, prefix):
    """Stores of many leases, and the versions of their records."""
    with ExitStack() as stack:
        stores = [
            stack.enter_context(closing(open_store(url, lease=f"{prefix}-{number}")))
            for number in range(MANY)
        ]
        for store in stores:
            stack.callback(store.delete_lease)
        yield stores, [store.create_lease(PLAIN, timeout=5) for store in stores]


def renewals(stores, versions, timeout=5):
    return [
        Call(store, "update_lease", (RENEWED, version), timeout)
        for store, version in zip(stores, versions, strict=True)
    ]


def together(calls):
    return calls[0].store.call_together(calls)
