"""The command is dead before anybody else can hold the lease, whatever becomes of supervisor and guard."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil

from incumbent.cli import guard
from incumbent.cli import guarded as guarded_commands
from incumbent.cli.demo import freeze
from incumbent.cli.guarded import End
from incumbent.clock import SystemClock
from support.cli.contenders import (
    LEASE_NS,
    LONGER,
    LONGER_NS,
    PATIENCE,
    SECOND_NS,
    SHORT,
    WORKER,
    all_dead,
    eventually,
    is_alive,
)

# Deadlines are set when the workers are there: on a busy machine the start of a few Pythons takes seconds.


def test_the_guard_and_the_campaign_read_one_clock():
    """Or the instants that pass between them would mean nothing."""
    earlier = guard.now_ns()
    between = SystemClock().now() * 1e9

    assert earlier - 1000 <= between <= guard.now_ns() + 1000


def test_sigterm_comes_at_the_deadline_and_sigkill_before_the_lease_ends(world, guarded):
    """The whole tree gets both: also who ignores SIGTERM, or left the command's session."""
    command = guarded("stubborn", "daemon", "children")
    world.workers(3)
    now = guard.now_ns()

    command.until(now + SECOND_NS, now + 3 * SECOND_NS)
    end = end_of(command)

    assert not end.by_itself
    assert end.code == 137
    terms = [event.at - now for event in world.journal.events() if event.what == "SIGTERM"]
    assert len(terms) == 3
    assert min(terms) >= 0.99e9
    assert max(terms) < 3e9
    for _, last in world.journal.spans().values():
        assert 2e9 < last - now < 6e9


def test_the_deadline_moves_with_each_renewal(world, guarded):
    """What was extended in time is not disturbed."""
    command = guarded()
    world.workers(1)
    now = guard.now_ns()

    command.until(now + 2 * SECOND_NS, now + 2 * SECOND_NS)
    command.until(now + 3 * SECOND_NS, now + 6 * SECOND_NS)
    end_of(command)

    ((_, last),) = world.journal.spans().values()
    assert 2.95e9 < last - now < 6e9


def test_a_dead_supervisor_ends_the_command_at_once(world, guarded):
    """The end of the pipe is SIGTERM now and SIGKILL after the grace, not at a far deadline."""
    command = guarded("stubborn", grace=2.0)
    (pid,) = world.workers(1)

    now = guard.now_ns()
    os.close(command._orders)
    command._orders = -1
    eventually("it is dead", lambda: not is_alive(pid))

    assert guard.now_ns() - now < 10e9
    assert "SIGTERM" in world.journal.of(pid)
    command._orders = os.open(os.devnull, os.O_WRONLY)
    assert not end_of(command).by_itself


