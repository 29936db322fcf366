"""`status`, `watch` and `resign`: what people see of a lease, and the one thing they may do to it."""

from __future__ import annotations

import json
import signal
import sys
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import pytest

from incumbent.cli import main, resign, status, watch
from incumbent.errors import StoreUnavailable
from incumbent.lease import Lease
from incumbent.stores.sqlite import SqliteStore
from support.cli.contenders import PATIENCE


@pytest.fixture
def place(tmp_path):
    """A file for leases, as options of the command."""
    return tmp_path / "leases.db"


def lease_of(holder, *, renewed_ago=0.0, session=None, asked_by="", token=3):
    at = datetime.now(timezone.utc) - timedelta(seconds=renewed_ago)
    session = f"{holder}.1" if session is None else session
    return Lease(holder, session, 5.0, at - timedelta(minutes=1), at, token, asked_by)


def write(place, name, lease):
    store = SqliteStore(str(place), name)
    version = store.create_lease(lease, timeout=5)
    return store, version


def run(place, command, *options):
    return main([command, "--store", f"sqlite:///{place}", *options])


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
    assert held == {"lease": "a", **lease.to_fields(), "looks_expired": True}
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
        sys.stdout.writelines(watch.look(arguments_for(place)).values())
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


@pytest.mark.parametrize("year", [1, 8999])
def test_the_ends_of_the_calendar_are_no_traceback(place, capsys, year):
    """As from a record that was written by hand."""
    at = datetime(year, 6, 1, tzinfo=timezone.utc)
    write(place, "a", Lease("anna", "anna.1", 1e9, at, at, 3))
    assert run(place, "status") == 0
    assert f"{year:04}-06-01" in capsys.readouterr().out
    assert run(place, "resign", "--lease", "a") == 0
    watch.look(arguments_for(place))


def test_resign_among_corrupt_records_says_so(place, capsys):
    """It does not claim that nobody holds a lease."""
    store, _ = write(place, "a", lease_of("anna"))
    with store._file.writing(5) as connection:
        connection.execute("UPDATE lease SET lease_duration = -1")
    assert run(place, "resign") == 69
    assert "repair or delete it" in capsys.readouterr().err


def test_a_user_without_a_name_asks_by_number(monkeypatch):
    """As in a container that is run by a number."""

    def getuser():
        raise KeyError("getpwuid(): uid not found: 54321")

    monkeypatch.setattr("getpass.getuser", getuser)
    monkeypatch.setattr("os.getuid", lambda: 54321)
    assert resign.this_user().startswith("uid-54321@")


def test_watch_tells_of_a_file_that_is_not_there_and_of_one_that_is_empty(place):
    """Silence would pass for an election without a change."""
    assert watch.look(arguments_for(place))[""].startswith("there is no file")
    SqliteStore(str(place), "a").close()
    assert watch.look(arguments_for(place)) == {"": "there is no lease"}


def arguments_for(place, lease=None):
    return SimpleNamespace(store=f"sqlite:///{place}", lease=lease)


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


def test_resign_writes_the_request_and_nothing_else(place, capsys):
    """P14: the record is copied, and only `resign_requested_by` is set."""
    lease = lease_of("anna")
    store, version = write(place, "a", lease)

    assert run(place, "resign", "--by", "me") == 0

    stored = store.get_lease(timeout=5)
    assert stored.lease == lease.asked_to_resign("me")
    assert stored.version != version
    assert capsys.readouterr().out == "asked anna to resign from 'a'\n"
    assert run(place, "resign", "--by", "you") == 0
    assert store.get_lease(timeout=5) == stored
    assert "was asked already, by me" in capsys.readouterr().out


def test_resign_tries_again_while_the_same_session_renews(place):
    """A renewal in between makes the record another one, held by the same."""
    store, _ = write(place, "a", lease_of("anna"))
    store = Interfering(store, [lease_of("anna", token=3), lease_of("anna", token=3)])

    assert resign.ask(store, "a", "me") == 0
    assert store.get_lease(timeout=5).lease.resign_requested_by == "me"


