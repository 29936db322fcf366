"""Draw in a terminal, where rich is installed (`incumbent[cli]`).

Elsewhere the command prints plain lines.
"""

from __future__ import annotations

import re
import shutil
import sys
from importlib.util import find_spec
from typing import Final

LABEL: Final = 13
NARROWEST: Final = 60
WIDEST: Final = 180


def can_draw() -> bool:
    """Tell whether standard output is a terminal, and there is something to draw with."""
    return sys.stdout.isatty() and find_spec("rich") is not None


def width() -> int:
    """Columns to draw a timeline in: those of the terminal, within reason."""
    return min(max(shutil.get_terminal_size((100, 24)).columns, NARROWEST), WIDEST)


def show_timeline(text: str) -> None:
    """Print a timeline in the colours of its candidates."""
    from rich.console import Console  # noqa: PLC0415 - an extra
    from rich.text import Text  # noqa: PLC0415

    from incumbent.testing.simulation.verbs import NAMES  # noqa: PLC0415 - only `simulate` loads the kit
    from incumbent.testing.timeline.signs import COLOURS, RED  # noqa: PLC0415

    console = Console(highlight=False)
    colours = {name: COLOURS[index % len(COLOURS)] for index, name in enumerate(NAMES)}
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
