"""Every step that the shipped elector takes, wherever it is driven, is made of the proof's actions.

In the simulation and under Hypothesis a whole run is followed from its beginning; in the exploration each
step is judged by itself, from its two states, so that every transition of the closed small world is held to
the proof. So is every step of the stores that these electors write to. `handle` and the stores are wrapped
for that: nothing of the package knows of the specification.
"""

import os
from collections import Counter
from datetime import timedelta

import pytest

pytest.importorskip("z3", reason="the invariant needs z3: pip install z3-solver")

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from specs.code import terms
from specs.code.invariant import broken
from specs.code.owed import obligations
from specs.conformance import Nonconformance, Shadow
from specs.records import check_store_step

from incumbent.core.elector import Elector, Validity
from incumbent.core.messages import Ended, GetLease, UpdateLease, Written
from incumbent.core.states import PHASES
from incumbent.core.term import Term
from incumbent.testing.exploration import SmallWorld, deeds, explore
from incumbent.testing.machine import ElectionMachine
from incumbent.testing.simulation import swarm
from incumbent.testing.simulation.participants import SimulatedStore
from support.sizes import EXPLORE

DEPTH = 25 if EXPLORE == "small" else None
SEEDS = int(os.environ.get("INCUMBENT_SEEDS", "6"))
# What a run is empty without; a candidate that never resigns leaves no office.
ELECTING = {"read", "claim", "renew", "answer: written", "read own write", "candidacy ends"}
LEAVING = {"leave office", "release", "release settled"}
STORING = {"takes effect", "refused"}
# What the exploration's canonical form counts anew, or forgets: numbers of candidacies, tokens, stamps.
COUNTED_ANEW = (
    "candidacies are counted",
    "the held write has no later",
    "a doubted write has no later",
)


def check_invariant(elector, *, but=()):
    """What the proof of the code shows of all steps is true of this one."""
    wrong = [clause for clause in broken(elector) if not clause.startswith(but)]
    if wrong:
        raise Nonconformance(f"the invariant is broken by {elector!r}: {wrong}")


def judge_store(counted, before, request, after):
    if not isinstance(request, GetLease):
        check_store_step(before, request, after)
        counted["refused" if after == before else "takes effect"] += 1


def judged_store(execute, counted):
    """A simulated store's `execute`, each change by which is held to the proof, and the answer to it."""

    def executed(self, request):
        before, reply = self.stored, execute(self, request)
        judge_store(counted, before, request, self.stored)
        if (self.stored != before) != isinstance(reply, Written):
            raise Nonconformance(f"{reply} was told of {request}, which made {self.stored} of {before}")
        return reply

    return executed


@pytest.fixture
def stored(monkeypatch):
    """Counts what became of the writes; each change of a record is the proof's (P1, A2)."""
    counted, ask = Counter(), deeds._ask

    def asked(sender, request, record, how, version):
        reply, after, broken = ask(sender, request, record, how, version)
        if how in (deeds.FAILED, deeds.NOT_DONE):
            assert after == record
        else:
            judge_store(counted, record, request, after)
        return reply, after, broken

    monkeypatch.setattr(SimulatedStore, "execute", judged_store(SimulatedStore.execute, counted))
    monkeypatch.setattr(deeds, "_ask", asked)
    return counted


@pytest.fixture
def actions(monkeypatch):
    """Counts the proof's actions that the steps were made of; each step is judged by itself.

    Not compared is what the elector remembers of a record: the exploration forgets what no longer matters.
    """
    counted, handle = Counter(), Elector.handle

    def judged(self, event, now):
        shadow = Shadow.of(self)
        effects = handle(self, event, now)
        counted.update(shadow.step(event, now, effects))
        expected = (shadow.state, shadow.pending, shadow.node.leads)
        if expected != (self.state, self.pending, self.is_leader(now)):
            raise Nonconformance(f"{expected} was expected of {self!r} after {event}")
        if self.office is not None and self.office.until != shadow.node.base + shadow.timing.deadline:
            raise Nonconformance(f"its office ends at {self.office.until} (P3)")
        check_invariant(self, but=COUNTED_ANEW)
        return effects

    monkeypatch.setattr(Elector, "handle", judged)
    return counted


