"""A timeline shows what happened, all of it, and what is wrong at a glance."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from incumbent.testing.simulation.swarm import draw
from incumbent.testing.simulation.verbs import Simulation
from incumbent.testing.timeline import Timeline, report
from incumbent.testing.timeline import page as timeline_page
from incumbent.testing.timeline.signs import COLOURS, GLYPHS, RED, SIGNS
from incumbent.testing.timeline.words import named
from support.simulation.timeline_runs import SECOND, scripted, swarm, two_leaders

DOCS = Path(__file__).parents[2] / "docs" / "explanation" / "reading-a-timeline.md"

# The leader is cut off for 12 s. Its term ends at the renew deadline; another waits for the whole lease, and
# leads. Then that one is paused for longer than its term, wakes up, and finds that the first leads again.
GOLDEN = """\
seconds      |0                      |20                     |40
a  role      █1███████████·····························█3███████████████████████
   office    wwwwwwwwwwwww                             wwwwwwwwwwwwwwwwwwwwwwwww
   faults          ///////////////
   lease     aaaaaaaaaaaaaaaa°°°°°bbbbbbbbbbbbbbbbbbbbbaaaaaaaaaaaaaaaaaaaaaaaaa
   messages  ++ + + x xx x x x x x' ' ' ' ' '' ' ' ' ' ++ + + + + ++ + + + + ++
b  role      ?···············█2███████████████████░░░░░░░·······················
   office                    wwwwwwwwwwwwwwwwwwwwwwwwwwww
   faults                                  ‖‖‖‖‖‖‖‖‖‖‖‖‖‖
   lease     aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbbbbbb°°°aaaaaaaaaaaaaaaaaaaaaaaa
   messages  =' ' ' ' ' '' ' + + + ++ + + +             ' ' ' ' ' '' ' ' ' ' ''
store holder aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbbbbbbbbaaaaaaaaaaaaaaaaaaaaaaaaa
   version   || | |4         | | | || | | |12          || | | | | || | | | | ||

█ leads   ░ term over   ? candidate   · follower   w works   ‖ paused
/ cut off   ° expired   ' read   + written   = refused   x lost   | version
one column is 0.821 s
     0.02  a      leads with token 1 (a-1.0) for 10.49 s, until 10.51 s: the re…
        5  a      cut off from the store, for 12 s
    13.58  b      leads with token 2 (b-1.0) for 16.49 s, until 30.07 s: the re…
       17  a      is reached again
       25  b      paused, for 11 s
    34.59  a      leads with token 3 (a-1.2) to the end
       36  b      goes on
