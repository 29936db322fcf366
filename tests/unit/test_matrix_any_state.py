"""What all situations have in common: nothing stale is heard, moves are legal, an elector is a value."""

from __future__ import annotations

import pytest

from incumbent.core.messages import (
    Start,
    StartedLeading,
    StoppedLeading,
    StoreChanged,
    TimerFired,
    Transition,
)
from incumbent.core.states import MOVES, STATES
from incumbent.errors import ConfigurationError
from support.elector.bench import Bench, ns, record
from support.elector.matrix import give, inputs_for, stale_replies
from support.elector.stages import (
    CANDIDATE_STAGES,
    FOLLOWER_STAGES,
    LEADER_STAGES,
    STAGES,
    STOPPED_STAGES,
    candidate_waiting,
    follower_doubting,
)

all_stages = pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.__name__)


@pytest.mark.parametrize(
    ("state", "stages"),
    list(zip(STATES, (FOLLOWER_STAGES, CANDIDATE_STAGES, LEADER_STAGES, STOPPED_STAGES), strict=True)),
)
def test_each_situation_is_in_the_state_it_is_listed_under(state, stages):
    assert {stage().state for stage in stages} == {state}


@all_stages
def test_a_reply_nobody_waits_for_changes_nothing(stage):
    """P10: neither an answer given long ago nor one to a request never sent, of any kind, in any state."""
    bench = stage()
    bench.wake()
    before = bench.elector.copy()
    for reply in stale_replies(bench):
        bench.give(reply)
        assert bench.elector == before, reply
        assert (bench.last.moves, bench.last.notices, bench.last.request) == ((), (), None), reply


@all_stages
def test_every_move_is_a_row_of_the_table_and_every_term_has_two_ends(stage):
    """Whatever happens next: the moves form a path, and starts and stops alternate with equal tokens."""
    rows = {(move.trigger, move.source, move.dest) for move in MOVES}
    for name in inputs_for(stage):
        bench = stage()
        give(bench, name)
        state = "follower"
        for move in bench.moves:
            assert (move.trigger, move.source, move.dest) in rows
            assert move.source == state
            assert move.reason
            state = move.dest
        assert state == bench.state
        terms = [notice for notice in bench.notices if isinstance(notice, (StartedLeading, StoppedLeading))]
        for index, notice in enumerate(terms):
            assert isinstance(notice, (StartedLeading, StoppedLeading)[index % 2])
        for started, ended in zip(terms[::2], terms[1::2], strict=False):
            assert started.token == ended.token
        assert (len(terms) % 2 == 1) == (bench.state == "leader")


@all_stages
def test_only_a_leader_answers_that_it_leads(stage):
    bench = stage()
    assert bench.leads(bench.now) == (bench.state == "leader")
    assert (bench.elector.token is not None) == (bench.state == "leader")


@all_stages
def test_a_copy_equals_its_original_and_goes_its_own_way(stage):
    """Equal values hash alike; what one of them does never reaches the other."""
    bench = stage()
    original, twin = bench.elector, bench.elector.copy()
    assert twin == original
    assert hash(twin) == hash(original)
    assert twin.snapshot() == original.snapshot()
    before = original.snapshot()
    twin.handle(TimerFired(), ns(bench.now + 100))
    assert original.snapshot() == before
    assert twin != original


@all_stages
def test_the_same_input_gives_the_same_output(stage):
    """Promise 5: a copy that is given the same answers the same."""
    for name in inputs_for(stage):
        one, two = stage(), stage()
        two.elector = two.elector.copy()
        give(one, name)
        give(two, name)
        assert one.last == two.last
        assert one.elector == two.elector


def test_electors_differ_by_config_session_and_epoch():
    base = Bench().elector
    assert base == Bench().elector
    assert base != Bench("bob").elector
    assert base != Bench(session="other").elector
    assert base != Bench(retry_period=1).elector
    moved = base.copy()
    moved.epoch = base.epoch.replace(year=2000)
    assert base != moved
    assert base != "ann"