@pytest.mark.parametrize(
    "other", [lease_of("bruno"), lease_of("anna", session="anna.2"), lease_of("", session="")]
)
def test_resign_asks_nobody_but_the_holder_it_saw(place, capsys, other):
    """Another holder, another session of the same name, or nobody: that one was not meant."""
    store, _ = write(place, "a", lease_of("anna"))
    store = Interfering(store, [other])

    assert resign.ask(store, "a", "me") == 1
    assert store.get_lease(timeout=5).lease == other
    assert capsys.readouterr().out == ""


def test_resign_gives_up_in_the_end(place):
    """A record that changes at every attempt is a store that cannot be used."""
    store, _ = write(place, "a", lease_of("anna"))

    with pytest.raises(StoreUnavailable, match="10 attempts"):
        resign.ask(Interfering(store, [lease_of("anna")] * 20), "a", "me")


def test_resign_of_a_lease_that_vanishes(place):
    """Nobody was asked."""
    store, _ = write(place, "a", lease_of("anna"))

    assert resign.ask(Interfering(store, [None]), "a", "me") == 1
    assert resign.ask(store, "a", "me") == 1


def test_resign_says_when_perhaps_nobody_listens(place, capsys):
    """An expired holder may be dead."""
    write(place, "a", lease_of("anna", renewed_ago=60))

    assert run(place, "resign", "--lease", "a") == 0
    assert "looks expired" in capsys.readouterr().out


def test_resign_without_a_name_needs_exactly_one_held_lease(place, capsys):
    """Of several, one must be named."""
    write(place, "free", lease_of("", session=""))
    assert run(place, "resign") == 1
    write(place, "a", lease_of("anna"))
    write(place, "b", lease_of("bruno"))
    assert run(place, "resign") == 2
    assert "a, b" in capsys.readouterr().err
    assert run(place, "resign", "--lease", "a", "--by", "") == 2


def test_watch_prints_a_line_at_each_change_and_none_at_a_renewal(world):
    """A holder, a renewal, a request to resign, an expired look, a release."""
    watcher = world.start("watch", "--store", world.url, "--lease", "lease", "--every", "0.02")
    lines = []

    def next_line():
        lines.append(watcher.stdout.readline().partition("  ")[2].strip())
        return lines[-1]

    assert next_line() == "lease: there is no such lease"
    world.put(lease_of("anna"))
    assert next_line() == "lease: held by anna with token 3"
    world.put(lease_of("anna"))
    world.put(lease_of("anna", asked_by="me"))
    assert next_line() == "lease: held by anna with token 3, asked to resign by me"
    world.put(lease_of("anna", renewed_ago=60))
    assert next_line() == "lease: held by anna with token 3, looks expired"
    world.put(lease_of("", session=""))
    assert next_line() == "lease: nobody holds it; the last token is 3"
    watcher.send_signal(signal.SIGINT)
    assert watcher.wait(PATIENCE) == 130


def test_watch_outlives_a_store_that_is_away(monkeypatch):
    """It says so, as of any other change, and goes on."""

    def unavailable(url, lease):
        raise StoreUnavailable("gone fishing")

    monkeypatch.setattr(watch, "read_leases", unavailable)
    arguments = type("Arguments", (), {"store": "memory:", "lease": "a"})()

    assert watch.look(arguments) == {"a": "the store is unavailable: gone fishing"}


class Interfering:
    """A store in which another writes these leases, one before each of our writes; None deletes."""

    def __init__(self, store, leases):
        self.store = store
        self.leases = list(leases)

    def get_lease(self, *, timeout):
        return self.store.get_lease(timeout=timeout)

    def update_lease(self, lease, version, *, timeout):
        if self.leases:
            other = self.leases.pop(0)
            if other is None:
                self.store.delete_lease()
            else:
                self.store.update_lease(other, self.get_lease(timeout=5).version, timeout=5)
        return self.store.update_lease(lease, version, timeout=timeout)
