"""`incumbent demo`: real failures, real measurements, and nothing left behind."""

from __future__ import annotations

import re
import signal

import pytest

from incumbent.cli.demo import leaders_at_once
from incumbent.cli.demo_view import Beat, Contender, open_view
from support.cli.contenders import PATIENCE, SECOND_NS, eventually


def test_the_demo_fails_over_four_times_and_ends_with_one_leader(world, tmp_path):
    """In under 20 seconds, with plain lines where there is no terminal, and without a trace."""
    demo = world.start("demo", TMPDIR=str(tmp_path))

    out, _ = demo.communicate(timeout=200)

    assert out.splitlines()[-1] == "leaders at once: 1"
    assert demo.returncode == 0
    assert len(re.findall(r"^\w.* \d+\.\d\d s$", out, re.MULTILINE)) == 4
    assert "\x1b" not in out
    assert world.members() == []
    assert not list(tmp_path.glob("incumbent-demo-*"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_tidies_up(world, tmp_path, number):
    """Every process and the directory are gone."""
    demo = world.start("demo", TMPDIR=str(tmp_path))
    eventually("it plays", lambda: len(world.members()) > 5)

    demo.send_signal(number)

    assert demo.wait(PATIENCE) == 130
    assert world.members() == []
    assert not list(tmp_path.glob("incumbent-demo-*"))


@pytest.mark.parametrize(
    ("spans", "count"),
    [
        pytest.param([], 0, id="nobody"),
        pytest.param([(1, 1, 5), (2, 6, 9)], 1, id="one after the other"),
        pytest.param([(1, 1, 5), (2, 5, 9)], 2, id="one instant in common"),
        pytest.param([(1, 1, 9), (2, 2, 3), (3, 5, 6)], 2, id="two within one, apart"),
        pytest.param([(1, 1, 9), (2, 2, 7), (3, 5, 6)], 3, id="three"),
    ],
)
def test_leaders_at_once_counts_terms_that_overlap(spans, count):
    """What the last line says is computed from first and last signs of life."""
    beats = [Beat("anna", token, at) for token, first, last in spans for at in (first, last)]

    assert leaders_at_once(beats) == count


def test_without_its_extra_a_terminal_gets_plain_lines(monkeypatch, capsys):
    """Whoever only embeds the library has installed nothing that draws."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr("incumbent.cli.drawing.find_spec", lambda _: None)

    with open_view([]) as view:
        view.tell("it is over")

    assert re.fullmatch(r" *\d+\.\d s  it is over\n", capsys.readouterr().out)


def test_the_live_view_draws_who_led_when(monkeypatch, capsys):
    """A strip for each contender: its beats are leading, else what was done to it; and the story below."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")
    now = 1_000 * SECOND_NS
    monkeypatch.setattr("incumbent.cli.guard.now_ns", lambda: now)
    anna, bruno = Contender("anna"), Contender("bruno")

    with open_view([anna, bruno]) as view:
        anna.change("waiting")
        bruno.change("waiting")
        now += 3 * SECOND_NS
        bruno.change("frozen")
        beats = [Beat("anna", 7, now), Beat("anna", 7, now + SECOND_NS)]
        now += 4 * SECOND_NS
        anna.change("dead")
        now += SECOND_NS
        view.show(beats)
        view.tell("it is over")

    out = capsys.readouterr().out
    strips = {
        line.split()[1]: line
        for line in out.splitlines()
        if line.startswith("│ ") and " " in line.strip("│ ")
    }
    assert set(strips["anna"].split()[3]) == {"·", "█", "╌"}
    assert strips["bruno"].split()[2] == "frozen"
    assert set(strips["bruno"].split()[3]) == {"·", "░"}
    assert "it is over" in out
