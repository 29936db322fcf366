"""What can find a mutant. Each technique says what it found, or nothing; it imports the package only then."""

# ruff: noqa: PLC0415 - the package must not be imported before it is broken

from __future__ import annotations

import itertools
import time

from support.mutants.patch import ROOT

PATIENCE = 2
"""Seconds of real time for what another thread is about to do."""


def by_tests(where, seconds):
    """The first failing test of some files below `tests`."""
    import pytest

    failed = []

    class Watcher:
        def pytest_runtest_logreport(self, report):
            if report.failed:
                failed.append(report.nodeid.partition("/")[2])

    paths = [str(ROOT / "tests" / path) for path in where.split()]
    options = [
        "-x",
        "-q",
        f"--timeout={PATIENCE * 3}",
        *("-p", "no:cacheprovider"),
        *("-p", "pytest_timeout", "-p", "_hypothesis_pytestplugin", "-p", "incumbent.testing.fixtures"),
        "--assert=plain",
        "--tb=native",  # the quickest; nobody reads it
        "--rootdir",
        str(ROOT),
    ]
    code = pytest.main([*options, *paths], [Watcher()])
    assert code in (0, 1), f"pytest {where} ended with {code}: no verdict"
    return failed[0] if failed else ""


def by_tests_of_threads(where, seconds):
    """The same; what does not happen soon will not."""
    from support.driving import eventually

    eventually.__kwdefaults__["timeout"] = PATIENCE
    return by_tests(where, seconds)


def by_simulation(seeds, seconds):
    """The first seed of the swarm that breaks a promise: as many seeds as are given, or as time allows."""
    from incumbent.testing.properties import PropertyViolated
    from incumbent.testing.simulation.swarm import check_seed

    until = time.process_time() + seconds
    for seed in range(int(seeds)) if seeds else itertools.count():
        if not seeds and time.process_time() > until:
            return ""
        try:
            check_seed(seed)
        except PropertyViolated as violated:
            return f"seed {seed}: {_first(violated)}"
    return ""


def by_exploration(which, seconds):
    """The shortest trace in one of some small worlds: of electors alone, and of candidates with terms."""
    from incumbent.core import AskedToResign, AskedToStop, Ended, Resign, Stop, TermConfig, WorkEnded
    from incumbent.testing.exploration import SmallWorld, explore
    from incumbent.testing.exploration.world import STEP

    tight = {"lease_duration": 2, "skew": 0}
    asked = (AskedToResign("asked"), AskedToStop(STEP))

    endings = (WorkEnded(), WorkEnded(failed=True))

    def of_term(inputs=asked, patience=1, **settings):
        term = TermConfig(lease_ns=2 * STEP, stop_timeout_ns=patience * STEP, **settings)
        return SmallWorld(1, **tight, term=term, inputs=inputs, endings=endings)

    several = (asked[0], *(AskedToStop(patience * STEP) for patience in (0, 1, 2, 4)))
    worlds = {
        "tight": (SmallWorld(**tight), 30),
        "skew": (SmallWorld(), 20),
        "ends": (SmallWorld(**tight, resign_requests=True, inputs=(Resign(), Stop(), Ended())), 10),
        "touches": (SmallWorld(**tight, touches=True), 16),
        "stale": (SmallWorld(in_flight=2, crashes=True, duplicates=True, errors=True), 8),
        "term": (of_term(), 14),
        "failing": (of_term(()), 30),
        "patient": (of_term(several, patience=3), 11),
        "once": (of_term(once=True, hold_ns=3 * STEP), 12),
        "bare": (of_term(tells=False), 12),
    }
    for name in which.split():
        world, depth = worlds[name]
        result = explore(world, depth=depth)
        try:
            result.check()
        except AssertionError as violated:
            return f"world {name}: {_first(violated)}"
    return ""


def by_hypothesis(examples, seconds):
    """A program of faults over a running cluster; not shrunk."""
    from hypothesis import HealthCheck, Phase, settings
    from hypothesis.stateful import run_state_machine_as_test

    from incumbent.testing.machine import ElectionMachine

    budget = settings(
        max_examples=int(examples or 10_000),
        stateful_step_count=50,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    try:
        run_state_machine_as_test(ElectionMachine, settings=budget)
    except Exception as violated:  # noqa: BLE001 - an elector that fails is found, too
        return _first(violated)
    return ""


def by_conformance(seeds, seconds):
    """A step of the elector that is none of the proof's."""
    from support.conformance import run

    until = time.process_time() + seconds
    for seed in range(int(seeds)) if seeds else itertools.count():
        if not seeds and time.process_time() > until:
            return ""
        try:
            run([seed], loses=seed % 2 == 1, goes_back=seed % 4 == 0)
        except AssertionError as violated:
            return f"seed {seed}: {_first(violated)}"
    return ""


def by_code_proof(of, seconds):
    """A path of the elector, or of its term, that the proof does not know: one of each kind comes first."""
    from collections import Counter
    from random import Random

    from specs.code.clauses import is_heard
    from specs.code.prove import of_electors, of_terms, prove_shape

    kinds = Counter()

    def rank(task):
        if task.func is not prove_shape:
            return (0,)
        shape = task.args[0]
        kind = shape.event, shape.state, shape.pending, shape.leaving != ""
        kinds[kind] += 1
        return 1 + (shape.doubts > 0) + (not is_heard(shape)), kinds[kind], shape.event == "Found"

    until = time.process_time() + seconds
    chosen = of_terms() if of == "term" else of_electors()
    Random(0).shuffle(chosen)
    for task in sorted(chosen, key=rank):
        verdict = task()
        if verdict.failure and not verdict.failure.startswith(
            ("TypeError", "Z3Exception")
        ):  # no term can do it
            return f"{verdict.state}, {verdict.event}: {verdict.failure.splitlines()[0]}"
        if time.process_time() > until:
            return ""
    return ""


def _first(violated):
    text = str(violated).strip() or "an assertion of the elector's own"
    return text.splitlines()[0]


KILLERS = {
    "unit": by_tests,
    "drivers": by_tests_of_threads,
    "schedules": by_tests_of_threads,
    "stores": by_tests,
    "simulation": by_simulation,
    "exploration": by_exploration,
    "hypothesis": by_hypothesis,
    "conformance": by_conformance,
    "code proof": by_code_proof,
}
