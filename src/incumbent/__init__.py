"""Leader election that is proved: of many processes that contend for one lease, at most one is incumbent.

Each name is imported when it is first used, so that the command and the pytest plugin start quickly.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from incumbent import aio, testing
    from incumbent.campaign import Campaign
    from incumbent.clock import Clock, SystemClock
    from incumbent.config import ElectorConfig
    from incumbent.core.elector import Elector
    from incumbent.core.health import Health
    from incumbent.core.sight import Sight
    from incumbent.errors import (
        ConfigurationError,
        CorruptLease,
        ElectionError,
        LeadershipLost,
        LeaseConflict,
        LeaseNotFound,
        StoreError,
        StoreUnavailable,
    )
    from incumbent.leadership import Leadership
    from incumbent.lease import Lease, StoredLease, StoreGuarantees, Version
    from incumbent.observer import Observer
    from incumbent.store import BatchStore, Call, LeaseStore, LeaseWatchableStore, Watch, WatchableStore
    from incumbent.stores import open_store

__version__ = "0.1.0"

_HOMES: Final = {
    "campaign": ("Campaign",),
    "clock": ("Clock", "SystemClock"),
    "config": ("ElectorConfig",),
    "core.elector": ("Elector",),
    "core.health": ("Health",),
    "core.sight": ("Sight",),
    "errors": (
        *("ConfigurationError", "CorruptLease", "ElectionError", "LeadershipLost"),
        *("LeaseConflict", "LeaseNotFound", "StoreError", "StoreUnavailable"),
    ),
    "leadership": ("Leadership",),
    "lease": ("Lease", "StoredLease", "StoreGuarantees", "Version"),
    "observer": ("Observer",),
    "store": ("BatchStore", "Call", "LeaseStore", "LeaseWatchableStore", "Watch", "WatchableStore"),
    "stores": ("open_store",),
}
_HOME: Final = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "BatchStore",
    "Call",
    "Campaign",
    "Clock",
    "ConfigurationError",
    "CorruptLease",
    "ElectionError",
    "Elector",
    "ElectorConfig",
    "Health",
    "Leadership",
    "LeadershipLost",
    "Lease",
    "LeaseConflict",
    "LeaseNotFound",
    "LeaseStore",
    "LeaseWatchableStore",
    "Observer",
    "Sight",
    "StoreError",
    "StoreGuarantees",
    "StoreUnavailable",
    "StoredLease",
    "SystemClock",
    "Version",
    "Watch",
    "WatchableStore",
    "aio",
    "open_store",
    "testing",
]


def __getattr__(name: str) -> object:
    if name in {"aio", "testing"}:
        return import_module(f"incumbent.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'incumbent' has no attribute {name!r}")
    value: object = getattr(import_module(f"incumbent.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
