"""`resign --to` and `pause`: who leads next, or that nobody does (P14, P16, P17); and what is shown of it."""

from __future__ import annotations

import json
import re
import time
from datetime import datetime, timedelta, timezone

import pytest

from incumbent.cli.durations import time_to_come
from incumbent.lease import EARLIEST_TIME, LATEST_TIME
from support.cli.contenders import PATIENCE, SHORT, eventually
from support.cli.records import lease_of, look_at, run, write

HOUR = timedelta(hours=1)
UNHURRIED_S = 12
UNHURRIED = ("--lease-duration", str(UNHURRIED_S), "--retry-period", "1")
"""Whoever is named has a second more than it needs, on a busy machine, too."""


def test_the_request_names_the_successor(place, capsys):
    lease = lease_of("anna")
    store, _ = write(place, "a", lease)
    assert run(place, "resign", "--by", "me", "--to", "bob") == 0
    asked = lease.asked_to_resign("me").meant_for("bob")
    assert store.get_lease(timeout=5).lease == asked
    assert capsys.readouterr().out == "asked anna to resign from 'a', for bob\n"
    assert run(place, "resign", "--by", "you", "--to", "bob") == 0
    assert store.get_lease(timeout=5).lease == asked
    assert "was asked already, by me, for bob" in capsys.readouterr().out


def test_a_later_request_may_name_another_and_one_that_names_nobody_changes_nothing(place):
    store, _ = write(place, "a", lease_of("anna"))
    for options, successor in ((("--to", "bob"), "bob"), (("--to", "carl"), "carl"), ((), "carl")):
        assert run(place, "resign", *options) == 0
        assert store.get_lease(timeout=5).lease.successor == successor


@pytest.mark.parametrize("to", ["", "anna", "b\nob", "b" * 2001])
def test_who_cannot_be_a_successor_is_refused(place, capsys, to):
    """The holder itself, and what is no name."""
    lease = lease_of("anna")
    store, _ = write(place, "a", lease)
    assert run(place, "resign", "--to", to) == 2
    assert "--to is" in capsys.readouterr().err
    assert store.get_lease(timeout=5).lease == lease


def test_status_and_watch_show_for_whom_a_lease_is_meant(place, capsys):
    write(place, "a", lease_of("", session="").meant_for("bob"))
    write(place, "b", lease_of("anna").asked_to_resign("me").meant_for("bob"))
    write(place, "c", lease_of("anna"))
    assert run(place, "status") == 0
    shown = capsys.readouterr().out.split("\n\n")
    assert ["meant for       bob" in each for each in shown] == [True, True, False]
    assert run(place, "status", "--json") == 0
    assert [each["successor"] for each in json.loads(capsys.readouterr().out)] == ["bob", "bob", ""]
    lines = list(look_at(place).values())
    assert ["meant for bob" in lines[0], "asked to resign by me for bob" in lines[1], "bob" in lines[2]] == [
        *(True, True),
        False,
    ]


def test_pause_holds_a_vacant_lease_back_until_resume(place, capsys):
    lease = lease_of("", session="")
    store, _ = write(place, "a", lease)
    assert run(place, "pause") == 0
    assert store.get_lease(timeout=5).lease == lease.held_back(LATEST_TIME)
    assert "nobody is to claim it until `incumbent resume`" in capsys.readouterr().out
    assert run(place, "status") == 0
    assert "not before      `incumbent resume`" in capsys.readouterr().out
    assert run(place, "resume") == 0
    assert store.get_lease(timeout=5).lease == lease


def test_pause_asks_the_holder_to_hold_it_back(place, capsys):
    """What has been asked before stays as it was."""
    store, _ = write(place, "a", lease_of("anna").asked_to_resign("me").meant_for("bob"))
    until = datetime.now(timezone.utc).replace(microsecond=0) + HOUR
    assert run(place, "pause", "--by", "you", "--until", until.isoformat()) == 0
    lease = store.get_lease(timeout=5).lease
    assert (lease.resign_requested_by, lease.successor, lease.not_before) == ("me", "bob", until)
    assert "should it crash before it has, another takes over" in capsys.readouterr().out
    assert run(place, "resume", "--lease", "a") == 0
    assert store.get_lease(timeout=5).lease.not_before == EARLIEST_TIME
    assert "is not to hold it back any more" in capsys.readouterr().out


