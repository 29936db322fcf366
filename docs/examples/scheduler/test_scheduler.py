"""The scheduler's own tests: no waiting, no mocks, nothing of incumbent but its public kit."""

import pytest
from registry import Registry, RegistryStore
from scheduler import Job, Scheduler

from incumbent.testing.stores.contract import LeaseStoreContract


@pytest.fixture
def log():
    return []


def schedulers(count, memory_store, clock, log):
    jobs = [Job("fetch", 5, lambda token: log.append((clock.now(), "fetch", token)))]
    return [Scheduler(memory_store("jobs"), jobs, clock) for _ in range(count)]


def test_each_job_is_done_once_whoever_else_is_there(fake_clock, memory_store, log):
    one, two, three = schedulers(3, memory_store, fake_clock, log)
    with one.campaign, two.campaign, three.campaign:
        fake_clock.wait_for_waiters(2)  # the campaigns, and the work of the one that leads
        fake_clock.advance(20)
        assert log == [(5, "fetch", 1), (10, "fetch", 1), (15, "fetch", 1), (20, "fetch", 1)]


def test_another_one_goes_on_with_a_larger_token(fake_clock, memory_store, log):
    one, two = schedulers(2, memory_store, fake_clock, log)
    with one.campaign, two.campaign:
        fake_clock.wait_for_waiters(2)
        fake_clock.advance(5)
        one.campaign.stop()
        assert two.campaign.wait_until_leader()
        fake_clock.wait_for_waiters(2)
        fake_clock.advance(5)
        assert log == [(5, "fetch", 1), (10, "fetch", 2)]


def test_a_job_that_fails_gives_another_machine_a_try(fake_clock, memory_store, log):
    def fail(token):
        log.append(token)
        raise OSError("the disk of this machine is full")

    broken = Scheduler(memory_store("jobs"), [Job("fetch", 5, fail)], fake_clock)
    (healthy,) = schedulers(1, memory_store, fake_clock, log)
    with broken.campaign, healthy.campaign:
        fake_clock.wait_for_waiters(2)
        fake_clock.advance(5)
        assert healthy.campaign.wait_until_leader()
        fake_clock.wait_for_waiters(2)
        fake_clock.advance(5)
        assert log == [1, (10, "fetch", 2)]


@pytest.mark.parametrize("seed", range(5))
def test_the_timings_we_deploy_survive_a_bad_network(simulation, seed):
    """The settings of production, in a simulation with an isolated leader and lost messages."""
    world = simulation(candidates=3, seed=seed, lease_duration=15.0, retry_period=2.0)
    world.run_for(30)
    world.partition("leader")
    world.run_for(60)
    world.check()
    assert [term.token for term in world.history.terms()][:2] == [1, 2]


class TestRegistryStore(LeaseStoreContract):
    @pytest.fixture(autouse=True)
    def _registry(self):
        self.registry = Registry()

    def open_store(self, lease):
        return RegistryStore(self.registry, lease)
