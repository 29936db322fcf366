"""`Timeline`: a run to look at, as text, as SVG, or as an HTML page. How to read it: docs/explanation.

    simulation = Simulation(seed=7)
    simulation.run_for(60)
    print(Timeline(simulation.history).text())

`report` is what a failing test prints.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Final

from incumbent.lease import to_ns
from incumbent.testing.history import History, Violation
from incumbent.testing.properties import violations
from incumbent.testing.timeline import page as timeline_page
from incumbent.testing.timeline import svg as timeline_svg
from incumbent.testing.timeline import text as timeline_text
from incumbent.testing.timeline.lanes import Picture, picture
from incumbent.testing.timeline.words import named

BEFORE: Final = 2.5
AFTER: Final = 0.75
"""The lease durations around a violation that a report shows."""


class Timeline:
    """A history, drawn. All forms show the same; times are true time, in seconds.

    Args:
        history: The run.
        found: What was violated in it; looked for if not given.
    """

    def __init__(self, history: History, found: Sequence[Violation] | None = None) -> None:
        self.history = history
        self.violations: list[Violation] = violations(history) if found is None else list(found)

    @cached_property
    def _picture(self) -> Picture:
        return picture(self.history, self.violations)

    def text(self, *, width: int = 100, since: float = 0.0, until: float | None = None) -> str:
        """For a terminal or the output of a test: rows of glyphs, then the story of the window.

        Args:
            width: Of a line, in columns.
            since: Where the window begins.
            until: Where it ends; the end of the run by default.
        """
        return timeline_text.draw(self._picture, *self._window(since, until), width)

    def svg(self, *, width: int = 1400, since: float = 0.0, until: float | None = None) -> str:
        """Draw a picture for documents, of this width in pixels; each event is explained by a `<title>`."""
        return timeline_svg.draw(self._picture, *self._window(since, until), width)

    def html(self) -> str:
        """Build one self-contained page: zoom, drag, and hover over anything."""
        return timeline_page.page(self.history, self._picture)

    def around(self, violation: Violation) -> tuple[float, float]:
        """A window, in seconds, that shows what led to a violation."""
        lease = max(config.lease_ns for config in self.history.configs.values())
        since = max(violation.at - int(BEFORE * lease), 0)
        return since / 1e9, min(violation.at + int(AFTER * lease), self.history.end) / 1e9

    def _window(self, since: float, until: float | None) -> tuple[int, int]:
        last = self.history.end if until is None else to_ns(until)
        first = to_ns(since)
        if not first < last:
            return first, first + 1
        return first, last


def report(history: History, *found: Violation, directory: str | os.PathLike[str] | None = None) -> str:
    """Return the text for a failing test: the violations, the timeline around them, the path of an HTML page.

    Args:
        history: The run.
        found: What was violated; looked for if not given.
        directory: Where the page is written; a new temporary one by default.
    """
    timeline = Timeline(history, found or None)
    path = Path(directory or tempfile.mkdtemp(prefix="incumbent-")) / f"timeline-{history.seed}.html"
    path.write_text(timeline.html(), encoding="utf-8")
    parts = [f"{named(one.rule)}, at {one.at / 1e9:.9f} s: {one.what}" for one in timeline.violations[:3]]
    since, until = timeline.around(timeline.violations[0]) if timeline.violations else (0.0, None)
    return "\n".join([*parts, "", timeline.text(since=since, until=until), f"the whole run: {path.as_uri()}"])
