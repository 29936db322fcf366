"""The contract of calls made together finds what a careless store would do."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from functools import partial

import pytest

from incumbent.core.messages import Found, GetLease, Refused, Unavailable, UpdateLease, Written
from incumbent.errors import LeaseConflict, LeaseNotFound, StoreUnavailable
from incumbent.runtime.store_calls import perform_together
from incumbent.stores.memory import MemorySpace, MemoryStore
from incumbent.testing.stores.batches import BatchContract, made
from incumbent.testing.stores.machine import PLAIN


class Batching:
    """A store in memory that makes calls together, one after the other."""

    server = "memory"

    def __init__(self, name, space):
        self._inner = MemoryStore(name, space=space)

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def call_together(self, calls):
        late = StoreUnavailable("no time", outcome_unknown=False)
        return [late if call.timeout < 1e-6 else made(call) for call in calls]


class LeavingOut(Batching):
    """All is left to be made by itself but reads."""

    def call_together(self, calls):
        return [made(call) if call.method == "get_lease" else None for call in calls]


class Swapping(Batching):
    def call_together(self, calls):
        return super().call_together(calls)[::-1]


class Boasting(Batching):
    """Whatever is refused was written."""

    def call_together(self, calls):
        outcomes = super().call_together(calls)
        return [f"{id(one)}" if isinstance(one, LeaseConflict) else one for one in outcomes]


class ByName(Batching):
    """Of two writers of one lease both are told what came of the last one."""

    def call_together(self, calls):
        outcomes = dict(zip((call.store.name for call in calls), super().call_together(calls), strict=True))
        return [outcomes[call.store.name] for call in calls]


class AllOrNone(Batching):
    """One conflict costs all."""

    def call_together(self, calls):
        outcomes = super().call_together(calls)
        conflicts = [one for one in outcomes if isinstance(one, LeaseConflict)]
        return [conflicts[0] for _ in outcomes] if conflicts else outcomes


class Twice(Batching):
    """What is left to be made by itself was made."""

    def call_together(self, calls):
        super().call_together(calls)
        return [None] * len(calls)


class Short(Batching):
    def call_together(self, calls):
        return super().call_together(calls)[1:]


class Confusing(Batching):
    """What is missing is taken for a conflict."""

    def call_together(self, calls):
        outcomes = super().call_together(calls)
        return [LeaseConflict("") if isinstance(one, LeaseNotFound) else one for one in outcomes]


class Contract(BatchContract):
    def __init__(self, kind):
        self._kind, self._space = kind, MemorySpace()

    def open_store(self, lease):
        return self._kind(lease, self._space)

    def delete_lease(self, lease):
        with suppress(LeaseNotFound):
            MemoryStore(lease, space=self._space).delete_lease()
        return True

    def run(self):
        """Every test that needs no hook."""
        with ExitStack() as stack:
            for seed in range(3):
                pairs = [self._pair(stack) for _ in range(12)]
                self.test_calls_together_are_answered_as_one_by_one(seed, pairs)
            for number, test in enumerate(
                (
                    self.test_of_two_writers_of_one_version_that_are_together_one_wins,
                    lambda store, _, pairs: self.test_a_call_without_time_costs_only_itself(store, pairs),
                )
            ):
                another = partial(self.open_store, f"lease-{number}")
                test(another(), another, [self._pair(stack) for _ in range(12)])


@pytest.mark.parametrize("kind", [Batching, LeavingOut])
def test_a_store_that_answers_each_as_by_itself_passes(kind):
    """Also one that leaves some out."""
    Contract(kind).run()


@pytest.mark.parametrize("kind", [Swapping, Boasting, ByName, AllOrNone, Twice, Short, Confusing])
def test_a_store_that_does_not_is_found(kind):
    """Whichever way it confuses one outcome with another."""
    with pytest.raises((AssertionError, ValueError)):
        Contract(kind).run()


GET = GetLease(1, 0, 1)
UPDATE = UpdateLease(2, 0, 1, PLAIN, "1")


@pytest.fixture
def asked():
    """A request that is to succeed, one that is refused, and one without time."""
    space = MemorySpace()
    stores = [Batching(name, space) for name in "abc"]
    for store in stores:
        store.create_lease(PLAIN, timeout=1)
    return [(stores[0], GET, 1.0), (stores[1], UPDATE, 1.0), (stores[2], UPDATE, 0.0)]


def test_each_request_has_the_reply_that_it_would_have_by_itself(asked):
    """What has expired is not sent."""
    found, refused, expired = perform_together(asked)
    assert isinstance(found, Found)
    assert found.stored.lease == PLAIN
    assert refused == Refused(2)
    assert expired == Unavailable(2, outcome_unknown=False, reason="it expired before it was sent")
    assert perform_together(asked[2:]) == [expired]


@pytest.mark.parametrize("answers", [lambda _: 1 / 0, lambda calls: calls[1:], lambda _: None])
def test_a_store_that_fails_to_answer_each_answers_none(asked, monkeypatch, answers):
    """Nothing is taken for a success, nor for something else than unknown (P13)."""
    monkeypatch.setattr(Batching, "call_together", lambda _, calls: answers(calls))
    *unknown, expired = perform_together(asked)
    assert [(type(reply), reply.outcome_unknown) for reply in unknown] == [(Unavailable, True)] * 2
    assert not expired.outcome_unknown


def test_what_is_left_out_has_no_reply_yet(asked, monkeypatch):
    """It is asked by itself."""
    monkeypatch.setattr(Batching, "call_together", lambda _, calls: [None, "a version"])
    left_out, written, _ = perform_together(asked)
    assert left_out is None
    assert written == Written(2, "a version")
