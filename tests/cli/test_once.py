"""`incumbent run --once` runs the command now or not at all."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from functools import partial
from types import SimpleNamespace

import pytest

from incumbent.cli import once
from incumbent.cli.once import OneChance
from incumbent.errors import LeaseConflict, LeaseNotFound, StoreError, StoreUnavailable
from incumbent.lease import Lease, StoreGuarantees
from incumbent.stores.memory import MemoryStore
from support.cli.contenders import LONGER, PATIENCE, SHORT, eventually

ONCE = ("--once", *SHORT)


def test_it_gives_up_at_once_when_another_holds_the_lease(world):
    """With 75, and without a word to the leader."""
    world.run()
    world.workers(1)
    before = world.lease()

    assert world.run(options=ONCE).wait(PATIENCE) == 75
    assert world.lease().lease.holder_session == before.lease.holder_session


def test_it_takes_a_free_lease(world):
    """A lease that was never held, and one that was released."""
    assert world.run("lasts:0.05", "exits:4", options=ONCE).wait(PATIENCE) == 4
    assert world.run("lasts:0.05", "exits:5", options=ONCE).wait(PATIENCE) == 5


def test_it_takes_over_from_the_dead(world):
    """A record that looks expired is waited for as P4 says, and then taken."""
    world.put(lease_of("eve", renewed=timedelta(hours=-1)))

    assert world.run("lasts:0.05", options=ONCE).wait(PATIENCE) == 0
    assert world.lease().lease.leader_transitions == 8


def test_it_gives_up_when_the_dead_turn_out_to_live(world):
    """Clocks that disagree make a live holder look expired, but it renews."""
    world.put(lease_of("eve", renewed=timedelta(hours=-1)))
    contender = world.run(options=("--once", "--lease-duration", "6", "--retry-period", "0.1"))

    def is_over():
        world.put(lease_of("eve", renewed=timedelta(hours=-1)))
        return contender.poll() is not None

    eventually("it gives up", is_over)

    assert contender.returncode == 75
    assert world.journal.pids() == []


def test_it_gives_up_when_the_store_does_not_answer_the_first_time():
    """With 69: a job that is to run now or never must not wait for a store to come back. Later it may."""
    codes = []
    chance = chance_of(Silent(), codes)

    with pytest.raises(StoreUnavailable):
        chance.get_lease(timeout=1)
    assert codes == [69]

    chance = chance_of(Silent(LeaseNotFound("none")), codes)
    for error in (LeaseNotFound, StoreUnavailable):
        with pytest.raises(error):
            chance.get_lease(timeout=1)
    assert codes == [69]


def test_a_record_of_the_future_is_waited_for_like_any_other(world):
    """Whoever wrote it had a wrong clock, and may be dead: the next hours are not lost."""
    world.put(lease_of("eve", renewed=timedelta(days=1)))

    assert world.run("lasts:0.05", options=ONCE).wait(PATIENCE) == 0
    assert world.lease().lease.leader_transitions == 8


def test_it_gives_up_when_a_record_of_the_future_is_renewed():
    """Its holder lives, whatever its clock shows. A mark on the record is no renewal."""
    codes, store = [], MemoryStore("a")
    lease = lease_of("eve", renewed=timedelta(days=1))
    version = store.create_lease(lease, timeout=1)
    chance = chance_of(store, codes)
    chance.get_lease(timeout=1)
    version = store.update_lease(lease.asked_to_resign("me"), version, timeout=1)
    chance.get_lease(timeout=1)
    assert codes == []

    store.update_lease(lease_of("eve", renewed=timedelta(days=1)), version, timeout=1)
    chance.get_lease(timeout=1)
    assert codes == [75]
    chance.close()


def test_it_gives_up_when_it_is_told_of_a_renewal():
    """P12: who is told does not read. What came before the first look, a touch, what is late say nothing."""
    codes, hints, store = [], [], MemoryStore("a")
    chance = chance_of(store, codes)
    first, second = (lease_of("eve", renewed=timedelta(days=1, seconds=after)) for after in (1, 2))
    version = store.create_lease(first, timeout=1)
    watch = chance.watch_lease(hints.append)
    version = store.update_lease(second, version, timeout=1)
    assert chance.get_lease(timeout=1).lease == second
    version = store.update_lease(second.asked_to_resign("me"), version, timeout=1)
    version = store.update_lease(first, version, timeout=1)
    assert codes == []

    third = replace(second, renew_time=second.renew_time + timedelta(seconds=1))
    store.update_lease(third, version, timeout=1)
    assert codes == [75]
    assert [hint.version for hint in hints] == [2, 3, 4, 5]
    watch.close()
    chance.close()


@pytest.mark.parametrize(
    ("error", "code"),
    [(StoreUnavailable("the disk is full"), 69), (LeaseConflict("another was faster"), 75)],
    ids=["refused", "lost"],
)
def test_it_gives_up_when_reads_work_and_writes_do_not(error, code):
    """A cron job must not wait for ever, with another one started on top each night."""
    codes, store = [], MemoryStore("a")
    store.create_lease = raising(error)
    chance = chance_of(store, codes, lease_duration=0.05)
    for call in (chance.get_lease, partial(chance.create_lease, lease_of("me", renewed=timedelta()))):
        with pytest.raises(StoreError):
            call(timeout=1)
    eventually("it gives up", lambda: codes == [code])


def test_it_gives_up_when_the_store_hangs():
    """Whatever never returns is no answer."""
    hung, codes, store = threading.Event(), [], MemoryStore("a")

    def get_lease(*, timeout):
        hung.wait()
        raise LeaseNotFound("at last")

    store.get_lease = get_lease
    chance = chance_of(store, codes, lease_duration=0.05)
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(chance.get_lease, timeout=1)
        eventually("it gives up", lambda: codes == [69])
        hung.set()
        assert isinstance(read.exception(), LeaseNotFound)


def test_who_waits_for_the_dead_waits_as_long_as_their_lease(monkeypatch):
    """The limit counts from the longest lease seen, and from the last write that succeeded."""
    now = 0.0
    monkeypatch.setattr(once, "time", SimpleNamespace(monotonic=lambda: now))
    codes, store = [], MemoryStore("a")
    store.create_lease(replace(lease_of("eve", renewed=timedelta(hours=-1)), lease_duration=100.0), timeout=1)
    chance = chance_of(store, codes, lease_duration=10.0, delay=7.0)
    stored = chance.get_lease(timeout=1)
    assert chance._left() == 207.0
    now = 150.0
    version = chance.update_lease(lease_of("me", renewed=timedelta()), stored.version, timeout=1)
    assert chance._left() == 207.0
    now = 180.0
    with pytest.raises(LeaseConflict):
        chance.update_lease(lease_of("me", renewed=timedelta()), "another", timeout=1)
    assert version
    assert chance._left() == 177.0
    chance.close()
    assert codes == []


def test_who_waits_for_a_shorter_lease_waits_as_long_as_its_own_allows(monkeypatch):
    """The limit counts from the longest lease known, and the candidate's own is one of them."""
    monkeypatch.setattr(once, "time", SimpleNamespace(monotonic=lambda: 0.0))
    codes, store = [], MemoryStore("a")
    store.create_lease(replace(lease_of("eve", renewed=timedelta(hours=-1)), lease_duration=1.0), timeout=1)
    chance = chance_of(store, codes, lease_duration=10.0, delay=7.0)
    chance.get_lease(timeout=1)
    assert chance._left() == 27.0
    chance.close()
    assert codes == []


