"""The looks of a timeline: one style sheet for SVG and HTML, patterns and signs.

Six colours can be told apart by everybody. Further candidates have them again, hatched, dotted and barred;
names and tokens stand beside all of them.
"""

from __future__ import annotations

from string import Template
from typing import Final

from incumbent.testing.timeline.signs import COLOURS, RED

PAPER: Final = "#fffdf9"
INK: Final = "#22262b"
DARK: Final = (0, 2)
"""The colours on which white letters are read best."""

_FILLS: Final = "".join(
    f".c{number}{{fill:{colour};stroke:{colour}}}\n"
    f".timeline .on-c{number}{{fill:{'#fff' if number in DARK else INK}}}\n"
    for number, colour in enumerate(COLOURS)
)


_DRAWN_OVER: Final = (
    '<path d="M-1 1 1-1M0 8 8 0M7 9 9 7" stroke="#fff" stroke-width="2.2"/>',
    '<circle cx="2" cy="2" r="1.6" fill="#fff"/><circle cx="6" cy="6" r="1.6" fill="#fff"/>',
    '<path d="M2 0V8" stroke="#fff" stroke-width="2.4"/>',
)
_GRADIENTS: Final = (
    "repeating-linear-gradient(45deg,{0} 0 3px,#fff 3px 5px)",
    "radial-gradient(#fff 35%,{0} 40%) 0 0/4px 4px",
    "repeating-linear-gradient(90deg,{0} 0 2px,#fff 2px 4px)",
)


def look(index: int) -> str:
    """The class of the candidate of this number."""
    return f"c{index % (len(COLOURS) * (1 + len(_DRAWN_OVER)))}"


def swatch(index: int) -> str:
    """The same as a background in HTML."""
    row, colour = divmod(index % (len(COLOURS) * (1 + len(_DRAWN_OVER))), len(COLOURS))
    return COLOURS[colour] if row == 0 else _GRADIENTS[row - 1].format(COLOURS[colour])


def further(count: int) -> tuple[str, str]:
    """Return the style and the patterns of the candidates behind the sixth, of so many."""
    rules, patterns = "", ""
    for index in range(len(COLOURS), min(count, len(COLOURS) * (1 + len(_DRAWN_OVER)))):
        row, colour = divmod(index, len(COLOURS))
        behind = f'<rect width="8" height="8" fill="{COLOURS[colour]}"/>'
        patterns += _pattern(f"c{index}", 8, 0, behind + _DRAWN_OVER[row - 1])
        stripe = f'<rect width="1" height="{row}" fill="#fff"/>'  # a fuse is stretched along the time
        patterns += _pattern(f"f{index}", 1 + 2 * row, 0, behind + stripe)
        rules += f".c{index}{{fill:url(#c{index});stroke:{COLOURS[colour]}}}\n"
        rules += f".fuse.c{index}{{fill:url(#f{index})}}\n"
        rules += f".timeline .on-c{index}{{fill:{INK};paint-order:stroke;stroke:#fff;stroke-width:4}}\n"
    return rules, patterns


def styled(sheet: str) -> str:
    """A style sheet with the colours put in."""
    return Template(sheet).substitute(paper=PAPER, ink=INK, red=RED, fills=_FILLS)


STYLE: Final = styled("""
.timeline{font-family:ui-sans-serif,system-ui,'DejaVu Sans',sans-serif}
.timeline text{fill:$ink;pointer-events:none}
.timeline .row{fill:#737880;font-size:10px}
.timeline .name{font-weight:700;font-size:17px}
.paper{fill:$paper}.rule{stroke:#d5d2ca}.grid{stroke:#ebe8e0}
$fills
.other{fill:#8a8f98;stroke:#8a8f98}
.label{font-size:11px}.term{stroke-width:1.2;rx:3px}.term+.label{font-weight:700}
.over{fill:none;stroke:$ink;stroke-dasharray:2 2;pointer-events:all}
.role{stroke:#a9adb4;stroke-width:1.5}
.role.candidate{stroke:$ink;stroke-width:5}
.role.crashed{stroke-dasharray:7 5}
.works,.asked,.told,.left{stroke-width:1}.asked{fill-opacity:.35;stroke-dasharray:3 1.5}
.timeline .told{fill:$paper}.timeline .left{fill:$ink;stroke:$ink}
.owed{stroke:$ink;stroke-width:2;stroke-dasharray:5 2}
.fuse{fill-opacity:.45;stroke:none}
.free{stroke:#a9adb4;stroke-width:1.5}
.expired{stroke:$ink;stroke-width:1.5;stroke-dasharray:1.5 3}
.record{stroke:$paper;fill-opacity:.85}.record.vacant{fill:$paper;stroke:#a9adb4}
.paused{fill:url(#paused)}.cut-off,.stalled{fill:url(#cut)}.slow{fill:url(#slow)}
.leg{stroke:#8a8f98;fill:none}
.leg.lost,.leg.answer-lost,.leg.unusable{stroke:$ink}
.leg.slow{stroke:$ink;stroke-width:2}.leg.repeated{stroke:$ink;stroke-dasharray:3 2}
.ink{stroke:$ink;fill:$paper;stroke-width:1.4}
.clash{fill:url(#clash);stroke:$red}.clash.excused{fill-opacity:.35;stroke-dasharray:3 3}
.front{pointer-events:none;fill-opacity:.6}
.violated{stroke:$red;stroke-width:2}
.timeline .flag{fill:$red;stroke:$paper;stroke-width:3;paint-order:stroke;font-weight:700;font-size:12px}
.far .ok{display:none}
""")


def _pattern(name: str, size: int, turned: int, shape: str) -> str:
    turn = f' patternTransform="rotate({turned})"' if turned else ""
    square = f'width="{size}" height="{size}" patternUnits="userSpaceOnUse"'
    return f'<pattern id="{name}" {square}{turn}>{shape}</pattern>'


def _bars(size: int, wide: float, colour: str, ground: str) -> str:
    behind = f'<rect width="{size}" height="{size}" fill="{ground}"/>'
    return f'{behind}<rect width="{wide}" height="{size}" fill="{colour}"/>'


PATTERNS: Final = (
    _pattern("paused", 4, 45, _bars(4, 2.4, INK, "#c9ccd1"))
    + _pattern("cut", 6, 0, _bars(6, 3, "#7a7f87", "#e4e2dc"))
    + _pattern("slow", 4, 0, _bars(4, 0, INK, "#ebe8e0") + '<circle cx="2" cy="2" r="1.1" fill="#555"/>')
    + _pattern("clash", 8, 45, f'<rect width="3" height="8" fill="{RED}" fill-opacity=".6"/>')
    + '<path id="cross" d="M-3.5-3.5 3.5 3.5M-3.5 3.5 3.5-3.5"/><path id="bar" d="M-4 0H4"/>'
    + '<circle id="written" r="2.6"/><circle id="refused" r="2.6"/><path id="struck" d="M-4.5 3H4.5L0-5Z"/>'
)
