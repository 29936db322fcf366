"""The shipped elector is proved: a part of it here, all of it by `python -m specs.code.prove`."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

pytest.importorskip("z3", reason="the proof needs z3: pip install z3-solver")

import z3
from specs.code import lemmas, prove
from specs.code.disguise import claimable_at, disguise
from specs.code.electors import beginning
from specs.code.invariant import broken, invariant
from specs.code.paths import Paths
from specs.code.proxies import Number, Session, Text, Time, Truth, session_of
from specs.code.shapes import Shape, shapes
from specs.code.sources import Terms, Values

from incumbent.config import ElectorConfig
from incumbent.core.elector import Elector
from incumbent.core.messages import Found, Missing, Start, Unavailable, Written
from incumbent.core.observation import Observation
from incumbent.core.states import CANDIDATE, FOLLOWER, LEADER
from incumbent.lease import StoredLease, StoreGuarantees
from support.sizes import sample

PROVED = sample(prove.tasks(replay=True)[:: prove.QUICK], few=3, some=1)


def test_a_part_of_the_proof_closes():
    """One in some shapes: nothing is raised, the actions are the proof's, the invariant holds again."""
    verdicts = [task() for task in PROVED]

    assert [verdict.failure for verdict in verdicts if verdict.failure] == []
    assert sum(verdict.paths for verdict in verdicts) > 500
    assert sum(verdict.replayed for verdict in verdicts) > 500


@pytest.mark.parametrize("name", lemmas.LEMMAS)
def test_a_lemma_holds(name):
    """What the steps' proof rests on, for all values."""
    assert lemmas.prove_lemma(name) == ""


# What finds a wrong elector.

SEEING = Shape("Found", FOLLOWER, "get", "", "record", 0, creates=False)
MISSING = Shape("Found", FOLLOWER, "get", "", "missing", 0, creates=False)
DOUBTING = Shape("Found", CANDIDATE, "get", "", "record", 1, creates=False)
ANSWERED = Shape("Written", LEADER, "update", "", "record", 0, creates=False)


def test_a_claim_one_nanosecond_early_is_found(monkeypatch):
    """P4: no test has to guess at which instant; the step on plain values is told."""

    def early(seen, config):
        return (claimable_at(seen, config) or 1) - 1

    monkeypatch.setattr("specs.code.disguise.claimable_at", early)

    failure = prove.prove_shape(SEEING).failure

    assert "'claim' is not allowed" in failure
    assert "and then Found(" in failure


@pytest.mark.parametrize("seen", ["missing", "record"])
def test_a_shipped_wait_other_than_the_one_that_steps_are_proved_with_is_found(seen, monkeypatch):
    """By the lemma about it, or the term in its place could be right and the code wrong."""
    right = lemmas.CLAIMABLE_AT
    monkeypatch.setattr(lemmas, "CLAIMABLE_AT", lambda seen, config: (right(seen, config) or 1) - 1)

    failure = lemmas.prove_lemma(f"Observation.claimable_at, {seen} seen")

    assert "it is the one term that the steps are proved with" in failure


def test_an_exception_is_found(monkeypatch):
    """One that only a single value brings about."""
    right = Observation.saw

    def saw(seen, stored, now):
        if now == 123456789:
            raise ZeroDivisionError
        return right(seen, stored, now)

    monkeypatch.setattr(Observation, "saw", saw)

    assert "at 123456789" in prove.prove_shape(MISSING).failure


def test_a_step_out_of_the_invariant_is_found(monkeypatch):
    """A stamp that is not remembered: the next write might look like this one (P7c)."""
    tick = dt.timedelta(microseconds=1)
    monkeypatch.setattr(Elector, "_stamp", lambda elector: elector.last_renew_time + tick)

    failure = prove.prove_shape(SEEING).failure

    assert failure.startswith("not true any more: the pending write has no later stamp than mine")


def test_a_proxy_that_differs_from_python_is_found(monkeypatch):
    """Each path is run on plain values, too."""
    right = Number.__add__
    monkeypatch.setattr(Number, "__add__", lambda number, other: right(right(number, other), 1))

    assert (
        "on plain values it is"
        in prove.prove_shape(ANSWERED._replace(event="TimerFired", pending=""), replay=True).failure
    )


# The explorer.


def outcomes(function):
    paths = Paths()
    return sorted(paths.explore(function))


def outcomes_of(function):
    return outcomes(lambda: tuple(bool(answer) for answer in function()))


