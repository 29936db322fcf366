"""Work, and those who wait for a term or for its end, under controlled schedules."""

import pytest

from incumbent import Campaign, ElectionError
from incumbent.stores.memory import MemoryStore
from support.schedules import explore, nothing_is_left
from support.schedules.campaigns import LONG, Store, settings, store_of, together

kinds = pytest.mark.parametrize("kind", ["local", "remote"])


class Diary:
    """Work and callbacks of several candidates that note what they are asked to do."""

    def __init__(self, world):
        self.world, self.working, self.begun, self.told = world, [], [], []

    def work(self, term):
        assert self.working == [] or self.world.hasty
        self.working.append(term)
        self.begun.append(term)
        while not term.wait(1):
            pass
        self.working.remove(term)

    def over(self, term):
        assert term not in self.working
        self.told.append(term)

    def check(self):
        """Nobody works, and each term was told once; a term that is left behind in haste may be told late."""
        assert self.working == []
        tokens = [term.token for term in self.told]
        assert len(tokens) == len(set(tokens))
        assert set(self.begun) <= set(self.told) or self.world.hasty


@kinds
def test_work_is_never_beside_itself_and_each_term_is_told_once_after_it(kind):
    """Of two candidates that resign at any moment; afterwards the record is free."""

    def scenario(world):
        first, diary = store_of(world, kind), Diary(world)
        inner = first if kind == "local" else first.inner
        beside = MemoryStore(inner.name, space=inner.space)
        stores = (first, beside if kind == "local" else Store(world, beside))
        callbacks = {"on_started_leading": diary.work, "on_stopped_leading": diary.over}
        campaigns = [
            Campaign(store, identity=str(number), **settings(world), **callbacks)
            for number, store in enumerate(stores)
        ]
        together(world, *(campaign.start for campaign in campaigns))

        def resign():
            for campaign in campaigns:
                campaign.resign()
                world.sleep(3)

        together(world, resign, resign)
        together(world, *(campaign.stop for campaign in campaigns))
        nothing_is_left(world)
        diary.check()
        if not world.hasty and kind == "local":  # a claim that was under way may land later
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


def test_a_loop_of_terms_that_is_left_leaves_no_thread():
    def scenario(world):
        campaign = Campaign(MemoryStore(), identity="a", **settings(world))
        terms = campaign.terms()
        next(terms)
        terms.close()
        nothing_is_left(world)

    explore(scenario, hasty=0.0)


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
