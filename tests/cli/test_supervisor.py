"""`incumbent run` as a supervisor among others: stop timeouts, PID 1, descriptors, streams, exit codes."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import psutil
import pytest

from incumbent.campaign import Campaign
from incumbent.cli import guard
from incumbent.cli.guarded import End
from incumbent.cli.run import margin_ns
from incumbent.stores.memory import MemoryStore
from support.cli.contenders import LONGER, PATIENCE, SECOND_NS, eventually, is_alive
from support.cli.namespaces import IN_A_NAMESPACE, needs_namespaces
from support.project import ROOT


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_a_signal_to_end_that_is_ignored_is_followed_by_sigkill(world, number):
    """Not before `--stop-timeout`; renewals go on until then, and then the lease is free."""
    contender = world.run("stubborn", "daemon", options=(*LONGER, "--stop-timeout", "1.5"))
    pids = world.workers(2)
    asked_at = guard.now_ns()

    contender.send_signal(number)

    assert contender.wait(PATIENCE) == 137
    assert min(span[1] for span in world.journal.spans().values()) > asked_at + SECOND_NS
    assert signal.Signals(number).name in world.journal.of(pids[0])
    assert world.lease().lease.is_vacant
    assert world.members() == []


def test_a_supervisor_that_dies_while_it_stops_leaves_the_stop_timeout_to_its_guard(world):
    """SIGTERM, then SIGKILL for the supervisor: the command gets no more time than it had."""
    contender = world.run("stubborn", options=("--lease-duration", "600", "--stop-timeout", "1.5"))
    (pid,) = world.workers(1)

    contender.terminate()
    eventually("SIGTERM", lambda: "SIGTERM" in world.journal.of(pid))
    contender.kill()

    eventually("it is dead", lambda: not is_alive(pid))


def test_sigkill_comes_before_the_lease_is_over(world):
    """The instants that the guard is started with lie within the lease on the fastest clock allowed (P6)."""
    settings = {"lease_duration": 30.0, "renew_deadline": 20.0}
    contender = world.run(options=("--lease-duration", "30", "--renew-deadline", "20"))
    world.workers(1)
    arguments = psutil.Process(contender.pid).children()[0].cmdline()
    term_at, kill_at = map(int, arguments[4:6])
    config = Campaign(MemoryStore(), **settings).config
    shortest = 30.0 * (1 - config.clock_drift) / (1 + config.clock_drift)

    assert kill_at - term_at == margin_ns(config)
    assert 20.0 < 20.0 + (kill_at - term_at) / 1e9 < shortest


def test_the_exit_code_is_the_commands_and_no_orphans(world):
    """A child that the command left behind dies before the command does."""
    script = "(sleep 0.2 &); sleep 1; exit 7"
    assert world.run(command=["sh", "-c", script]).wait(PATIENCE) == 7


def test_an_order_may_arrive_in_pieces(world, guarded):
    """A pipe keeps no lines together."""
    command = guarded("exits:3", "lasts:1")
    world.workers(1)
    far = guard.now_ns() + 1000 * SECOND_NS

    for piece in (b"until ", b"%d " % far, b"%d\nunt" % far, b"il %d %d\n" % (far, far)):
        os.write(command._orders, piece)
        eventually("it is read", lambda: is_empty(command._orders))

    assert eventually("its end", lambda: command.wait(0.1)) == End(3, by_itself=True)


def test_a_guard_that_reads_nothing_does_not_stop_its_supervisor(world, guarded):
    """Orders beyond what a pipe takes are dropped, and the newest is given again."""
    command = guarded()
    (pid,) = world.workers(1)
    command._guard.send_signal(signal.SIGSTOP)
    far = guard.now_ns() + 1000 * SECOND_NS

    for more in range(20_000):
        command.until(far + more, far + more)
    now = guard.now_ns()
    command.until(now, now)
    command._guard.send_signal(signal.SIGCONT)
    eventually("it is told", lambda: command.until(now, now) or command._until == (now, now))

    assert not eventually("its end", lambda: command.wait(0.1)).by_itself
    assert not is_alive(pid)


CLOSED = [streams for count in (1, 2, 3) for streams in combinations(range(3), count)]


@pytest.mark.parametrize("closed", CLOSED, ids=lambda closed: "".join(map(str, closed)))
def test_the_exit_code_is_kept_whichever_streams_are_closed(world, closed):
    """The command finds the null device there, so that nothing it opens is taken for a stream."""
    journal = world.directory / "streams"
    are_open = "[os.path.exists(f'/dev/fd/{n}') for n in range(3)]"
    check = f"import os; open({str(journal)!r}, 'w').write(repr({are_open}))"
    redirections = " ".join(f"{number}>&-" for number in closed)
    command = [sys.executable, "-c", f"{check}; raise SystemExit(5)"]
    contender = world.run(prefix=("sh", "-c", f'exec "$@" {redirections}', "sh"), command=command)

    assert contender.wait(PATIENCE) == 5
    assert journal.read_text() == "[True, True, True]"


@pytest.mark.parametrize("option", [True, False], ids=["asked to", "not asked to"])
def test_descriptors_are_passed_on_request(world, option):
    """As for a jobserver of make: by their own numbers. Otherwise they do not reach the command."""
    reading, writing = os.pipe()
    script = f"import os; os.write({writing}, b'hello')"
    contender = world.run(
        options=("--pass-fds",) if option else (),
        command=[sys.executable, "-c", script],
        pass_fds=(writing,),
    )
    os.close(writing)

    assert (contender.wait(PATIENCE) == 0) == option
    assert os.read(reading, 100) == (b"hello" if option else b"")
    os.close(reading)


ACTIVATES = """
import os, sys
os.dup2({}, 3)
os.environ |= {{"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}}
os.execv(sys.argv[1], sys.argv[1:])
"""
ACTIVATED = """
import os, socket
assert os.environ["LISTEN_PID"] == str(os.getpid()), "a service takes no sockets of another's"
assert os.environ["LISTEN_FDS"] == "1"
connection, _ = socket.socket(fileno=3).accept()
connection.sendall(b"served")
"""


def test_sockets_of_systemd_reach_the_command_as_its_own(world):
    """`LISTEN_FDS` and `LISTEN_PID`, as of a unit with a socket: see sd_listen_fds(3)."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        contender = world.run(
            command=[sys.executable, "-c", ACTIVATED],
            prefix=(sys.executable, "-c", ACTIVATES.format(server.fileno())),
            pass_fds=(server.fileno(),),
        )
        with socket.create_connection(server.getsockname(), PATIENCE) as client:
            assert client.recv(100) == b"served"
    assert contender.wait(PATIENCE) == 0


@needs_namespaces
def test_as_pid_1_it_reaps_what_is_given_to_it(world):
    """`docker exec` and health checks leave orphans to PID 1, which nobody else can reap."""
    outer = world.run(prefix=(*IN_A_NAMESPACE, "--mount-proc"))
    world.workers(1)
    (init,) = psutil.Process(outer.pid).children()
    enter = ("nsenter", "-t", str(init.pid), "-p", "-m", "sh", "-c", "(sleep 0.1 &)")
    subprocess.run(enter, check=True)

    eventually("the orphan is there", lambda: len(init.children()) == 2)
    eventually("it is reaped, and the guard is left", lambda: len(init.children()) == 1)
    assert outer.poll() is None


REAPING = """
import subprocess, sys, threading, time
from incumbent.cli import reaper, tree
tree.adopt_orphans()
subprocess.run(["sh", "-c", "(exit 3 &) ; exit 0"])
reaper, codes = reaper.Reaper(), []
def plugin():
    for _ in range(100):
        process = subprocess.Popen(["sh", "-c", "exit 9"])
        time.sleep(0.02)  # dead, and not waited for yet
        codes.append(process.wait())
thread = threading.Thread(target=plugin)
thread.start()
while thread.is_alive() or reaper.look() is not None:
    reaper.look()
    time.sleep(0.001)
sys.exit(codes != [9] * 100 or tree.has_children())
"""


def test_what_a_store_starts_is_not_reaped_by_us():
    """A plugin for credentials that failed would pass for one that succeeded."""
    assert subprocess.run([sys.executable, "-c", REAPING], check=False, timeout=PATIENCE).returncode == 0


def test_the_guards_haste_is_not_the_commands(world):
    """The guard goes before others where that is permitted; what it starts has the contender's priority."""
    script = "import os; print(os.sched_getscheduler(0), os.nice(0))"
    contender = world.run(command=[sys.executable, "-c", script], prefix=("nice", "-n", "3"))

    out, _ = contender.communicate(timeout=PATIENCE)

    assert out.split() == [str(os.SCHED_OTHER), str(os.nice(0) + 3)]


def test_the_page_names_every_exit_code():
    """What a manager of services is told must be what the command does."""
    page = (ROOT / "docs/reference/exit-codes.md").read_text()
    source = Path(guard.__file__).with_name("__init__.py").read_text() + Path(guard.__file__).read_text()
    codes = set(re.findall(r"^(?:EXIT|_CANNOT|_NOT)_\w+: Final = (\d+)", source, re.MULTILINE))

    assert len(codes) >= 7
    assert codes <= set(re.findall(r"^\| (\d+) \|", page, re.MULTILINE))


def is_empty(pipe):
    """Whether everything that was written to it has been read."""
    import fcntl  # noqa: PLC0415 - needed nowhere else
    import termios  # noqa: PLC0415 - the same

    return fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4) == b"\0" * 4
