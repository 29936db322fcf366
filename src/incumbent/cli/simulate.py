"""`incumbent simulate`: elections in virtual time, under drawn faults, held against every property."""

# ruff: noqa: PLC0415 - nothing but this command loads the testing kit, and only when it runs

from __future__ import annotations

import argparse
import secrets
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from incumbent.cli.drawing import can_draw, show_timeline, width
from incumbent.errors import ConfigurationError
from incumbent.lease import to_ns
from incumbent.shown import named_path
from incumbent.tracked import tracked

if TYPE_CHECKING:
    from incumbent.testing.timeline import Timeline


def main(arguments: argparse.Namespace) -> int:
    """Run, print, write what was asked for; 0 if every property holds, else 1."""
    from incumbent.testing.timeline import Timeline
    from incumbent.testing.timeline import run as timeline_run
    from incumbent.testing.timeline.page import world

    seed = secrets.randbelow(2**32) if arguments.seed is None else arguments.seed
    simulation = timeline_run.prepare(seed, arguments.faults, arguments.candidates)
    history = simulation.history
    span = f"{arguments.duration:g} s"
    print(f"{history.candidates} candidates, {span} of faults; then peace, and a leader is owed")
    for name, value in world(history):
        print(f"  {name:<16} {value}")
    try:
        timeline_run.run(simulation, to_ns(arguments.duration), partial(tracked, what="simulating"))
    except AssertionError as error:  # electors state their invariants in production
        print(f"\nan elector failed at {simulation.now / 1e9:.9f} s: {error!r}\n{_repeat(seed, arguments)}")
        return 1
    timeline = Timeline(history)
    found = timeline.violations
    since, until = timeline.around(found[0]) if found else (0.0, arguments.duration)
    print()
    drawn = timeline.text(width=width(), since=since, until=until)
    (show_timeline if can_draw() else print)(drawn)
    _write(timeline, arguments)
    print(*timeline_run.verdict(history, found), _repeat(seed, arguments), sep="\n")
    return 1 if found else 0


def _write(timeline: Timeline, arguments: argparse.Namespace) -> None:
    try:
        if arguments.html is not None:
            Path(arguments.html).write_text(timeline.html(), encoding="utf-8")
        if arguments.svg is not None:
            Path(arguments.svg).write_text(timeline.svg(until=arguments.duration), encoding="utf-8")
        if arguments.json is not None:
            timeline.history.save(arguments.json)
    except OSError as error:
        raise ConfigurationError(
            f"{named_path(error.filename)} cannot be written ({error.strerror}): give another one"
        ) from error


def _repeat(seed: int, arguments: argparse.Namespace) -> str:
    candidates = "" if arguments.candidates is None else f" --candidates {arguments.candidates}"
    faults = "" if arguments.faults == "drawn" else f" --faults {arguments.faults}"
    return f"repeat: incumbent simulate --seed {seed} --for {arguments.duration:g}{candidates}{faults}"
