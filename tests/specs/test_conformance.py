"""Each step of the elector in the shipped driver is the proof's; one that breaks a rule is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from specs.conformance import Nonconformance, check_trace
from specs.records import check_store_step

from incumbent.core.candidacy import Candidacy
from incumbent.core.elector import EPOCH, Elector
from incumbent.core.messages import CreateLease, Found, Missing, Refused, Reply, UpdateLease, Written
from incumbent.core.observation import Observation
from incumbent.lease import Lease, StoredLease
from support.conformance import run

SEEDS = 30

OF_ELECTORS = {
    "claim",
    "renew",
    "release",
    "answer: written",
    "answer while leaving",
    "read own write",
    "read",
    "candidacy ends",
    "leave office",
    "release settled",
    "work ends",
    "leave the race with a claim under way",
    "find what is to be released",
    "release is refused",
}


def test_every_step_is_the_proofs():
    """Delay, loss, duplicates, stale reads, drift, crashes, resignations, requests; one leads at most."""
    taken = run(range(SEEDS)).taken

    assert set(taken) == OF_ELECTORS, "an action that never happens was not checked"


def test_every_step_is_the_proofs_outside_the_assumptions():
    """A lost record and a clock that runs backwards excuse no step that is not the proof's (P3, P5)."""
    taken = run(range(SEEDS), loses=True).taken

    rare = {"answer while leaving", "release is refused"}
    assert set(taken) >= OF_ELECTORS - rare | {"clock runs backwards"}


def test_a_store_that_goes_back_and_says_so_breaks_nothing():
    """Restarts that bring back what was written once, in another epoch: still one leads at most (A5, P15)."""
    taken = run(range(SEEDS), goes_back=True).taken

    assert set(taken) >= OF_ELECTORS - {"answer while leaving"}


def test_a_recorded_run_can_be_checked_later():
    """Inputs, readings and effects are enough: the elector itself is not needed."""
    claimed = [each for each in run(range(5)).runs if {"claim", "answer: written"} <= set(check_trace(*each))]
    assert claimed

    for config, session, steps in claimed:
        blind = [step for step in steps if not isinstance(step[0], (Found, Missing))]
        with pytest.raises(Nonconformance, match=r"^step \d+: "):
            check_trace(config, session, blind)


# The elector broken on purpose: each a rule, and a change that breaks it.

LANDED, LEASE, SAW, RECOGNISE = (
    Elector._write_took_effect,
    Elector._lease,
    Observation.saw,
    Candidacy.match_own_write,
)
HANDLE, LEAVE, CHECK_IN = Elector.handle, Elector._leave_office, Elector._leader_read


def _any_version(elector, lease, version):
    return UpdateLease(*elector._header(), lease, "any")


def _name_is_enough(lease, other):
    return lease.holder_identity == other.holder_identity


def _valid_from_the_reply(elector, write, stored):
    LANDED(elector, replace(write, sent_at=elector.now), stored)


def _claims_at_once(observation, config):
    return observation.since


def _claims_what_is_missing(observation, config):
    return observation.since if observation.stored is None else None