def test_the_grace_never_outlasts_the_lease(world, guarded):
    """A supervisor that dies just before the deadline leaves no more time than the deadline did."""
    command = guarded("stubborn", grace=60.0)
    (pid,) = world.workers(1)
    now = guard.now_ns()
    command.until(now + SECOND_NS, now + SECOND_NS * 6 // 5)

    os.close(command._orders)
    command._orders = -1
    eventually("it is dead", lambda: not is_alive(pid))

    assert world.journal.spans()[pid][1] - now < 6e9
    command._orders = os.open(os.devnull, os.O_WRONLY)
    end_of(command)


def test_nothing_is_started_after_the_deadline(world, guarded):
    """A guard that comes too late, from a machine that slept, starts no command."""
    end = end_of(guarded(term_in=-0.1, kill_in=0.1))

    assert (end.by_itself, end.code) == (False, 143)
    assert world.journal.pids() == []


SLOW = """
import os, sys, time
from incumbent.cli import guard
now_ns = guard.now_ns
def slowly():
    while not os.path.exists({gate!r}):
        time.sleep(0.01)
    guard.now_ns = lambda: now_ns() + 1000 * 10**9
guard._make_haste = slowly
guard.main(sys.argv[1:])
"""


def test_a_renewal_counts_that_came_while_the_guard_got_ready(world, guarded, tmp_path, monkeypatch):
    """On a busy machine that may take longer than the lease had left when the guard was started."""
    script, gate = tmp_path / "slow.py", tmp_path / "gate"
    script.write_text(SLOW.format(gate=str(gate)))
    monkeypatch.setattr(guarded_commands, "_SCRIPT", str(script))
    command = guarded("lasts:2", "exits:3")
    world.workers(1)

    command.until(guard.now_ns() + 2000 * SECOND_NS, guard.now_ns() + 2000 * SECOND_NS)
    gate.touch()

    assert end_of(command) == End(3, by_itself=True)


def test_a_guard_that_is_killed_takes_the_tree_with_it(world):
    """The command dies by the kernel's hand, what it left behind by the supervisor's, which goes on."""
    contender = world.run("stubborn", "daemon", "children", options=LONGER)
    pids = world.workers(3)
    (the_guard,) = {world.guard_of(pid).pid for pid in pids} & {child.pid for child in children(contender)}

    os.kill(the_guard, signal.SIGKILL)

    eventually("all are dead", lambda: all_dead(pids))
    again = eventually("it leads again", lambda: world.journal.pids()[3:])
    assert world.supervisor_of(again[0]) is contender
    assert world.journal.of(again[0])[0] == "token=2"


def test_a_command_dies_with_its_guard_even_while_the_supervisor_is_stopped(world):
    """The kernel ends it: nobody else is left to do so."""
    world.run("stubborn")
    (pid,) = world.workers(1)
    the_guard = world.guard_of(pid)

    world.contenders[0].send_signal(signal.SIGSTOP)
    the_guard.kill()

    eventually("it is dead", lambda: not is_alive(pid))


def test_a_guard_ignores_what_a_terminal_or_an_administrator_sends_it(world, guarded):
    """Only SIGKILL ends it: the command would be without guard."""
    command = guarded()
    (pid,) = world.workers(1)

    for name in ("HUP", "INT", "QUIT", "TERM", "USR1", "USR2", "TSTP", "TTIN", "TTOU"):
        os.kill(command._guard.pid, getattr(signal, f"SIG{name}"))
    command.signal(signal.SIGUSR2)

    eventually("the signal", lambda: "SIGUSR2" in world.journal.of(pid))


def test_a_killed_supervisor_leaves_nothing_running(world):
    """SIGKILL for the supervisor: its command, deaf to SIGTERM, is gone before another starts."""
    first = world.run("stubborn", "daemon", options=(*SHORT, "--stop-timeout", "0.5"))
    old = world.workers(2)
    world.run(options=SHORT)

    first.kill()
    killed_at = guard.now_ns()

    *_, new = world.workers(3)
    spans = world.journal.spans()
    assert max(spans[pid][1] for pid in old) < min(spans[new][0], killed_at + LEASE_NS)
    assert all_dead(old)


def test_a_stopped_supervisor_extends_nothing(world):
    """Stopped with its group, as by Ctrl-Z: the command ends in time; continued, it waits in line again."""
    first = world.run("stubborn", "daemon", options=LONGER)
    old = world.workers(2)
    second = world.run(options=LONGER)
    freeze(first, world.directory / "leases.db")  # within a transaction it would keep the file's lock
    stopped_at = guard.now_ns()

    os.killpg(first.pid, signal.SIGSTOP)

    *_, new = world.workers(3)
    spans = world.journal.spans()
    assert max(spans[pid][1] for pid in old) < min(spans[new][0], stopped_at + LONGER_NS)
    first.send_signal(signal.SIGCONT)
    second.terminate()
    assert second.wait(PATIENCE) == 143
    newest = eventually("the first leads again", lambda: world.journal.pids()[3:])
    assert world.supervisor_of(newest[0]) is first


def test_a_stopped_guard_is_no_way_out(world):
    """Guard stopped and lease lost: the supervisor kills the tree itself, in time."""
    contender = world.run("stubborn", "daemon", options=LONGER)
    old = world.workers(2)
    (the_guard,) = children(contender)
    the_guard.suspend()
    held = world.lease().lease
    taken_at = guard.now_ns()

    world.put(replace(held, holder_identity="eve", holder_session="eve.1", leader_transitions=2))

    eventually("all are dead", lambda: all_dead(old))
    assert max(span[1] for span in world.journal.spans().values()) - taken_at < LONGER_NS
    assert contender.poll() is None
    assert "the lease is held by 'eve'" in world.stderr(contender)


def test_a_lease_taken_away_ends_the_command(world):
    """Another's record in the store is loss now, not at the deadline; and then it waits in line again."""
    contender = world.run(options=("--lease-duration", "5", "--retry-period", "0.2"))
    (pid,) = world.workers(1)
    held = world.lease().lease

    world.put(replace(held, holder_identity="eve", holder_session="eve.1", leader_transitions=2))
    eventually("it is dead", lambda: not is_alive(pid))
    world.put(held.released(held.renew_time))

    assert world.journal.of(pid) == ["token=1", "SIGTERM"]
    _, again = world.workers(2)
    assert world.supervisor_of(again) is contender


def test_without_a_subreaper_the_process_group_is_ended(world):
    """Where orphans cannot be adopted the group is what is left to hold on to."""
    script = (
        "import sys; sys.path[0:0] = [sys.argv.pop(1)]; import guard; "
        "guard.tree.adopt_orphans = lambda: False; guard.main(sys.argv[1:])"
    )
    directory = str(Path(guard.__file__).parent)
    orders, reports = os.pipe(), os.pipe()
    far = guard.now_ns() + 1000 * SECOND_NS
    instants = (far, far, SECOND_NS)
    spawner = "import os, sys; os.fork() and os._exit(0); os.execv(sys.argv[1], sys.argv[1:])"
    orphaning = [sys.executable, "-c", spawner, sys.executable, WORKER, str(world.journal.path), "stubborn"]
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", script, directory),
            *map(str, (orders[0], reports[1], *instants)),
            *("", ""),  # no cgroup, no descriptors
            *("sh", "-c", '"$@"; sleep 60', "sh", *orphaning),
        ],
        pass_fds=(orders[0], reports[1]),
        env=os.environ | {"INCUMBENT_TEST": world.marker},
    )
    (orphan,) = world.workers(1)
    assert psutil.Process(orphan).ppid() != process.pid
    now = guard.now_ns()
    os.write(orders[1], f"until {now + SECOND_NS} {now + 2 * SECOND_NS}\n".encode())

    assert process.wait(PATIENCE) == 0
    assert os.read(reports[0], 100).startswith(b"ended")
    eventually("the orphan is dead", lambda: not is_alive(orphan))
    assert world.journal.spans()[orphan][1] - now < 5e9
    for descriptor in (*orders, *reports):
        os.close(descriptor)


def children(contender):
    return psutil.Process(contender.pid).children()


def end_of(command):
    return eventually("its end", lambda: command.wait(0.1))
