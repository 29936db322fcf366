"""Recorded runs are explained as what they were: simulated ones, of which the truth is known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from incumbent.config import ElectorConfig
from incumbent.lease import to_ns
from incumbent.testing import Simulation
from incumbent.testing.recorded import explain
from incumbent.testing.timeline import run as timeline_run
from support.simulation.recorded import EXACT, SETTINGS, elected


def told(explanation, who):
    return [moment.what for moment in explanation.moments if moment.who == who]


@pytest.mark.parametrize("seed", range(12))
def test_what_the_protocol_allows_conforms(seed, far_traces):
    """Under every fault through which exclusion is owed, on clocks of which nothing is known."""
    simulation = timeline_run.prepare(seed, "all")
    simulation.run_for(60)
    explanation = explain([far_traces])
    assert explanation.breaches == []
    terms = {term.token for term in simulation.history.terms()}
    assert {told.term.token for told in explanation._story.terms} == terms
    for drawn in (explanation.text(), explanation.svg(), explanation.html(), explanation.words()):
        assert "leads" in drawn


def test_terms_end_where_they_ended(traces):
    """Their times are those that the simulation knows, whether the end was told or came by the clock."""
    simulation = elected()
    for fault in ("pause", "partition", "resign"):
        getattr(simulation, fault)("leader")
        simulation.run_for(20)
    simulation.recover()
    known = [(term.token, term.start, term.end) for term in simulation.history.terms()]
    begun = simulation.history.records[0].at
    found = explain([traces])
    assert [(one.term.token, one.start + begun, one.end + begun) for one in found._story.terms] == known


def test_whose_name_is_a_letter_is_called_by_it(traces):
    """Whoever began first: else a would be c, and c be a. Others have the letters that are left."""
    names = ("c", "north", "a")
    simulation = Simulation(configs=[ElectorConfig(name, **SETTINGS) for name in names], profile=EXACT)
    simulation.run_for(20)
    found = explain([traces])
    said = {shown.split(" (")[0]: process for process, shown in found._people()}
    assert said == {"c": "c-1", "north": "b-1", "a": "a-1"}


def test_a_leader_that_stands_still_is_said_to(traces):
    simulation = elected()
    name = simulation.leader
    simulation.pause("leader", 8)
    simulation.run_for(20)
    explanation = explain([traces])
    mine = told(explanation, name)
    assert any(line.startswith("stands still for ") for line in mine)
    (end,) = [line for line in mine if line.startswith("leads no more")]
    assert "the renew deadline of 4 s passed" in end
    assert "its process stood still for" in end
    (gap,) = told(explanation, "nobody")
    assert "had to see the lease unchanged for its 6 s before it could claim it" in gap


def test_renewals_without_an_answer_are_told(traces):
    simulation = elected()
    simulation.partition("leader")
    simulation.run_for(20)
    mine = "\n".join(
        told(explain([traces]), "a") + told(explain([traces]), "b") + told(explain([traces]), "c")
    )
    assert "a renewal: failed: no answer in time" in mine
    assert "came to nothing: no answer in time" in mine


def test_slow_answers_are_told(traces):
    simulation = elected(request_timeout=2.0)
    simulation.delay("leader", 0.6, "answers")
    simulation.run_for(5)
    assert "a renewal: slow: the answer took 0.62 s of 2 s" in explain([traces]).words()


def test_a_handover_is_told_as_one(traces):
    simulation = elected()
    simulation.stop("leader")
    simulation.run_for(5)
    explanation = explain([traces])
    (gap,) = told(explanation, "nobody")
    assert gap.endswith("the lease had been released")
    assert "it was told to stop" in explanation.words()


def test_who_is_killed_is_not_said_to_have_led_until_its_deadline(traces):
    """Both are said: how long nobody led by the leases, and how long if it died where its trace ends."""
    simulation = elected()
    simulation.run_for(2)
    simulation.crash("leader")
    simulation.run_for(20)
    explanation = explain([traces])
    (gap,) = told(explanation, "nobody")
    assert ", or for " in gap
    assert "nothing more is heard of it" in explanation.words()


def test_terms_of_those_who_left_no_trace_are_missed(traces):
    """The tokens show that somebody led between two terms."""
    simulation = elected()
    for _ in range(2):
        simulation.resign("leader")
        simulation.run_for(10)
    found = {path.name: path for path in traces.iterdir()}
    second = simulation.history.terms()[1].who
    del found[f"{second}.ndjson"]
    assert "a term of others lay between" in explain(found.values()).words()


# Clocks.


def test_a_time_of_day_that_is_wrong_is_found_out_by_the_stores_order(far_traces):
    """The clocks of three machines are an hour apart; on the axis they are off by no more than it says."""
    simulation = Simulation(3, profile=replace(EXACT, offsets=to_ns(3600)), **SETTINGS)
    for _ in range(4):
        simulation.run_for(10)
        simulation.resign("leader")
    simulation.run_for(10)
    explanation = explain([far_traces])
    axis, found = explanation._axis, explanation._facts
    true = {each.name: each for each in simulation.participants}
    first = found[0]

    def error(facts):
        """By how much a run's times are wrong against the first one's."""
        places = [axis.at(one, true[one.run.began.session[0]].clock.read(0)) for one in (first, facts)]
        return abs(places[1] - places[0])

    assert [error(facts) <= axis.doubt(first, facts) for facts in found] == [True] * 3
    assert 0 < min(axis.doubt(first, facts) for facts in found[1:]) < to_ns(2.2)
    assert "the time of day of " in explanation.words()
    assert explanation.breaches == []
