"""Replay a run from its history, or print it as a program of verbs to paste into a test."""

from __future__ import annotations

from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from incumbent.testing.history import History, Marked, Struck
from incumbent.testing.simulation.verbs import Simulation


def replay(history: History) -> Simulation:
    """Repeat a run from its record: the same rolls, and every scripted verb at its moment."""
    simulation = Simulation(
        configs=list(history.configs.values())[: history.candidates],
        profile=history.profile,
        seed=history.seed,
        rolled=history.rolled,
    )
    for record in history.records:
        if isinstance(record, Struck) and record.scripted:
            getattr(simulation, record.verb)(*record.args)
        elif isinstance(record, Marked):
            simulation.record(record)
    return simulation


def program(history: History) -> list[str]:
    """The run as a Python program: the world, then every scripted verb at its moment, then the check."""
    configs = [_shortest(config) for config in list(history.configs.values())[: history.candidates]]
    profile = _shortest(history.profile)
    lines = [
        "from incumbent import ElectorConfig, StoreGuarantees",
        "from incumbent.testing import Profile, Simulation",
        f"s = Simulation(configs=[{', '.join(configs)}], profile={profile}, seed={history.seed})",
    ]
    for record in history.records:
        if isinstance(record, Marked):
            lines.append(f"s.mark{record[1:]!r}")
        elif isinstance(record, Struck) and record.scripted:
            lines.append(f"s.{record.verb}({', '.join(map(repr, record.args))})")
    return [*lines, "s.check()"]


def one_line(history: History) -> str:
    """The same as one line for a shell."""
    return f'python -c "{"; ".join(program(history))}"'


def _shortest(value: Any) -> str:
    """The value's repr, without what it has by default."""
    if not is_dataclass(value):
        return repr(value)
    given = [
        f"{field.name}={_shortest(getattr(value, field.name))}"
        for field in fields(value)
        if field.init and (field.default is MISSING or getattr(value, field.name) != field.default)
    ]
    return f"{type(value).__name__}({', '.join(given)})"
