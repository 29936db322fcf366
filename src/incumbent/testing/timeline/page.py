"""A timeline as one HTML page: the drawing, a map of the whole run, the story, and how to have it again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Final

from incumbent.config import ElectorConfig
from incumbent.testing.history import History
from incumbent.testing.simulation.replay import program
from incumbent.testing.timeline.lanes import Picture
from incumbent.testing.timeline.legend import legend_items
from incumbent.testing.timeline.parts import OWED, firsts, weightiest
from incumbent.testing.timeline.script import PAGE_STYLE, SCRIPT
from incumbent.testing.timeline.signs import seconds
from incumbent.testing.timeline.style import look, swatch
from incumbent.testing.timeline.svg import CROWD, GUTTER, ORDINARY, draw
from incumbent.testing.timeline.words import named

WIDTH: Final = 1400
MOST: Final = 20_000
"""Of messages in a page: of longer runs it keeps those to which something happened."""

STORY: Final = 2000
LONGEST: Final = 220
MAP_LANE: Final = 12


def page(history: History, picture: Picture) -> str:
    """Build the page of a simulated run."""
    return build(
        picture,
        title=f"{history.candidates} candidates, {seconds(picture.end, 1)} s, seed {history.seed}",
        verdict=_verdict(picture),
        aside=f"<h2>The world drawn</h2>{table(world(history))}<h2>Have it again</h2>"
        f"<pre>{escape(chr(10).join(program(history)))}</pre>",
        lease=max(config.lease_duration for config in history.configs.values()),
    )


def build(picture: Picture, *, title: str, verdict: str, aside: str, lease: float) -> str:
    """Build a page.

    Args:
        picture: What is drawn, and told.
        title: Of the page.
        verdict: As HTML: whether all holds.
        aside: As HTML: what stands beside the story.
        lease: The longest lease duration, in seconds: so much is shown around what is chosen.
    """
    shown, note = _thinned(picture)
    drawing = draw(shown, 0, max(picture.end, 1), WIDTH, for_page=True)
    head = (
        f'<meta charset="utf-8"><title>incumbent: {escape(title)}</title><style>{PAGE_STYLE}</style>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
    )
    body = (
        f"<header><h1>{escape(title)}</h1>{verdict}</header>\n{_toolbar(picture)}{note}"
        f'<div id="map">{_map(picture)}<div id="brush"></div></div>\n'
        f'<div id="chart">{drawing}</div><ul id="legend">{legend_items()}</ul><div id="tip"></div>\n'
        f"<main><section><h2>What happened</h2>{_story(picture)}</section>"
        f"<section>{aside}</section></main>\n<script>{SCRIPT}</script>"
    )
    data = " ".join(f'data-{name}="{value}"' for name, value in _settings(picture, lease))
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head>\n<body {data}>{body}</body></html>\n'


def _settings(picture: Picture, lease: float) -> Iterator[tuple[str, object]]:
    """Yield the data attributes that the script reads."""
    yield "end", seconds(max(picture.end, 1))
    yield "lease", lease
    yield "marks", ",".join(seconds(one.at) for one in firsts(picture.violations))
    yield "gutter", GUTTER
    yield "crowd", CROWD


def held(lines: Sequence[str], *, is_broken: bool) -> str:
    """A verdict, as HTML."""
    if not is_broken:
        return "".join(f'<p class="held">✓ {escape(line)}</p>' for line in lines)
    return f'<ul class="broken">{"".join(f"<li>{escape(shortened(line))}</li>" for line in lines)}</ul>'


def table(rows: Iterable[tuple[str, str]]) -> str:
    """Names and what they are, as HTML."""
    drawn = (f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows)
    return f"<table>{''.join(drawn)}</table>"


def _thinned(picture: Picture) -> tuple[Picture, str]:
    count = sum(len(lane.messages) for lane in picture.lanes)
    if count <= MOST:
        return picture, ""
    lanes = [
        lane._replace(fuses=[], messages=[one for one in lane.messages if one.kind not in ORDINARY])
        for lane in picture.lanes
    ]
    left_out = "those to which nothing happened, and how each candidate sees the lease, are left out"
    return picture._replace(lanes=lanes), f'<p class="note">A run of {count} messages: {left_out}.</p>'


def _verdict(picture: Picture) -> str:
    if not picture.violations:
        terms = sum(len(lane.terms) for lane in picture.lanes)
        return (
            f'<p class="held">✓ Every property holds, over {terms} {"term" if terms == 1 else "terms"}.</p>'
        )
    rules: dict[str, list[str]] = {}
    for one in picture.violations:
        rules.setdefault(one.rule, []).append(f"at {seconds(one.at)} s: {one.what}")
    lines = []
    for rule, found in rules.items():
        more = f" (and {len(found) - 1} more)" if found[1:] else ""
        lines.append(f"<li><b>{escape(named(rule))}</b> {escape(shortened(found[0]))}{more}</li>")
    return f'<ul class="broken">{"".join(lines)}</ul>'


def shortened(text: str) -> str:
    """The first words, where there are many."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _toolbar(picture: Picture) -> str:
    buttons = [("whole", "whole run", "0"), ("in", "+", "+"), ("out", "&minus;", "-")]
    buttons += [("left", "◀", "left"), ("right", "▶", "right"), ("before", "↑", "p"), ("after", "↓", "n")]
    if picture.violations:
        buttons.insert(0, ("violation", "▼ what is violated", "v"))
    said = {"in": "zoom in", "out": "zoom out", "left": "earlier", "right": "later"}
    said |= {"before": "what happened before", "after": "what happened next"}
    shown = "".join(
        f'<button id="{name}" title="{said.get(name, text)}; key: {key}" aria-label="{said.get(name, text)}">'
        f"{text}</button>"
        for name, text, key in buttons
    )
    hint = "wheel: zoom · drag or shift-wheel: move · hover or tap: what it is"
    return f'<nav>{shown}<span id="window"></span><span class="hint">{hint}</span></nav>\n'


