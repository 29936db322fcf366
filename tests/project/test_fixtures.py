"""The pytest plugin: fixtures for everybody, and no cost for who uses none."""

import subprocess
import sys

PROJECT = """
from incumbent import Campaign

def test_one_of_two(fake_clock, memory_store):
    first, second = (Campaign(memory_store(), clock=fake_clock) for _ in range(2))
    with first, second:
        fake_clock.advance(60)
        assert first.is_leader() and not second.is_leader()

def test_stores_of_one_test_are_its_own(memory_store):
    assert not memory_store().space.records

def test_a_simulation(simulation):
    world = simulation(candidates=3, seed=1)
    world.run_for(60)
    world.check()
"""


def test_a_project_that_has_the_package_has_the_fixtures(tmp_path):
    (tmp_path / "test_downstream.py").write_text(PROJECT)
    outcome = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", tmp_path],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert "3 passed" in outcome.stdout, outcome.stdout


def test_the_plugin_imports_nothing_before_it_is_used():
    loaded = "sorted(name for name in sys.modules if name.startswith('incumbent'))"
    outcome = subprocess.run(
        [sys.executable, "-c", f"import sys, incumbent.testing.fixtures; print({loaded})"],
        capture_output=True,
        text=True,
        timeout=250,
        check=True,
    )
    assert outcome.stdout.strip() == "['incumbent', 'incumbent.testing', 'incumbent.testing.fixtures']"