def test_two_electors_without_a_given_session_never_share_one():
    """P2: the random base is new for every elector, so a restart under the same name is another holder."""
    one = Bench(session=None).elector
    two = Bench(session=None).elector
    assert one.session != two.session
    assert one != two


def test_repr_says_who_and_what():
    elector = Bench().start().missing().written("v1").elector
    assert repr(elector) == "<Elector 'ann' leader leader='ann' token=1>"


@pytest.mark.parametrize("now", [1.0, "1", None, True])
def test_a_reading_that_is_no_integer_is_refused_and_changes_nothing(now):
    bench = Bench().start()
    before = bench.elector.snapshot()
    with pytest.raises(ConfigurationError, match=r"now is .*integer nanoseconds"):
        bench.elector.handle(TimerFired(), now)
    assert bench.elector.snapshot() == before


def test_any_integer_is_a_good_first_reading():
    """Only differences count: a clock may begin below zero, and that is no step back."""
    bench = Bench().at(-1000).start()
    assert bench.last.notices == ()
    assert bench.wake_at == -997
    bench.missing().written("v1")
    assert bench.leads(-990.5)
    assert not bench.leads(-990)


def test_a_move_tells_its_row_and_what_brought_it_about():
    bench = Bench().start().missing()
    assert bench.moves == [Transition("campaign", "follower", "candidate", "there is no record")]


@pytest.mark.parametrize(
    ("stage", "name", "reasons"),
    [
        ("follower_reading", "missing", ["there is no record"]),
        ("follower_reading", "found vacant", ["the lease was released"]),
        ("follower_reading", "stop", ["asked to"]),
        ("candidate_writing", "written", ["my write is the one that stuck"]),
        ("candidate_writing", "refused", ["somebody else's write stuck"]),
        ("candidate_writing", "failed", ["refused to connect"]),
        ("candidate_writing", "resign", ["asked to stand aside"]),
        ("candidate_reading_back", "found bob", ["my write of unknown outcome was not found"]),
        ("candidate_reading_back", "clock back", ["the clock went backwards by 0.500000 s"]),
        ("leader_waiting", "resign", ["resigned"]),
        ("leader_waiting", "stop", ["asked to"]),
        ("leader_waiting", "deadline", ["the renew deadline passed"]),
        ("leader_renewing", "missing", ["the record is missing"]),
        ("leader_doubting", "found bob", ["the lease is held by 'bob'"]),
        ("leader_doubting", "found vacant", ["the lease was released by another"]),
    ],
)
def test_every_reason_is_for_a_person_to_read(stage, name, reasons):
    """The same words in the move and in the notice of the term's end."""
    bench = next(each for each in STAGES if each.__name__ == stage)()
    give(bench, name)
    assert [move.reason for move in bench.last.moves] == reasons
    ends = [notice.reason for notice in bench.last.notices if isinstance(notice, StoppedLeading)]
    assert ends == (reasons if stage.startswith("leader") else [])


def test_the_rarer_reasons():
    bench = Bench().start().found(record("v1")).at(15).give(StoreChanged()).found(record("v1"))
    assert bench.moves[-1].reason == "the lease expired on my clock"
    bench = follower_doubting().give(StoreChanged()).found(follower_doubting().stored("v2"))
    assert [move.reason for move in bench.last.moves] == [
        "a write of mine was found in the store",
        "my write is the one that stuck",
    ]
    bench = candidate_waiting().at(3).wake().at(6).wake().at(9).wake().at(12).wake()
    assert bench.moves[-1].reason == "no answer in time"


def test_nobody_campaigns_who_was_not_started():
    """A hint makes it look, no more."""
    bench = Bench().give(StoreChanged()).missing()
    assert bench.state == "follower"
    assert bench.give(Start()).missing().state == "candidate"


def test_different_electors_rarely_hash_alike():
    """The model checker keeps millions of them in a set."""
    assert len({hash(stage().elector) for stage in STAGES}) == len(STAGES)
