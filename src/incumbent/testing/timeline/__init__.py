"""Timelines: what happened in a run, as text, as a drawing and as a page.

`timeline` is the face of it; `lanes` turns a history into what is drawn, with the help of `fuses` (the lease
as each candidate sees it), `office` (what runs of the user's code), `messages` and `store`; `text`, `svg` and
`page` draw it; `signs` and `words` are the one table of glyphs, colours and names.
"""

from __future__ import annotations

from incumbent.testing.timeline.timeline import Timeline, report

__all__ = ["Timeline", "report"]
