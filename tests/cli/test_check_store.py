"""`incumbent check-store` and `incumbent stores`: what a store promises, and whether a live one keeps it."""

from __future__ import annotations

import itertools
import json
import time
from types import SimpleNamespace

import pytest

from incumbent.cli import check_store, main, store_checks
from incumbent.errors import StoreUnavailable
from incumbent.stores import _kinds
from incumbent.stores.memory import MemorySpace, MemoryStore
from incumbent.testing.stores.machine import PLAIN


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(store_checks, "TIMEOUT", 1.0)


def check(monkeypatch, kind=MemoryStore, *options, space=None):
    """The exit code for a store of that class."""
    space = MemorySpace() if space is None else space
    monkeypatch.setattr(check_store, "open_store", lambda _, lease: kind(lease, space=space))
    code = main(["check-store", "memory:", *options])
    if not issubclass(kind, DeletesNothing):
        assert space.records == {}, "the scratch lease was left behind"
    return code


def test_a_store_that_keeps_its_promises_passes(monkeypatch, capsys):
    """Every promise is named, the round trips are measured, and what was not tried is said."""
    ticks = itertools.count()
    monkeypatch.setattr(store_checks, "time", SimpleNamespace(perf_counter=lambda: next(ticks) / 1024))
    assert check(monkeypatch) == 0
    out = capsys.readouterr().out
    assert out.count("  ok  ") == len(store_checks.CHECKS)
    assert "round trips" in out
    assert "--lease-duration 1 --retry-period 0.1" in out
    assert f"not verified here: {_kinds.KINDS['memory'].promise}" in out


class OverwritesAnything(MemoryStore):
    def update_lease(self, lease, version, *, timeout):
        return super().update_lease(lease, self.get_lease(timeout=timeout).version, timeout=timeout)


class CreatesAnyway(MemoryStore):
    def create_lease(self, lease, *, timeout):
        with self.space.lock:
            return self.space.put(self.name, lease)


class CountsAnew(MemoryStore):
    def delete_lease(self, *, timeout=5.0):
        super().delete_lease(timeout=timeout)
        self.space._last_version = 0


class RoundsTokens(MemoryStore):
    def update_lease(self, lease, version, *, timeout):
        kept = PLAIN.released(lease.renew_time) if lease.is_vacant else PLAIN
        return super().update_lease(kept, version, timeout=timeout)


class TellsNobody(MemoryStore):
    def watch(self, notify):
        return super().watch(lambda: None)


class DeletesNothing(MemoryStore):
    """As for a user who may not."""

    def delete_lease(self, *, timeout=5.0):
        raise StoreUnavailable("NOPERM", outcome_unknown=False)


class OneLease(DeletesNothing):
    """As for a role that names the leases it is for."""

    def get_lease(self, *, timeout):
        self._check_name()
        return super().get_lease(timeout=timeout)

    def update_lease(self, lease, version, *, timeout):
        self._check_name()
        return super().update_lease(lease, version, timeout=timeout)

    def _check_name(self):
        if self.name != "mine":
            raise StoreUnavailable("forbidden", outcome_unknown=False)


class DeletesLate(MemoryStore):
    calls = 0

    def delete_lease(self, *, timeout=5.0):
        DeletesLate.calls += 1
        if DeletesLate.calls != 1:
            super().delete_lease(timeout=timeout)


@pytest.mark.parametrize(
    ("kind", "broken"),
    [
        (OverwritesAnything, "an old version is not replaced"),
        (OverwritesAnything, "of 8 writers at once one wins"),
        (CreatesAnyway, "a lease that exists is not created again"),
        (CountsAnew, "a version never comes again"),
        (RoundsTokens, "a lease comes back as it was written"),
        (TellsNobody, "who watches is told of a change"),
        (DeletesLate, "a missing lease is neither read nor replaced"),
    ],
)
def test_a_broken_promise_is_named(kind, broken, monkeypatch, capsys):
    """And the advice is not to elect there."""
    assert check(monkeypatch, kind) == check_store.NOT_AS_PROMISED
    out = capsys.readouterr().out
    assert f"FAIL  {broken}: " in out
    assert "do not elect on this store" in out
    assert "--lease-duration" not in out


