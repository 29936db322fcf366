"""`status`, `watch` and `resign`: what people see of a lease, and the one thing they may do to it."""

from __future__ import annotations

import json
import signal
from datetime import datetime, timedelta, timezone

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
