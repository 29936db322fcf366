"""The looks of a timeline: one style sheet for SVG and HTML, patterns and signs."""

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
