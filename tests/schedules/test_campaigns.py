"""Campaigns that several threads start, stop and ask at once, under controlled schedules."""

from contextlib import suppress

import pytest

from incumbent import Campaign, ElectionError, LeaseNotFound
from incumbent.runtime import lifecycle, pools, scheduler, threads
from incumbent.stores.memory import MemoryStore
from support.schedules import all_end, explore, library_threads, nothing_is_left
from support.schedules.campaigns import LONG, settings, store_of, together
from support.schedules.primitives import Clock

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
        world.sleep(world.random.choice([0, 5]))
        together(world, campaign.stop, campaign.stop)
        before = list(told)
        all_end(world)
        assert before == told
        assert told[:1] == [False]
        assert not led or told == [False, True, False]

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
def test_a_stop_ends_no_run_that_was_begun_after_it(kind):
    """Another thread's call may have ended the run that it waits for, and have begun the next one since."""

    def scenario(world):
        store = store_of(world, kind)
        campaign = Campaign(store, identity="a", **settings(world))

        def stop_and_start():
            campaign.stop()
            campaign.start()

        campaign.start()
        together(world, campaign.stop, stop_and_start)
        campaign.stop()
        nothing_is_left(world)
        with suppress(LeaseNotFound):
            assert store.get_lease(timeout=1).lease.is_vacant

    explore(scenario, hasty=0.0)


@kinds
def test_a_campaign_leaves_nothing_behind_in_a_shared_scheduler(kind):
    """While another campaign keeps it going."""

    def scenario(world):
        clock = Clock(world)
        keeper = Campaign(MemoryStore(), identity="keeper", **settings(world, clock))
        keeper.start()
        shared = scheduler.shared._users[id(clock)][1]

        def cycle():
            campaign = Campaign(
                store_of(world, kind),
                identity="a",
                **settings(world, clock),
                on_started_leading=lambda t: t.wait(),
                on_new_leader=[].append,
            )
            for _ in range(2):
                campaign.start()
                if world.random.random() < 0.5:
                    campaign.wait_until_leader(30)
                campaign.stop()

        together(world, cycle, cycle)
        timers = [timer for _, _, timer in shared._timers if timer.action is not None]
        assert len(timers) <= 2, (
            "the keeper's next renewal, or its look at its lease that expires and the expiry"
        )
        assert len(shared._backwards) == 1
        assert scheduler.shared._users[id(clock)][2] == 1
        assert pools.shared._pools == {}  # a store in memory needs no thread, and it has no observers
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
