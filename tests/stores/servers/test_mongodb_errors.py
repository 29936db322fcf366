"""What goes wrong with MongoDB, provoked on a real server, and what each error says about the write.

`not done` is said only where it is certain; and after all of it the next call works, by itself.
"""

from __future__ import annotations

import secrets
import threading
import time
from contextlib import closing, contextmanager, suppress
from dataclasses import replace

import pytest

from incumbent.errors import LeaseConflict, LeaseNotFound, StoreUnavailable
from incumbent.stores import open_store
from support.servers import fixture_of, free_port
from support.servers.http_stores import LEASE, until
from support.servers.mongodb import SERVER
from support.servers.proxy import Proxy

MINE = replace(LEASE, holder_identity="mine")
whole_server = fixture_of(SERVER)


@pytest.fixture
def server(whole_server):
    if not whole_server.is_ours:
        pytest.skip("it breaks the server, which has to be one that was started here")
    return whole_server


@pytest.fixture
def admin(server):
    with closing(server.admin()) as client:
        yield client


@pytest.fixture
def name():
    return f"lease-{secrets.token_hex(8)}"


@pytest.fixture
def proxy(server):
    with Proxy(server.port) as proxy:
        yield proxy


@pytest.fixture
def store(server, proxy, name):
    """By way of the proxy; known to the server by its lease's name."""
    # A server that says that it shuts down, and does not, is asked again at the next heartbeat only.
    url = f"{server.url_at(proxy.port)}&appName={name}&heartbeatFrequencyMS=500"
    with closing(open_store(url, lease=name)) as store:
        yield store


@pytest.fixture
def version(store):
    return store.create_lease(LEASE, timeout=5)


@contextmanager
def failing(admin, name, **how):
    """The server does that to the next write of that client's."""
    data = {"failCommands": ["insert", "update"], "appName": name, **how}
    admin.admin.command("configureFailPoint", "failCommand", mode={"times": 1}, data=data)
    try:
        yield
    finally:
        admin.admin.command("configureFailPoint", "failCommand", mode="off")


def fails(call, *, unknown):
    """It is unavailable, and says that of the write."""
    with pytest.raises(StoreUnavailable) as caught:
        call()
    assert caught.value.outcome_unknown is unknown, caught.value
    return str(caught.value)


def holder(store):
    return store.get_lease(timeout=5).lease.holder_identity


# What the server says.

REFUSALS = {"Unauthorized": 13, "NotWritablePrimary": 10107, "NotPrimaryOrSecondary": 13436}
INTERRUPTIONS = {
    "ShutdownInProgress": 91,
    "InterruptedAtShutdown": 11600,
    "InterruptedDueToReplStateChange": 11602,
    "PrimarySteppedDown": 189,
    "MaxTimeMSExpired": 50,
    "WriteConflict": 112,
    "InternalError": 1,
}


@pytest.mark.parametrize("code", REFUSALS)
def test_what_the_server_refuses_before_it_does_anything_is_not_done(admin, store, name, version, code):
    with failing(admin, name, errorCode=REFUSALS[code]):
        said = fails(lambda: store.update_lease(MINE, version, timeout=5), unknown=False)
    assert code in said
    assert store.update_lease(MINE, version, timeout=5)


@pytest.mark.parametrize("code", INTERRUPTIONS)
def test_what_it_may_say_when_the_write_is_done_is_unknown(admin, store, name, version, code):
    """Although here, as it happens, it was not."""
    with failing(admin, name, errorCode=INTERRUPTIONS[code]):
        said = fails(lambda: store.update_lease(MINE, version, timeout=5), unknown=True)
    assert code in said
    assert store.update_lease(MINE, version, timeout=5)


@pytest.mark.parametrize("code", [64, 91, 11602], ids=["WriteConcernFailed", "Shutdown", "StateChange"])
@pytest.mark.parametrize("call", ["create", "update"])
def test_a_write_that_no_majority_acknowledged_is_unknown(admin, store, name, code, call):
    """And was done, as a later look shows."""
    version = None if call == "create" else store.create_lease(LEASE, timeout=5)
    with failing(admin, name, writeConcernError={"code": code, "errmsg": "no majority"}):
        fails(
            lambda: (
                store.create_lease(MINE, timeout=5)
                if version is None
                else store.update_lease(MINE, version, timeout=5)
            ),
            unknown=True,
        )
    until(lambda: written(store))


def test_a_primary_that_stepped_down_does_nothing(admin, store, version):
    """A read-only replica: it can be read, and refuses to write."""
    admin.admin.command("replSetStepDown", 60, secondaryCatchUpPeriodSecs=0, force=True)
    try:
        said = fails(lambda: store.update_lease(MINE, version, timeout=2), unknown=False)
        assert "NotWritablePrimary" in said or "Timeout" in said
        assert holder(store) == LEASE.holder_identity
    finally:
        admin.admin.command("replSetFreeze", 0)  # which lets it stand for election again
    until(lambda: admin.admin.command("hello")["isWritablePrimary"])
    until(lambda: writes(store, version))


def writes(store, version):
    with suppress(StoreUnavailable):
        return store.update_lease(MINE, version, timeout=2)
    return None


