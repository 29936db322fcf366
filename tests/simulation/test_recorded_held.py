"""What does not conform in a recorded run is found, with its rule, its file and its line."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from unittest.mock import patch

import pytest

from incumbent.core.elector import Elector
from incumbent.core.messages import GetLease
from incumbent.errors import ConfigurationError
from incumbent.testing import Simulation
from incumbent.testing.recorded import explain
from incumbent.testing.simulation.participants import SimulatedStore
from support.simulation.recorded import EXACT, SETTINGS, elected

CLAIM = Elector._claim_or_wait
LEASE = Elector._lease
UPDATE = Elector._update


def _claims_at_once(elector, stored):
    with patch.object(Elector, "_claimable_at", lambda elector: elector.now):
        CLAIM(elector, stored)


def _any_version(elector, lease, version):
    return replace(UPDATE(elector, lease, version), version=99)


def _token_stays(elector, token, *args):
    return LEASE(elector, token - (elector.state == "follower"), *args)


def _shares_a_session(elector, *args):
    return replace(LEASE(elector, *args), holder_session="one.0")


BROKEN = {
    "P4": (Elector, "_claim_or_wait", _claims_at_once),
    "P1": (Elector, "_update", _any_version),
    "P11": (Elector, "_lease", _token_stays),
    "P2": (Elector, "_lease", _shares_a_session),
}


@pytest.mark.parametrize("rule", BROKEN)
def test_a_broken_elector_does_not_conform(rule, traces, monkeypatch):
    """The rule, the file and the line are named."""
    with monkeypatch.context() as broken:
        broken.setattr(*BROKEN[rule])
        simulation = Simulation(2, profile=EXACT, **SETTINGS)
        simulation.run_for(3)
        simulation.pause("leader", 3)
        simulation.run_for(12)
    explanation = explain([traces])
    assert rule in {breach.rule for breach in explanation.breaches}
    breach = next(breach for breach in explanation.breaches if breach.rule == rule)
    line = breach.line.path.read_text().splitlines()[breach.line.number - 1]
    assert '"UpdateLease"' in line or '"CreateLease"' in line
    assert f"DOES NOT CONFORM: {breach.line}: {rule}" in explanation.words()
    assert rule in explanation.svg()


def rewritten(traces, change):
    """Change the first step of which `change` returns something else."""
    for path in sorted(traces.iterdir()):
        lines = path.read_text().splitlines()
        for number, line in enumerate(lines):
            record = change(json.loads(line))
            if record is not None:
                lines[number] = json.dumps(record)
                path.write_text("\n".join(lines) + "\n")
                return f"{path}:{number + 1}"
    raise AssertionError("nothing to change")


def _begins(record):
    notices = record.get("effects", {}).get("notices", [])
    if any(notice["is"] == "StartedLeading" for notice in notices):
        record["effects"]["notices"] = [one for one in notices if one["is"] != "StartedLeading"]
        return record
    return None


def _wakes_late(record):
    if "effects" in record:
        record["effects"]["wake_at"] += 1
        return record
    return None


def _is_sent_late(record):
    request = record.get("effects", {}).get("request")
    if request and request["is"] == "CreateLease":
        request["expires_at"] += 1
        return record
    return None


def _goes_out_unasked(record):
    if record.get("event", {}).get("is") == "Written" and record["effects"]["request"] is None:
        record["effects"]["request"] = {"is": "GetLease", "id": 9, "sent_at": record["now"], "expires_at": 1}
        return record
    return None


@pytest.mark.parametrize(
    ("change", "rule"),
    [(_begins, "P3, P7"), (_wakes_late, "P12"), (_is_sent_late, "P10"), (_goes_out_unasked, "P12")],
)
def test_a_step_that_was_changed_does_not_conform(change, rule, traces):
    elected()
    where = rewritten(traces, change)
    (breach,) = explain([traces]).breaches
    assert (str(breach.line), breach.rule) == (where, rule)


class Careless(SimulatedStore):
    """Writes whatever is asked."""

    def execute(self, request):
        return super().execute(request) if isinstance(request, GetLease) else self._write(request)


def test_a_store_that_goes_back_is_found_across_traces(traces):
    """Its versions are used again, and one is replaced twice; each step of each elector is right."""
    simulation = elected()
    simulation.run_for(5)
    simulation.restore_backup()
    simulation.run_for(20)
    assert {"A1, S4 one_history", "A2"} <= {breach.rule for breach in explain([traces]).breaches}


def test_two_who_lead_at_once_are_found(traces):
    """By the clock that they share, and by the token."""
    simulation = Simulation(3, profile=EXACT, store=Careless(), **SETTINGS)
    simulation.run_for(12)
    assert {"S1 exclusion", "S5 fencing"} <= {breach.rule for breach in explain([traces]).breaches}


def test_two_who_may_have_led_in_turn_are_not_accused(far_traces):
    """Of clocks of which nothing is known, nothing is said but what the tokens say."""
    simulation = Simulation(3, profile=EXACT, store=Careless(), **SETTINGS)
    simulation.run_for(2.5)
    assert {breach.rule for breach in explain([far_traces]).breaches} == {"S5 fencing"}


def test_a_session_that_two_runs_share_is_found(traces):
    elected()
    one = next(path for path in traces.iterdir() if path.name.startswith("a"))
    (traces / "copy.ndjson").write_text(one.read_text())
    assert "P2" in {breach.rule for breach in explain([traces]).breaches}


# What is not to be explained.


def test_traces_of_several_leases_are_not_mixed(traces):
    elected()
    one = min(traces.iterdir())
    one.write_text(one.read_text().replace('"simulated"', '"other"'))
    with pytest.raises(
        ConfigurationError, match="of several leases, 'other', 'simulated': name one by --lease"
    ):
        explain([traces])
    assert len(explain([traces], "other")._facts) == 1
    with pytest.raises(ConfigurationError, match="no step of the lease 'third' in these traces"):
        explain([traces], "third")


def test_steps_of_another_edition_are_not_judged(traces):
    """Its elector may do otherwise; what several runs have in common is looked at all the same."""
    elected()
    rewritten(traces, _wakes_late)
    for path in traces.iterdir():
        path.write_text(
            path.read_text()
            .replace('"version":"0.', '"version":"7.')
            .replace('"version": "0.', '"version":"7.')
        )
    explanation = explain([traces])
    assert explanation.breaches == []
    assert "is of edition 7." in explanation.words()


@pytest.mark.parametrize("seed", range(60))
def test_a_damaged_trace_is_an_error_with_file_and_line_or_a_breach(seed, traces):
    """Whatever stands in a line: never anything else."""
    elected()
    chance = random.Random(seed)
    path = chance.choice(sorted(traces.iterdir()))
    lines = path.read_text().splitlines()
    number = chance.randrange(len(lines))
    text = lines[number]
    at = chance.randrange(len(text))
    lines[number] = (
        text[:at]
        + chance.choice(["", "x", "9", '"', "{", "null", "[]", "-1"])
        + text[at + chance.randrange(3) :]
    )
    path.write_text("\n".join(lines) + "\n")
    said = ""
    try:
        explanation = explain([traces])
        for drawn in (explanation.text(), explanation.svg(), explanation.html(), explanation.words()):
            assert drawn
    except ConfigurationError as error:
        said = str(error)
    assert said == "" or f"{path}:" in said or "several leases" in said
