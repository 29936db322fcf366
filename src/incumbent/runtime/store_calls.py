"""One store call: a request of the elector's becomes a method call, and what came of it a reply."""

from __future__ import annotations

from incumbent.core.messages import (
    CreateLease,
    Found,
    GetLease,
    Missing,
    Refused,
    Reply,
    Request,
    Unavailable,
    Written,
)
from incumbent.errors import ConfigurationError, LeaseConflict, LeaseNotFound, StoreUnavailable
from incumbent.store import LeaseStore


def check_store(store: object) -> None:
    """Refuse what cannot be called as a store.

    Raises:
        ConfigurationError: It lacks what every `LeaseStore` has.
    """
    for name in ("get_lease", "create_lease", "update_lease", "guarantees"):
        if not hasattr(store, name):
            raise ConfigurationError(f"store is {store!r}, which has no {name}: give a LeaseStore")


def perform(store: LeaseStore, request: Request, timeout: float) -> Reply:
    """Ask the store. Every exception is an answer (P13), and only a success is a success.

    Args:
        store: The lease.
        request: What to do.
        timeout: Seconds left; none left: it is not sent at all.
    """
    if timeout <= 0:
        return Unavailable(request.id, outcome_unknown=False, reason="it expired before it was sent")
    try:
        if isinstance(request, GetLease):
            return Found(request.id, store.get_lease(timeout=timeout))
        if isinstance(request, CreateLease):
            return Written(request.id, store.create_lease(request.lease, timeout=timeout))
        return Written(request.id, store.update_lease(request.lease, request.version, timeout=timeout))
    except LeaseConflict:
        return Refused(request.id)
    except LeaseNotFound:
        return Missing(request.id)
    except StoreUnavailable as error:
        return Unavailable(request.id, error.outcome_unknown, _describe(error))
    except BaseException as error:  # noqa: BLE001  # P13: whatever it was, the outcome is unknown
        return Unavailable(request.id, reason=_describe(error))


def _describe(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
