"""Each clause that is claimed for its own sake finds an elector, or a term, that breaks it."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("z3", reason="the proof needs z3: pip install z3-solver")

from specs.code import clauses, prove, steps, term_steps, terms
from specs.code.shapes import Shape

from incumbent.core.candidacy import Candidacy
from incumbent.core.elector import Elector
from incumbent.core.messages import Unavailable, UpdateLease
from incumbent.core.observation import Observation
from incumbent.core.states import CANDIDATE, ENDING, FOLLOWER, LEADER, WINDING_DOWN
from incumbent.core.term import Term
from support.sizes import sample

SAW, LEASE, WITH_UNKNOWN, DISPATCH = (
    Observation.saw,
    Elector._lease,
    Candidacy.with_unknown,
    Elector._dispatch,
)
LOSE_PATIENCE = Term._lose_patience

FOLLOWING = Shape("Found", FOLLOWER, "get", "", "record", 0, creates=False)
LOOKING = FOLLOWING._replace(seen="")
LEADING = Shape("TimerFired", LEADER, "", "", "record", 0, creates=False)


def sees(**wrong):
    """An elector that remembers something else of what it saw."""

    def saw(view, stored, now):
        return SAW(view, stored, now)._replace(**{name: of(view, now) for name, of in wrong.items()})

    return Observation, "saw", saw


def numbers_nothing(elector, request):
    elector.pending = elector._request = request


def hears_no_lateness(elector, event):
    if type(event) is not Unavailable:
        DISPATCH(elector, event)


def doubts_more(candidacy, write, since):
    more = replace(write.lease, leader_transitions=write.lease.leader_transitions + 1)
    return WITH_UNKNOWN(candidacy, replace(write, lease=more), since)


def forgets_the_holder(elector, stored):
    elector.observation = SAW(elector.observation, stored, elector.now)


ELECTORS = {
    "it has not ended": (LEADING, (Elector, "_leave_office", lambda *_, **__: None)),
    "the count has begun": (LOOKING, sees(since=lambda _view, now: now + 1)),
    "its token counts": (LOOKING, sees(highest_token=lambda view, _now: view.highest_token)),
    "its duration counts": (LOOKING, sees(longest_ns=lambda view, _now: view.longest_ns)),
    "a doubted write has no token beyond the next": (
        Shape("Unavailable", CANDIDATE, "update", "", "record", 0, creates=False),
        (Candidacy, "with_unknown", doubts_more),
    ),
    "ids are given once": (LEADING, (Elector, "_send", numbers_nothing)),
    "it is not overdue": (
        FOLLOWING._replace(event="TimerFired"),
        (Elector, "_dispatch", hears_no_lateness),
    ),
    "over its own version": (
        LEADING,
        (Elector, "_update", lambda elector, lease, _: UpdateLease(*elector._header(), lease, None)),
    ),
    "with its token": (
        LEADING,
        (Elector, "_lease", lambda elector, token, acquired: LEASE(elector, token + 1, acquired)),
    ),
    "no holder is named": (FOLLOWING._replace(event="Missing"), (Elector, "_observe", forgets_the_holder)),
    "candidacies are counted": (
        FOLLOWING._replace(event="Resign"),
        (Candidacy, "next", lambda candidacy: Candidacy(candidacy.number - 1)),
    ),
}


@pytest.mark.parametrize("name", sample(sorted(clauses.PROMISED), few=8, some=4))
def test_an_elector_that_breaks_a_promise_is_found(monkeypatch, name):
    """By that clause alone: no assertion, no action of the proof and no other clause is asked here."""
    shape, patch = ELECTORS[name]
    monkeypatch.setattr(Elector, "_check", lambda _elector: None)
    monkeypatch.setattr(steps, "check_step", lambda *_: [])
    monkeypatch.setattr(
        steps,
        "claims",
        lambda outcome: (
            (clause.name, clause.holds)
            for clause in steps.invariant(outcome.moment.elector)
            if clause.name == name
        ),
    )

    def failure():
        return steps.prove(
            shape.state, shape.event, lambda source: prove.moment(source, shape), assume=True, replay=False
        ).failure

    assert failure() == ""
    monkeypatch.setattr(*patch)
    assert failure().startswith(f"not true any more: {name}\n")


def never_starts(term, move):
    term._move(move)
    term.not_before = None


def says_nothing(term, _now):
    term._move("close")


def leaves_behind_and_stays(term):
    LOSE_PATIENCE(term)
    term.stopping = False


def backs_off_though_it_stops(term, _now):
    if term.state == ENDING and not (term.working or term.telling):
        term.patience_until = None
        term._move("back_off" if term.not_before is not None else "close")


TERMS = {
    "a back-off is bounded": ((ENDING, "WorkEnded"), ("incumbent.core.term.LONGEST_BACK_OFF", 32)),
    "at rest it contends, or stops": ((ENDING, "WorkEnded"), (Term, "_contend_again", never_starts)),
    "who has ended owes it to the elector to say so": (
        (ENDING, "TellingEnded"),
        (Term, "_close_if_over", says_nothing),
    ),
    "who is left behind stops": (
        (WINDING_DOWN, "TimerFired"),
        (Term, "_lose_patience", leaves_behind_and_stays),
    ),
    "who stops does not back off": (
        (ENDING, "WorkEnded"),
        (Term, "_close_if_over", backs_off_though_it_stops),
    ),
}


@pytest.mark.parametrize("name", sample(sorted(terms.PROMISED), few=8, some=4))
def test_a_term_that_breaks_a_promise_is_found(monkeypatch, name):
    """By that clause alone."""
    (phase, event), *patches = TERMS[name]
    shapes = [shape for shape in terms.shapes() if (shape.phase, shape.event) == (phase, event)]
    monkeypatch.setattr(Term, "_check", lambda _term: None)
    monkeypatch.setattr(
        term_steps,
        "claims",
        lambda outcome: (
            (clause.name, clause.holds) for clause in terms.invariant(outcome.beside) if clause.name == name
        ),
    )

    def failures():
        return [failure for shape in shapes if (failure := term_steps.prove_term(shape).failure)]

    assert failures() == []
    for patch in patches:
        monkeypatch.setattr(*patch)
    assert any(failure.startswith(f"not true any more: {name}\n") for failure in failures())