def test_pause_wants_a_lease_that_is_there_and_a_name_where_there_are_several(place, capsys):
    assert run(place, "pause", "--lease", "a") == 1
    for name in "ab":
        write(place, name, lease_of("anna"))
    assert run(place, "pause", "--lease", "x") == 1
    assert run(place, "pause") == 2
    assert "several leases are here (a, b)" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["soon", "2000-01-01", "9999-01-01", "0001-01-01T00:00+14:00", ""])
def test_what_is_no_time_to_come_is_refused(place, capsys, text):
    write(place, "a", lease_of("anna"))
    with pytest.raises(SystemExit) as ended:
        run(place, "pause", "--until", text)
    assert ended.value.code == 2
    assert "is no time to come" in capsys.readouterr().err


def test_a_time_to_come_is_of_this_machine_unless_it_says_another():
    assert time_to_come("2500-01-01T00:00Z") == datetime(2500, 1, 1, tzinfo=timezone.utc)
    assert time_to_come("2500-01-01T02:00+02:00") == datetime(2500, 1, 1, tzinfo=timezone.utc)
    assert time_to_come("2500-01-01T00:00") == datetime(2500, 1, 1).astimezone(timezone.utc)


def test_a_leader_that_is_paused_ends_its_work_and_nobody_leads_until_resume(world):
    """Of two real contenders."""
    first = world.run("lasts:60", options=SHORT)
    world.workers(1)
    second = world.run("lasts:60", options=SHORT)
    assert world.start("pause", "--store", world.url, "--lease", "lease").wait(PATIENCE) == 0
    eventually("it is released", lambda: world.lease().lease.is_vacant)
    token = world.lease().lease.leader_transitions
    assert world.lease().lease.not_before == LATEST_TIME
    assert world.start("resume", "--store", world.url, "--lease", "lease").wait(PATIENCE) == 0
    eventually("somebody leads", lambda: not world.lease().lease.is_vacant)
    assert world.lease().lease.leader_transitions == token + 1
    for one in (first, second):
        one.terminate()
        one.wait(PATIENCE)


def test_of_real_contenders_the_named_one_leads_and_one_that_is_not_there_costs_a_while(world):
    """Each is named in turn, though all hear of it at once; a dead name holds up nobody for long (L1h)."""
    runs = {name: world.run("lasts:600", options=("--id", name, *UNHURRIED)) for name in "abc"}
    eventually("somebody leads", lambda: world.lease() and not world.lease().lease.is_vacant)
    for _ in range(3):
        before = world.lease().lease
        eventually("all know who leads", lambda of=before: all_wait_for(world, runs, of.holder_identity))
        named = min({*"abc"} - {before.holder_identity})
        asked = ("--store", world.url, "--lease", "lease", "--to", named)
        assert world.start("resign", *asked).wait(PATIENCE) == 0
        eventually("another term", lambda of=before: is_later(world.lease().lease, of))
        assert world.lease().lease.holder_identity == named

    before = world.lease().lease
    assert world.start("resign", "--store", world.url, "--lease", "lease", "--to", "dead").wait(PATIENCE) == 0
    eventually(
        "it is released", lambda: world.lease().lease.is_vacant or is_later(world.lease().lease, before)
    )
    released = time.monotonic()
    eventually("another term", lambda: is_later(world.lease().lease, before))
    assert time.monotonic() - released < UNHURRIED_S / 2
    for one in runs.values():
        one.terminate()
        one.wait(PATIENCE)


def all_wait_for(world, runs, holder):
    """Whether the others have seen it lead, since they led themselves: else they stand aside (P5d)."""
    others = [world.stderr(one) for name, one in runs.items() if name != holder]
    since = [said.rpartition("leader -> follower")[2] for said in others]
    return all(re.findall(r"(\w) holds the lease", said)[-1:] == [holder] for said in since)


def is_later(lease, before):
    """Whether a later term than that one has begun."""
    return not lease.is_vacant and lease.leader_transitions > before.leader_transitions
