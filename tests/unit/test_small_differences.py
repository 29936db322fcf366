"""Small differences that a general mutation tester found nobody to notice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from incumbent.config import ElectorConfig
from incumbent.core.candidacy import Candidacy
from incumbent.core.elector import EPOCH, Elector
from incumbent.core.messages import (
    Found,
    GetLease,
    Missing,
    NewLeader,
    Resign,
    StoppedLeading,
    TimerFired,
    UpdateLease,
)
from incumbent.errors import ConfigurationError
from incumbent.lease import StoredLease, StoreGuarantees
from support.elector.bench import Bench, record
from support.elector.stages import candidate_writing, leader_waiting


def test_a_write_older_than_any_that_gives_validity_is_not_recognised():
    """P7f: not only the one sent at the very instant."""
    write = UpdateLease(1, 1, 4, record("v0", "ann", session="A.0").lease, "v0")
    assert Candidacy().with_unknown(write, 0).match_own_write(StoredLease(write.lease, "v1"), 2) is None


def test_a_request_timeout_that_rounds_to_nothing_is_refused():
    """P6: less than a nanosecond is left, and every request would have expired when it is sent."""
    with pytest.raises(ConfigurationError, match=r"request_timeout 4\.\d+e-10 s"):
        ElectorConfig("a", lease_duration=15, renew_deadline=10, retry_period=8, jitter=0.25 - 1e-10)


def test_what_is_left_for_a_request_is_never_less_than_nothing():
    """The error names 0 s: a negative timeout would be no explanation."""
    with pytest.raises(ConfigurationError, match=r"request_timeout 0\.0 s"):
        ElectorConfig("a", lease_duration=15, renew_deadline=10, retry_period=12)


def test_a_resolution_below_a_nanosecond_is_one():
    """No finer steps are kept anywhere."""
    config = ElectorConfig("a", guarantees=StoreGuarantees(resolution=1e-10))
    assert config.lease_ns == 15_000_000_000


def test_a_config_shows_its_seconds_only():
    """The nanoseconds beside them are the same once more."""
    assert "_ns" not in repr(ElectorConfig("a"))


def test_an_answer_is_known_by_the_value_of_its_id():
    """P10: replies come from outside, with numbers that are equal and not the same object."""
    bench = Bench()
    bench.elector.next_request_id = 1000
    bench.start()
    bench.give(Missing(int("1000")))
    assert bench.state == "candidate"


def test_an_answer_at_the_deadline_is_still_the_answer():
    """Also by the value of its id: it came first, so nothing is taken for lost."""
    bench = Bench()
    bench.elector.next_request_id = 1000
    bench.start().at(3).give(Missing(int("1000")))
    assert bench.state == "candidate"


def test_versions_are_equal_or_they_are_not():
    """P8: they have no order. One that sorts before mine, and is not mine, is another's."""
    bench = leader_waiting()
    bench.at(2).wake().refused().found(replace(bench.stored("v0"), lease=record("v0").lease))
    assert bench.state == "follower"
    assert len(bench.told(StoppedLeading)) == 1


def test_my_version_is_known_by_its_value():
    """P7e: a refused renewal reads back the record that I hold; I go on."""
    bench = leader_waiting()
    again = "".join(list(bench.elector.candidacy.version))
    bench.at(2).wake().refused().found(bench.stored(again))
    assert again is not bench.elector.candidacy.version
    assert bench.state == "leader"


def test_who_has_stood_aside_long_enough_need_not_do_so_again():
    """P5d: a lease duration after the resignation at 1 it is over, whatever the clock does from then on."""
    bench = leader_waiting().give(Resign(release=False)).at(16).wake()
    bench.at(10).wake()
    assert bench.elector.no_campaign_before is None


def test_who_has_not_stands_aside_anew():
    """P3e: the wait that was begun on that clock does not count."""
    bench = leader_waiting().give(Resign(release=False)).at(15).wake()
    bench.at(10).wake()
    assert bench.elector.no_campaign_before == 25_000_000_000


def test_a_holder_is_known_by_the_value_of_the_name():
    """A store gives a new object with each look; the same leader is told of once."""
    bench = Bench().start().found(record("v1", "bob")).at(2).wake()
    bench.found(record("v2", b"bob".decode()))
    assert bench.told(NewLeader) == [NewLeader("bob")]


@pytest.mark.parametrize("creates", [True, False])
def test_an_answer_to_another_question_proves_nothing(creates):
    """P7, P13: a record in answer to a write, or no record in answer to a creation, is no answer."""
    bench = Bench().start().missing().at(1) if creates else candidate_writing()
    number = bench.pending.id
    bench.give(Missing(number) if creates else Found(number, record("v9")))
    assert bench.state == "candidate"
    assert isinstance(bench.pending, GetLease)


def test_records_tell_the_time_from_the_epoch_of_everybody_else():
    assert EPOCH.timestamp() == 0


@pytest.mark.parametrize("doubts", [False, True])
def test_a_write_of_before_the_clock_went_back_proves_nothing(doubts):
    """P3e: by its sending it would be valid for as long as the clock went back, and others wait no longer."""
    bench = Bench().at(100).start().found(record("v1", "")).at(101).lost()
    if doubts:
        bench.found(record("v1", ""))
        assert bench.state == "follower"
    stored = bench.stored("v2")
    bench.at(50).wake().found(stored)
    assert bench.state == "follower"
    assert not any(bench.leads(at) for at in range(50, 120))


def test_who_was_never_started_looks_at_nothing_when_the_clock_goes_back():
    """P3: there is no wait that would have to begin anew."""
    elector = Elector(ElectorConfig("a"), session="A")
    elector.handle(TimerFired(), 10)
    effects = elector.handle(TimerFired(), 5)
    assert (effects.request, effects.wake_at) == (None, None)
