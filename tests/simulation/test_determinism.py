"""One seed decides everything, and a run can be had again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from incumbent.testing.history import History
from incumbent.testing.simulation.replay import program, replay
from incumbent.testing.simulation.swarm import run
from incumbent.testing.simulation.verbs import Simulation

DIGEST = Path(__file__).parents[1] / "support" / "simulation" / "digest.py"


def digest(hash_seed, *seeds):
    command = [sys.executable, str(DIGEST), *map(str, seeds)]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


def test_a_seed_means_the_same_run_under_every_hash_seed():
    """No order of a set or of addresses gets into a run."""
    assert digest("0", 1, 2, 3, 4, 5) == digest("4711", 1, 2, 3, 4, 5)


def test_different_seeds_mean_different_runs():
    """So that the test above does not compare nothing with nothing."""
    assert digest("0", 1) != digest("0", 2)


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_a_saved_run_is_loaded_as_it_was(tmp_path, seed):
    """Every record, setting and roll survives NDJSON."""
    history = run(seed).history
    history.save(tmp_path / "run.ndjson")
    assert History.load(tmp_path / "run.ndjson") == history


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_a_saved_run_can_be_replayed_from_its_rolls(tmp_path, seed):
    """Whatever the seed: the recorded schedule alone decides."""
    history = run(seed).history
    history.save(tmp_path / "run.ndjson")
    saved = History.load(tmp_path / "run.ndjson")
    saved.seed = -1
    assert replay(saved).history.records == history.records


def scripted():
    simulation = Simulation(2, seed=5, lease_duration=6.0, retry_period=1.0)
    simulation.run_for(3)
    simulation.delay("leader", 0.5, "answers")
    simulation.pause("leader", 7)
    simulation.run_for(9.5)
    simulation.request_resign("me")
    simulation.run_for(4)
    return simulation


def test_a_scripted_run_can_be_replayed():
    """Verbs come again at their moments."""
    history = scripted().history
    assert replay(history).history == history


def test_a_run_is_given_back_as_a_program():
    """It can be pasted into a test: the same world, the same verbs at the same moments."""
    history = scripted().history
    lines = program(history)
    assert lines[3:] == [
        "s.run_until(3000000000)",
        "s.delay('leader', 0.5, 'answers', None)",
        "s.pause('leader', 7)",
        "s.run_until(12500000000)",
        "s.request_resign('me')",
        "s.run_until(16500000000)",
        "s.check()",
    ]


def test_a_file_that_is_no_history_is_refused(tmp_path):
    """The error names the file."""
    (tmp_path / "empty").write_text("")
    with pytest.raises(ValueError, match="empty is no saved history"):
        History.load(tmp_path / "empty")
