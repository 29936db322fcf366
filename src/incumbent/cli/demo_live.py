"""The demo in a terminal: who led when, drawn as it happens."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Final

from rich.console import Group
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from incumbent.cli import guard
from incumbent.cli.demo_view import DEAD, FROZEN, LEADING, WAITING, Beat, Contender, View

LOOKS: Final = {
    LEADING: ("█", "green"),
    WAITING: ("·", "bright_black"),
    FROZEN: ("░", "cyan"),
    DEAD: ("╌", "red"),
}
SHOWN_NS: Final = 17_000_000_000
LABEL_WIDTH: Final = 21
FRAME_WIDTH: Final = 4


class LiveView(View):
    """A strip of time for each contender, and the story below."""

    def __init__(self, contenders: Sequence[Contender]) -> None:
        super().__init__(contenders)
        self._start = guard.now_ns()
        self._beats: Sequence[Beat] = ()
        self._live = Live(auto_refresh=False)

    def __enter__(self) -> LiveView:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, beats: Sequence[Beat]) -> None:
        """Draw this moment."""
        self._beats = beats
        self._live.update(self._picture(), refresh=True)

    def _print(self) -> None:
        self.show(self._beats)

    def _picture(self) -> Group:
        strips = [self._strip(contender) for contender in self._contenders]
        legend = Text(" " * LABEL_WIDTH)
        for state, (glyph, style) in LOOKS.items():
            legend.append(glyph * 2, style).append(f" {state}   ", "bright_black")
        panel = Panel(Group(*strips, Text(), legend), title="one lease, three contenders", title_align="left")
        return Group(panel, *map(Text, self._lines))

    def _strip(self, contender: Contender) -> Text:
        now = guard.now_ns()
        cells = max(self._live.console.width - LABEL_WIDTH - FRAME_WIDTH, 10)
        width = SHOWN_NS // cells
        led = {(beat.at - self._start) // width for beat in self._beats if beat.identity == contender.name}
        token = next((beat.token for beat in reversed(self._beats) if beat.identity == contender.name), None)
        states = [
            LEADING if cell in led else contender.state_at(self._start + (cell + 1) * width)
            for cell in range(min((now - self._start) // width, cells))
        ]
        current = states[-1] if states else WAITING
        label = f"{contender.name:<6} " + (f"leads, token {token}" if current == LEADING else current)
        strip = Text(f"{label:<{LABEL_WIDTH}}", LOOKS[current][1])
        for state in states:
            strip.append(*LOOKS[state])
        return strip
