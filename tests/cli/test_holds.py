"""`--hold-for`, `resume`, and what `status` and `watch` show of a hold (P16)."""

from __future__ import annotations

import json
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from incumbent.cli import watch
from incumbent.cli.once import OneChance
from incumbent.lease import EARLIEST_TIME, StoredLease
from incumbent.stores.memory import MemoryStore
from support.cli.contenders import PATIENCE, SHORT
from support.cli.records import lease_of, look_at, run, write

ONCE = ("--once", *SHORT)
HOUR = timedelta(hours=1)


def held_back(by=HOUR):
    return lease_of("", session="").held_back(datetime.now(timezone.utc) + by)


def test_a_nightly_job_runs_once_however_its_starts_are_spread(world):
    """The guide's: it is quicker than the machines' clocks are right, and still one machine runs it."""
    hold = ("--hold-for", "1h")
    first = world.run("lasts:0.05", options=(*ONCE, *hold))
    assert first.wait(PATIENCE) == 0
    lease = world.lease().lease
    assert lease.not_before == lease.acquire_time + HOUR

    for _ in range(3):
        late = world.run("lasts:0.05", options=(*ONCE, *hold))
        assert late.wait(PATIENCE) == 75
        assert "not to be claimed before" in world.stderr(late).splitlines()[-1]
    assert len(world.journal.pids()) == 1


def test_the_guide_says_so():
    """With the options that the test above gives."""
    guide = (Path(__file__).parents[2] / "docs" / "guides" / "command.md").read_text("utf-8")
    assert "--lease reports --once --hold-for 1h -- ./make-reports" in guide


def test_the_next_night_it_runs_again(world):
    hold = ("--hold-for", "300ms")
    assert world.run("lasts:0.05", options=(*ONCE, *hold)).wait(PATIENCE) == 0
    time.sleep(0.4)
    assert world.run("lasts:0.05", options=(*ONCE, *hold)).wait(PATIENCE) == 0


@pytest.mark.parametrize("words", [("lasts:0.05", "exits:3"), ("lasts:60",)], ids=["failed", "ended by TERM"])
def test_a_job_that_did_not_succeed_holds_nobody_back(world, words):
    """Another machine is to try it."""
    first = world.run(*words, options=(*ONCE, "--hold-for", "1h"))
    if len(words) == 1:
        world.workers(1)
        first.terminate()
    assert first.wait(PATIENCE) not in (None, 75)
    assert world.lease().lease.is_vacant
    assert world.lease().lease.not_before == EARLIEST_TIME


def test_without_once_the_others_wait_for_its_end(world):
    """And run it then."""
    first = world.run("lasts:0.05", options=(*SHORT, "--hold-for", "2s"))
    assert first.wait(PATIENCE) == 0
    until = world.lease().lease.not_before
    second = world.run("lasts:0.05", options=SHORT)
    assert second.wait(PATIENCE) == 0
    assert world.lease().lease.acquire_time >= until


def test_the_environment_says_it_too(world):
    first = world.run("lasts:0.05", options=ONCE, INCUMBENT_HOLD_FOR="2m")
    assert first.wait(PATIENCE) == 0
    assert world.lease().lease.not_before != EARLIEST_TIME


@pytest.mark.parametrize(("by", "codes"), [(HOUR, [75]), (-HOUR, [])])
def test_one_chance_gives_up_where_the_lease_is_held_back(by, codes):
    """By this machine's clock: it says that the work was done already."""
    store, found = MemoryStore("a"), []
    store.create_lease(held_back(by), timeout=1)
    chance = OneChance(store, lambda code, _: found.append(code), lease_duration=60.0, delay=0.0)
    chance.get_lease(timeout=1)
    chance.close()
    assert found == codes


def test_status_and_watch_show_a_hold(place, capsys):
    """In words, in JSON, and in one line; one that is over is none to `watch`."""
    lease = held_back()
    write(place, "a", lease)
    write(place, "b", held_back(-HOUR))
    write(place, "c", lease_of(""))
    assert run(place, "status") == 0
    a, b, c = capsys.readouterr().out.split("\n\n")
    assert "not before" in a
    assert "(which is over)" in b
    assert "(which is over)" not in a
    assert "not before" not in c
    assert run(place, "status", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert [each["not_before"] is None for each in shown] == [False, False, True]
    assert [each["resign_requested_by"] for each in shown] == [""] * 3
    assert datetime.fromisoformat(shown[0]["not_before"]) == lease.not_before
    assert ["before" in line for line in look_at(place).values()] == [True, False, False]
    assert watch.describe(StoredLease(held_back(), 1)).startswith("nobody holds it")


def test_resume_ends_a_hold_and_changes_nothing_else(place, capsys):
    lease = held_back()
    store, _ = write(place, "a", lease)
    assert run(place, "resume") == 0
    assert store.get_lease(timeout=5).lease == lease.held_back(EARLIEST_TIME)
    assert "nobody was to claim 'a' before" in capsys.readouterr().out
    assert run(place, "resume") == 1
    assert run(place, "resume", "--lease", "a") == 1
    assert run(place, "resume", "--lease", "x") == 1
    assert "there is no lease 'x'" in capsys.readouterr().err


def test_resume_wants_a_name_where_several_leases_are_held_back(place, capsys):
    for name in "ab":
        write(place, name, held_back())
    assert run(place, "resume") == 2
    assert "several leases are held back (a, b)" in capsys.readouterr().err
