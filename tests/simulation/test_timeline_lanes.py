"""What is drawn of a run is what happened in it."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from incumbent.core.messages import GetLease, StoppedLeading, UpdateLease
from incumbent.testing.history import Answered, Executed, Finished, Invoked, Ran, Struck, Told, Turned
from incumbent.testing.properties.work import BY_WISH
from incumbent.testing.simulation import verbs as simulation_module
from incumbent.testing.simulation.verbs import Simulation
from incumbent.testing.timeline.fuses import fuses
from incumbent.testing.timeline.lanes import picture
from incumbent.testing.timeline.messages import messages
from incumbent.testing.timeline.office import Office, offices
from incumbent.testing.timeline.words import VERBS
from support.simulation.stories import lease
from support.simulation.timeline_runs import ALIKE, SECOND, scripted, swarm


@pytest.mark.parametrize("seed", range(12))
def test_who_claims_an_expired_lease_has_seen_it_run_out(seed):
    """What is left is drawn by each one's own clock, drift and all: a claim comes when nothing is."""
    history = swarm(seed).history
    drawn = fuses(history)
    for turned in history.of(Turned):
        if turned.reason != "the lease expired on my clock" or history.excused(0, turned.at):
            continue
        seen = [fuse for fuse in drawn[turned.who.partition("-")[0]] if fuse.start < turned.at]
        assert seen[-1].out <= turned.at + 1_000_000, turned


def test_an_edge_reaches_zero_when_its_wait_is_over():
    """The leader's own at its deadline, an observer's a lease duration after it received the last change."""
    history = scripted().history
    a, b = history.terms()[:2]
    drawn = fuses(history)
    own = [fuse for fuse in drawn["a"] if fuse.holder == "a" and fuse.end <= a.end]
    assert own[-1].out == own[-1].end == a.end
    seen = next(fuse for fuse in drawn["b"] if fuse.start < a.end < fuse.end)
    assert seen.out - seen.lit == 9 * SECOND
    assert seen.left(seen.lit) == 1.0
    assert seen.left(seen.out) == 0.0
    assert a.end < seen.out < b.start


@pytest.mark.parametrize("seed", range(8))
def test_every_message_is_drawn_with_what_became_of_it(seed):
    """Each request once; each execution; each answer; and what never arrived as lost."""
    history = swarm(seed).history
    drawn = [message for mine in messages(history).values() for message in mine]
    legs = Counter((leg.down, leg.kind) for message in drawn for leg in message.legs)
    asked = {(one.who, one.request.id) for one in history.of(Invoked)}
    done = [one for one in history.of(Executed) if (one.who, one.request.id) in asked]
    served = {(one.who, one.request.id) for one in done}
    heard = [one for one in history.of(Answered) if (one.who, one.reply.id) in served]
    assert len(drawn) == len(asked)
    assert sum(len(message.done) for message in drawn) == len(done)
    arrived = sum(count for (down, kind), count in legs.items() if not down and kind != "answer lost")
    assert arrived == len(heard)
    under_way = sum(message.legs[0].end > history.end for message in drawn)
    rejected = sum(count for (down, kind), count in legs.items() if down and kind == "unusable")
    assert len(asked - served) - under_way <= legs[True, "lost"] + rejected <= len(asked - served)


@pytest.mark.parametrize(
    ("verb", "way", "legs"),
    [
        ("drop", "requests", [(True, "lost")]),
        ("drop", "answers", [(True, "read"), (False, "answer lost")]),
        ("duplicate", "requests", [(True, "read"), (True, "repeated"), (False, "read"), (False, "read")]),
        ("duplicate", "answers", [(True, "read"), (False, "read"), (False, "repeated")]),
    ],
)
def test_the_fate_of_a_message_is_told_leg_by_leg(verb, way, legs):
    """A read of one who observes: down to the store and up again."""
    simulation = Simulation(2, seed=5, profile=ALIKE)
    simulation.run_for(5)
    (observer,) = {"a", "b"} - {simulation.leader}
    getattr(simulation, verb)(observer, way)
    simulation.run_for(40)
    drawn = [message for message in messages(simulation.history)[observer] if message.start > 5 * SECOND]
    assert [(leg.down, leg.kind) for leg in drawn[0].legs] == legs
    assert {message.kind for message in drawn[1:]} == {"read"}


def test_who_is_to_stand_back_has_a_longer_edge():
    """By its takeover delay."""
    simulation = Simulation(2, seed=5, profile=ALIKE, takeover_delay=3.0, clock_drift=0.0)
    simulation.run_for(15)
    (observer,) = {"a", "b"} - {simulation.leader}
    seen = [fuse for fuse in fuses(simulation.history)[observer] if fuse.holder == simulation.leader]
    assert {fuse.out - fuse.lit for fuse in seen} == {18 * SECOND}


@pytest.mark.parametrize("verb", ["stop", "crash"])
def test_who_is_gone_sees_nothing(verb):
    """Until its next process looks at the record."""
    simulation = Simulation(2, seed=5, profile=ALIKE)
    simulation.run_for(5)
    getattr(simulation, verb)("a")
    simulation.run_for(10)
    simulation.restart("a")
    simulation.run_for(10)
    drawn = fuses(simulation.history)["a"]
    assert [fuse for fuse in drawn if fuse.start < 15 * SECOND and fuse.end > 5 * SECOND] == []
    assert drawn[-1].end == 25 * SECOND


