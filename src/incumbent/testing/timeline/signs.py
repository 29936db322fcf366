"""The signs of a timeline: one table for the text, the drawing, the legend and the documentation."""

from __future__ import annotations

from typing import Final, NamedTuple


class Sign(NamedTuple):
    """A kind of event and its sign.

    Attributes:
        row: The row of a lane in which it is used.
        kind: What it stands for, as the code calls it.
        glyph: In text.
        look: In a drawing.
        meaning: In words.
    """

    row: str
    kind: str
    glyph: str
    look: str
    meaning: str


SIGNS: Final = (
    Sign("role", "leads", "█", "a bar in its colour, with its token", "leads: `is_leader()` is True"),
    Sign("role", "two lead", "X", "red hatching across the lanes", "two lead at once"),
    Sign("role", "term over", "░", "a hollow bar", "still in the role of leader, but `is_leader()` is False"),
    Sign("role", "candidate", "?", "a thick line", "asked for the lease, outcome not known yet"),
    Sign("role", "follower", "·", "a thin line", "follows"),
    Sign("role", "stopped", "_", "no line", "stopped for good"),
    Sign("role", "crashed", "╌", "a broken line", "crashed, not started again yet"),
    Sign("office", "left behind", "z", "a black bar", "runs on, and its process has finished"),
    Sign("office", "release owed", "r", "a dashed line", "the term is over, its release waits for what runs"),
    Sign("office", "told", "t", "a hollow bar", "`on_stopped_leading` runs"),
    Sign("office", "asked to end", "e", "a pale bar", "the work was asked to end, and runs"),
    Sign("office", "works", "w", "a bar in its colour", "the work runs"),
    Sign("fault", "something else", "!", "a small triangle", "something else was done to it"),
    Sign("fault", "paused", "‖", "dark hatching", "the process stands still"),
    Sign("fault", "cut off", "/", "striped", "requests or answers are lost, or both"),
    Sign("fault", "slow", "~", "dotted", "requests or answers take longer, or both"),
    Sign(
        "lease",
        "held",
        "a",
        "a falling edge in the holder's colour",
        "held, and by whom; the edge is the time left",
    ),
    Sign("lease", "expired", "°", "a dotted line", "has run out on its own clock"),
    Sign("lease", "free", "-", "a line at the foot", "released, or no record"),
    Sign("messages", "read", "'", "a thin line down and up", "a read, answered"),
    Sign("messages", "written", "+", "the same, with a dot", "a write that took effect"),
    Sign("messages", "refused", "=", "the same, with a ring", "a write that was refused"),
    Sign("messages", "slow", "s", "a thick line", "slower than the network ever is by itself"),
    Sign("messages", "repeated", "2", "a dashed line", "delivered twice"),
    Sign(
        "messages", "unusable", "u", "a line that ends in a bar", "rejected, or an answer that makes no sense"
    ),
    Sign(
        "messages", "answer lost", "o", "a line up that ends in a cross", "done, but the answer never arrived"
    ),
    Sign("messages", "lost", "x", "a line down that ends in a cross", "never reached the store"),
    Sign("store", "holder", "a", "a bar in the holder's colour", "who holds the lease by the record"),
    Sign("store", "vacant", "-", "a hollow bar", "the record says that it was released"),
    Sign("store", "version", "|", "an edge in the bar", "a write took effect; its version if there is room"),
    Sign("store", "stalled", "%", "striped", "the store answers nothing"),
    Sign("store", "changed from outside", "!", "a small triangle", "the record was changed from outside"),
    Sign("all", "violated", "▼", "a red line with a flag", "a property is violated from here on"),
)

GLYPHS: Final = {(sign.row, sign.kind): sign.glyph for sign in SIGNS}

MESSAGES: Final = tuple(sign.kind for sign in SIGNS if sign.row == "messages")
"""From the least to the most noteworthy: where several share a column, the last of them is shown."""

COLOURS: Final = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#F0E442")
"""Of candidates, in order. With the red of violations, these are the colours that Okabe and Ito chose so that
everybody can tell them apart (https://jfly.uni-koeln.de/color/). Names and tokens are written beside them.
"""

RED: Final = "#D55E00"


def legend(used: set[tuple[str, str]], width: int) -> list[str]:
    """Explain the glyphs that are used in these rows, in lines of at most `width`."""
    lines = [""]
    for sign in SIGNS:
        if (sign.row, sign.glyph) in used and sign.kind not in {"held", "holder"}:
            entry = f"{sign.glyph} {sign.kind}"
            if len(lines[-1]) + len(entry) + 3 > width:
                lines.append("")
            lines[-1] += ("   " if lines[-1] else "") + entry
    return lines


def seconds(at: int, digits: int = 9) -> str:
    """Nanoseconds as seconds, with no more digits than it takes, nor more than `digits`."""
    text = f"{at / 1e9:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
