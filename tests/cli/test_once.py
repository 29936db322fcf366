"""`incumbent run --once` runs the command now or not at all."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from incumbent.cli.once import OneChance
from incumbent.errors import LeaseNotFound, StoreUnavailable
from incumbent.lease import Lease, StoreGuarantees
from incumbent.stores.memory import MemoryStore
from support.cli.contenders import PATIENCE, SHORT, eventually

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