def test_a_user_who_may_not_delete_is_enough(monkeypatch, capsys):
    """What needs a deletion is not verified, all else is; the record that stays behind is released."""
    space = MemorySpace()
    assert check(monkeypatch, DeletesNothing, space=space) == 0
    out = capsys.readouterr().out
    assert out.count("  ok  ") == len(store_checks.CHECKS) - 1
    assert "?  a version never comes again: not verified, as nothing could be deleted: NOPERM" in out
    assert "left behind" in out
    (stored,) = space.records.values()
    assert stored.lease.is_vacant


def test_a_role_for_one_lease_is_enough(monkeypatch, capsys):
    """`--scratch-lease` names it; again and again, for it is left as it was found."""
    space = MemorySpace()
    for _ in range(2):
        assert check(monkeypatch, OneLease, "--scratch-lease", "mine", space=space) == 0
        assert "?  a missing lease is neither read nor replaced: not verified" in capsys.readouterr().out


def test_what_a_check_that_was_killed_left_is_no_holder(monkeypatch):
    """The next one may use the same lease."""
    space = MemorySpace()
    MemoryStore("mine", space=space).create_lease(store_checks.LEASE, timeout=1)
    assert check(monkeypatch, OneLease, "--scratch-lease", "mine", space=space) == 0


def test_a_lease_that_is_held_is_not_overwritten(monkeypatch, capsys):
    """A slip in `--scratch-lease` costs nobody anything."""
    space = MemorySpace()
    MemoryStore("reports", space=space).create_lease(PLAIN, timeout=1)
    before = dict(space.records)
    assert check(monkeypatch, DeletesNothing, "--scratch-lease", "reports", space=space) == 2
    assert "is held by" in capsys.readouterr().err
    assert space.records == before


def test_threads_that_start_late_are_waited_for(monkeypatch, capsys):
    """On a busy machine one of the eight may take longer than any limit: that tells nothing of the store."""
    submit = store_checks.ThreadPoolExecutor.submit

    def late(pool, *call):
        time.sleep(0.01)
        return submit(pool, *call)

    monkeypatch.setattr(store_checks.ThreadPoolExecutor, "submit", late)
    monkeypatch.setattr(store_checks, "RACES", 1)
    monkeypatch.setattr(store_checks, "TIMEOUT", 0.02)
    assert check(monkeypatch) == 0


def test_a_store_out_of_reach_is_said_to_be(monkeypatch, capsys):
    """By its own words, with the code for it."""

    class Unreachable(MemoryStore):
        def get_lease(self, *, timeout):
            raise StoreUnavailable("connection refused", outcome_unknown=False)

    assert check(monkeypatch, Unreachable) == 69
    assert "incumbent: connection refused" in capsys.readouterr().err


def test_the_store_may_be_named_in_the_environment(monkeypatch, capsys):
    """Where its password is seen by fewer; but it must be named somewhere."""
    with pytest.raises(SystemExit) as ended:
        main(["check-store"])
    assert ended.value.code == 2
    assert "INCUMBENT_STORE" in capsys.readouterr().err
    monkeypatch.setenv("INCUMBENT_STORE", "nowhere://host")
    assert main(["check-store"]) == 2
    with pytest.raises(SystemExit):
        main(["check-store", "memory:", "--store", "memory:"])


def test_a_wrong_url_is_wrong_usage(capsys):
    """The same words as everywhere."""
    assert main(["check-store", "nowhere://host"]) == 2
    assert "no scheme known here" in capsys.readouterr().err


def test_every_kind_of_store_is_shown(capsys):
    """With what it declares; as text and as JSON."""
    assert main(["stores"]) == 0
    out = capsys.readouterr().out
    assert all(f"{kind.example}" in out and kind.promise in out for kind in _kinds.KINDS.values())

    assert main(["stores", "--json"]) == 0
    shown = {each["store"]: each for each in json.loads(capsys.readouterr().out)}
    assert shown["redis"]["durable"] is False
    assert shown["kubernetes"]["resolution"] == 1.0
    assert list(shown) == list(_kinds.KINDS)


def test_what_is_not_installed_is_said_with_the_command(monkeypatch, capsys):
    """Of a store whose client is missing."""
    kind = _kinds.KINDS["redis"]._replace(client="no_such_client")
    monkeypatch.setattr("incumbent.cli.stores.KINDS", {"redis": kind})
    assert main(["stores"]) == 0
    assert "not installed: pip install 'incumbent[redis]'" in capsys.readouterr().out
