"""`watch` and `resign`: what people see of a lease, and the one thing they may do to it."""

from __future__ import annotations

import signal

import pytest

from incumbent.cli import resign, watch
from incumbent.cli.one_lease import Declined
from incumbent.errors import StoreUnavailable
from incumbent.stores.memory import MemoryStore
from incumbent.stores.sqlite import SqliteStore
from incumbent.testing import FakeClock
from support.cli.contenders import PATIENCE
from support.cli.records import lease_of, look_at, run, write


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
    assert look_at(place)[""].startswith("there is no file")
    SqliteStore(str(place), "a").close()
    assert look_at(place) == {"": "there is no lease"}


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

    resign.ask(store, "a", "me")
    assert store.get_lease(timeout=5).lease.resign_requested_by == "me"


@pytest.mark.parametrize(
    "other", [lease_of("bruno"), lease_of("anna", session="anna.2"), lease_of("", session="")]
)
def test_resign_asks_nobody_but_the_holder_it_saw(place, capsys, other):
    """Another holder, another session of the same name, or nobody: that one was not meant."""
    store, _ = write(place, "a", lease_of("anna"))
    store = Interfering(store, [other])

    with pytest.raises(Declined):
        resign.ask(store, "a", "me")
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

    for one in (Interfering(store, [None]), store):
        with pytest.raises(Declined, match="there is no lease"):
            resign.ask(one, "a", "me")


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


def test_watch_tells_of_leases_that_come_and_go(place, monkeypatch):
    """In a file of many. After an outage all are told again, and none is called gone for it."""
    stores = [write(place, name, lease_of("anna"))[0] for name in ("a", "b")]
    look = watch.Look(f"sqlite:///{place}", None)
    held = "held by anna with token 3"
    assert look.changes() == [f"a: {held}", f"b: {held}"]
    assert look.changes() == []
    stores[0].delete_lease()
    assert look.changes() == ["a: it is gone"]
    assert look.changes() == []
    write(place, "a", lease_of("anna"))
    assert look.changes() == [f"a: {held}"]

    def unavailable(*_):
        raise StoreUnavailable("gone fishing")

    with monkeypatch.context() as outage:
        outage.setattr(watch, "read_leases", unavailable)
        assert look.changes() == ["the store is unavailable: gone fishing"]
        assert look.changes() == []
    assert look.changes() == [f"a: {held}", f"b: {held}"]


def test_watch_says_that_nobody_leads_by_its_own_count(place):
    """P4: a lease duration after it first saw the record, whatever the times of day in it; once for each."""
    clock = FakeClock()
    stores = [write(place, name, lease_of("anna", renewed_ago=-60)) for name in ("a", "b")]
    look = watch.Look(f"sqlite:///{place}", None, clock)
    assert len(look.changes()) == 2
    clock.advance(4.999)
    store, version = stores[0]
    store.update_lease(lease_of("anna"), version, timeout=5)
    assert look.changes() == []
    clock.advance(0.001)
    assert look.changes() == ["b: nobody leads: the lease of anna with token 3 has expired"]
    assert look.changes() == []
    write(place, "c", lease_of("bruno"))
    assert look.changes() == ["c: held by bruno with token 3"]
    clock.advance(5)
    assert [line.partition(" leads")[0] for line in look.changes()] == ["a: nobody", "c: nobody"]


def test_watch_counts_alone_while_a_record_is_corrupt(place):
    clock = FakeClock()
    store, _ = write(place, "a", lease_of("anna"))
    look = watch.Look(f"sqlite:///{place}", "a", clock)
    assert look.changes() == ["a: held by anna with token 3"]
    with store._file.writing(5) as connection:
        connection.execute("UPDATE lease SET lease_duration = -1")
    clock.advance(6)
    assert "corrupt" in look.changes()[0]


def test_watch_outlives_a_store_that_is_away(monkeypatch):
    """It says so, as of any other change, and goes on."""
    store, opened = MemoryStore("a"), []
    monkeypatch.setattr(watch, "open_lease", lambda *where: opened.append(where) or store)
    look = watch.Look("memory:", "a")
    assert look.states() == {"a": "there is no such lease"}
    reading = store.get_lease

    def get_lease(*, timeout):
        raise StoreUnavailable("gone fishing")

    store.get_lease = get_lease
    assert look.states() == {"a": "the store is unavailable: gone fishing"}
    store.get_lease = reading
    assert look.states() == {"a": "there is no such lease"}
    assert opened == [("memory:", "a")], "the connection is to be kept"


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
