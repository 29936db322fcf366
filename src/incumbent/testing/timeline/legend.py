"""Draw the legend of a timeline's signs below it."""

from __future__ import annotations

from html import escape
from typing import Final

LEGEND_HEIGHT: Final = 77
ROW: Final = 19

_SAMPLES: Final = (
    ('<rect class="term c0" y="-9" width="30" height="13"/>', "leads"),
    ('<rect class="over" y="-8" width="30" height="11"/>', "leader by role, term over"),
    ('<line class="role candidate" x2="30" y1="-3" y2="-3"/>', "candidate"),
    ('<line class="role" x2="30" y1="-3" y2="-3"/>', "follower"),
    ('<line class="role crashed" x2="30" y1="-3" y2="-3"/>', "crashed"),
    ('<rect class="works c0" y="-6" width="30" height="7"/>', "work runs"),
    ('<rect class="asked c0" y="-6" width="30" height="7"/>', "asked to end"),
    ('<rect class="told c0" y="-6" width="30" height="7"/>', "told of the end"),
    ('<line class="owed" x2="30" y1="-3" y2="-3"/>', "release waits"),
    ('<rect class="left c0" y="-6" width="30" height="7"/>', "left behind"),
    ('<polygon class="fuse c0" points="0,-10 30,2 30,4 0,4"/>', "time left of the lease"),
    ('<line class="expired" x2="30" y1="-3" y2="-3"/>', "run out"),
    ('<line class="free" x2="30" y1="-3" y2="-3"/>', "lease free"),
    ('<rect class="paused" y="-6" width="30" height="6"/>', "paused"),
    ('<rect class="cut-off" y="-6" width="30" height="6"/>', "cut off, stalled"),
    ('<rect class="slow" y="-6" width="30" height="6"/>', "slow"),
    ('<use href="#struck" class="ink" x="15" y="-3"/>', "something else was done"),
    (
        '<path class="leg" d="M2-10 13 4 24-10"/><use href="#written" class="c0" x="13" y="3"/>',
        "request and answer; written",
    ),
    (
        '<path class="leg" d="M2-10 13 4 24-10"/><use href="#refused" class="ink" x="13" y="3"/>',
        "refused",
    ),
    ('<path class="leg slow" d="M2-10 28 4"/>', "late"),
    ('<path class="leg repeated" d="M2-10 28 4"/>', "twice"),
    ('<path class="leg lost" d="M2-10 15-3"/><use href="#cross" class="ink" x="15" y="-3"/>', "lost"),
    ('<path class="leg" d="M2-10 15-3"/><use href="#bar" class="ink" x="15" y="-3"/>', "unusable"),
    ('<rect class="clash" y="-9" width="30" height="13"/>', "two lead at once"),
)


def legend_items() -> str:
    """The same as a list in HTML, which takes as many lines as it needs."""
    return "".join(
        f'<li><svg class="timeline" width="36" height="18" viewBox="0 -12 34 18" aria-hidden="true">'
        f"{sample}</svg>{escape(text)}</li>"
        for sample, text in _SAMPLES
    )


def draw_legend(y: int, width: int) -> str:
    """The legend from `y` on, within `width`."""
    x, row = 14.0, 0
    drawn = []
    for sample, text in _SAMPLES:
        wide = 36 + 5.6 * len(text) + 16
        if x + wide > width and row < 3:  # noqa: PLR2004 - there is room for four
            x, row = 14.0, row + 1
        label = f'<text class="row" x="36" y="1">{escape(text)}</text>'
        drawn.append(f'<g transform="translate({x:.0f} {y + 17 + row * ROW})">{sample}{label}</g>')
        x += wide
    return f'<g class="legend">{"".join(drawn)}</g>'
