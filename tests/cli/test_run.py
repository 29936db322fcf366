"""`incumbent run` is transparent: exit code, signals, streams and environment are the command's."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from support.cli.contenders import LONGER, PATIENCE, WORKER, all_dead, eventually, is_alive


@pytest.mark.parametrize(
    ("script", "code"),
    [
        pytest.param("exit 0", 0, id="success"),
        pytest.param("exit 3", 3, id="failure"),
        pytest.param("kill -9 $$", 137, id="killed by a signal"),
    ],
)
def test_the_exit_code_is_the_commands(world, script, code):
    """Whatever the command ends with, the lease is released and we end with the same."""
    contender = world.run(command=["sh", "-c", script])

    assert contender.wait(PATIENCE) == code
    assert world.lease().lease.is_vacant


def test_a_command_that_does_not_exist_is_127(world):
    """As in a shell; and the error names it."""
    contender = world.run(command=["no-such-command-anywhere"])

    assert contender.wait(PATIENCE) == 127
    assert "no-such-command-anywhere" in world.stderr(contender)


def test_a_command_that_cannot_be_executed_is_126(world, tmp_path):
    """As in a shell."""
    assert world.run(command=[str(tmp_path)]).wait(PATIENCE) == 126


def test_the_command_inherits_the_streams_and_is_told_its_term(world):
    """Stdin and stdout are ours; the environment names the lease, the holder and the token."""
    script = 'read line; echo "$line $INCUMBENT_LEASE $INCUMBENT_IDENTITY $INCUMBENT_TOKEN"; echo oh >&2'
    contender = world.run(options=("--id", "anna"), command=["sh", "-c", script])

    out, _ = contender.communicate("hello\n", timeout=PATIENCE)

    assert out == "hello lease anna 1\n"
    assert "oh\n" in world.stderr(contender)


def test_the_next_in_line_takes_over_with_a_larger_token(world):
    """One command at a time; the one that waited starts when the first has ended."""
    first = world.run("lasts:0.5")
    world.workers(1)
    second = world.run("lasts:0.1", options=("--retry-period", "0.2"))

    assert (first.wait(PATIENCE), second.wait(PATIENCE)) == (0, 0)
    one, two = world.journal.spans().values()
    assert one[1] < two[0]
    assert [world.journal.of(pid)[0] for pid in world.journal.pids()] == ["token=1", "token=2"]


def test_signals_are_passed_on(world):
    """A signal to the contender reaches the command, once."""
    contender = world.run()
    (pid,) = world.workers(1)
    names = ["SIGHUP", "SIGUSR1", "SIGUSR2", "SIGWINCH", "SIGCONT", "SIGQUIT", "SIGINT"]

    for count, name in enumerate(names, 1):
        contender.send_signal(getattr(signal, name))
        eventually(f"{name} at the command", lambda: world.journal.of(pid)[1:] == names[:count])  # noqa: B023

    assert contender.poll() is None


def test_a_terminals_interrupt_reaches_the_whole_group_and_a_hangup_only_the_command(world):
    """Ctrl-C ends a shell script's current program too, but a request to reload is for the command alone."""
    contender = world.run("children")
    parent, child = world.workers(2)
    if psutil.Process(parent).ppid() == child:
        parent, child = child, parent

    contender.send_signal(signal.SIGHUP)
    eventually("SIGHUP", lambda: "SIGHUP" in world.journal.of(parent))
    contender.send_signal(signal.SIGINT)
    eventually("SIGINT", lambda: all("SIGINT" in world.journal.of(pid) for pid in (parent, child)))

    assert "SIGHUP" not in world.journal.of(child)


def test_sigterm_ends_the_command_and_then_us(world):
    """The command decides how it ends; we end with its code, and the lease is free."""
    contender = world.run()
    world.workers(1)

    contender.terminate()

    assert contender.wait(PATIENCE) == 143
    assert world.lease().lease.is_vacant


@pytest.mark.parametrize(
    ("number", "code"),
    [
        pytest.param(signal.SIGTERM, 0, id="the end of a service"),
        pytest.param(signal.SIGQUIT, 0, id="the end of a service, in another way"),
        pytest.param(signal.SIGINT, 130, id="a person's interrupt"),
    ],
)
def test_a_contender_that_waits_ends_by_a_signal(world, number, code):
    """There is nobody to pass it on to; the leader does not notice."""
    leader = world.run()
    (pid,) = world.workers(1)
    waiting = world.run()
    eventually("it handles signals", lambda: handles(waiting.pid, signal.SIGCONT))

    waiting.send_signal(number)

    assert waiting.wait(PATIENCE) == code
    assert leader.poll() is None
    assert world.journal.of(pid) == ["token=1"]


