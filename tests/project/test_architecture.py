"""The picture of the layers is the import graph as it is."""

from __future__ import annotations

import re

from incumbent.core.states import TERM_MOVES, mermaid
from support.project import ROOT, rooms

PAGE = (ROOT / "docs" / "explanation" / "architecture.md").read_text("utf-8")


def test_the_pictures_are_generated():
    """Write the output of `support.project.rooms()` and `mermaid(TERM_MOVES)` there when they change."""
    pictures = re.findall(r"^```mermaid\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert pictures == [rooms(), mermaid(TERM_MOVES) + "\n"]


def test_every_source_file_that_is_named_exists():
    for name in re.findall(r"`([\w/]+\.py)`", PAGE):
        assert (ROOT / "src" / "incumbent" / name).is_file(), name
