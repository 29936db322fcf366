"""Campaigns that several threads start, stop and ask at once, under controlled schedules."""

from contextlib import suppress

import pytest

from incumbent import Campaign, ElectionError
from incumbent.runtime import lifecycle, pools, scheduler, threads
from incumbent.stores.memory import MemoryStore
from support.driving import RemoteStore
from support.schedules import all_end, explore, library_threads, nothing_is_left
from support.schedules.primitives import Clock

LONG = 0.4
"""The share of the plain number of schedules for scenarios of many switches."""


class Store(RemoteStore):
    """A store whose calls are made on a pool, and take their time."""

    def __init__(self, world, inner=None):
        super().__init__(MemoryStore("remote") if inner is None else inner)
        self.world = world
        self._gate = threads.event()
        self._gate.set()

    def _call(self, name, call, *args, timeout):
        self._gate.wait()
        result = call(*args, timeout=timeout)
        threads.lock().acquire()  # a switch between what was done and its answer
        return result


def store_of(world, kind):
    return MemoryStore() if kind == "local" else Store(world)


def settings(world, clock=None):
    """All chance is the world's."""
    return {"clock": clock or Clock(world), "rng": world.random}


def together(world, *bodies):
    """Run them as threads, and wait until all have ended."""
    for task in [world.spawn("user", body) for body in bodies]:
        world.join(task)


kinds = pytest.mark.parametrize("kind", ["local", "remote"])


@kinds
def test_stop_returns_when_nothing_is_left_whoever_else_starts_and_stops(kind):
    """Two starts at once are one; of two stops at once, both wait for the end."""

    def scenario(world):
        campaign = Campaign(store_of(world, kind), identity="a", **settings(world))
        together(world, campaign.start, campaign.start)
        assert library_threads(world).count("incumbent-scheduler") == 1

        def stop():
            campaign.stop()
            nothing_is_left(world)
            assert campaign.state == "stopped"

        together(world, stop, stop, stop)

    explore(scenario)


@kinds
def test_stop_returns_when_the_observers_were_told_all(kind):
    """In order: what is told last is told before anybody may believe that all is over."""

    def scenario(world):
        told = []

        def observe(_, leads):
            world.sleep(1)
            told.append(leads)

        campaign = Campaign(store_of(world, kind), identity="a", **settings(world), report_metric=observe)
        campaign.start()
        led = campaign.wait_until_leader(world.random.choice([0, 30]))
        together(world, campaign.stop, campaign.stop)
        before = list(told)
        all_end(world)
        assert before == told
        assert told[-1:] in ([False], [])
        assert not led or True in told

    explore(scenario, hasty=0.0)


@kinds
def test_whatever_several_threads_wish_the_last_stop_ends_it(kind):
    """Starts, stops and resignations in any order: no thread hangs, and afterwards nothing is left."""

    def scenario(world):
        store = store_of(world, kind)
        campaign = Campaign(
            store, identity="a", **settings(world), on_started_leading=lambda term: term.wait()
        )

        def wish():
            for _ in range(2):
                with suppress(ElectionError):  # it does not run at that moment
                    world.random.choice([campaign.start, campaign.stop, campaign.resign])()

        together(world, campaign.start, wish, wish)
        campaign.stop()
        nothing_is_left(world)

    explore(scenario, steps=500)


@kinds
def test_work_is_never_beside_itself_and_each_term_is_told_once_and_released_after_it(kind):
    """Three candidates that resign at any moment; the record is free only while nobody works."""

    def scenario(world):
        first, working, told, begun = store_of(world, kind), [], [], []
        inner = first if kind == "local" else first.inner

        def beside():
            store = MemoryStore(inner.name, space=inner.space)
            return store if kind == "local" else Store(world, store)

        def work(term):
            assert working == [] or world.hasty
            working.append(term)
            begun.append(term)
            while not term.wait(1):
                pass
            working.remove(term)

        def over(term):
            assert term not in working
            told.append(term)

        campaigns = [
            Campaign(
                store,
                identity=str(number),
                **settings(world),
                on_started_leading=work,
                on_stopped_leading=over,
            )
            for number, store in enumerate((first, beside()))
        ]
        together(world, *(campaign.start for campaign in campaigns))

        def resign():
            for campaign in campaigns:
                campaign.resign()
                world.sleep(3)

        together(world, resign, resign)
        together(world, *(campaign.stop for campaign in campaigns))
        nothing_is_left(world)
        assert working == []
        assert len(told) == len(set(told))
        assert set(begun) <= set(told) or world.hasty
        tokens = [term.token for term in told]
        assert len(tokens) == len(set(tokens))
        if not world.hasty and kind == "local":
            assert inner.get_lease(timeout=1).lease.is_vacant

    explore(scenario, share=LONG, steps=800)


