"""`status`: what people and probes see of a lease."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timezone

import pytest

from incumbent.cli import main, status
from incumbent.errors import StoreUnavailable
from incumbent.lease import Lease
from incumbent.stores.sqlite import SqliteStore
from support.cli.records import lease_of, look_at, run, write


def test_status_shows_each_lease_in_the_file(place, capsys):
    """Holder, session, token, times, a request to resign, and whether it looks expired."""
    write(place, "a", lease_of("anna"))
    write(place, "b", lease_of("bruno", renewed_ago=60, asked_by="clara"))
    write(place, "c", lease_of("", session=""))

    assert run(place, "status") == 0

    anna, bruno, nobody = capsys.readouterr().out.split("\n\n")
    assert "anna.1" in anna
    assert "looks expired" not in anna
    assert "(of 5 s: looks expired)" in bruno
    assert "by clara" in bruno
    assert "nobody: it was released" in nobody
    assert all("token           3" in lease for lease in (anna, bruno, nobody))


def test_status_as_json_has_the_records_fields(place, capsys):
    """For programs: the names of the protocol, times in ISO 8601."""
    lease = lease_of("anna", renewed_ago=60)
    write(place, "a", lease)
    write(place, "b", lease_of("", session="", renewed_ago=60))

    assert run(place, "status", "--json") == 0

    held, vacant = json.loads(capsys.readouterr().out)
    said = {"not_before": None, "successor": "", "looks_expired": True}
    assert held == {"lease": "a", **lease.to_fields(), **said}
    assert vacant["looks_expired"] is False


@pytest.mark.parametrize(
    ("options", "line"), [((), "there is no lease in sqlite"), (("--lease", "x"), "there is no lease 'x'\n")]
)
def test_status_of_nothing(place, capsys, options, line):
    """Whoever only asks for the exit code must not take it for a lease."""
    SqliteStore(str(place), "other").close()
    assert run(place, "status", *options) == 1
    assert capsys.readouterr().out.startswith(line)
    assert run(place, "status", "--json", *options) == 1
    said = capsys.readouterr()
    assert json.loads(said.out) == []
    assert said.err.startswith(line)


@pytest.mark.parametrize("options", [(), ("--lease", "a")])
def test_status_of_a_corrupt_record_says_so(place, capsys, options):
    """It is shown, next to those that can be read; nobody can be elected by it."""
    store, _ = write(place, "a", lease_of("anna"))
    with store._file.writing(5) as connection:
        connection.execute("UPDATE lease SET lease_duration = -1")

    assert run(place, "status", *options) == 69
    assert "corrupt" in capsys.readouterr().out
    assert run(place, "status", "--json", *options) == 69
    assert "error" in json.loads(capsys.readouterr().out)[0]


@pytest.mark.parametrize(
    ("lease", "what", "code"),
    [
        (("anna", 0), ["held"], 0),
        (("anna", 60), ["held"], 1),
        (("", 0), ["held"], 1),
        (("anna", -3600), ["held"], 0),
        (("anna", 0), ["held-by", "anna"], 0),
        (("anna", 0), ["held-by", "bruno"], 1),
        (("anna", 60), ["held-by", "anna"], 1),
        (("", 0), ["held-by", ""], 1),
    ],
)
def test_a_probe_asks_by_the_exit_code(place, lease, what, code):
    """0 if it is so, 1 if not; a record that looks expired is held by nobody."""
    holder, ago = lease
    write(place, "a", lease_of(holder, renewed_ago=ago, **({} if holder else {"session": ""})))
    assert run(place, "status", "--lease", "a", "--check", *what) == code
    assert run(place, "status", "--lease", "missing", "--check", *what) == 1


@pytest.mark.parametrize(
    ("environment", "code"),
    [
        ({"INCUMBENT_IDENTITY": "anna", "INCUMBENT_TOKEN": "3"}, 0),
        ({"INCUMBENT_IDENTITY": "anna", "INCUMBENT_TOKEN": "2"}, 1),
        ({"INCUMBENT_IDENTITY": "bruno", "INCUMBENT_TOKEN": "3"}, 1),
        ({"INCUMBENT_ID": "anna"}, 0),
        ({"INCUMBENT_ID": "bruno"}, 1),
        ({"INCUMBENT_ID": "anna", "INCUMBENT_TOKEN": "2"}, 0),
        ({}, 2),
    ],
)
def test_a_probe_asks_whether_this_contender_leads(place, environment, code, monkeypatch):
    """Within the command: by the term that it was told. Beside it: by the name that both are given."""
    write(place, "a", lease_of("anna"))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert run(place, "status", "--lease", "a", "--check", "leads") == code


@pytest.mark.parametrize(
    "what", [["hold"], ["held", "x"], ["held-by"], ["held-by", "a", "b"], ["leads", "x"]]
)
def test_a_probe_that_asks_nonsense_is_2(place, what, capsys):
    """It must not pass for an answer."""
    write(place, "a", lease_of("anna"))
    assert run(place, "status", "--lease", "a", "--check", *what) == 2
    assert "held, held-by ID, or leads" in capsys.readouterr().err


def test_a_probe_asks_about_one_lease(place, capsys):
    """Not about all in the file."""
    assert run(place, "status", "--check", "held") == 2
    assert "--lease" in capsys.readouterr().err


RAW = "\x1b[2J\x1b[1;1Hall is well\n  token           99\u202e"


def test_nothing_raw_and_nothing_huge_is_printed(place, capsys):
    """Identities and names cannot clear the screen, forge lines or fill the terminal."""
    for name, lease in {
        RAW: lease_of(RAW, asked_by=RAW),
        "huge": lease_of("x" * 60_000, session="y" * 60_000, asked_by="z" * 60_000),
    }.items():
        write(place, name, lease)
        assert run(place, "status") == 0
        assert run(place, "status", "--lease", name) == 0
        assert run(place, "resign", "--lease", name) == 0
        sys.stdout.writelines(look_at(place).values())
    write(place, "third", lease_of("anna"))
    assert run(place, "resign") == 2
    assert run(place, "resign", "--lease", RAW * 2) == 1
    out, err = capsys.readouterr()
    assert "\x1b" not in out + err
    assert "\u202e" not in out + err
    assert "  token           99" not in out.splitlines()
    assert max(map(len, (out + err).splitlines())) < 1_000
    assert "(60000 long)" in out


def test_a_record_of_the_future_is_shown_as_such(place, capsys):
    """And is no riddle."""
    write(place, "a", lease_of("anna", renewed_ago=-86_400))
    assert run(place, "status") == 0
    assert "in the future: its clock or this one is wrong" in capsys.readouterr().out


@pytest.mark.parametrize("year", [2, 8999])
def test_the_ends_of_the_calendar_are_no_traceback(place, capsys, year):
    """As from a record that was written by hand."""
    at = datetime(year, 6, 1, tzinfo=timezone.utc)
    write(place, "a", Lease("anna", "anna.1", 1e9, at, at, 3))
    assert run(place, "status") == 0
    assert f"{year:04}-06-01" in capsys.readouterr().out
    assert run(place, "resign", "--lease", "a") == 0
    look_at(place)


def test_a_store_that_cannot_list_needs_a_name(capsys):
    """As every store but a SQLite file."""
    assert main(["status", "--store", "memory:"]) == 2
    assert "--lease" in capsys.readouterr().err


def test_a_directory_is_no_store(tmp_path, capsys):
    """A wrong setting is exit code 2, with one line."""
    assert main(["status", "--store", f"sqlite:///{tmp_path}"]) == 2
    assert capsys.readouterr().err.startswith("incumbent: ")


def test_a_store_that_does_not_answer_is_69(monkeypatch, capsys):
    """Another time it may."""

    def unavailable(url, lease):
        raise StoreUnavailable("gone fishing")

    monkeypatch.setattr(status, "read_leases", unavailable)

    assert main(["status", "--store", "memory:"]) == 69
    assert capsys.readouterr().err == "incumbent: gone fishing\n"