@pytest.mark.parametrize("name", ["SIGHUP", "SIGUSR1", "SIGUSR2"])
def test_a_contender_that_waits_drops_other_signals(world, name):
    """A request to reload is for the command; where none runs it must not end the contender."""
    leader = world.run()
    world.workers(1)
    waiting = world.run(options=("--retry-period", "0.2"))
    eventually("it handles signals", lambda: handles(waiting.pid, signal.SIGCONT))

    waiting.send_signal(getattr(signal, name))
    leader.terminate()

    _, successor = world.workers(2)
    assert world.supervisor_of(successor) is waiting


def test_the_hangup_of_a_terminal_ends_a_contender_that_waits(world):
    """Or it would go on contending, unseen, after its window was closed."""
    world.run()
    world.workers(1)
    ours, theirs = os.openpty()
    waiting = world.run(stdin=theirs)
    eventually("it handles signals", lambda: handles(waiting.pid, signal.SIGCONT))

    waiting.send_signal(signal.SIGHUP)

    assert waiting.wait(PATIENCE) == 129
    os.close(ours)
    os.close(theirs)


def test_under_nohup_a_hangup_is_ignored(world):
    """What was ignored when we started stays ignored, by us and by the command."""
    contender = world.run(prefix=("nohup",), stdin=subprocess.DEVNULL)
    (pid,) = world.workers(1)

    contender.send_signal(signal.SIGHUP)
    contender.send_signal(signal.SIGUSR1)

    eventually("the other signal", lambda: "SIGUSR1" in world.journal.of(pid))
    assert world.journal.of(pid) == ["token=1", "SIGUSR1"]


def test_restart_keeps_it_running_until_a_signal_ends_it(world):
    """The command is started again after it ended by itself, but not more than once a second."""
    contender = world.run("lasts:0.05", "exits:1", options=("--restart",))
    world.workers(3)

    contender.terminate()

    assert contender.wait(PATIENCE) in {1, 143}
    first, _, third, *_ = (start for start, _ in world.journal.spans().values())
    assert third - first > 1e9
    assert {world.journal.of(pid)[0] for pid in world.journal.pids()} == {"token=1"}


def test_what_the_command_leaves_behind_is_ended_before_the_lease_is_released(world):
    """A daemon with a session of its own, deaf to SIGTERM, does not outlive the term that started it."""
    first = world.run("daemon", "lasts:0.3", options=(*LONGER, "--stop-timeout", "0.5"))
    world.workers(2)
    second = world.run("lasts:0.1", options=LONGER)

    assert (first.wait(PATIENCE), second.wait(PATIENCE)) == (0, 0)
    *before, after = world.journal.spans().values()
    assert len(before) == 2
    assert max(end for _, end in before) < after[0]


def test_the_holder_ends_its_command_when_asked_to_resign(world):
    """SIGTERM, then SIGKILL after the stop timeout; then another leads, and the first waits in line again."""
    first = world.run("stubborn", options=("--stop-timeout", "1.5", *LONGER))
    (old,) = world.workers(1)
    world.run(options=LONGER)

    assert world.start("resign", "--store", world.url, "--by", "the test").wait(PATIENCE) == 0

    _, new = world.workers(2)
    spans = world.journal.spans()
    (asked,) = (event.at for event in world.journal.events() if event.what == "SIGTERM")
    assert 0.25e9 < spans[old][1] - asked < 10e9
    assert spans[old][1] < spans[new][0]
    assert "asked to resign by 'the test'" in world.stderr(first)
    world.supervisor_of(new).terminate()
    *_, newest = world.workers(3)
    assert world.supervisor_of(newest) is first


def test_the_default_lease_and_store(world, tmp_path):
    """One user's contenders for one command line meet without an option; another command is another lease."""
    home = {"XDG_STATE_HOME": str(tmp_path / "state"), "HOME": str(tmp_path)}
    command = [sys.executable, WORKER, str(world.journal.path)]

    first = world.start("run", "--", *command, **home)
    (pid,) = world.workers(1)
    same = world.start("run", "--once", "--", *command, **home)
    other = world.start("run", "--once", "--", *command, "lasts:0.1", **home)

    assert (same.wait(PATIENCE), other.wait(PATIENCE)) == (75, 0)
    assert first.poll() is None
    assert is_alive(pid)
    assert (tmp_path / "state" / "incumbent").stat().st_mode & 0o777 == 0o700


def test_a_stopped_contender_leaves_no_process(world):
    """Supervisor, guard and command are gone."""
    contender = world.run("daemon", "children", options=("--stop-timeout", "0.5"))
    pids = world.workers(3)

    contender.terminate()
    contender.wait(PATIENCE)

    assert all_dead(pids)
    assert world.members() == []


def handles(pid, number):
    """Whether the process has a handler for this signal."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    caught = next(line for line in status if line.startswith("SigCgt"))
    return int(caught.split()[1], 16) >> (number - 1) & 1
