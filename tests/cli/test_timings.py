"""`incumbent timings`: what it says is what a simulation measures."""

from __future__ import annotations

import re

import pytest

from incumbent.cli import main
from incumbent.cli.timings import consequences
from incumbent.config import ElectorConfig
from incumbent.testing import Simulation
from support.project import ROOT

RTT = 0.02  # the simulated network's slowest way there and back
SETTINGS = [
    pytest.param({}, id="defaults"),
    pytest.param({"lease_duration": 4.0, "retry_period": 0.5}, id="short"),
    pytest.param({"lease_duration": 30.0, "renew_deadline": 25.0, "retry_period": 5.0}, id="slow"),
]


def said(settings, seconds=RTT):
    """The rows, as numbers."""
    rows = consequences(ElectorConfig("x", **settings), seconds)
    values = [value.split() for _, value, _ in rows]
    return [float(value[0]) * {"s": 1, "ms": 0.001}[value[1]] for value in values[:-1]]


def worlds(settings, count):
    """Yield elections at moments that lie anywhere between two renewals, and between two looks."""
    retry = settings.get("retry_period", 2.0)
    for seed in range(count):
        world = Simulation(candidates=2, seed=seed, **settings)
        world.run_for(retry * (5 + 0.77 * seed))
        yield world


@pytest.mark.parametrize("settings", SETTINGS)
def test_a_failover_takes_as_long_as_is_said(settings):
    """From a crash at any moment between two renewals: neither less nor more, and the bounds are not idle."""
    soonest, latest, *_ = said(settings)
    took = []
    for world in worlds(settings, 40):
        crashed = world.now
        world.crash("leader")
        world.run_for(latest * 1.1)
        took.append(min(term.start - crashed for term in world.history.terms() if term.start > crashed) / 1e9)
    assert soonest * 0.99 <= min(took) <= soonest * 1.2
    assert latest * 0.9 <= max(took) <= latest * 1.01


@pytest.mark.parametrize("settings", SETTINGS)
def test_a_store_may_be_away_for_as_long_as_is_said(settings):
    """No leader is lost by a network that swallows all for that long, at any moment; some are by more."""

    def lost(seconds):
        for world in worlds(settings, 20):
            world.partition("all", seconds=seconds)
            world.run_for(seconds * 2)
            yield len(world.history.terms()) > 1 or world.leader is None

    away = said(settings)[3]
    assert not any(lost(away))
    assert any(lost(away * 1.05))


def test_each_number_is_explained(capsys):
    """With the rule it comes from."""
    page = (ROOT / "docs" / "guides" / "timings.md").read_text()
    assert main(re.search(r"^incumbent (timings --lease.*)$", page, re.MULTILINE)[1].split()) == 0
    out = capsys.readouterr().out
    assert out in page
    assert max(map(len, out.splitlines())) < 120
    for part in (
        "15 s",
        "10 s",
        "2 s",
        "3.9 s",
        "50 %",
        "2.02 %",
        "(P3)",
        "(P4)",
        "(P6)",
        "(P7, P10)",
        "(P12)",
    ):
        assert part in out, part


def test_a_round_trip_that_is_too_slow_is_told(capsys):
    """By the exit code, too."""
    assert main(["timings", "--lease-duration", "1s", "--rtt", "50ms"]) == 1
    assert "too tight: a request is given 260 ms" in capsys.readouterr().out


@pytest.mark.parametrize("drift", ["0.01", "1%", "10000ppm"])
def test_a_drift_is_written_as_people_do(capsys, drift):
    """As a fraction, in percent, or in millionths."""
    assert main(["timings", "--drift", drift]) == 0
    assert "2.02 %" in capsys.readouterr().out


@pytest.mark.parametrize("drift", ["1", "100%", "-1", "1 %", "x", ""])
def test_what_is_no_drift_is_refused(capsys, drift):
    """With what to write instead."""
    with pytest.raises(SystemExit):
        main(["timings", f"--drift={drift}"])
    assert "give one such as 0.01, 1% or 200ppm" in capsys.readouterr().err


def test_clocks_that_the_settings_do_not_allow_are_refused(capsys):
    """By the one rule there is (P6)."""
    assert main(["timings", "--drift", "30%"]) == 2
    assert "(P6)" in capsys.readouterr().err
