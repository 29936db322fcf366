"""Print the demo: a line for each event; in a terminal that can be drawn in, see `demo_live`."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple

from incumbent.cli import guard
from incumbent.cli.drawing import can_draw

WAITING: Final = "waiting"
FROZEN: Final = "frozen"
DEAD: Final = "dead"
LEADING: Final = "leading"


class Beat(NamedTuple):
    """A leader's command was alive: whose, in which term, when by `guard.now_ns`."""

    identity: str
    token: int
    at: int


class Contender:
    """One of the three, and what was done to it."""

    process: subprocess.Popen[bytes]

    def __init__(self, name: str) -> None:
        self.name = name
        self.state: str = DEAD
        self._changes: list[tuple[int, str]] = []

    def change(self, state: str) -> None:
        """Something was done to it, now."""
        self.state = state
        self._changes.append((guard.now_ns(), state))

    def state_at(self, at: int) -> str:
        """Its state at `at`, counting only what the demo did to it."""
        return next((state for since, state in reversed(self._changes) if since <= at), DEAD)


class View:
    """Plain lines, as things happen."""

    def __init__(self, contenders: Sequence[Contender]) -> None:
        self._contenders = contenders
        self._began = time.monotonic()
        self._lines: list[str] = []

    def tell(self, line: str) -> None:
        """One thing that happened."""
        self._lines.append(f"{time.monotonic() - self._began:5.1f} s  {line}")
        self._print()

    def show(self, beats: Sequence[Beat]) -> None:
        """Another moment has passed."""

    def _print(self) -> None:
        print(self._lines[-1], flush=True)


@contextmanager
def open_view(contenders: Sequence[Contender]) -> Iterator[View]:
    """The view for this kind of output."""
    if not can_draw():
        yield View(contenders)
        return
    from incumbent.cli.demo_live import LiveView  # noqa: PLC0415 - only a terminal needs it

    with LiveView(contenders) as view:
        yield view