@pytest.fixture
def followed(monkeypatch):
    """The same, along each elector's whole life: what came before is remembered, not read off its state."""
    counted, shadows = Counter(), {}
    begin, handle = Elector.__init__, Elector.handle

    def born(self, *args, **kwargs):
        begin(self, *args, **kwargs)
        shadows[id(self)] = self, Shadow.beside(self.config, self.session)

    def stepped(self, event, now):
        effects = handle(self, event, now)
        counted.update(shadows[id(self)][1].step(event, now, effects))
        check_invariant(self)
        return effects

    monkeypatch.setattr(Elector, "__init__", born)
    monkeypatch.setattr(Elector, "handle", stepped)
    return counted


@pytest.fixture
def phases(monkeypatch):
    """Counts the phases of terms, each followed along its life; what their proof assumes of inputs is so."""
    counted, followed, handle = Counter(), {}, Term.handle

    def stepped(self, event, now):
        unbegun = self, terms.Beside(self, leads=False, contends=True, owes=False)
        beside, before = followed.get(id(self), unbegun)[1], self.copy()
        assert all(terms.may_come(event, beside)), f"{event} came to {beside}"
        effects = handle(self, event, now)
        after = terms.follow(beside, event, effects)
        wrong = [clause.name for clause in terms.invariant(after) if not clause.holds]
        wrong += [name for name, holds in obligations(before, event, now, effects, self) if not holds]
        assert not wrong, f"{wrong} after {event} at {now}: {after}"
        followed[id(self)] = self, after
        counted[self.state] += 1
        return effects

    monkeypatch.setattr(Term, "handle", stepped)
    return counted


def run_swarm():
    for seed in range(SEEDS):
        swarm.run(seed)


def test_every_simulated_step_is_the_proofs(followed, stored):
    run_swarm()
    assert set(followed) >= ELECTING | LEAVING
    assert set(stored) == STORING


def test_every_simulated_term_keeps_the_invariant(phases):
    """And its elector does what the proof of terms assumes of it."""
    run_swarm()
    assert set(phases) == set(PHASES)


def test_a_term_out_of_the_invariant_does_not_get_far(phases, monkeypatch):
    """It says that it has ended before `on_stopped_leading` has (P9)."""
    right = Term._end

    def end(self, event, now):
        right(self, event, now)
        self._inputs.append(Ended())

    monkeypatch.setattr(Term, "_end", end)
    with pytest.raises(AssertionError, match="it ends when nothing runs any more"):
        run_swarm()


def test_every_step_under_hypothesis_is_the_proofs(followed, stored):
    budget = settings(
        max_examples=15,
        stateful_step_count=30,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(ElectionMachine, settings=budget)
    assert set(followed) >= ELECTING | LEAVING
    assert set(stored) == STORING


def test_every_explored_transition_is_the_proofs(actions, stored):
    """Two candidates with loss, delay and pause: all that their electors can do, to the last state.

    In a plain run, all that they can do in the beginning.
    """
    world = SmallWorld(crashes=True) if EXPLORE == "large" else SmallWorld(lease_duration=2, skew=0)
    result = explore(world, depth=DEPTH)
    result.check()
    assert result.is_closed == (DEPTH is None)
    assert set(actions) >= ELECTING
    assert set(stored) == STORING


def later_office(self, now, renew_deadline_ns):
    held = self.held
    return None if held is None else Validity(held.lease.leader_transitions, now, now + renew_deadline_ns)


def test_a_wrong_elector_does_not_get_far(actions, monkeypatch):
    """Validity that counts from the answer, not from the send (P3), is no action of the proof."""
    monkeypatch.setattr("incumbent.core.candidacy.Candidacy.office", later_office)
    with pytest.raises(Nonconformance, match="P3"):
        swarm.run(0)


def test_an_elector_out_of_the_invariant_does_not_get_far(followed, monkeypatch):
    """It forgets the stamp of what it wrote: the next write might look like that one (P7c)."""
    tick = timedelta(microseconds=1)
    monkeypatch.setattr(Elector, "_stamp", lambda elector: elector.last_renew_time + tick)
    with pytest.raises(Nonconformance, match="no later stamp than mine"):
        swarm.run(0)


def test_a_wrong_store_does_not_get_far(monkeypatch):
    """A write that takes effect on whatever is there (P1) is no action of the proof."""
    right = SimulatedStore.execute

    def careless(self, request):
        is_there = isinstance(request, UpdateLease) and self.stored is not None
        return self._write(request) if is_there else right(self, request)

    monkeypatch.setattr(SimulatedStore, "execute", judged_store(careless, Counter()))
    with pytest.raises(Nonconformance, match="makes"):
        run_swarm()
