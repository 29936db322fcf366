"""What users may import, and what importing costs them."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import incumbent

# The design's public names, and the values that a store's author needs beside them.
PUBLIC = {
    *("Campaign", "Leadership", "Elector", "ElectorConfig"),
    *("Lease", "LeaseStore", "Clock", "SystemClock", "open_store"),
    *("ElectionError", "ConfigurationError", "StoreError", "StoreUnavailable"),
    *("LeaseConflict", "LeaseNotFound", "CorruptLease", "LeadershipLost"),
    *(
        "StoredLease",
        "StoreGuarantees",
        "Version",
        "Watch",
        "WatchableStore",
        "LeaseWatchableStore",
        "BatchStore",
        "Call",
    ),
    *("Health", "Observer", "Sight"),
    *("aio", "testing"),
}
CORE = {
    "core.candidacy": {"Candidacy"},
    "clock": {"Clock", "SystemClock", "SYSTEM_CLOCK"},
    "config": {"ElectorConfig", "tolerates"},
    "core.elector": {"Elector", "Validity", "EPOCH"},
    "errors": {
        name for name in PUBLIC if name.endswith(("Error", "NotFound", "Conflict", "Lost", "Unavailable"))
    }
    | {"CorruptLease"},
    "lease": {"Lease", "StoredLease", "StoreGuarantees", "Version", "to_ns", "new_session"},
    "core.messages": {
        "Start",
        "TimerFired",
        "StoreChanged",
        "Abstain",
        "Resign",
        "Stop",
        "Effects",
        "Input",
        "Reply",
        "Request",
    },
    "core.observation": {"Observation"},
    "core.sight": {"Sight", "Lookout"},
    "core.health": {"Health", "Vitals"},
    "core.states": {"MACHINE", "MOVES", "STATES", "mermaid"},
    "store": {"BatchStore", "Call", "LeaseStore", "LeaseWatchableStore", "Watch", "WatchableStore"},
}
LOADED_LATER = {"sqlite3", "rich", "asyncio", "argparse", "psutil", "incumbent.testing", "incumbent.cli"}
NOT_FOR_A_CAMPAIGN = {"uuid", "random", "hashlib", "socket", "pathlib", "incumbent.runtime.trace"}


@pytest.mark.parametrize("module", CORE)
def test_the_modules_of_the_core_have_these_names(module):
    found = vars(importlib.import_module(f"incumbent.{module}"))
    assert CORE[module] <= set(found)


def test_the_public_names_are_these():
    """Both ways: nothing is missing, and nothing is public by accident."""
    assert set(incumbent.__all__) == PUBLIC
    assert len(incumbent.__all__) == len(PUBLIC)


def test_every_public_name_is_there():
    assert [name for name in incumbent.__all__ if getattr(incumbent, name, None) is None] == []


def test_a_star_import_works():
    namespace = {}
    exec("from incumbent import *", namespace)
    assert set(incumbent.__all__) <= set(namespace)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"module 'incumbent' has no attribute 'Leader'"):
        incumbent.Leader  # noqa: B018


def test_it_is_typed():
    assert (Path(incumbent.__file__).parent / "py.typed").is_file()


def test_importing_it_imports_no_more_than_it_needs():
    """A user of one store pays for no other, and a script without asyncio does not load it."""
    script = f"import sys, incumbent; print(*sorted({LOADED_LATER!r} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


def test_a_campaign_imports_what_most_campaigns_need():
    """What is for some of them comes with those: a trace, the name of a host, a look by chance."""
    later = LOADED_LATER | NOT_FOR_A_CAMPAIGN
    script = f"import sys, incumbent; incumbent.Campaign; print(*sorted({later!r} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []
