"""One store call: a request of the elector's becomes a method call, and what came of it a reply."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

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
from incumbent.lease import StoreGuarantees, check_number
from incumbent.runtime.callables import check_flag, check_like
from incumbent.shown import shown
from incumbent.store import BatchStore, Call, LeaseStore

_METHODS: Final = ("get_lease", "create_lease", "update_lease", "guarantees")


def check_store(store: object) -> None:
    """Refuse what cannot be called as a store.

    Raises:
        ConfigurationError: It lacks what every `LeaseStore` has, or promises nothing that is known.
    """
    check_like("store", store, _METHODS, "a LeaseStore, as open_store(url, lease=...) makes it")
    guarantees = getattr(store, "guarantees", None)
    if not isinstance(guarantees, StoreGuarantees):
        raise ConfigurationError(f"the store's guarantees are {shown(guarantees)}: give StoreGuarantees(...)")
    check_number("the store's resolution", guarantees.resolution, positive=False)
    for name in ("durable", "can_watch", "is_local"):
        check_flag(f"the store's guarantee {name}", getattr(guarantees, name))


def check_surroundings(store: object, clock: object, rng: object = None) -> None:
    """Refuse what cannot be used as a store, as a clock, or to draw from.

    Raises:
        ConfigurationError: One of them lacks a method. No clock and no `rng` stand for the default.
    """
    check_store(store)
    if clock is not None:
        check_like("clock", clock, ("now", "utcnow", "wait"), "a Clock")
    if rng is not None:
        check_like("rng", rng, ("random",), "a random.Random")


def perform(store: LeaseStore, request: Request, timeout: float) -> Reply:
    """Ask the store. Every exception is an answer (P13), and only a success is a success.

    Args:
        store: The lease.
        request: What to do.
        timeout: Seconds left; none left: it is not sent at all.
    """
    if timeout <= 0:
        return _expired(request)
    call = _call(store, request, timeout)
    try:
        return _reply(request, getattr(store, call.method)(*call.arguments, timeout=timeout))
    except BaseException as error:  # noqa: BLE001  # P13: whatever it was, it is an answer
        return _reply(request, error)


def can_batch(store: LeaseStore) -> bool:
    """Whether its calls can be made together: not where a subclass or a wrapper changes one of them."""
    kind, names = type(store), _METHODS[:3]
    home = next((each for each in kind.__mro__ if "call_together" in vars(each)), None)
    if home is None or not isinstance(store, BatchStore):
        return False
    is_changed = any(getattr(kind, name) is not getattr(home, name) for name in names)
    return not is_changed and getattr(store, "__dict__", {}).keys().isdisjoint(names)


def perform_together(asked: Sequence[tuple[LeaseStore, Request, float]]) -> list[Reply | None]:
    """Ask stores of one server: each request with its store and the seconds left, as for `perform`.

    Returns:
        A reply for each; None: it is to be asked by itself.
    """
    calls = [_call(*each) for each in asked if each[2] > 0]
    outcomes = iter(_call_together(calls))
    replies = list[Reply | None]()
    for _, request, timeout in asked:
        if timeout > 0:
            outcome = next(outcomes)
            replies.append(None if outcome is None else _reply(request, outcome))
        else:
            replies.append(_expired(request))
    return replies


def _call_together(calls: Sequence[Call]) -> Sequence[object]:
    if not calls:
        return ()
    store: Any = calls[0].store
    try:
        outcomes: list[object] = list(store.call_together(calls))
    except BaseException as error:  # noqa: BLE001  # P13: that is the outcome of all
        return [error] * len(calls)
    if len(outcomes) != len(calls):
        return [ValueError(f"the store answered {len(outcomes)} of {len(calls)} calls")] * len(calls)
    return outcomes


def _call(store: LeaseStore, request: Request, timeout: float) -> Call:
    if isinstance(request, GetLease):
        return Call(store, "get_lease", (), timeout)
    if isinstance(request, CreateLease):
        return Call(store, "create_lease", (request.lease,), timeout)
    return Call(store, "update_lease", (request.lease, request.version), timeout)


def _reply(request: Request, outcome: Any) -> Reply:
    """What a call returned, or raised. Only a success is a success (P13)."""
    if isinstance(outcome, LeaseConflict):
        return Refused(request.id)
    if isinstance(outcome, LeaseNotFound):
        return Missing(request.id)
    if isinstance(outcome, BaseException):
        is_unknown = not isinstance(outcome, StoreUnavailable) or outcome.outcome_unknown
        return Unavailable(request.id, is_unknown, _describe(outcome))
    return Found(request.id, outcome) if isinstance(request, GetLease) else Written(request.id, outcome)


def _expired(request: Request) -> Reply:
    return Unavailable(request.id, outcome_unknown=False, reason="it expired before it was sent")


def _describe(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
