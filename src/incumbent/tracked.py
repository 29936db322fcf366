"""Show how far long work has come: a bar on standard error, where that is a terminal and rich is installed.

Elsewhere nothing is shown, so nothing of it gets into a file or a pipe.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def tracked(steps: Iterable[T], what: str, total: int | None = None) -> Iterator[Iterable[T]]:
    """Give the same steps, and show how many of them are done until the context is left.

    Args:
        steps: To be taken one after the other.
        what: What is done, in a word or two.
        total: How many steps there are, if they do not say it by `len`.
    """
    if sys.stderr is None or not sys.stderr.isatty() or find_spec("rich") is None:
        yield steps
        return
    from rich.console import Console  # noqa: PLC0415 - an extra
    from rich.progress import Progress  # noqa: PLC0415

    # What is printed meanwhile goes above the bar, if it goes to the same terminal, and nowhere else.
    is_shared = sys.stdout is not None and sys.stdout.isatty()
    with Progress(console=Console(stderr=True), transient=True, redirect_stdout=is_shared) as bar:
        yield bar.track(steps, total, description=what)
