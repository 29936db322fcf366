"""A timeline as SVG.

What is drawn at a time carries it, in seconds, as `data-a` (and `data-b`, its end): the script of the HTML
page moves it when one zooms. Ordinary messages are left out where they are too many to be told apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Final

from incumbent.testing.timeline.fuses import Fuse
from incumbent.testing.timeline.lanes import Lane, Picture
from incumbent.testing.timeline.legend import LEGEND_HEIGHT, draw_legend
from incumbent.testing.timeline.messages import Leg, Message
from incumbent.testing.timeline.parts import OWED, Span, firsts, within
from incumbent.testing.timeline.signs import seconds
from incumbent.testing.timeline.style import PATTERNS, STYLE, further, look
from incumbent.testing.timeline.text import tick_step
from incumbent.testing.timeline.words import named

GUTTER: Final = 128
TOP: Final = 26
FLAG: Final = 14
LANE: Final = 122
STORE: Final = 62
CROWD: Final = 5
"""Ordinary messages are hidden where a lane has less than so many pixels for each."""

TICK_EVERY: Final = 90
ORDINARY: Final = ("read", "written", "refused")
FAULTS_AT: Final = {"paused": 2, "cut off": 7, "slow": 12}
OFFICE_AT: Final = 43
OFFICE_HIGH: Final = 7
OFFICE: Final = {"works": "works", "asked to end": "asked", "told": "told", "left behind": "left"}
FUSE_AT: Final = 56
FUSE_HIGH: Final = 24
MESSAGES_AT: Final = 88
MESSAGES_HIGH: Final = 24


class Pen:
    """Draws what happens at an instant or lasts, in a window of time."""

    def __init__(self, since: int, until: int, width: int) -> None:
        self.since = since
        self.until = until
        self.width = width

    def x(self, at: int) -> float:
        """Return the position of an instant."""
        return round((at - self.since) * self.width / (self.until - self.since), 2)

    def rect(self, span: Span, y: int, height: int, style: str) -> str:
        """A span as a box."""
        x = self.x(span.start)
        wide = max(round(self.x(span.end) - x, 2), 1)
        times = f'data-a="{seconds(span.start)}" data-b="{seconds(span.end)}"'
        place = f'x="{x}" y="{y}" width="{wide}" height="{height}"'
        return f'<rect class="{style}" {times} {place}>{_title(span.tip)}</rect>'

    def line(self, start: int, end: int, heights: tuple[int, int], style: str, title: str = "") -> str:
        """A line between two instants."""
        times = f'data-a="{seconds(start)}" data-b="{seconds(end)}"'
        place = f'x1="{self.x(start)}" x2="{self.x(end)}" y1="{heights[0]}" y2="{heights[1]}"'
        body = f">{_title(title)}</line>" if title else "/>"
        return f'<line class="{style}" {times} {place}{body}'

    def mark(self, at: int, y: int, sign: str, style: str, title: str = "") -> str:
        """A sign at an instant."""
        place = f'data-a="{seconds(at)}" x="{self.x(at)}" y="{y}"'
        body = f">{_title(title)}</use>" if title else "/>"
        return f'<use href="#{sign}" class="{style}" {place}{body}'

    def text(self, span: Span, y: int, text: str, style: str) -> str:
        """A label that is hidden where its span is too short for it."""
        times = f'data-a="{seconds(span.start)}" data-b="{seconds(span.end)}"'
        start, end = max(self.x(span.start), 0), self.x(span.end)
        hidden = "" if end - start > text_width(text) else ' visibility="hidden"'
        return f'<text class="label {style}" {times} x="{start + 4}" y="{y}"{hidden}>{escape(text)}</text>'

    def flag(self, at: int, y: int, text: str) -> str:
        """A label at an instant, pushed back where it would leave the picture."""
        x = min(self.x(at) + 4, self.width - round(1.2 * text_width(text)))
        return f'<text class="flag violated" data-a="{seconds(at)}" x="{x}" y="{y}">{escape(text)}</text>'

    def fuse(self, fuse: Fuse, y: int, height: int, style: str) -> str:
        """Draw how much of a lease is left, as a shape of width 1 that is stretched over its time."""
        high, low = (round(height * (1 - fuse.left(at)), 2) for at in (fuse.start, fuse.end))
        points = f"0,{high} 1,{low} 1,{height} 0,{height}"
        x = self.x(fuse.start)
        wide = max(round(self.x(fuse.end) - x, 3), 0.01)
        times = f'data-a="{seconds(fuse.start)}" data-b="{seconds(fuse.end)}" data-y="{y}"'
        place = f'points="{points}" transform="translate({x} {y}) scale({wide} 1)"'
        return f'<polygon class="{style}" {times} {place}>{_title(fuse.tip)}</polygon>'


def text_width(text: str) -> float:
    """About how wide a label is, in pixels."""
    return 6.2 * len(text) + 8


def draw(picture: Picture, since: int, until: int, width: int, *, for_page: bool = False) -> str:
    """The picture from `since` to `until`.

    For the page that means all, also what is too small to see, and without the legend, which the page has.
    """
    pen = Pen(since, until, width - GUTTER)
    height = TOP + LANE * len(picture.lanes) + STORE
    colours = {lane.name: look(index) for index, lane in enumerate(picture.lanes)}
    if not for_page:
        picture = _cut(picture, since, until)
    is_crowded = not for_page and crowded(picture, pen.width)
    body = [*_axis(pen, height), *_clashes(pen, picture, height)]
    for index, lane in enumerate(picture.lanes):
        shapes = "".join(_lane(pen, lane, colours, is_crowded=is_crowded))
        body.append(f'<g class="lane" transform="translate(0 {TOP + index * LANE})">{shapes}</g>')
    store = "".join(_store(pen, picture, colours))
    body.append(f'<g class="lane" transform="translate(0 {TOP + len(picture.lanes) * LANE})">{store}</g>')
    body += [shape.replace('class="', 'class="front ') for shape in _clashes(pen, picture, height)]
    body += _violations(pen, picture, height)
    above = FLAG * len(firsts(picture.violations))
    full = height + above + (0 if for_page else LEGEND_HEIGHT)
    rules, patterns = further(len(picture.lanes))
    place = f'x="{GUTTER}" y="{-above}" width="{pen.width}" height="{height + above}"'
    gutter = "".join(_gutter(picture, colours, width))
    view = f'width="{width}" height="{full}" viewBox="0 {-above} {width} {full}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="timeline" {view} font-size="11">'
        f"<style>{rules}{STYLE}</style><defs>{PATTERNS}{patterns}</defs>"
        f'<rect class="paper" y="{-above}" width="100%" height="100%"/>{gutter}'
        f'<svg class="plot" {place} overflow="hidden"><g transform="translate(0 {above})">{"".join(body)}</g>'
        f"</svg>{'' if for_page else draw_legend(height, width)}</svg>\n"
    )


def crowded(picture: Picture, width: int) -> bool:
    """Whether ordinary messages would be too many to be told apart."""
    return any(len(lane.messages) * CROWD > width for lane in picture.lanes)


def _cut(picture: Picture, since: int, until: int) -> Picture:
    lanes = [
        lane._replace(
            roles=list(within(lane.roles, since, until)),
            terms=list(within(lane.terms, since, until)),
            office=list(within(lane.office, since, until)),
            faults=list(within(lane.faults, since, until)),
            fuses=list(within(lane.fuses, since, until)),
            messages=list(within(lane.messages, since, until)),
        )
        for lane in picture.lanes
    ]
    return picture._replace(
        lanes=lanes,
        records=list(within(picture.records, since, until)),
        store_faults=list(within(picture.store_faults, since, until)),
        clashes=list(within(picture.clashes, since, until)),
        violations=[one for one in picture.violations if since <= one.at <= until],
    )


def _gutter(picture: Picture, colours: dict[str, str], width: int) -> Iterator[str]:
    rows = ((15, "faults"), (35, "role"), (50, "office"), (72, "lease as it sees it"), (104, "messages"))
    for index, lane in enumerate(picture.lanes):
        y = TOP + index * LANE
        yield f'<line class="rule" x1="0" x2="{width}" y1="{y}" y2="{y}"/>'
        yield f'<rect class="{colours[lane.name]}" x="4" y="{y + 20}" width="5" height="20"/>'
        yield f'<text class="name" x="14" y="{y + 37}">{escape(lane.name)}</text>'
        if lane.identity != lane.name:
            yield f'<text class="row" x="30" y="{y + 36}">as {escape(lane.identity[:12])}</text>'
        for at, text in rows:
            yield f'<text class="row" x="{GUTTER - 8}" y="{y + at}" text-anchor="end">{text}</text>'
    y = TOP + len(picture.lanes) * LANE
    yield f'<line class="rule" x1="0" x2="{width}" y1="{y}" y2="{y}"/>'
    yield f'<text class="name" x="14" y="{y + 30}">store</text>'
    yield f'<text class="row" x="{GUTTER - 8}" y="{y + 29}" text-anchor="end">version</text>'
    yield f'<text class="row" x="{GUTTER - 8}" y="{y + 50}" text-anchor="end">faults</text>'


def _axis(pen: Pen, height: int) -> Iterator[str]:
    step = tick_step(pen.until - pen.since, pen.width // TICK_EVERY)
    ticks = ""
    for at in range(-(-pen.since // step) * step, pen.until + 1, step):
        x = pen.x(at)
        ticks += f'<line class="grid" x1="{x}" x2="{x}" y1="{TOP - 8}" y2="{height}"/>'
        ticks += f'<text class="row" x="{x + 3}" y="{TOP - 8}">{seconds(at)} s</text>'
    yield f'<g class="axis">{ticks}</g>'


def _clashes(pen: Pen, picture: Picture, height: int) -> Iterator[str]:
    for clash in picture.clashes:
        yield pen.rect(clash, TOP - 4, height - TOP + 4, "clash" if clash.label == OWED else "clash excused")


def _lane(pen: Pen, lane: Lane, colours: dict[str, str], *, is_crowded: bool) -> Iterator[str]:
    mine = colours[lane.name]
    for fault in lane.faults:
        if fault.kind == "something else":
            yield pen.mark(fault.start, 12, "struck", "ink", fault.tip)
        else:
            yield pen.rect(fault, FAULTS_AT[fault.kind], 5, fault.kind.replace(" ", "-"))
    for role in lane.roles:
        if role.kind == "term over":
            yield pen.rect(role, 21, 18, "over")
        elif role.kind != "stopped":
            yield pen.line(role.start, role.end, (30, 30), f"role {role.kind}", role.tip)
    for term in lane.terms:
        yield pen.rect(term, 20, 20, f"term {mine}")
        yield pen.text(term, 34, term.label, f"on-{mine}")
    yield from _office(pen, lane.office, mine)
    for fuse in lane.fuses:
        yield from _fuse(pen, fuse, colours.get(fuse.holder, "other"))
    for message in lane.messages:
        if not is_crowded or message.kind not in ORDINARY:
            yield "".join(_message(pen, message, mine))


def _office(pen: Pen, spans: list[Span], colour: str) -> Iterator[str]:
    for span in spans:
        if span.kind == "release owed":
            yield pen.line(span.start, span.end, (OFFICE_AT + OFFICE_HIGH + 1,) * 2, "owed", span.tip)
        else:
            yield pen.rect(span, OFFICE_AT, OFFICE_HIGH, f"{OFFICE[span.kind]} {colour}")


def _fuse(pen: Pen, fuse: Fuse, colour: str) -> Iterator[str]:
    foot = (FUSE_AT + FUSE_HIGH - 1,) * 2
    burnt = max(fuse.start, min(fuse.end, fuse.out))
    if not fuse.holder:
        yield pen.line(fuse.start, fuse.end, foot, "free", fuse.tip)
        return
    if fuse.start < burnt:
        yield pen.fuse(fuse._replace(end=burnt), FUSE_AT, FUSE_HIGH, f"fuse {colour}")
    if burnt < fuse.end:
        yield pen.line(burnt, fuse.end, foot, "expired", f"{fuse.tip}: it has run out")


def _message(pen: Pen, message: Message, colour: str) -> Iterator[str]:
    kind = "ok" if message.kind in ORDINARY else "odd"
    times = f'data-a="{seconds(message.start)}" data-b="{seconds(message.end)}"'
    yield f'<g class="{kind}" {times}>{_title(message.tip)}'
    for leg in message.legs:
        yield _leg(pen, leg)
    for at, what in message.done:
        if what != "read":
            yield pen.mark(at, MESSAGES_AT + MESSAGES_HIGH, what, colour if what == "written" else "ink")
    yield "</g>"


def _leg(pen: Pen, leg: Leg) -> str:
    top, foot = MESSAGES_AT, MESSAGES_AT + MESSAGES_HIGH
    middle = (top + foot) // 2
    ends = {"lost": "cross", "answer lost": "cross", "unusable": "bar"}
    stops = leg.kind in ends and (leg.down or leg.kind == "answer lost")
    end = middle if stops else (foot if leg.down else top)
    line = pen.line(leg.start, leg.end, (top if leg.down else foot, end), f"leg {leg.kind.replace(' ', '-')}")
    return line + (pen.mark(leg.end, end, ends[leg.kind], "ink") if leg.kind in ends else "")


def _store(pen: Pen, picture: Picture, colours: dict[str, str]) -> Iterator[str]:
    for span in picture.records:
        style = "vacant" if span.kind == "vacant" else colours.get(span.kind, "other")
        yield pen.rect(span, 12, 24, f"record {style}")
    for span in picture.records:
        yield pen.text(span, 28, span.label, f"on-{colours.get(span.kind, 'paper')}")
    for fault in picture.store_faults:
        if fault.kind == "stalled":
            yield pen.rect(fault, 42, 8, "stalled")
        else:
            yield pen.mark(fault.start, 47, "struck", "ink", fault.tip)


def _violations(pen: Pen, picture: Picture, height: int) -> Iterator[str]:
    """The first of each property; the story has them all."""
    flags = [(2 - FLAG * index, one) for index, one in enumerate(firsts(picture.violations))]
    for y, one in flags:
        title = f"{named(one.rule)}, at {seconds(one.at)} s: {one.what}"
        yield pen.line(one.at, one.at, (y - FLAG + 4, height), "violated", title)
    for y, one in flags:
        yield pen.flag(one.at, y, f"▼ {named(one.rule)}")


def _title(text: str) -> str:
    return f"<title>{escape(text)}</title>" if text else ""
