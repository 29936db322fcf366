"""`incumbent explain`: what happened in recorded elections, drawn, in words, and held to the protocol."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from incumbent.cli.drawing import can_draw, show_timeline, width
from incumbent.errors import ConfigurationError
from incumbent.shown import named_path

if TYPE_CHECKING:
    from incumbent.testing.recorded import Explanation

NOT_CONFORMING: Final = 1


def main(arguments: argparse.Namespace) -> int:
    """Explain; return 1 if something does not conform."""
    from incumbent.testing.recorded import explain  # noqa: PLC0415 - the kit is loaded when it is needed

    try:
        found = explain(arguments.traces, arguments.lease)
    except OSError as error:
        raise ConfigurationError(
            f"{named_path(error.filename)} cannot be read ({error.strerror}): give traces, or their folder"
        ) from error
    if arguments.format == "text" and arguments.output is None:
        drawn = found.text(width())
        (show_timeline if can_draw() else print)(drawn)
        print(found.words())
    else:
        _write(arguments.output, _FORMATS[arguments.format](found))
        if arguments.output is not None:
            print(*found.verdict(), f"written to {arguments.output}", sep="\n")
    return NOT_CONFORMING if found.breaches else 0


def _as_text(found: Explanation) -> str:
    return f"{found.text()}\n{found.words()}\n"


_FORMATS: Final[dict[str, Callable[[Explanation], str]]] = {
    "text": _as_text,
    "svg": lambda found: found.svg(),
    "html": lambda found: found.html(),
}


def _write(output: Path | None, content: str) -> None:
    if output is None:
        sys.stdout.write(content)
        return
    try:
        output.write_text(content, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"{named_path(output)} cannot be written ({error.strerror}): give another file"
        ) from error
