"""What waits for a thread goes to the store together, if the store can (P7, P10)."""

import random
import threading

import pytest

from incumbent import StoreUnavailable
from incumbent.core.messages import Found, GetLease, Unavailable
from incumbent.lease import to_ns
from incumbent.runtime.pools import THREADS_PER_POOL
from incumbent.runtime.threaded import ThreadedRuntime
from incumbent.testing.stores.batches import made
from incumbent.testing.stores.machine import PLAIN
from support.driving import RemoteStore, eventually


class Batching(RemoteStore):
    """Notes the leases of each batch, and leaves out the one named so."""

    server = "one server"
    batches: list[list[int]]

    def call_together(self, calls):
        self.batches.append(sorted(call.timeout for call in calls))
        return [None if call.store.is_left_out else made(call) for call in calls]


@pytest.fixture
def stores():
    stores, batches = [Batching() for _ in range(6)], []
    for store in stores:
        store.batches, store.is_left_out = batches, False
        store.create_lease(PLAIN, timeout=1)
    return stores


def answers_of(clock, stores, requests, while_waiting=lambda: None):
    """Ask while all threads are busy, then have the replies, in the order of the requests."""
    gate, begun, replies = threading.Event(), threading.Semaphore(0), {}
    runtimes = [ThreadedRuntime(store, clock, random.Random(0)) for store in stores]
    try:
        for _ in range(THREADS_PER_POOL):
            runtimes[0]._calls.submit(lambda: (begun.release(), gate.wait()))
        for _ in range(THREADS_PER_POOL):
            assert begun.acquire(timeout=10)
        for runtime, request in zip(runtimes, requests, strict=True):
            runtime.ask(request, lambda asked, reply: replies.update({asked.id: reply}))
        while_waiting()
        gate.set()
        eventually(lambda: len(replies) == len(requests))
    finally:
        gate.set()
        for runtime in runtimes:
            runtime.close(1)
    return [replies[request.id] for request in requests]


def reads(*seconds):
    return [GetLease(number, 0, to_ns(each)) for number, each in enumerate(seconds)]


def test_what_waits_is_one_call(clock, stores):
    """And each has its own answer."""
    replies = answers_of(clock, stores, reads(*[3.0] * 6))
    assert [type(reply) for reply in replies] == [Found] * 6
    assert stores[0].batches == [[3.0] * 6]


def test_those_that_may_take_longer_have_a_call_of_their_own(clock, stores):
    """Else a server that hangs would hold up what has been given up for as long as the longest."""
    answers_of(clock, stores, reads(3.0, 3.0, 3.0, 9.0, 9.0, 5.0))
    assert sorted(stores[0].batches) == [[3.0] * 3, [9.0] * 2]
    assert [store.calls.count("get") for store in stores] == [1] * 6


def test_what_expired_is_not_sent_and_time_in_the_queue_is_taken_off(clock, stores):
    """It took no effect, and that is known; the others have what is left to them."""
    requests = [*reads(*[3.0] * 5), GetLease(5, to_ns(-2.0), to_ns(1.0))]
    *found, expired = answers_of(clock, stores, requests, lambda: clock.jump(1))
    assert [type(reply) for reply in found] == [Found] * 5
    assert expired == Unavailable(5, outcome_unknown=False, reason="it expired before it was sent")
    assert stores[0].batches == [[2.0] * 5]


def test_what_a_store_leaves_out_is_asked_by_itself(clock, stores):
    """Once, as it was not sent."""
    stores[2].is_left_out = True
    replies = answers_of(clock, stores, reads(*[3.0] * 6))
    assert [type(reply) for reply in replies] == [Found] * 6
    assert [store.calls.count("get") for store in stores] == [1] * 6


def refuse(*_, **__):
    raise StoreUnavailable("for maintenance", outcome_unknown=False)


class Refusing(Batching):
    get_lease = refuse


class Wrapping:
    """Passes on all but what it changes."""

    def __init__(self, store):
        self._store = store

    def __getattr__(self, name):
        return getattr(self._store, name)

    get_lease = refuse


def patched(store):
    store.get_lease = refuse
    return store


@pytest.mark.parametrize(
    "change", [lambda _: Refusing(), Wrapping, patched], ids=["subclass", "wrapper", "patch"]
)
def test_who_changes_a_call_is_not_passed_by(clock, stores, change):
    """Calls that are made together would not go through what was changed: each of them is made by itself."""
    batches = stores[0].batches
    stores = [change(store) for store in stores]
    for store in stores:
        store.batches, store.is_left_out = batches, False
    replies = answers_of(clock, stores, reads(*[3.0] * 6))
    assert [type(reply) for reply in replies] == [Unavailable] * 6
    assert batches == []
