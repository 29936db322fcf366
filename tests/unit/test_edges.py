"""The small modules at the edge of the core: errors, clock, store protocol, messages."""

from __future__ import annotations

import importlib.util
import sys
import threading
import time
from datetime import timedelta
from types import SimpleNamespace

import pytest

from incumbent import clock, errors, store
from incumbent.clock import SYSTEM_CLOCK, Clock, SystemClock
from incumbent.core import messages
from incumbent.core.messages import Effects, Unavailable
from incumbent.errors import ElectionError, StoreError, StoreUnavailable
from incumbent.lease import StoredLease
from incumbent.stores.memory import MemoryStore
from support.elector.bench import record


class TestErrors:
    def test_one_tree(self):
        """Whoever catches the root catches all that the library raises on purpose."""
        kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
        assert all(issubclass(kind, ElectionError) for kind in kinds)
        assert {kind.__name__ for kind in kinds if issubclass(kind, StoreError)} == {
            "StoreError",
            "LeaseConflict",
            "LeaseNotFound",
            "StoreUnavailable",
            "CorruptLease",
        }

    def test_an_outcome_is_unknown_unless_the_store_is_certain(self):
        """P7: the safe guess is the default, here and in the reply made of it."""
        assert StoreUnavailable("down").outcome_unknown is True
        assert StoreUnavailable("down", outcome_unknown=False).outcome_unknown is False
        assert str(StoreUnavailable("down")) == "down"
        assert Unavailable(1).outcome_unknown is True


class TestClock:
    def test_it_is_a_clock(self):
        assert isinstance(SYSTEM_CLOCK, Clock)
        assert not isinstance(object(), Clock)

    @pytest.mark.skipif(sys.platform != "linux", reason="the boot clock is Linux's")
    def test_it_goes_on_while_the_machine_sleeps(self):
        """The boot clock, between two readings of it: `time.monotonic` stops in a suspend."""
        before = time.clock_gettime(time.CLOCK_BOOTTIME)
        now = SystemClock().now()
        assert before <= now <= time.clock_gettime(time.CLOCK_BOOTTIME)

    def test_elsewhere_it_is_the_monotonic_clock(self, monkeypatch):
        monkeypatch.setattr(sys, "platform", "darwin")
        spec = importlib.util.spec_from_file_location("clock_elsewhere", clock.__file__)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        before = time.monotonic()
        assert before <= module.SystemClock().now() <= time.monotonic()

    def test_the_time_of_day_is_aware_utc(self):
        assert SYSTEM_CLOCK.utcnow().utcoffset() == timedelta(0)

    def test_waiting_ends_with_a_notification(self):
        """Without a time limit, and with one that no lock could wait for."""
        for timeout in (None, 1e30):
            condition = threading.Condition()

            def wake(condition=condition):
                with condition:
                    condition.notify_all()

            with condition:
                thread = threading.Thread(target=wake)
                thread.start()
                SYSTEM_CLOCK.wait(condition, timeout)
            thread.join()

    def test_waiting_ends_with_the_timeout(self):
        condition = threading.Condition()
        with condition:
            SYSTEM_CLOCK.wait(condition, 0.001)


class TestStore:
    def test_a_store_is_any_class_with_these_methods(self):
        class Mine:
            guarantees = store.StoreGuarantees()

            def get_lease(self, *, timeout): ...
            def create_lease(self, lease, *, timeout): ...
            def update_lease(self, lease, version, *, timeout): ...
            def watch(self, notify): ...
            def close(self): ...

        assert isinstance(Mine(), store.LeaseStore)
        assert not isinstance(object(), store.LeaseStore)

    def test_it_hands_on_the_names_a_store_needs(self):
        assert all(hasattr(store, name) for name in store.__all__)


class TestMessages:
    @pytest.mark.parametrize(
        "kind",
        [value for value in vars(messages).values() if getattr(value, "__module__", "") == messages.__name__],
        ids=lambda kind: kind.__name__,
    )
    def test_every_message_is_an_immutable_value(self, kind):
        """They may be kept, compared, hashed and given to another thread."""
        names = kind.__match_args__
        one, two = (kind(*range(len(names))) for _ in range(2))
        assert one == two
        assert hash(one) == hash(two)
        assert not hasattr(one, "__dict__")
        for name in names:
            with pytest.raises(AttributeError):
                setattr(one, name, None)

    def test_no_effects(self):
        assert Effects((), (), None, None) == Effects((), (), None, None)


def test_a_store_that_declares_a_watch_has_one():
    """What it declares and lacks is told in words when it is to be watched."""
    memory = MemoryStore()
    watching = store.watch(memory, lambda: None)
    watching.close()
    with pytest.raises(errors.ConfigurationError, match="object declares can_watch"):
        store.watch(object(), lambda: None)


def test_a_watch_tells_the_record_where_the_store_does():
    """P12: another store tells that something changed, and a reader is given nothing to go by."""
    told, memory = [], MemoryStore()
    names = "guarantees", "get_lease", "create_lease", "update_lease", "close", "watch"
    mute = SimpleNamespace(**{name: getattr(memory, name) for name in names})
    for watched in (memory, mute):
        store.watch_lease(watched, told.append)
    lease = record("v1").lease
    version = memory.create_lease(lease, timeout=1)
    assert told == [StoredLease(lease, version), None]
    with pytest.raises(errors.ConfigurationError, match="has no method watch"):
        store.watch_lease(SimpleNamespace(), told.append)
