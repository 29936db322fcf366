"""An observer on threads and a fake clock: it looks when it should, tells each change, and never writes."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from incumbent import Campaign, ConfigurationError, Observer, StoreUnavailable
from incumbent.lease import StoreGuarantees
from incumbent.stores.memory import MemoryStore
from support.driving import eventually
from support.elector.bench import record
from support.scripts import from_child


class Polled:
    """A store in memory that tells nobody, is reached over a network, and notes when it is read."""

    def __init__(self, clock, store=None, *, can_watch=False):
        self.clock, self.store = clock, MemoryStore() if store is None else store
        self.guarantees = StoreGuarantees(durable=True, can_watch=can_watch, is_local=True)
        self.reads, self.trouble = [], None

    def get_lease(self, *, timeout):
        self.reads.append(self.clock.now())
        if self.trouble is not None:
            raise self.trouble
        return self.store.get_lease(timeout=timeout)

    def create_lease(self, lease, *, timeout):
        raise AssertionError("an observer writes nothing")

    update_lease = create_lease


class Told(list):
    def __call__(self, sight):
        self.append((sight.state, sight.reason, sight.leader))


def test_it_tells_who_leads_that_the_lease_expired_and_who_took_it_over(clock):
    """Nobody contends but the leader, who vanishes without a word: that nobody leads is an event."""
    store, told = MemoryStore(), Told()
    watched = Polled(clock, store)
    store.create_lease(record(1).lease, timeout=1)
    with Observer(watched, on_change=told, every=4, clock=clock) as observer:
        clock.advance(14.999999)
        assert observer.sight.leader == "bob"
        clock.advance(0.000001)
        assert observer.sight.state == "nobody"
        assert watched.reads == [0, 4, 8, 12, 15]
        store.update_lease(record(9, "ann", session="A", token=2).lease, 1, timeout=1)
        clock.advance(4)
        assert (observer.sight.leader, observer.sight.token) == ("ann", 2)
        eventually(lambda: len(told) == 3)
    assert told == [("held", "", "bob"), ("nobody", "expired", None), ("held", "", "ann")]
    assert observer.sight.reason == "the observer does not run"


def test_renewals_are_no_news(clock):
    """However many; nor is it disturbed by a candidate, or the candidate by it."""
    store, told = MemoryStore(), Told()
    with Observer(store, on_change=told, clock=clock), Campaign(store, identity="ann", clock=clock):
        clock.advance(100)
    eventually(lambda: len(told) == 3)
    assert told == [("nobody", "missing", None), ("held", "", "ann"), ("nobody", "released", None)]


def test_it_looks_at_once_when_the_store_says_that_something_changed(clock):
    """P12: without waiting for its turn."""
    store = MemoryStore()
    with Observer(store, every=1000, clock=clock) as observer:
        store.create_lease(record(1).lease, timeout=1)
        eventually(lambda: observer.sight.leader == "bob")


def test_a_store_that_is_away_is_an_event_and_nobody_is_not_said_of_it(clock):
    watched, told = Polled(clock), Told()
    watched.store.create_lease(record(1).lease, timeout=1)
    with Observer(watched, on_change=told, every=4, clock=clock) as observer:
        clock.advance(1)
        watched.trouble = StoreUnavailable("gone fishing")
        clock.advance(30)
        assert observer.sight.state == "unknown"
        watched.trouble = None
        clock.advance(4)
        eventually(lambda: len(told) == 4)
    trouble = "StoreUnavailable: gone fishing"
    assert told == [
        ("held", "", "bob"),
        ("held", trouble, "bob"),
        ("unknown", trouble, None),
        ("nobody", "expired", None),
    ]


def test_a_store_that_hangs_is_given_up_on_and_asked_again(clock):
    """What it answers after that is no answer (P10)."""
    go_on, store = threading.Event(), Polled(clock)
    store.guarantees = StoreGuarantees(durable=True)
    store.store.create_lease(record(1).lease, timeout=1)
    answer = store.get_lease

    def hang(*, timeout):
        store.get_lease = answer
        go_on.wait(20)
        return record(7, "old")

    store.get_lease = hang
    with Observer(store, every=2, request_timeout=3, clock=clock) as observer:
        clock.advance(3)
        assert observer.sight == observer.sight._replace(state="unknown", reason="the store is unavailable")
        clock.advance(2)
        eventually(lambda: observer.sight.leader == "bob")
        go_on.set()
        runtime = observer._eye.runtime
        eventually(lambda: not runtime._calls._begun)
        runtime.do(lambda: None)  # what was answered until now is handled
        assert observer.sight.leader == "bob"


def test_a_watch_that_is_refused_leaves_the_polling(clock):
    """P13."""
    store = Polled(clock, can_watch=True)
    store.watch = lambda _: 1 / 0
    with Observer(store, every=2, clock=clock):
        clock.advance(4)
    assert store.reads == [0, 2, 4]


def test_it_stops_from_its_own_callback_and_starts_again(clock):
    store, stopped = MemoryStore(), threading.Event()

    def stop_once(_):
        if not stopped.is_set():
            observer.stop()
            stopped.set()

    observer = Observer(store, on_change=stop_once, clock=clock)
    observer.start()
    assert stopped.wait(10)
    assert observer.sight.reason == "the observer does not run"
    observer.stop()
    observer.start()
    observer.start()
    eventually(lambda: observer.sight.state == "nobody")
    observer.stop()


def test_in_a_forked_child_it_does_not_run_until_it_is_started():
    """Its threads stayed with the parent."""
    store = MemoryStore()
    with Observer(store) as observer:

        def in_the_child():
            before = observer.sight.reason
            observer.stop()
            with observer:
                eventually(lambda: observer.sight.state == "nobody")
                return before

        assert from_child(in_the_child) == "the observer does not run"
        assert observer.sight.state == "nobody"


def test_each_setting_is_kept(clock):
    """Where the store may have lost the record, a missing one counts as held for as long as was said."""
    store = Polled(clock)
    store.guarantees = StoreGuarantees(durable=False, is_local=True)
    with Observer(store, every=3, lease_duration=8, request_timeout=2, clock=clock) as observer:
        assert observer.sight.state == "unknown"
        clock.advance(8)
        assert observer.sight.state == "nobody"
        assert store.reads == [0, 3, 6, 8]
        assert observer._eye._timeout_ns == 2 * 10**9


@pytest.mark.parametrize("value", [0, -1, "5", float("nan")])
@pytest.mark.parametrize("name", ["every", "lease_duration", "request_timeout"])
def test_a_setting_that_is_no_duration_is_refused(name, value):
    with pytest.raises(ConfigurationError, match=name):
        Observer(MemoryStore(), **{name: value})


def test_one_that_stopped_looks_no_more_though_others_do(clock):
    """They share the thread that would go on with it."""
    store = Polled(clock)
    with Observer(MemoryStore(), clock=clock):
        with Observer(store, every=2, clock=clock):
            clock.advance(2)
        clock.advance(10)
    assert store.reads == [0, 2]


def test_what_is_no_store_is_refused():
    with pytest.raises(ConfigurationError, match="give a LeaseStore"):
        Observer(SimpleNamespace())