def test_a_record_that_the_collection_does_not_admit_is_not_written(admin, store, version):
    """An operator's rule of validation."""
    admin.incumbent.command("collMod", "incumbent_lease", validator={"holder_identity": {"$ne": "mine"}})
    try:
        assert "121" in fails(lambda: store.update_lease(MINE, version, timeout=5), unknown=False)
    finally:
        admin.incumbent.command("collMod", "incumbent_lease", validator={})
    assert holder(store) == LEASE.holder_identity


def test_a_refusal_whose_reason_cannot_be_read_is_still_a_refusal(admin, store, version):
    """The write compared and did nothing; only the look at what is there instead failed."""
    newer = store.update_lease(LEASE, version, timeout=5)
    data = {"failCommands": ["find"], "appName": store.name, "closeConnection": True}
    admin.admin.command("configureFailPoint", "failCommand", mode={"times": 1}, data=data)
    fails(lambda: store.update_lease(MINE, version, timeout=5), unknown=False)
    assert store.get_lease(timeout=5).version == newer


# What the network does.


def test_nobody_there_is_not_done(name):
    """And opening says nothing: it may come."""
    url = f"mongodb://127.0.0.1:{free_port()}/incumbent?directConnection=true"
    with closing(open_store(url, lease=name)) as store:
        for call in (
            store.create_lease,
            lambda lease, timeout: store.update_lease(lease, "v", timeout=timeout),
        ):
            begun = time.monotonic()
            assert "Connection refused" in fails(lambda call=call: call(LEASE, timeout=0.5), unknown=False)
            assert time.monotonic() - begun < 1.5


def test_a_connection_that_ends_before_the_write_is_unknown(admin, store, name, version):
    """It was sent: who can tell?"""
    with failing(admin, name, closeConnection=True):
        fails(lambda: store.update_lease(MINE, version, timeout=5), unknown=True)
    assert store.update_lease(MINE, version, timeout=5)


@pytest.mark.parametrize("call", ["create", "update"])
def test_a_connection_that_ends_after_the_write_is_unknown(server, proxy, store, name, call):
    """And the write is there, once: it was not sent again."""
    version = None if call == "create" else store.create_lease(LEASE, timeout=5)
    store_call = (
        (lambda: store.create_lease(MINE, timeout=5))
        if version is None
        else (lambda: store.update_lease(MINE, version, timeout=5))
    )
    with closing(open_store(server.url, lease=name)) as direct:
        proxy.drops_replies = True
        threading.Thread(target=lambda: (until(lambda: written(direct)), proxy.heal())).start()
        fails(store_call, unknown=True)
        assert holder(direct) == "mine"
        with pytest.raises(LeaseConflict):
            store_call()


def written(store):
    with suppress(LeaseNotFound):
        return holder(store) == "mine"
    return False


@pytest.mark.parametrize("call", ["get", "create", "update"])
def test_a_call_ends_in_time_though_nothing_gets_through(proxy, store, version, call):
    """A connection like a black hole: first the one in the pool, then none can be made."""
    calls = {
        "get": lambda: store.get_lease(timeout=0.3),
        "create": lambda: store.create_lease(MINE, timeout=0.3),
        "update": lambda: store.update_lease(MINE, version, timeout=0.3),
    }
    proxy.cut()
    for unknown in (call != "get", False):
        begun = time.monotonic()
        fails(calls[call], unknown=unknown)
        assert time.monotonic() - begun < 1.3
    proxy.heal()
    assert store.update_lease(MINE, version, timeout=5)


def test_connections_that_died_while_nobody_used_them_cost_nothing(proxy, store, version):
    proxy.reset()
    time.sleep(1.1)  # from then on, pymongo looks at a connection before it uses it
    for _ in range(3):
        version = store.update_lease(MINE, version, timeout=5)


def test_restarts_under_load_lose_nothing_and_invent_nothing(server, admin, store, version):
    """Each success is there, each failure that is known is not, and a conflict is with oneself."""
    over, accidents = threading.Event(), [server.restart, lambda: (server.kill(), server.start())]
    breaker = threading.Thread(target=lambda: ([accident() for accident in accidents], over.set()))
    breaker.start()
    outcomes, count, doubtful = {"done": 0, "not done": 0, "unknown": 0}, 0, []
    while not over.is_set() or outcomes["done"] < 50:
        count += 1
        wanted = replace(LEASE, leader_transitions=count)
        try:
            version = store.update_lease(wanted, version, timeout=1)
            outcomes["done"] += 1
        except StoreUnavailable as error:
            outcome = "unknown" if error.outcome_unknown else "not done"
            outcomes[outcome] += 1
            doubtful += [wanted] if error.outcome_unknown else []
            version = settled(store, version, doubtful)
        except LeaseConflict:
            assert doubtful, "a conflict with nobody"
            version = settled(store, version, doubtful)
    breaker.join()
    assert store.get_lease(timeout=5).version == version
    assert outcomes["done"] >= 50
    assert outcomes["not done"] + outcomes["unknown"] > 0, outcomes


def settled(store, version, doubtful):
    """The version that is there: the old one, or that of a write of unknown outcome."""
    while True:
        with suppress(StoreUnavailable):
            read = store.get_lease(timeout=5)
            assert read.version == version or read.lease in doubtful
            return read.version