def _waits_its_own_lease(observation, config):
    if observation.since is None:
        return None
    vacant = observation.stored is None or observation.stored.lease.is_vacant
    return observation.since + (0 if vacant else config.lease_ns // 2)


def _counts_on_through_renewals(observation, stored, now):
    seen = SAW(observation, stored, now)
    both = stored is not None and observation.stored is not None
    same = both and stored.lease.holder_session == observation.stored.lease.holder_session
    return seen._replace(since=observation.since) if same else seen


def _refusal_is_success(elector, event, now):
    if isinstance(event, Refused):
        event = Written(event.id, "mine")
    return HANDLE(elector, event, now)


def _goes_on_beside_a_rival(elector, stored):
    if elector.candidacy.match_own_write(stored, elector._oldest_valid()) is not None:
        CHECK_IN(elector, stored)


def _releases_what_it_saw(elector, trigger, reason, *, release, **hold):
    LEAVE(elector, trigger, reason, release=release, **hold)
    if elector.leaving is not None:
        former = elector.leaving.former._replace(version="seen")
        elector.leaving = elector.leaving._replace(former=former)


def _any_answer_will_do(elector, event, now):
    if isinstance(event, Reply) and elector.pending is not None:
        event = replace(event, id=elector.pending.id)
    return HANDLE(elector, event, now)


def _token_stays(elector, token, *args):
    return LEASE(elector, token - (elector.state == "follower"), *args)


def _request_renews(elector, write, stored):
    is_asked = stored.lease.resign_requested_by != ""
    LANDED(elector, replace(write, sent_at=elector.now) if is_asked else write, stored)


def _old_writes_count(candidacy, stored, since):
    own = (candidacy.held, *candidacy.unknown_writes)
    return next(
        (w for w in own if w is not None and w.lease.holder_session == stored.lease.holder_session), None
    )


def _compares(*names):
    """Records are the same write where these fields are."""

    def is_same_write(one, other):
        return all(getattr(one, name) == getattr(other, name) for name in names)

    return is_same_write


def _versions_are_compared(observation, stored, now):
    seen = SAW(observation, stored, now)
    versions = [None if each is None else each.version for each in (stored, observation.stored)]
    return seen if observation.since is None or versions[0] == versions[1] else seen._replace(since=now)


def _claims_the_first_version(observation, stored, now):
    seen = SAW(observation, stored, now)
    same = seen.since == observation.since and None not in (stored, observation.stored)
    return seen._replace(stored=observation.stored) if same else seen


def _epochs_are_not_compared(one, other):
    return one.lease.is_same_write(other.lease)


def _held_writes_are_strangers(candidacy, stored, since):
    return RECOGNISE(candidacy._replace(held=None), stored, since)


def _stamps_are_alike(elector, token, *args):
    return replace(LEASE(elector, token, *args), renew_time=EPOCH)


BROKEN = {
    "P1 a write names any version": (Elector, "_update", _any_version),
    "P2 one's own name is enough": (Lease, "is_same_write", _name_is_enough),
    "P3 validity counts from the reply": (Elector, "_write_took_effect", _valid_from_the_reply),
    "P4 what is seen is claimed at once": (Observation, "claimable_at", _claims_at_once),
    "P4 the wait is one's own": (Observation, "claimable_at", _waits_its_own_lease),
    "P4 a renewal starts no count": (Observation, "saw", _counts_on_through_renewals),
    "P7 a refusal is success": (Elector, "handle", _refusal_is_success),
    "P7 the last write is taken for the one found": (Candidacy, "match_own_write", _old_writes_count),
    "P7 two writes look alike": (Elector, "_lease", _stamps_are_alike),
    "P8 a rival is overlooked": (Elector, "_leader_read", _goes_on_beside_a_rival),
    "P9 what was seen is released": (Elector, "_leave_office", _releases_what_it_saw),
    "P10 any answer will do": (Elector, "handle", _any_answer_will_do),
    "P11 the token stays": (Elector, "_lease", _token_stays),
    "P14 a request renews": (Elector, "_write_took_effect", _request_renews),
    "P15 a touch begins the wait anew": (Observation, "saw", _versions_are_compared),
    "P15 a touch deposes the leader": (Candidacy, "match_own_write", _held_writes_are_strangers),
    "P15 the first version of a write is claimed": (Observation, "saw", _claims_the_first_version),
    "P15 renew times are not compared": (
        Lease,
        "is_same_write",
        _compares("holder_session", "leader_transitions", "holder_identity"),
    ),
    "P15 a wait goes on in another epoch": (StoredLease, "is_same_write", _epochs_are_not_compared),
}


def run_both():
    for goes_back in (False, True):
        run(range(SEEDS), goes_back=goes_back)


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_elector_is_refused(broken, monkeypatch):
    """A rule that is broken in the elector shows in the first step that makes use of it."""
    monkeypatch.setattr(*broken)
    with pytest.raises(Nonconformance):
        run_both()


def test_a_missing_record_is_waited_for_unless_the_store_is_durable(monkeypatch):
    """P5: an elector that takes any store for a durable one is refused."""
    monkeypatch.setattr(
        Observation, "claimable_at", lambda seen, _config: seen.since if seen.stored is None else None
    )
    with pytest.raises(Nonconformance, match="'claim' is not allowed"):
        run(range(SEEDS), loses=True)


def lease(session="a.0", token=1):
    return Lease("a", session, 15.0, EPOCH, EPOCH, token)


def update(version):
    return UpdateLease(1, 0, 10, lease("b.0", 2), version)


def test_a_store_step_is_the_proofs():
    """P1: a write takes effect on the version that it names only; P14: a request changes one field."""
    held = StoredLease(lease(), "v1")
    check_store_step(None, CreateLease(1, 0, 10, lease()), held)
    check_store_step(held, update("v1"), StoredLease(lease("b.0", 2), "v2"))
    check_store_step(held, update("v0"), held)
    check_store_step(held, CreateLease(1, 0, 10, lease("b.0")), held)
    check_store_step(held, "touched", StoredLease(lease().asked_to_resign("ops"), "v2"))


@pytest.mark.parametrize(
    ("cause", "after"),
    [
        (update("v0"), StoredLease(lease("b.0", 2), "v2")),  # unconditional
        (update("v1"), StoredLease(lease(), "v1")),  # lost
        (update("v1"), StoredLease(lease("b.0", 2), "v1")),  # the version stays
        (CreateLease(1, 0, 10, lease("b.0", 2)), StoredLease(lease("b.0", 2), "v2")),  # over what is there
        ("touched", StoredLease(lease("b.0"), "v2")),  # a touch that takes over
        ("lost", StoredLease(lease(), "v1")),
    ],
)
def test_a_wrong_store_step_is_refused(cause, after):
    """A store that writes what it should refuse, refuses what it should write, or repeats a version."""
    with pytest.raises(Nonconformance):
        check_store_step(StoredLease(lease(), "v1"), cause, after)
