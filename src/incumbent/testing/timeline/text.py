"""A timeline as text: a few rows of glyphs for each candidate, then the story."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from incumbent.testing.timeline.lanes import Lane, Picture
from incumbent.testing.timeline.parts import Moment, Span, weightiest, within
from incumbent.testing.timeline.signs import GLYPHS, MESSAGES, SIGNS, legend, seconds
from incumbent.testing.timeline.words import named

LABEL: Final = 13
STORY: Final = 30
"""At most so many lines: what weighs least is left out."""

TICK_EVERY: Final = 12
"""Columns, at least, from one time to the next."""


class Chart:
    """Rows of columns that share a window of time; a column ends before the next begins."""

    def __init__(self, since: int, until: int, width: int) -> None:
        self.since = since
        self.until = until
        self.columns: int = max(width - LABEL, 10)
        self.rows: list[str] = []
        self.used: set[tuple[str, str]] = set()  # rows of signs, and glyphs in them

    def column(self, at: int) -> int:
        """The column of an instant, which may lie outside."""
        return (at - self.since) * self.columns // max(self.until - self.since, 1)

    def blank(self) -> list[str]:
        """An empty row."""
        return [" "] * self.columns

    def fill(self, row: list[str], start: int, end: int, glyph: str) -> None:
        """Put a glyph wherever this time touches a column."""
        last = max(self.column(end - 1), self.column(start))
        for column in range(max(self.column(start), 0), min(last + 1, self.columns)):
            row[column] = glyph

    def write(self, row: list[str], column: int, text: str) -> None:
        """Write over a row, as far as there is room."""
        for index, character in enumerate(text, column):
            if 0 <= index < self.columns:
                row[index] = character

    def add(self, label: str, row: list[str], signs: str = "") -> None:
        """Append a row, unless it is empty, and remember which signs of these it has."""
        if "".join(row).strip():
            self.used |= {(signs, glyph) for glyph in row}
            self.rows.append(f"{label:<{LABEL}}{''.join(row)}".rstrip())


def draw(picture: Picture, since: int, until: int, width: int) -> str:
    """The picture from `since` to `until`, in lines of at most `width` columns."""
    chart = Chart(since, until, width)
    _axis(picture, chart)
    for lane in picture.lanes:
        _lane(picture, lane, chart)
    _store(picture, chart)
    step = (until - since) / chart.columns
    scale = f"one column is {seconds(round(step), 3)} s" if until > since else "nothing has happened"
    story = _story(picture.story, since, until, width)
    return "\n".join([*chart.rows, "", *legend(chart.used, width), scale, *story]) + "\n"


def _axis(picture: Picture, chart: Chart) -> None:
    flags = chart.blank()
    for one in picture.violations:
        chart.fill(flags, one.at, one.at, GLYPHS["all", "violated"])
    first = next((one for one in picture.violations if chart.since <= one.at < chart.until), None)
    if first is not None:
        text, column = named(first.rule), chart.column(first.at)
        for start in (column + 2, column - 1 - len(text)):  # after its flag, or before it where others follow
            room = flags[max(start - 1, 0) : start + len(text)]
            if start >= 0 and start + len(text) <= chart.columns and not "".join(room).strip():
                chart.write(flags, start, text)
                break
    chart.add("violated", flags, "all")
    axis = chart.blank()
    step = tick_step(chart.until - chart.since, chart.columns // TICK_EVERY)
    for at in range(-(-chart.since // step) * step, chart.until, step):
        label = f"|{seconds(at)}"
        if chart.column(at) + len(label) <= chart.columns:
            chart.write(axis, chart.column(at), label)
    chart.add("seconds", axis)


def tick_step(span: int, ticks: int) -> int:
    """A round number of nanoseconds, so that `span` has at most so many ticks."""
    step = 1
    while True:
        for factor in (1, 2, 5):
            if step * factor * max(ticks, 1) >= span:
                return step * factor
        step *= 10


def _lane(picture: Picture, lane: Lane, chart: Chart) -> None:
    _roles(picture, lane, chart)
    office, faults = chart.blank(), chart.blank()
    _fill_kinds(chart, office, lane.office, "office")
    chart.add("   office", office, "office")
    _fill_kinds(chart, faults, lane.faults, "fault")
    chart.add("   faults", faults, "fault")
    lease = chart.blank()
    for fuse in lane.fuses:
        burnt = max(fuse.start, min(fuse.end, fuse.out))
        if not fuse.holder:
            chart.fill(lease, fuse.start, fuse.end, GLYPHS["lease", "free"])
            continue
        if fuse.start < burnt:
            chart.fill(lease, fuse.start, burnt, fuse.holder[:1])
        if burnt < fuse.end:
            chart.fill(lease, burnt, fuse.end, GLYPHS["lease", "expired"])
    chart.add("   lease", lease, "lease")
    row = chart.blank()
    for message in sorted(lane.messages, key=lambda message: MESSAGES.index(message.kind)):
        chart.fill(row, message.start, message.start, GLYPHS["messages", message.kind])
    chart.add("   messages", row, "messages")


def _roles(picture: Picture, lane: Lane, chart: Chart) -> None:
    row = chart.blank()
    _fill_kinds(chart, row, lane.roles, "role")
    for term in lane.terms:
        chart.fill(row, term.start, term.end, GLYPHS["role", "leads"])
    for term in lane.terms:
        token = term.label.rpartition(" ")[2]
        first, last = max(chart.column(term.start), 0), chart.column(term.end - 1)
        if last - first > len(token):
            chart.write(row, first + 1, token)
    for clash in picture.clashes:
        if any(term.start < clash.end and clash.start < term.end for term in lane.terms):
            chart.fill(row, clash.start, clash.end, GLYPHS["role", "two lead"])
    chart.add(f"{lane.name}  role", row, "role")


def _fill_kinds(chart: Chart, row: list[str], spans: list[Span], signs: str) -> None:
    """Fill a row with spans; of kinds that share a column the one shows that comes first in the table."""
    for sign in reversed([sign for sign in SIGNS if sign.row == signs]):
        for span in spans:
            if span.kind == sign.kind:
                chart.fill(row, span.start, span.end, sign.glyph)


def _store(picture: Picture, chart: Chart) -> None:
    holders, versions, faults = chart.blank(), chart.blank(), chart.blank()
    spans = list(within(picture.records, chart.since, chart.until))
    for span in spans:
        is_vacant = span.kind == "vacant"
        chart.fill(holders, span.start, span.end, GLYPHS["store", "vacant"] if is_vacant else span.kind[:1])
    chart.add("store holder", holders, "store")
    for index, span in enumerate(spans):
        first = chart.column(span.start)
        room = (chart.column(spans[index + 1].start) if index + 1 < len(spans) else chart.columns) - first
        chart.write(
            versions, first, GLYPHS["store", "version"] + (span.label if len(span.label) + 1 < room else "")
        )
    chart.add("   version", versions, "store")
    _fill_kinds(chart, faults, picture.store_faults, "store")
    chart.add("   faults", faults, "store")


def _story(story: Iterable[Moment], since: int, until: int, width: int) -> list[str]:
    told = list(within(story, since, until))
    kept, left_out = weightiest(told, STORY)
    lines = []
    for moment in kept:
        line = f"{seconds(moment.at, 3):>9}  {moment.who:<5}  {moment.what}"
        lines.append(line if len(line) <= width else f"{line[: width - 1]}…")
    return [*lines, *([f"           ({left_out} more in this window)"] if left_out else [])]
