"""How a listener comes back to a server that does not let it listen."""

from __future__ import annotations

import logging
import threading
from contextlib import closing
from types import SimpleNamespace

import pytest

from incumbent.errors import CorruptLease
from incumbent.lease import StoredLease
from incumbent.stores import _listener
from incumbent.stores._listener import Listener
from incumbent.testing.stores.machine import PLAIN

DOUBLED = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0]


@pytest.fixture
def clock(monkeypatch):
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(_listener, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


@pytest.fixture
def listener(clock, caplog):
    caplog.set_level(logging.INFO)
    listener = Listener("server", lambda _: None)
    listener._watches["x"] = []  # somebody watches, or nothing would be logged; no thread is started
    return listener


def pauses(listener, clock, seconds, times, why="lost"):
    """After so many connections that lasted so long each; None: none was made."""
    found = []
    for _ in range(times):
        if seconds is not None:
            listener.connected()
            clock.now += seconds
        found.append(listener._next_pause(why))
        clock.now += found[-1]
    return found


def test_a_server_that_is_away_is_asked_less_and_less(listener, clock):
    assert pauses(listener, clock, None, 9) == DOUBLED


@pytest.mark.parametrize("seconds", [0.0, 0.5, 4.9])
def test_so_is_one_that_ends_each_connection_soon(listener, clock, seconds):
    """It costs each follower a read, too: a watch that is refused is worse than none."""
    assert pauses(listener, clock, seconds, 9) == DOUBLED


def test_a_connection_that_lasted_begins_anew(listener, clock):
    pauses(listener, clock, 0.0, 9)
    assert pauses(listener, clock, 5.0, 1) == [0.1]
    assert pauses(listener, clock, None, 3) == [0.2, 0.4, 0.8]
    assert pauses(listener, clock, 3600.0, 2) == [0.1, 0.1]


def test_one_server_does_not_slow_down_another(listener, clock):
    pauses(listener, clock, 0.0, 9)
    assert pauses(Listener("another", lambda _: None), clock, None, 2) == [0.1, 0.2]


def lines(caplog):
    return [f"{record.levelname} {record.getMessage()}" for record in caplog.records]


def test_an_outage_is_two_lines(listener, clock, caplog):
    pauses(listener, clock, None, 20)
    pauses(listener, clock, 100.0, 1)
    assert lines(caplog) == ["WARNING server: not listening: lost", "INFO server: listening again"]


def test_a_connection_that_lasted_and_is_made_again_is_no_line(listener, clock, caplog):
    """Servers and proxies end long requests; nothing was missed that is not looked at now."""
    pauses(listener, clock, 60.0, 20)
    assert lines(caplog) == []


def test_connections_that_end_in_good_order_are_no_line_unless_all_do(listener, clock, caplog):
    pauses(listener, clock, 0.1, 6, why="")
    assert lines(caplog) == []
    pauses(listener, clock, 0.1, 20, why="")
    assert lines(caplog) == ["WARNING server: not listening: the server ends each connection soon"]


def test_connections_that_end_soon_are_one_line_and_another_when_one_lasts(listener, clock, caplog):
    """Not two for each of them."""
    pauses(listener, clock, 0.1, 20)
    assert lines(caplog) == ["WARNING server: not listening: lost"]
    listener.connected()
    listener.heard("x")
    assert len(lines(caplog)) == 1
    clock.now += 5
    listener.heard("x")
    listener.heard("x")
    assert lines(caplog)[1:] == ["INFO server: listening again"]


class Records:
    """What a notification tells, and how often it was asked."""

    def __init__(self, stored):
        self.stored, self.reads = stored, 0

    def read(self):
        self.reads += 1
        if self.stored is None:
            raise CorruptLease("no lease")
        return self.stored


@pytest.fixture
def told(listener):
    """What two watches of a lease are told."""
    found = [], []
    for each in found:
        listener.watch("x", each.append)
    return found


def test_all_watches_of_a_lease_are_told_its_record(listener, told):
    """Which is read once for all of them."""
    records = Records(StoredLease(PLAIN, "1"))
    listener.heard("x", records.read)
    assert (told, records.reads) == (([records.stored], [records.stored]), 1)


def test_a_record_of_a_lease_that_nobody_watches_is_not_read(listener, told):
    """A server may have thousands of others."""
    records = Records(StoredLease(PLAIN, "1"))
    listener.heard("y", records.read)
    assert (told, records.reads) == (([], []), 0)


def test_without_a_record_that_is_a_lease_none_is_told(listener, told):
    """It has to be read, to see what is there."""
    listener.heard("x")
    listener.heard("x", Records(None).read)
    assert told == ([None, None], [None, None])


def test_with_each_connection_none_is_told(listener, told):
    """Anything may have changed meanwhile."""
    listener.connected()
    assert told == ([None], [None])


@pytest.mark.usefixtures("broken_log")
def test_a_broken_log_does_not_keep_it_from_listening_again(listener, clock):
    assert pauses(listener, clock, None, 9) == DOUBLED
    assert pauses(listener, clock, 100.0, 1) == [0.1]


@pytest.mark.usefixtures("broken_log")
def test_a_broken_log_and_a_watcher_that_fails_cost_no_other_watcher_its_news():
    told, over = [], threading.Event()

    def listen(listener):
        listener.interrupt_by(over.set)
        listener.connected()
        over.wait(10)

    listener, news = Listener("server", listen), threading.Event()
    with (
        closing(listener.watch("x", lambda _: 1 / 0)),
        closing(listener.watch("x", told.append)),
        closing(listener.watch("y", lambda _: news.set())),
    ):
        listener.connected()
        assert news.wait(10)
        assert told


def test_a_thread_that_could_not_be_started_is_started_for_the_next_watch(monkeypatch):
    """The machine had none left for a moment: who watches after that is told as ever."""
    told, over = threading.Event(), threading.Event()

    def listen(listener):
        assert listener.names == ("y",), "who was refused is no watcher"
        listener.interrupt_by(over.set)
        listener.connected()
        over.wait(10)

    listener = Listener("server", listen)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_thread)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            listener.watch("x", lambda _: None)
    with closing(listener.watch("y", lambda _: told.set())):
        assert told.wait(10)


def no_thread(_):
    raise RuntimeError("can't start new thread")
