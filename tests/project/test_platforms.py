"""The library works where a system has no fork, no process groups and no poll, as on Windows.

What such a system lacks is hidden from a fresh interpreter: an approximation, which finds what is used
without a look whether it is there.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from support.project import sources

LACKING = """
# The standard library and the clients are for the system that they run on.
import sys, asyncio, concurrent.futures, ctypes, os, select, signal, subprocess, tempfile, time, uuid
for module in ("fcntl", "grp", "pwd", "resource", "termios", "tty", "pty", "_posixshmem"):
    sys.modules[module] = None
for module, names in {
    os: "fork forkpty register_at_fork killpg getpgid getpgrp setsid setpgid getuid geteuid getgid waitid "
        "wait4 set_blocking sysconf uname chown fchmod sched_setscheduler WNOHANG P_ALL O_NONBLOCK",
    signal: "SIGKILL SIGSTOP SIGCONT SIGHUP SIGQUIT SIGUSR1 SIGUSR2 SIGCHLD SIGWINCH SIGPIPE SIGALRM "
        "pthread_sigmask set_wakeup_fd",
    select: "poll epoll POLLIN POLLOUT POLLHUP",
    time: "clock_gettime clock_gettime_ns CLOCK_BOOTTIME CLOCK_MONOTONIC",
}.items():
    for name in names.split():
        if hasattr(module, name):
            delattr(module, name)
import selectors
for name in ("PollSelector", "EpollSelector"):
    if hasattr(selectors, name):
        delattr(selectors, name)
sys.platform = "win32"
"""

CLIENTS = """
import httpcore, hypothesis, kubernetes.client.api_client, psycopg, pymongo, pytest, redis
"""

LEADS = """
import incumbent
for url in ("memory:", "sqlite:///leases.db"):
    done = []
    store = incumbent.open_store(url, lease="x")
    def work(leadership):
        done.append(leadership.token)
        leadership.wait()  # a term that ends at once may be over before anybody waits for it
    with incumbent.Campaign(store, on_started_leading=work) as campaign:
        assert campaign.wait_until_leader(30)
    assert done == [1], (url, done)
    store.close()

from incumbent.cli import main as command
assert command(["status", "--store", "sqlite:///leases.db", "--lease", "x"]) == 0

async def main():
    async def lead(leadership):
        done.append(leadership.token)
        await campaign.stop()
    campaign = incumbent.aio.Campaign(incumbent.open_store("memory:", lease="y"))
    await campaign.run(lead)
done = []
asyncio.run(main())
assert done == [1]

from incumbent.testing import FakeClock, Simulation
world = Simulation(candidates=3, seed=1)
world.run_for(60)
world.check()
"""


def run(program, folder):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )


def test_every_module_of_the_library_can_be_imported(tmp_path):
    """All but the command's, which is for Unix: it starts processes and ends them in time."""
    for client in ("httpcore", "kubernetes", "psycopg", "pymongo", "redis"):
        pytest.importorskip(client)
    names = [name for name in sources() if ".cli" not in name and "__main__" not in name]
    assert len(names) > 90
    outcome = run(
        CLIENTS + LACKING + f"import importlib\nfor name in {names!r}: importlib.import_module(name)",
        tmp_path,
    )
    assert outcome.returncode == 0, outcome.stderr


def test_it_elects_there(tmp_path):
    """By threads, by tasks and in a simulation."""
    outcome = run(LACKING + LEADS, tmp_path)
    assert outcome.returncode == 0, outcome.stderr


def test_the_command_says_that_it_is_for_unix(tmp_path):
    """Instead of a traceback."""
    program = "from incumbent.cli import main\nraise SystemExit(main(['run', '--', 'true']))"
    outcome = run(LACKING + program, tmp_path)
    assert outcome.returncode == 2
    assert outcome.stderr.startswith("incumbent: incumbent run needs a Unix")
