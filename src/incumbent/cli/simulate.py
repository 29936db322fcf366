"""`incumbent simulate`: elections in virtual time, under drawn faults, held against every property."""

# ruff: noqa: PLC0415 - nothing but this command loads the testing kit, and only when it runs

from __future__ import annotations

import argparse
import re
import secrets
import shutil
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.progress import track
from rich.text import Text

from incumbent.errors import ConfigurationError
from incumbent.lease import to_ns

if TYPE_CHECKING:
    from incumbent.testing.timeline import Timeline

NARROWEST: Final = 60
WIDEST: Final = 180
LABEL: Final = 13


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
    bar = None
    if sys.stdout.isatty():
        bar = partial(track, description="simulating", transient=True, console=Console())
    try:
        timeline_run.run(simulation, to_ns(arguments.duration), bar)
    except AssertionError as error:  # electors state their invariants in production
        print(f"\nan elector failed at {simulation.now / 1e9:.9f} s: {error!r}\n{_repeat(seed, arguments)}")
        return 1
    timeline = Timeline(history)
    found = timeline.violations
    since, until = timeline.around(found[0]) if found else (0.0, arguments.duration)
    width = min(max(shutil.get_terminal_size((100, 24)).columns, NARROWEST), WIDEST)
    print()
    _show(timeline.text(width=width, since=since, until=until))
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
            f"{error.filename or 'a file'} cannot be written ({error.strerror}): give another one"
        ) from error


def _repeat(seed: int, arguments: argparse.Namespace) -> str:
    candidates = "" if arguments.candidates is None else f" --candidates {arguments.candidates}"
    faults = "" if arguments.faults == "drawn" else f" --faults {arguments.faults}"
    return f"repeat: incumbent simulate --seed {seed} --for {arguments.duration:g}{candidates}{faults}"


def _show(text: str) -> None:
    """Print a timeline, in colours where there is a terminal."""
    from incumbent.testing.simulation.verbs import NAMES
    from incumbent.testing.timeline.signs import COLOURS, RED

    if not sys.stdout.isatty():
        print(text)
        return
    colours = {name: COLOURS[index % len(COLOURS)] for index, name in enumerate(NAMES)}
    console = Console(highlight=False)
    for line in text.splitlines():
        drawn = Text(line)
        if re.match(r"\w  role ", line):
            drawn.highlight_regex(r"█[█\d]*", colours[line[0]])
            drawn.highlight_regex("X+", f"bold {RED}")
        elif re.match(r"   lease |store holder", line):
            for same in re.finditer(r"([a-z])\1*", line[LABEL:]):
                drawn.stylize(colours[same[1]], same.start() + LABEL, same.end() + LABEL)
        drawn.highlight_regex("▼.*", f"bold {RED}")
        console.print(drawn, soft_wrap=True)
    console.print()