@kinds
def test_no_wakeup_is_lost_while_the_work_waits(kind):
    """Those who wait for the end of the term hear of it at once: no time passes until they have."""

    def scenario(world):
        woken = []

        def work(term):
            def wait(timeout):
                assert term.wait(timeout)
                woken.append(world.now)

            together(world, lambda: wait(None), lambda: wait(1000), lambda: wait(None))

        campaign = Campaign(store_of(world, kind), identity="a", **settings(world), on_started_leading=work)
        campaign.start()
        assert campaign.wait_until_leader()
        world.sleep(world.random.choice([0, 1, 5, 7.5]))
        asked_at = world.now
        world.random.choice([campaign.stop, campaign.resign])()
        if world.random.random() < 0.5:
            world.sleep(0.1)
        campaign.stop()
        assert woken in ([asked_at] * 3, [])  # none: it was asked to end before the work began
        nothing_is_left(world)

    explore(scenario, hasty=0.0, steps=400)


def test_a_term_that_is_not_renewed_is_over_at_its_deadline_for_all_who_wait():
    """By the clock alone, to the instant, whatever the other threads do meanwhile."""

    def scenario(world):
        store, woken = Store(world), []

        def work(term):
            deadlines = []

            def wait():
                assert term.wait()
                deadlines.append(term.deadline)
                woken.append(world.now)

            together(world, wait, wait)
            assert woken == deadlines

        campaign = Campaign(store, identity="a", **settings(world), on_started_leading=work)
        campaign.start()
        assert campaign.wait_until_leader()
        world.sleep(world.random.choice([0.1, 3, 9]))
        store._gate.clear()
        world.sleep(40)
        assert len(woken) == 2
        store._gate.set()
        campaign.stop()
        nothing_is_left(world)

    explore(scenario, share=LONG, hasty=0.0, steps=400)


@kinds
def test_a_campaign_leaves_nothing_behind_in_a_shared_scheduler(kind):
    """While another campaign keeps it going."""

    def scenario(world):
        clock = Clock(world)
        kept = MemoryStore()
        keeper = Campaign(kept, identity="keeper", **settings(world, clock))
        keeper.start()
        shared = scheduler.shared._users[id(clock)][1]

        def cycle():
            campaign = Campaign(
                store_of(world, kind),
                identity="a",
                **settings(world, clock),
                on_started_leading=lambda t: t.wait(),
            )
            for _ in range(2):
                campaign.start()
                if world.random.random() < 0.5:
                    campaign.wait_until_leader(30)
                campaign.stop()

        together(world, cycle, cycle)
        timers = [timer for _, _, timer in shared._timers if timer.action is not None]
        assert len(timers) <= 1, "the keeper's next renewal, or it is renewing"
        assert len(shared._backwards) == 1
        assert scheduler.shared._users[id(clock)][2] == 1
        assert {key: users for key, (_, users) in pools.shared._pools.items()} == {
            id(kept): 1,
            "observers": 1,
        }
        assert list(lifecycle.registry) == [keeper]
        keeper.stop()
        nothing_is_left(world)

    explore(scenario, share=LONG, steps=800)


def test_a_start_returns_when_it_has_begun():
    """A candidate that finds the lease free in a store of its own process leads when `start` returns."""

    def scenario(world):
        campaign = Campaign(MemoryStore(), identity="a", **settings(world))
        campaign.start()
        assert campaign.is_leader()
        campaign.stop()
        nothing_is_left(world)

    explore(scenario, hasty=0.0, share=LONG)