def _map(picture: Picture) -> str:
    """The whole run, small: terms, faults, violations."""
    end = max(picture.end, 1)
    height = MAP_LANE * len(picture.lanes) + 4

    def box(start: int, stop: int, y: float, high: float, style: str) -> str:
        x, wide = start * 1000 / end, max((stop - start) * 1000 / end, 0.6)
        return f'<rect class="{style}" x="{x:.2f}" y="{y}" width="{wide:.2f}" height="{high}"/>'

    shapes = []
    for index, lane in enumerate(picture.lanes):
        y = 2 + index * MAP_LANE
        shapes += [box(fault.start, fault.end, y + 9, 2, "fault") for fault in lane.faults]
        shapes += [box(term.start, term.end, y + 1, 7, look(index)) for term in lane.terms]
    shapes += [box(one.start, one.end, 0, height, "two") for one in picture.clashes if one.label == OWED]
    shapes += [box(one.at, one.at, 0, height, "two") for one in firsts(picture.violations)]
    size = f'viewBox="0 0 1000 {height}" height="{height * 1.5}"'
    return f'<svg {size} preserveAspectRatio="none">{"".join(shapes)}</svg>'


def _story(picture: Picture) -> str:
    kept, left_out = weightiest(picture.story, STORY)
    swatches = {
        lane.name: f'<i style="background:{swatch(index)}"></i>' for index, lane in enumerate(picture.lanes)
    }
    rows = []
    for moment in kept:
        who = swatches.get(moment.who, "") + escape(moment.who)
        at = f'<a href="#{seconds(moment.at)}">{moment.at / 1e9:.3f}</a>'
        cells = f"<td>{at}</td><td>{who}</td><td>{escape(shortened(moment.what))}</td>"
        rows.append(f'<tr data-at="{seconds(moment.at)}" class="w{moment.weight}">{cells}</tr>')
    more = f"<p>({left_out} lesser ones are left out)</p>" if left_out else ""
    return f'<div class="story"><table><tbody>{"".join(rows)}</tbody></table></div>{more}'


def world(history: History) -> Iterator[tuple[str, str]]:
    """The parameters of a run, in words."""
    yield "seed", str(history.seed)
    settings: dict[str, list[str]] = {}
    for name, config in list(history.configs.items())[: history.candidates]:
        settings.setdefault(_settings_of(config), []).append(name)
    for said, names in settings.items():
        yield f"candidate{'s' if names[1:] else ''} {' '.join(names)}", said
    profile = history.profile
    least, most = (seconds(delay, 6) for delay in profile.delay)
    yield "messages", f"take {least} to {most} s"
    for what, rates in (("requests", profile.requests), ("answers", profile.answers)):
        if rates:
            yield what, ", ".join(f"{trouble} {rate / 1e4:.2g} %" for trouble, rate in rates)
    if profile.strikes:
        yield "faults", f"{', '.join(profile.strikes)}; one in {seconds(profile.strike_every, 2)} s"
    if profile.drift:
        yield "clocks", "drift as far as is declared"
    if profile.wind_down:
        yield "work", f"takes up to {seconds(profile.wind_down, 2)} s to end"


def _settings_of(config: ElectorConfig) -> str:
    said = [
        f"lease {config.lease_duration:g} s, renew deadline {config.renew_deadline:.4g} s",
        f"retry period {config.retry_period:.4g} s, request timeout {config.request_timeout:.4g} s",
        f"jitter {config.jitter:g}, takeover delay {config.takeover_delay:g} s",
        f"clock drift {config.clock_drift:g}",
    ]
    said += ["watches"] if config.guarantees.can_watch else []
    said += [] if config.guarantees.durable else ["the store may forget"]
    return ", ".join(said)