def number(name):
    return Number(z3.Int(name))


def test_every_path_is_taken_once():
    """Also where the second question depends on the answer to the first."""

    def function():
        x, y = number("x"), number("y")
        return ("x" if x > 3 else "y") + (" small" if x + y <= 0 else " large")

    assert outcomes(function) == ["x large", "x small", "y large", "y small"]


def test_a_path_that_the_facts_exclude_is_not_taken():
    """A question with one possible answer is no fork."""

    def function():
        x = number("x")
        Paths.current.assume([x > 3])
        return "x" if x > 2 else "never"

    assert outcomes(function) == ["x"]


def test_a_claim_is_refuted_by_a_value():
    """And proved where there is none."""
    paths, x = Paths(), number("x")
    verdicts = [
        (paths.refute([("not five", x != 5)]), paths.refute([("something", x + 1 > x)]))
        for _ in paths.explore(lambda: bool(x > 3))
    ]

    (refuted, proved), (spared, proved_too) = sorted(verdicts, key=lambda pair: pair[0] is None)
    assert refuted[0] == "not five"
    assert refuted[1][z3.Int("x")] == 5
    assert proved is proved_too is spared is None


def test_what_a_proxy_does_not_know_is_an_error():
    """Nothing is proved by accident."""
    with pytest.raises(TypeError):
        number("x") % 2
    with pytest.raises(AttributeError):
        number("x").bit_length()
    with disguise(), pytest.raises(AssertionError):
        Session(Text(z3.Int("b")), number("n")).rpartition("-")


def test_texts_of_sessions_are_compared_as_texts():
    """The session "s.007" is not "s.7", though both end in a seven."""
    base, seven = Text(z3.Int("base")), number("seven")

    def function():
        Paths.current.assume([seven == 7])
        other = Session(base, number("other"))
        return session_of(base, seven) == other, other == "s.7"

    with disguise():
        assert set(outcomes_of(function)) == {(True, True), (True, False), (False, False)}


def test_sessions_of_a_model_differ():
    """As their numbers do, below 0 too."""
    solver = z3.Solver()
    solver.check()
    values = Values(solver.model())
    assert values.session("s", 7) == "s.7"
    assert len({values.session("s", each) for each in (7, -7, -8)}) == 3


def test_the_calendar_ends():
    """A time after the last one is an error to a term, as it is to Python."""

    def function():
        try:
            Time(number("t")) + dt.timedelta(microseconds=1)
        except OverflowError:
            return "over"
        return "fine"

    assert outcomes(function) == ["fine", "over"]


# The invariant.


def led():
    config = ElectorConfig("me", guarantees=StoreGuarantees(durable=True))
    elector = Elector(config, session="s")
    read = elector.handle(Start(), 0).request
    claim = elector.handle(Missing(read.id), 1).request
    elector.handle(Written(claim.id, 1), 2)
    return elector


def test_the_invariant_is_true_of_a_leader():
    assert broken(led()) == []


def test_the_invariant_tells_what_is_wrong():
    """By name, with the reason why it should be so."""
    elector = led()
    elector.candidacy = elector.candidacy.next()
    assert any(clause.startswith("only a leader holds: ") for clause in broken(elector))


def test_a_vacant_record_that_kept_its_session_makes_nobody_leader():
    """P2: an operator emptied the holder's name, and a candidate has a write of unknown outcome."""
    config = ElectorConfig("me", guarantees=StoreGuarantees(durable=True))
    elector = Elector(config, session="s")
    read = elector.handle(Start(), 0).request
    claim = elector.handle(Missing(read.id), 1).request
    again = elector.handle(Unavailable(claim.id), 2).request
    elector.handle(Found(again.id, StoredLease(replace(claim.lease, holder_identity=""), 7)), 3)
    assert elector.state != LEADER


def test_each_clause_has_a_reason_and_a_name_of_its_own():
    """In every shape."""
    for shape in list(shapes())[::50]:
        elector = prove.moment(Terms(), shape).elector
        clauses = list(invariant(elector))
        assert len({clause.name for clause in clauses}) == len(clauses), shape
        assert all(clause.because for clause in clauses)


def test_a_fresh_elector_is_what_the_beginning_says():
    """It has handled nothing, so nothing is assumed of it."""
    assert beginning(Terms(), "Start").elector.next_request_id == 0
    assert isinstance(beginning(Terms(), "Resign").event.release, Truth)
