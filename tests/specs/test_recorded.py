"""Runs recorded from real processes over a real store are made of the proof's actions, too."""

import signal
import subprocess
import sys
import textwrap

import pytest
from specs.conformance import Nonconformance, check_trace

from incumbent.cli.demo import freeze
from incumbent.core.messages import StartedLeading, Written
from incumbent.runtime.recording import read_trace
from support.driving import eventually

CONTENDER = """
    import sys
    from incumbent import Campaign, open_store
    store, trace = sys.argv[1:]
    timing = {"lease_duration": 0.6, "renew_deadline": 0.35, "retry_period": 0.1}
    Campaign(open_store(store, lease="recorded"), trace=trace, **timing).run()
"""


def newest(paths):
    """The highest token that somebody led by, and who."""
    return max(
        (notice.token, index)
        for index, path in enumerate(paths)
        for _, steps in read_trace(path)
        for step in steps
        for notice in (StartedLeading(0), *step.effects.notices)
        if isinstance(notice, StartedLeading)
    )


def has_renewed(paths):
    """Whether who led last has been heard renewing: a term of one write would have little to say."""
    token, leader = newest(paths)
    runs = [steps for _, steps in read_trace(paths[leader])]
    return token > 0 and sum(isinstance(step.event, Written) for step in runs[-1]) >= 3


@pytest.fixture(scope="module")
def traces(tmp_path_factory):
    """Three processes contend over one file; whoever leads is frozen, killed, interrupted."""
    folder = tmp_path_factory.mktemp("recorded")
    script = folder / "contender.py"
    script.write_text(textwrap.dedent(CONTENDER))
    store = f"sqlite:///{folder}/leases.db"
    paths = [folder / f"{name}.ndjson" for name in "abc"]
    processes = []
    for path in paths:
        path.touch()
        command = [sys.executable, script, store, path]
        processes.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))
    try:
        eventually(lambda: all(path.stat().st_size for path in paths), timeout=30)
        for sign in (signal.SIGSTOP, signal.SIGKILL, signal.SIGINT):
            eventually(lambda: has_renewed(paths), timeout=30)
            token, leader = newest(paths)
            if sign == signal.SIGSTOP:
                freeze(processes[leader], folder / "leases.db")
            else:
                processes[leader].send_signal(sign)
            if sign != signal.SIGINT:
                eventually(lambda token=token: newest(paths)[0] > token, timeout=30)
            processes[leader].send_signal(signal.SIGCONT)
    finally:
        for process in processes:
            process.kill()
            process.wait(10)
    return paths


def steps_of(run):
    began, steps = run
    return began.config, began.session, [(step.event, step.now, step.effects) for step in steps]


def test_every_recorded_step_is_one_of_the_proofs(traces):
    assert newest(traces)[0] >= 3
    for path in traces:
        for run in read_trace(path):
            assert len(check_trace(*steps_of(run))) > 3


def test_a_recording_that_no_protocol_made_is_found(traces):
    """The answers to its writes are cut out, so it leads without having won: the check is not for nothing."""
    runs = [steps_of(run) for path in traces for run in read_trace(path)]
    config, session, steps = max(runs, key=lambda run: sum(isinstance(step[0], Written) for step in run[2]))
    with pytest.raises(Nonconformance):
        check_trace(config, session, [step for step in steps if not isinstance(step[0], Written)])
