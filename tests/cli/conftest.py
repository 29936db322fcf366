import os
import sys

import pytest

from incumbent.cli import guard
from incumbent.cli.guarded import End, GuardedCommand
from support.cli.contenders import WORKER, World


@pytest.fixture
def world(tmp_path):
    """A store and contenders of this test's own, all ended with it."""
    world = World(tmp_path)
    yield world
    world.close()


@pytest.fixture
def guarded(world, tmp_path):
    """Start a worker under guard; all of it is ended with the test."""
    started = []

    def start(*words, term_in=60.0, kill_in=60.0, grace=0.3, script=WORKER):
        now = guard.now_ns()
        until = now + int(term_in * 1e9), now + int(kill_in * 1e9)
        command = [sys.executable, script, str(world.journal.path), *words]
        environment = os.environ | {"INCUMBENT_TEST": world.marker}
        started.append(GuardedCommand(command, environment, *until, int(grace * 1e9)))
        return started[-1]

    yield start
    for process in started:
        if process._guard.returncode is None:  # not kill(): in this process it would end other tests' servers
            process._guard.kill()
            if process._orders < 0:  # closed by a test
                process._orders = os.open(os.devnull, os.O_WRONLY)
            process._close(End(137, by_itself=False))


@pytest.fixture
def place(tmp_path):
    """A file for leases, as options of the command."""
    return tmp_path / "leases.db"