def test_faults_last_from_their_verb_to_the_one_that_undoes_them():
    """And what is over at once is a mark."""
    simulation = Simulation(2, seed=1)
    simulation.run_for(1)
    simulation.partition("a", "requests", seconds=2)
    simulation.crash("b", 3)
    simulation.drop("a")
    simulation.run_for(1)
    simulation.pause("a")
    simulation.stall_store(4)
    simulation.run_for(8)
    drawn = picture(simulation.history, [])
    a, b = drawn.lanes
    spans = {(span.kind, span.start // SECOND, span.end // SECOND) for span in a.faults}
    assert spans == {("cut off", 1, 3), ("something else", 1, 1), ("paused", 2, 10)}
    assert [(span.start, span.end) for span in b.roles if span.kind == "crashed"] == [
        (1 * SECOND, 4 * SECOND)
    ]
    assert [(span.start, span.end) for span in drawn.store_faults] == [(2 * SECOND, 6 * SECOND)]
    told = [(moment.at // SECOND, moment.who, moment.what) for moment in drawn.story]
    assert (1, "a", "its requests get lost, for 2 s") in told
    assert (1, "a", "its next answer is lost") in told
    assert (3, "a", "is reached again") in told
    assert (4, "b", "starts again") in told


def test_every_verb_has_words():
    """A verb that is new in `Simulation` would be shown as code."""
    struck = re.findall(r'_strike\(\s*"(\w+)"', Path(simulation_module.__file__).read_text("utf-8"))
    assert set(struck) <= set(VERBS)
    assert len(struck) > 15


def in_office(history, *kinds):
    drawn = [(name, span) for name, office in offices(history).items() for span in office.spans]
    return [(name, span.start, span.end) for name, span in drawn if span.kind in kinds]


def troubled(seed):
    """Work and callbacks that take their time, a resignation, a stop that does not wait for them, a crash."""
    profile = replace(ALIKE, wind_down=4 * SECOND, stop_timeout=6 * SECOND)
    simulation = Simulation(3, seed=seed, profile=profile, jitter=0.0)
    for verb, arguments in (("resign", ()), ("stop", (1,)), ("crash", ())):
        simulation.run_for(30)
        getattr(simulation, verb)("leader", *arguments)
    simulation.run_for(10)
    return simulation.history


def found_in_office(kind, histories):
    return [(history, each) for history in histories for each in in_office(history, kind)]


@pytest.mark.parametrize("seed", range(6))
def test_what_runs_in_office_is_drawn_from_its_beginning_to_its_end(seed):
    """Whatever becomes of its process meanwhile, but for a crash, which ends it, too."""
    history = troubled(seed)
    (crash,) = [one for one in history.of(Struck) if one.verb == "crash"]
    drawn, lasted, running = Counter(), Counter(), {}
    for name, start, end in in_office(history, "works", "asked to end", "told", "left behind"):
        drawn[name] += end - start
    for ran in history.of(Ran):
        name = ran.who.partition("-")[0]
        if ran.what == "begins":
            running[name, ran.code] = ran.at
        elif ran.what != "is asked to end":
            lasted[name] += ran.at - running.pop((name, ran.code))
    for (name, _), at in running.items():
        lasted[name] += (crash.at if name in crash.targets and crash.at > at else history.end) - at
    assert drawn == lasted


def test_a_release_that_waits_is_drawn_from_the_end_of_its_term_to_its_sending():
    """And only then: a lease that is left to expire has none."""
    histories = [*map(troubled, range(6)), *(swarm(seed).history for seed in range(20))]
    found = found_in_office("release owed", histories)
    assert len(found) > 10
    for history, (name, start, end) in found:
        writes = [one for one in history.of(Invoked) if not isinstance(one.request, GetLease)]
        sent = {(one.who, one.at) for one in writes if one.request.lease.is_vacant}
        ended = [one for one in history.of(Told) if isinstance(one.notice, StoppedLeading)]
        wished = {(one.who, one.at) for one in ended if one.notice.reason in BY_WISH}
        assert any(who.startswith(name) and (who, end) in sent for who, at in wished if at == start)


def test_a_release_that_waits_is_that_of_its_own_term():
    """And one that is sent at once has not waited."""

    def release(at, token):
        return Invoked(at, "a-1", UpdateLease(at, at, at + 1, lease("", token), at))

    office = Office("a")
    for record in (
        Told(1, "a-1", StoppedLeading(2, "resigned")),
        *(release(2, token=1), release(3, token=3), release(4, token=2)),
        *(Told(5, "a-1", StoppedLeading(3, "resigned")), release(5, token=3)),
    ):
        office.take(record)
    assert [(span.start, span.end, span.kind) for span in office.spans] == [(1, 4, "release owed")]


def test_what_is_left_behind_is_drawn_and_told():
    """From when its process has finished, for as long as it runs on."""
    found = [
        (history, each) for history in map(troubled, range(6)) for each in in_office(history, "left behind")
    ]
    assert found
    for history, (name, start, _) in found:
        assert (f"{name}-1", start) in {(one.who, one.at) for one in history.of(Finished)}
        told = [one.what for one in picture(history, []).story if (one.who, one.at) == (name, start)]
        assert any(what.endswith("is left behind") for what in told)