@kinds
def test_run_returns_when_nothing_is_left(kind):
    """Also when nobody stopped it: its work has returned, or raised."""

    def scenario(world):
        def work(term):
            if world.random.random() < 0.5:
                raise LookupError("it was not there")

        campaign = Campaign(store_of(world, kind), identity="a", **settings(world), on_started_leading=work)
        with suppress(LookupError):
            campaign.run(once=True, handle_signals=False)
        nothing_is_left(world)

    explore(scenario, share=LONG)


def test_only_one_may_run_a_campaign_and_it_returns_when_it_is_stopped():
    def scenario(world):
        campaign, outcomes = Campaign(MemoryStore(), identity="a", **settings(world)), []

        def run():
            try:
                campaign.run(handle_signals=False)
                outcomes.append("ran")
            except ElectionError:
                outcomes.append("refused")

        runners = [world.spawn("user", run) for _ in range(2)]
        while "refused" not in outcomes:
            world.sleep(1)
        together(world, campaign.stop, campaign.stop)
        for runner in runners:
            world.join(runner)
        assert sorted(outcomes) == ["ran", "refused"]
        nothing_is_left(world)

    explore(scenario, hasty=0.0, steps=300)


def test_a_loop_of_terms_ends_when_it_is_stopped_and_runs_its_body_alone():
    def scenario(world):
        campaign = Campaign(MemoryStore(), identity="a", **settings(world))

        def loop():
            for term in campaign.terms():
                assert campaign.leadership in (term, None)
                term.wait()

        looping = world.spawn("user", loop)
        while campaign.state == "stopped":
            world.sleep(0.5)
        world.random.choice([campaign.resign, lambda: None])()
        together(world, campaign.stop, campaign.stop)
        world.join(looping)
        nothing_is_left(world)

    explore(scenario, hasty=0.0, steps=400)


@kinds
def test_waiting_until_leader_ends_with_the_campaign(kind):
    def scenario(world):
        store = store_of(world, kind)
        inner = store if kind == "local" else store.inner
        leader = Campaign(MemoryStore(inner.name, space=inner.space), identity="leader", **settings(world))
        leader.start()
        campaign, outcomes = Campaign(store, identity="a", **settings(world)), []
        campaign.start()

        def wait():
            try:
                outcomes.append(campaign.wait_until_leader())
            except ElectionError:
                outcomes.append(None)

        waiting = [world.spawn("user", wait) for _ in range(2)]
        world.random.choice([campaign.stop, leader.stop])()
        world.sleep(20)
        campaign.stop()
        for task in waiting:
            world.join(task)
        assert len(outcomes) == 2
        leader.stop()
        nothing_is_left(world)

    explore(scenario, share=LONG, steps=500)


@kinds
def test_a_forked_child_leads_nothing_and_hangs_on_nothing_wherever_the_fork_comes(kind):
    """Whatever locks other threads held at that moment."""

    def scenario(world):
        campaign = Campaign(
            store_of(world, kind), identity="a", **settings(world), on_started_leading=lambda t: t.wait()
        )
        campaign.start()
        term = campaign.leadership

        def wishes():
            campaign.resign()
            campaign.stop()
            campaign.start()

        def in_child():
            was_known = campaign._forked_from is not None
            outcome = [campaign.is_leader(), campaign.state, campaign.token]
            if term is not None:
                outcome.append((term.is_valid(), term.wait(1)))
            campaign.stop()
            refused = pytest.raises(ElectionError, match="forked child")
            with refused if was_known else suppress(ElectionError):
                campaign.start()
            campaign.stop()
            return outcome

        wisher = world.spawn("user", wishes)
        for _ in range(world.random.randrange(30)):
            threads.lock().acquire()
        answer = world.fork(in_child)
        assert answer in ("[False, 'stopped', None]", "[False, 'stopped', None, (False, True)]")
        world.join(wisher)
        campaign.stop()
        nothing_is_left(world)

    explore(scenario, share=LONG, steps=400)