def test_the_last_line_of_the_log_says_who_holds_the_lease_and_why(world):
    """Of one that lost at once, of one that was ended while it waited, and of the one that led."""
    leader = world.run(options=("--id", "anna", *LONGER))
    world.workers(1)
    loser = world.run(options=ONCE)
    assert loser.wait(PATIENCE) == 75
    waiting = world.run(options=LONGER)
    eventually("it sees the holder", lambda: "anna holds the lease" in world.stderr(waiting))
    waiting.terminate()
    assert waiting.wait(PATIENCE) == 0
    leader.terminate()
    leader.wait(PATIENCE)

    assert "exit 75: anna holds the lease with token 1, written" in world.stderr(loser).splitlines()[-1]
    assert "SIGTERM while no command ran; anna holds the lease" in world.stderr(waiting).splitlines()[-1]
    assert "anna held the lease with token 1" in world.stderr(leader).splitlines()[-1]


def test_one_chance_passes_everything_else_on():
    """Guarantees, watching and closing are the store's own."""
    store = MemoryStore("a")
    chance = chance_of(store, [])
    hints = []

    watch = chance.watch(lambda: hints.append(1))
    store.create_lease(lease_of("eve", renewed=timedelta()), timeout=1)
    watch.close()
    chance.close()

    assert hints == [1]
    assert chance.guarantees == store.guarantees
    with pytest.raises(StoreUnavailable):
        store.get_lease(timeout=1)


def raising(error):
    def call(*_, **__):
        raise error

    return call


def chance_of(store, codes, *, lease_duration=60.0, delay=0.0):
    """What notes the codes that it gives up by."""
    return OneChance(store, lambda code, _: codes.append(code), lease_duration=lease_duration, delay=delay)


class Silent:
    """A store that raises what it was given, and then that it is unavailable."""

    guarantees = StoreGuarantees()

    def __init__(self, *errors):
        self.errors = [*errors, StoreUnavailable("gone")]

    def get_lease(self, *, timeout):
        raise self.errors.pop(0)


def lease_of(name: str, *, renewed: timedelta) -> Lease:
    at = datetime.now(timezone.utc) + renewed
    return Lease(name, f"{name}.1", 1.0, at, at, 7)
