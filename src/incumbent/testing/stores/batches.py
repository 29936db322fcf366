"""The part of the contract that is about calls that are made together (`BatchStore`)."""

# ruff: noqa: S101 - its assertions are what it is for
from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from random import Random
from typing import Any, Final

import pytest

from incumbent.errors import CorruptLease, LeaseConflict, LeaseNotFound, StoreUnavailable
from incumbent.lease import StoredLease, Version
from incumbent.store import BatchStore, Call, LeaseStore
from incumbent.testing.stores.fixtures import Opener, StoreUnderTest
from incumbent.testing.stores.machine import ODD_LEASES, PLAIN, assert_kept

_LEASES: Final = 12
_ROUNDS: Final = 15
_OUTCOMES: Final = (LeaseConflict, LeaseNotFound, CorruptLease, StoreUnavailable)


class BatchContract(StoreUnderTest):
    """Calls made together are answered as each would be by itself. For stores with `call_together`."""

    @pytest.fixture
    def pairs(self) -> Iterator[list[_Pair]]:
        """Leases in pairs: the calls of one are made one by one, those of the other together."""
        with ExitStack() as stack:
            pairs = [self._pair(stack) for _ in range(_LEASES)]
            if not isinstance(pairs[0].stores[1], BatchStore):
                pytest.skip("the store has no method call_together")
            yield pairs

    def _pair(self, stack: ExitStack) -> _Pair:
        names = [f"contract-{secrets.token_hex(8)}" for _ in range(2)]
        for name in names:
            stack.callback(self.delete_lease, name)
        return _Pair(names, [stack.enter_context(closing(self.open_store(name))) for name in names])

    @pytest.mark.parametrize("seed", range(3))
    def test_calls_together_are_answered_as_one_by_one(self, seed: int, pairs: list[_Pair]) -> None:
        """Any of them: reads, creations and replacements, of records that are there, missing or changed."""
        random = Random(seed)  # noqa: S311 - no secrets
        for _ in range(_ROUNDS):
            chosen = random.sample(pairs, random.randint(2, _LEASES))
            calls = [each.draw(random, random.choice(pairs), self.timeout) for each in chosen]
            alone = [made(each[0]) for each in calls]
            together = made_together([each[1] for each in calls])
            for pair, call, one, other in zip(chosen, calls, alone, together, strict=True):
                pair.compare(call[0], one, other)
            for pair in random.sample(pairs, 2):
                if not random.randrange(3) and self.delete_lease(pair.names[0]):
                    self.delete_lease(pair.names[1])

    def test_of_two_writers_of_one_version_that_are_together_one_wins(
        self, store: LeaseStore, another: Opener, pairs: list[_Pair]
    ) -> None:
        """And the other is told that it did not, whatever is written beside them."""
        version, beside = store.create_lease(PLAIN, timeout=self.timeout), pairs[0].stores[1]
        sessions = [replace(PLAIN, holder_session=f"session-{number}") for number in range(3)]
        calls = [Call(another(), "update_lease", (each, version), self.timeout) for each in sessions]
        *outcomes, created = made_together([*calls, Call(beside, "create_lease", (PLAIN,), self.timeout)])
        self.assert_record(beside, PLAIN, created)
        [winner] = [place for place, each in enumerate(outcomes) if not isinstance(each, LeaseConflict)]
        self.assert_record(store, sessions[winner], outcomes[winner])

    def test_a_call_without_time_costs_only_itself(self, store: LeaseStore, pairs: list[_Pair]) -> None:
        """It is unavailable, or was quick, and what is called certain is so; the others are answered."""
        version = store.create_lease(PLAIN, timeout=self.timeout)
        calls = [
            Call(store, "update_lease", (ODD_LEASES["asked"], version), 1e-9),
            *(Call(pair.stores[1], "create_lease", (PLAIN,), self.timeout) for pair in pairs),
        ]
        late, *created = made_together(calls)
        if not isinstance(late, StoreUnavailable):
            self.assert_record(store, ODD_LEASES["asked"], late)
        elif not late.outcome_unknown:
            self.assert_record(store, PLAIN, version)
        for pair, one in zip(pairs, created, strict=True):
            self.assert_record(pair.stores[1], PLAIN, one)

    def test_calls_together_end_when_their_time_is_up(self, pairs: list[_Pair]) -> None:
        """Of a store that does not answer, none is a success; what is called certain is so (P7)."""
        versions = [pair.stores[1].create_lease(PLAIN, timeout=self.timeout) for pair in pairs]
        calls = [
            Call(pair.stores[1], "update_lease", (ODD_LEASES["asked"], version), 0.2)
            for pair, version in zip(pairs, versions, strict=True)
        ]
        store: Any = pairs[0].stores[1]
        stalled = self.stalled(pairs[0].names[1])
        if stalled is None:
            pytest.skip("the hook stalled is not given")
        with stalled:
            started = time.monotonic()
            outcomes = store.call_together(calls)
            assert time.monotonic() - started < 0.2 + self.slack
        for pair, version, outcome in zip(pairs, versions, outcomes, strict=True):
            assert outcome is None or isinstance(outcome, StoreUnavailable)
            if outcome is None or not outcome.outcome_unknown:
                self.assert_record(pair.stores[1], PLAIN, version)


class _Pair:
    """Two leases to which the same is done, with the versions that each of them has had."""

    def __init__(self, names: list[str], stores: list[LeaseStore]) -> None:
        self.names = names
        self.stores = stores
        self.versions: list[tuple[Version, Version]] = []

    def draw(self, random: Random, other: _Pair, timeout: float) -> list[Call]:
        """The same call of both: mostly one that succeeds."""
        arguments: list[tuple[Any, ...]] = [(), ()]
        lease = random.choice([*ODD_LEASES.values()])
        method = random.choice(["get_lease", "create_lease", *["update_lease"] * 3])
        if method == "create_lease":
            arguments = [(lease,), (lease,)]
        elif method == "update_lease":
            known = self.versions[-random.choice((1, 1, 1, 2)) :] or other.versions[-1:] or [("", "")]
            arguments = [(lease, version) for version in known[0]]
        return [
            Call(store, method, each, timeout)  # type: ignore[arg-type]  # one of the three
            for store, each in zip(self.stores, arguments, strict=True)
        ]

    def compare(self, call: Call, alone: object, together: object) -> None:
        """Both read the same, wrote, or failed in the same way."""
        for kind in _OUTCOMES:
            assert isinstance(alone, kind) == isinstance(together, kind), (
                f"{call.method}: {together!r} together, where it is {alone!r} by itself"
            )
        if isinstance(alone, StoredLease):
            assert isinstance(together, StoredLease), f"{call.method} returned {together!r}"
            assert_kept(together.lease, alone.lease, 1e-9)
            assert (alone.version, together.version) in self.versions
        elif not isinstance(alone, _OUTCOMES):
            assert together not in {version for _, version in self.versions}, "a version came twice"
            self.versions.append((alone, together))


def made(call: Call) -> object:
    """What the call returns by itself, or what it raises that a store may raise."""
    try:
        return getattr(call.store, call.method)(*call.arguments, timeout=call.timeout)
    except _OUTCOMES as error:
        return error


def made_together(calls: list[Call]) -> list[Any]:
    """The outcome of each; that of a call by itself, where the store leaves it out."""
    store: Any = calls[0].store
    outcomes = store.call_together(calls)
    assert len(outcomes) == len(calls), f"{len(outcomes)} outcomes of {len(calls)} calls"
    return [made(call) if one is None else one for call, one in zip(calls, outcomes, strict=True)]