"""


def terms_in(text):
    """The leadership intervals that a drawing holds."""
    return sorted(
        re.findall(r'<rect class="term c\d" data-a="([\d.]+)" data-b="([\d.]+)"', text),
        key=lambda term: float(term[0]),
    )


def seconds_of(history):
    pairs = [(term.start, min(term.end, history.end)) for term in history.terms()]
    return [(f"{start / SECOND:.9f}", f"{end / SECOND:.9f}") for start, end in pairs]


def exact(pairs):
    return sorted((f"{float(start):.9f}", f"{float(end):.9f}") for start, end in pairs)


class Tags(HTMLParser):
    """Whether every tag is closed in order, and what is loaded from elsewhere."""

    def __init__(self):
        super().__init__()
        self.open, self.wrong, self.loaded = [], [], []

    def handle_starttag(self, tag, attrs):
        if tag not in {"meta", "br"}:
            self.open.append(tag)
        self.loaded += [
            value for name, value in attrs if name in {"src", "href"} and not value.startswith("#")
        ]

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def test_a_story_as_text():
    """Golden: an isolated leader, then a paused one. Change it only after looking at what is printed here."""
    assert Timeline(scripted().history).text(width=80) == GOLDEN


@pytest.mark.parametrize("seed", range(6))
def test_every_glyph_of_a_row_is_in_the_table_of_signs(seed):
    """A row holds the glyphs of its own signs, names, versions and tokens, and nothing else; lines fit."""
    lines = Timeline(swarm(seed).history).text(width=120).splitlines()
    rows = {"role": "role", "faults": "fault", "lease": "lease", "messages": "messages", "version": "store"}
    for line in lines[: lines.index("")]:
        label = line[:13].split()
        row = "store" if label[0] == "store" else rows.get(label[-1])
        if row is not None:
            known = {
                glyph for (of, _), glyph in GLYPHS.items() if of in (row, "store" if row == "fault" else row)
            }
            assert set(line[13:]) <= known | set("0123456789 abcdefghij"), line
    assert max(map(len, lines)) <= 120


def test_every_sign_and_colour_is_documented():
    """Once each, with its meaning."""
    page = DOCS.read_text("utf-8")
    for sign in SIGNS:
        rows = [line for line in page.splitlines() if line.startswith(f"| {sign.row} | {sign.kind} |")]
        assert len(rows) == 1, sign
        shown = "its letter" if sign.kind in {"held", "holder"} else f"`{sign.glyph}`".replace("|", r"\|")
        assert rows[0].endswith(f"| {shown} | {sign.look} | {sign.meaning} |")
    assert [colour for colour in (*COLOURS, RED) if page.count(colour) != 1] == []


def test_signs_of_one_row_differ():
    """What looks alike could not be told apart."""
    assert [
        pair for pair, count in Counter((sign.row, sign.glyph) for sign in SIGNS).items() if count > 1
    ] == []


@pytest.mark.parametrize("seed", range(4))
def test_a_drawing_is_whole_and_holds_every_term(seed):
    """SVG is XML, HTML is balanced and loads nothing, and both hold all terms to the nanosecond."""
    history = swarm(seed).history
    timeline = Timeline(history)
    html, svg = timeline.html(), timeline.svg()
    tags = Tags()
    tags.feed(html)
    assert (tags.open, tags.wrong, tags.loaded) == ([], [], [])
    assert "//" not in re.sub(r"https?://www\.w3\.org/2000/svg|^ *//.*$", "", html)
    ET.fromstring(svg)
    assert exact(terms_in(html)) == exact(terms_in(svg)) == sorted(seconds_of(history)) != []


def test_a_window_holds_what_touches_it():
    """And nothing else."""
    history = swarm(1).history
    expected = [pair for pair in seconds_of(history) if float(pair[0]) <= 60 and float(pair[1]) >= 40]
    assert exact(terms_in(Timeline(history).svg(since=40, until=60))) == sorted(expected)
    assert 0 < len(expected) < len(history.terms())


def test_two_leaders_are_seen_at_a_glance():
    """The overlap in every form, and the property by name; and none of that where all is well."""
    timeline = Timeline(two_leaders().history)
    first = timeline.violations[0]
    since, until = timeline.around(first)
    text, svg, html = timeline.text(since=since, until=until + 10), timeline.svg(), timeline.html()
    assert {one.rule for one in timeline.violations} > {"exclusion", "one_history"}
    assert named("exclusion") == "S1 exclusion"
    assert re.match(rf"violated +{named(first.rule)} ▼", text.splitlines()[0])
    assert len([line for line in text.splitlines() if "  role " in line and "X" in line]) == 2
    for form in (text, svg, html):
        assert "S1 exclusion" in form
    for form in (svg, html):
        assert '<rect class="clash" data-a' in form
        assert form.count('class="flag') == len({one.rule for one in timeline.violations})
    assert 'class="broken"' in html
    calm = Timeline(scripted().history)
    assert not [sign for sign in ("▼", "X") if sign in calm.text()]
    marks = ('class="clash" data-a', 'class="flag', 'class="broken"')
    assert not [sign for sign in marks if sign in calm.html()]


def test_two_leaders_where_exclusion_is_not_owed_are_shown_as_such():
    """A clock that stands still is outside the promise: no violation, yet one sees it."""
    simulation = Simulation(2, seed=1)
    simulation.run_for(10)
    simulation.drift("leader", -1_000_000)
    simulation.run_for(30)
    timeline = Timeline(simulation.history)
    assert timeline.violations == []
    assert "X" in timeline.text()
    assert '<rect class="clash excused"' in timeline.svg()
    assert "both lead" in timeline.text()


def test_a_report_is_the_violation_the_text_around_it_and_a_page(tmp_path):
    """What a failing test prints."""
    history = two_leaders().history
    wrong = Timeline(history).violations[-1]
    lines = report(history, wrong, directory=tmp_path).splitlines()
    page = tmp_path / "timeline-3.html"
    assert lines[0].startswith(f"{named(wrong.rule)}, at {wrong.at / SECOND:.9f} s: ")
    assert "▼" in lines[2]
    assert lines[-1] == f"the whole run: {page.as_uri()}"
    assert page.read_text("utf-8") == Timeline(history, [wrong]).html()


def test_ten_minutes_make_a_page_of_less_than_three_megabytes():
    """With three candidates, faults and all."""
    simulation = Simulation(3, seed=1, profile=draw(1).profile, lease_duration=4.0, retry_period=0.5)
    simulation.run_until(600 * SECOND)
    assert len(Timeline(simulation.history).html()) < 3_000_000


def test_the_page_of_a_very_long_run_leaves_out_what_is_ordinary(monkeypatch):
    """Never a term or a message that was lost; and it says so."""
    history = swarm(1).history
    whole = Timeline(history).html()
    monkeypatch.setattr(timeline_page, "MOST", 10)
    short = Timeline(history).html()
    assert terms_in(short) == terms_in(whole)
    assert short.count('class="odd"') == whole.count('class="odd"') > 0
    assert 'class="ok"' in whole
    assert 'class="ok"' not in short
    assert "are left out" in short
