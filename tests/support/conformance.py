"""Simulated runs of the shipped driver, in which each step of each elector is held to the proof.

So is each change of the store. Nothing of the package knows of the specification: `handle` is wrapped.
"""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from random import Random

from specs.conformance import Nonconformance, Shadow, check_step
from specs.records import check_store_step

from incumbent.config import ElectorConfig
from incumbent.core.elector import Elector
from incumbent.core.messages import GetLease
from incumbent.lease import NANOSECONDS, StoredLease, StoreGuarantees
from incumbent.testing.profile import ANSWER_TROUBLES, CODE_TROUBLES, REQUEST_TROUBLES, Profile
from incumbent.testing.simulation.faults import INSIDE
from incumbent.testing.simulation.participants import SimulatedStore
from incumbent.testing.simulation.verbs import Simulation

DRIFT = 0.1
SECONDS = 60


class EpochStore(SimulatedStore):
    """A store whose every change is held to the proof, and which says so when it goes back (A5, P15)."""

    epoch = 0

    def execute(self, request):
        before, reply = self.stored, super().execute(request)
        if not isinstance(request, GetLease):
            check_store_step(before, request, self.stored)
        return reply

    def _write(self, request):
        reply = super()._write(request)
        self.stored = replace(self.stored, epoch=self.epoch)
        return reply

    def delete(self):
        """A5 broken."""
        check_store_step(self.stored, "lost", None)
        super().delete()

    def restore(self):
        """What was there once, in another epoch. What had been released is shown as held."""
        lease = next((stored.lease for stored in self.past if stored is not None), None)
        if lease is None:
            return
        if lease.is_vacant:
            lease = replace(lease, holder_identity="(released)", holder_session="(nobody)")
        before = self.stored
        self.past.append(before)
        self.epoch, self.version = self.epoch + 1, self.version + 1
        self.stored = StoredLease(lease, self.version, self.epoch)
        check_store_step(before, "back", self.stored)


def draw(seed, *, loses=False, goes_back=False):
    """A world of three candidates in which all happens often, and long before a lease is over."""
    random = Random(seed)
    configs = [
        ElectorConfig(
            name,
            lease_duration=random.choice((6.0, 8.0)),
            renew_deadline=4.0,
            retry_period=1.0,
            request_timeout=1.0,
            takeover_delay=random.choice((0.0, 0.0, 0.5)),
            clock_drift=DRIFT,
            jitter=0.1,
            guarantees=StoreGuarantees(durable=not loses),
        )
        for name in "abc"
    ]
    strikes = [strike.__name__ for strike in INSIDE if random.random() < 0.6]
    strikes += ["delete", "break_clock"] * loses + ["restore"] * goes_back
    profile = Profile(
        delay=(0, random.choice((0, 100, 900)) * NANOSECONDS // 1000),
        requests=tuple((trouble, 20_000) for trouble in REQUEST_TROUBLES),
        answers=tuple((trouble, 20_000) for trouble in ANSWER_TROUBLES),
        code=tuple((trouble, 60_000) for trouble in CODE_TROUBLES),
        strikes=tuple(strikes),
        strike_every=2 * NANOSECONDS,
        drift=True,
        wind_down=random.choice((0, NANOSECONDS)),
        stop_timeout=2 * NANOSECONDS,
        releases=random.random() < 0.8,
    )
    return Simulation(configs=configs, profile=profile, seed=seed, store=EpochStore())


class Held:
    """What was taken, and by whom: `runs` has (config, session, steps) of each elector."""

    def __init__(self):
        self.taken = Counter()
        self.runs = []


@contextmanager
def held_to_the_proof():
    """Hold each step of each elector to the proof: from its two states, and along its whole life.

    Raises:
        Nonconformance: No action of the proof is what an elector did.
    """
    held, shadows = Held(), {}
    begin, handle = Elector.__init__, Elector.handle

    def born(self, *args, **kwargs):
        begin(self, *args, **kwargs)
        steps = []
        shadows[id(self)] = self, Shadow.beside(self.config, self.session), steps
        held.runs.append((self.config, self.session, steps))

    def stepped(self, event, now):
        _, shadow, steps = shadows[id(self)]
        before = self.copy()
        effects = handle(self, event, now)
        taken, along = check_step(before, event, now, effects, self), shadow.step(event, now, effects)
        if along != taken:
            raise Nonconformance(f"from the states it is {taken}, along the run {along}")
        steps.append((event, now, effects))
        held.taken.update(taken)
        return effects

    Elector.__init__, Elector.handle = born, stepped
    try:
        yield held
    finally:
        Elector.__init__, Elector.handle = begin, handle


def run(seeds, **troubles):
    """Run some worlds; unless the record is lost, at most one leads in each."""
    with held_to_the_proof() as held:
        for seed in seeds:
            simulation = draw(seed, **troubles)
            simulation.run_for(SECONDS)
            if not troubles.get("loses"):
                one_leads(simulation.history)
    return held


def one_leads(history):
    """S1, whatever the store did."""
    last = None
    for term in sorted(history.terms(), key=lambda term: term.start):
        if last is not None and term.start < last.end and term.session != last.session:
            raise Nonconformance(f"two leaders: {last} and {term}")
        if last is None or term.end > last.end:
            last = term
