"""Imports go one way: who reads a module need know nothing of the ones above it."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter

import pytest

from support.project import imports, imports_when_loaded, sources

# shown <- errors <- lease <- config, states <- messages
# <- observation, candidacy <- state <- leaving <- elector.
CORE = {
    "errors": {"shown"},
    "shown": set(),
    "note": set(),
    "lease": {"errors", "note", "shown", "unique"},
    "config": {"errors", "lease", "shown"},
    "core.states": set(),
    "core.messages": {"lease"},
    "core.observation": {"config", "lease"},
    "core.sight": {"config", "lease", "core.observation"},
    "core.health": {"core.candidacy", "core.candidate", "core.messages", "core.states", "lease"},
    "core.candidacy": {"lease", "core.messages"},
    "core.state": {"core.candidacy", "config", "lease", "core.messages", "core.observation", "core.states"},
    "core.leaving": {"core.candidacy", "core.observation", "core.state", "core.messages", "core.states"},
    "core.elector": {
        "core.candidacy",
        "errors",
        "lease",
        "core.leaving",
        "core.state",
        "core.messages",
        "core.states",
    },
    "core.term_messages": {"core.messages"},
    "core.term": {"core.messages", "core.states", "core.term_messages"},
    "core.candidate": {"core.elector", "core.messages", "core.term", "core.term_messages"},
    "store": {"errors", "lease"},
    "clock": set(),
}
# The protocol has no clock, no randomness, no threads, no log and no I/O of its own.
BANNED = {"time", "random", "secrets", "logging", "threading", "asyncio", "concurrent", "os", "socket", "io"}
SHARED_BY_STORES = {
    "stores",
    "stores._http",
    "stores._kinds",
    "stores._listener",
    "stores._login",
    "stores._options",
    "stores._server",
}
PURE = (
    "errors",
    "shown",
    "note",
    "lease",
    "config",
    "core.states",
    "core.messages",
    "core.observation",
    "core.sight",
    "core.health",
    "core.candidacy",
    "core.state",
    "core.leaving",
    "core.elector",
    "core.term_messages",
    "core.term",
    "core.candidate",
)

PACKAGE = "incumbent"


def ours(name, *, when_loaded=False):
    """The modules of the package that this one imports, without the package's name."""
    find = imports_when_loaded if when_loaded else imports
    found = find(sources()[name], known=frozenset(sources()))
    return {other.removeprefix("incumbent.") for other in found if other.split(".")[0] == PACKAGE}


def modules():
    return {name.removeprefix("incumbent."): name for name in sources() if name != PACKAGE}


def group(module):
    """core, stores, testing, cli; everything else is a driver."""
    if module in CORE or module == "core":
        return "core"
    first = module.split(".")[0]
    return first if first in {"stores", "testing", "cli", "__main__"} else "driver"


def of_group(wanted):
    found = [module for module in modules() if group(module) == wanted]
    assert found, f"there is no {wanted} module: has the layout changed?"
    return found


@pytest.mark.parametrize("module", CORE)
def test_the_core_imports_just_this(module):
    assert ours(f"incumbent.{module}") == CORE[module]


@pytest.mark.parametrize("module", PURE)
def test_the_protocol_has_no_time_chance_threads_log_or_io(module):
    """Promise 5: the same inputs give the same outputs."""
    used = {name.split(".")[0] for name in imports(sources()[f"incumbent.{module}"])}
    assert used.isdisjoint(BANNED)


@pytest.mark.parametrize("module", PURE)
def test_nor_does_it_read_the_wall_clock(module):
    """`datetime` can tell the time without `time`; only its arithmetic is wanted."""
    calls = [node for node in ast.walk(sources()[f"incumbent.{module}"]) if isinstance(node, ast.Attribute)]
    read = {f"{ast.unparse(node.value)}.{node.attr}" for node in calls}
    assert read.isdisjoint({"datetime.now", "datetime.utcnow", "datetime.today", "date.today"})


def test_the_elector_draws_nothing():
    """The random base of its sessions is drawn in `lease`, at construction, or injected."""
    modules = [sources()[f"incumbent.core.{name}"] for name in ("state", "leaving", "elector")]
    used = {name for module in modules for name in imports(module) if not name.startswith("incumbent")}
    assert used == {"__future__", "datetime", "typing", "transitions"}


def test_drivers_know_no_store_no_kit_and_no_command():
    for module in of_group("driver"):
        above = {other for other in ours(modules()[module]) if group(other) not in {"core", "driver"}}
        assert above == set(), f"{module} imports {above}"


def test_stores_know_the_protocol_only_never_each_other_or_a_driver():
    """A store may have private helpers of its own, `_<store>_...`, and what the package of stores shares."""
    for module in of_group("stores"):
        if module in SHARED_BY_STORES:
            continue
        owner = module.split(".")[1].lstrip("_").split("_")[0]
        for other in ours(modules()[module]):
            is_own_helper = other.startswith(f"stores._{owner}")
            is_shared = other in {"errors", "lease", "shown", "store", "unique", *SHARED_BY_STORES}
            assert is_shared or is_own_helper, f"{module} imports {other}"


def test_opening_a_store_loads_only_that_one():
    loaded = ours("incumbent.stores", when_loaded=True)
    assert {other for other in loaded if other.startswith("stores.")} == {"stores._kinds"}


def test_nothing_imports_the_kit_or_the_command_when_loaded():
    """`testing` may know all and is needed by none; `cli` is the outermost."""
    for module, name in modules().items():
        for other in ours(name, when_loaded=True):
            target = group(other)
            if target in {"testing", "cli"}:
                assert group(module) in {target, "__main__"}, f"{module} imports {other}"


def test_no_two_modules_import_each_other():
    """`static_order` raises a `CycleError` that names the cycle."""
    graph = {module: ours(name, when_loaded=True) - {module} for module, name in modules().items()}
    assert len(list(TopologicalSorter(graph).static_order())) >= len(graph)
