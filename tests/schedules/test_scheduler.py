"""The thread that all campaigns of a clock share, under controlled schedules."""

import logging
from datetime import timedelta

from incumbent.runtime import scheduler, threads
from support.schedules import all_end, explore
from support.schedules.primitives import Clock


def test_a_scheduler_may_be_closed_by_an_action_of_its_own():
    """Whose thread does not wait for itself."""

    def scenario(world):
        subject = scheduler.Scheduler(Clock(world))
        subject.start()
        subject.post(subject.close)
        all_end(world)

    explore(scenario)


def test_a_time_of_day_that_is_turned_is_known_at_the_next_action():
    """Records are stamped by it, for people: what was true when the scheduler began is not enough."""

    class Turned(Clock):
        by = timedelta(0)

        def utcnow(self):
            return super().utcnow() + self.by

    def scenario(world):
        clock, epochs = Turned(world), []
        subject = scheduler.Scheduler(clock)
        subject.start()
        for clock.by in (timedelta(0), timedelta(hours=1)):
            subject.call(lambda: epochs.append(subject.epoch()))
        subject.close()
        assert epochs[1] - epochs[0] == timedelta(hours=1)

    explore(scenario, share=0.1)


def test_everything_posted_before_the_close_has_run_when_it_returns():
    """In the order in which each thread posted it; what comes later is refused, and not left waiting."""

    def scenario(world):
        subject, ran = scheduler.Scheduler(Clock(world)), []
        subject.start()

        def post(number):
            """Those that were taken."""
            return [
                (number, order)
                for order in range(3)
                if subject._take(lambda order=order: ran.append((number, order)))
            ]

        taken = []
        posters = [
            world.spawn("poster", lambda number=number: taken.extend(post(number))) for number in range(3)
        ]
        subject.post(lambda: ran.append((3, 0)))
        subject.close()
        assert not subject.thread.is_alive()
        assert (3, 0) in ran
        for poster in posters:
            world.join(poster)
        assert sorted(ran) == sorted([*taken, (3, 0)])
        for number in range(3):
            orders = [order for who, order in ran if who == number]
            assert orders == sorted(orders)

    explore(scenario)


def test_a_call_returns_when_it_was_carried_out_or_refused():
    """Whoever closes the scheduler meanwhile: no thread is left waiting."""

    def scenario(world):
        subject, ran = scheduler.Scheduler(Clock(world)), []
        subject.start()

        def call(number):
            for order in range(2):
                subject.call(lambda order=order: ran.append((number, order)))
                if (number, order) not in ran:
                    assert subject._closing

        callers = [world.spawn("caller", lambda number=number: call(number)) for number in range(3)]
        if world.random.random() < 0.5:
            world.join(callers[0])
        closers = [world.spawn("closer", subject.close) for _ in range(2)]
        for task in (*callers, *closers):
            world.join(task)
        all_end(world)

    explore(scenario)


def test_timers_run_in_order_at_their_instants_whatever_is_posted_meanwhile():
    def scenario(world):
        subject, ran, done = scheduler.Scheduler(Clock(world)), [], threads.event()
        subject.start()
        instants = [subject.now() + seconds * 1_000_000_000 for seconds in (3, 1, 2, 2)]

        def due(at):
            assert subject.now() >= at
            if not world.hasty:
                assert subject.now() == at
            ran.append(at)
            if at == max(instants):
                done.set()

        def begin():
            for at in instants:
                subject.call_at(at, lambda at=at: due(at))
            subject.call_at(instants[0], lambda: ran.append("cancelled")).cancel()

        poster = world.spawn("poster", lambda: [subject.post(lambda: None) for _ in range(4)])
        subject.post(begin)
        done.wait()
        subject.close()
        world.join(poster)
        assert ran == sorted(instants)

    explore(scenario)


def test_a_shared_scheduler_lives_as_long_as_anybody_uses_it():
    """Who comes while the last one leaves gets one that works; none is left behind."""

    def scenario(world):
        clock = Clock(world)

        def use():
            for _ in range(2):
                subject, ran = scheduler.shared.acquire(clock), threads.event()
                subject.call(ran.set)
                assert ran.is_set()
                assert scheduler.shared.thread_of(clock) is subject.thread
                scheduler.shared.release(clock)

        for user in [world.spawn("user", use) for _ in range(3)]:
            world.join(user)
        assert scheduler.shared._users == {}
        all_end(world)

    explore(scenario)


def test_a_clock_that_goes_back_is_noticed_by_all_who_asked():
    def scenario(world):
        clock = Clock(world)
        subject, told = scheduler.Scheduler(clock), []
        subject.start()
        first, second = (lambda: told.append("first")), (lambda: told.append("second"))
        subject.call(lambda: [subject.when_clock_goes_back(action) for action in (first, second)])
        subject.call(lambda: subject.when_clock_goes_back(second, forget=True))
        world.now -= 5
        subject.call(lambda: None)
        subject.close()
        assert told == ["first"]

    explore(scenario, hasty=0.0)


def test_an_action_that_raises_ends_neither_the_thread_nor_the_wait_for_it(caplog):
    """Nor does a log that raises in turn."""

    def refuse(record):
        raise OSError("the log is full")

    def scenario(world):
        subject, ran = scheduler.Scheduler(Clock(world)), []
        subject.start()
        subject.call(lambda: 1 / 0)
        subject.call(lambda: subject.call_at(subject.now(), lambda: 1 / 0))
        subject.call(lambda: ran.append(1))
        subject.close()
        assert ran == [1]

    logger = logging.getLogger("incumbent")
    explore(scenario, share=0.1)
    assert "an action of the scheduler failed" in caplog.text
    logger.addFilter(refuse)
    try:
        explore(scenario, share=0.1)
    finally:
        logger.removeFilter(refuse)
