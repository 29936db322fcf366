"""What cannot be looked at in peace is ended in time, too: in other namespaces, in storms, under load."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from incumbent.cli import cgroup, guard, tree
from incumbent.cli.demo import freeze
from support.cli.contenders import LONGER, PATIENCE, SECOND_NS, SHORT, WORKER, eventually
from support.cli.namespaces import IN_A_NAMESPACE, WITHOUT_CGROUPS, is_permitted, needs_namespaces

pytestmark = pytest.mark.skipif(
    os.environ.get("INCUMBENT_STORMS") != "1", reason="a minute of fork storms: INCUMBENT_STORMS=1"
)

STORM = str(Path(WORKER).with_name("storm.py"))
KINDS = ["chain", "sessions", "spread", "threads"]


@pytest.fixture(params=["by /proc", "by a cgroup"])
def means(request, monkeypatch):
    """What the guard is left with."""
    if request.param == "by /proc":
        monkeypatch.setattr(cgroup, "make", lambda: None)
    elif (made := cgroup.make()) is None:
        pytest.skip("a cgroup with cgroup.kill cannot be had here")
    else:
        cgroup.remove(made)
    return request.param


@pytest.mark.parametrize("kind", KINDS)
def test_what_forks_faster_than_it_is_looked_for_is_killed_in_time(world, guarded, means, kind):
    """Chains of forks, each in a session of its own, two dozen of them; a process without first thread."""
    command = guarded(kind, script=STORM)
    eventually("the storm", lambda: len(world.journal.events()) > 100)
    now = guard.now_ns()

    command.until(now + SECOND_NS // 10, now + SECOND_NS // 5)
    end = eventually("its end", lambda: command.wait(0.1))

    assert (end.code, end.by_itself) == (137, False)
    last = world.journal.events()[-1].at
    assert now < last < now + 3 * SECOND_NS
    eventually("no beat after the report", lambda: guard.now_ns() > last + SECOND_NS)
    assert world.journal.events()[-1].at == last


@pytest.mark.parametrize("kind", KINDS)
def test_a_storm_whose_guard_is_stopped_is_ended_by_the_supervisor(world, means, kind):
    """It is the supervisor that has to look then; and it leads again afterwards."""
    masked = () if means == "by a cgroup" else WITHOUT_CGROUPS
    if masked and not is_permitted(*masked):
        pytest.skip("the file system of cgroups cannot be unmounted here")
    command = [sys.executable, STORM, str(world.journal.path), kind]
    contender = world.run(command=command, options=LONGER, prefix=masked)
    eventually("the storm", lambda: len(world.journal.events()) > 100)
    (the_guard,) = psutil.Process(contender.pid).children()
    the_guard.suspend()
    held = world.lease().lease

    world.put(held.released(held.renew_time))

    eventually("it is killed", lambda: "killing the command from here" in world.stderr(contender))
    eventually("it leads again", lambda: world.lease().lease.leader_transitions > held.leader_transitions)
    assert not the_guard.is_running()


@needs_namespaces
@pytest.mark.parametrize("proc", [(), ("--mount-proc",)], ids=["with the outer /proc", "with its own"])
def test_in_a_namespace_of_processes_a_stopped_supervisor_extends_nothing(world, proc):
    """`unshare --pid --fork`: /proc may show numbers of another namespace, which are translated."""
    prefix = (*WITHOUT_CGROUPS, *IN_A_NAMESPACE, *proc)
    outer = world.run("stubborn", "daemon", "children", options=LONGER, prefix=prefix)
    old = world.workers(3)
    world.run(options=LONGER)
    first = eventually("the supervisor", lambda: supervisor_below(outer.pid))

    freeze(first, world.directory / "leases.db")

    *_, new = world.workers(4)
    spans = world.journal.spans()
    assert max(spans[pid][1] for pid in old) < spans[new][0]


@needs_namespaces
@pytest.mark.parametrize(
    ("prepare", "says"),
    [
        pytest.param("umount -l /proc", "/proc is not mounted", id="none"),
        pytest.param(
            "mkfifo $0/ready; unshare --pid --fork --kill-child sh -c "
            "'mount -t proc proc /proc; echo > $0/ready; exec sleep 60' $0 & read line < $0/ready",
            "/proc shows a PID namespace that this process is not in",
            id="of an inner namespace",
        ),
    ],
)
def test_where_processes_cannot_be_seen_nothing_is_run(world, tmp_path, prepare, says):
    """A guard that is blind could not keep the promise: it says so, and what to do."""
    prefix = ("unshare", "--mount", "sh", "-c", f'{prepare}; exec "$@"', str(tmp_path))
    contender = world.run(prefix=prefix)

    assert contender.wait(PATIENCE) == 2
    assert says in world.stderr(contender)
    assert "mount" in world.stderr(contender)
    assert world.journal.pids() == []


def test_the_command_ends_before_the_lease_on_a_busy_machine(world):
    """With every core taken four times over, the frozen supervisor's command is dead when another starts."""
    busy = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(4 * (os.cpu_count() or 1))
    ]
    try:
        first = world.run("stubborn", "daemon", options=LONGER)
        old = world.workers(2)
        world.run(options=LONGER)
        freeze(first, world.directory / "leases.db")
        *_, new = world.workers(3)
    finally:
        for process in busy:
            process.kill()
            process.wait()

    spans = world.journal.spans()
    assert max(spans[pid][1] for pid in old) < spans[new][0]


def test_a_guard_that_is_stopped_wakes_when_its_supervisor_is_killed(world):
    """Both at once is no way out: the kernel continues the guard, which finds nobody there."""
    first = world.run("stubborn", "daemon", options=(*SHORT, "--stop-timeout", "0.5"))
    old = world.workers(2)
    world.run(options=SHORT)
    (the_guard,) = psutil.Process(first.pid).children()

    the_guard.suspend()
    first.kill()

    *_, new = world.workers(3)
    spans = world.journal.spans()
    assert max(spans[pid][1] for pid in old) < spans[new][0]


def supervisor_below(pid):
    """What `unshare` started."""
    below = psutil.Process(pid).children(recursive=True)
    return next((process for process in below if process.cmdline()[1:3] == ["-m", "incumbent"]), None)


def test_a_cgroup_is_killed_at_once_and_removed(guarded, world):
    """Where it may be had the command is put into one of its own, which is gone when the command is."""
    if (probe := cgroup.make()) is None:
        pytest.skip("a cgroup with cgroup.kill cannot be had here")
    cgroup.remove(probe)
    command = guarded("stubborn", "daemon")
    pids = world.workers(2)
    assert set(map(int, (command._cgroup / "cgroup.procs").read_text().split())) == set(pids)

    cgroup.kill(command._cgroup)

    eventually("its end", lambda: command.wait(0.1))
    assert not command._cgroup.exists()


@pytest.mark.parametrize(("limit", "is_limited"), [("max\n", False), ("1000000\n", True)])
def test_no_cgroup_is_made_below_one_with_a_limit(tmp_path, limit, is_limited):
    """Programs ask the cgroup that they are in for their memory, and would not find it in one below."""
    (tmp_path / "memory.max").write_text(limit)
    assert cgroup._is_limited(tmp_path) == is_limited


ENDS_WHAT_ENTERED = """
import time
from incumbent.cli import tree
print("ready", flush=True)
while not tree.has_children():
    time.sleep(0.01)
tree.end_descendants()
"""


LOOKS_SLOWLY = """
import subprocess, time
from incumbent.cli import tree
class Slow(tree.Descendants):
    looks = 0
    def new(self):
        Slow.looks += 1
        time.sleep(2 * tree._LONGEST)
        return super().new()
tree.Descendants = Slow
subprocess.Popen(["sleep", "60"])
tree.kill_descendants()
print(Slow.looks)
"""


@pytest.mark.skipif(not tree.IS_LINUX, reason="elsewhere psutil looks")
def test_a_first_look_that_takes_long_is_followed_by_a_second():
    """At the processes of a large machine: only a look at what is new is faster than a storm."""
    ran = subprocess.run([sys.executable, "-c", LOOKS_SLOWLY], capture_output=True, text=True, check=True)
    assert ran.stdout == "2\n"


@needs_namespaces
def test_a_process_of_a_foreign_group_is_ended_and_not_our_own_group():
    """What entered the namespace has a group without a number in it, and 0 would be the caller's."""
    start = (*IN_A_NAMESPACE, "--mount-proc", sys.executable, "-c", ENDS_WHAT_ENTERED)
    with subprocess.Popen(start, start_new_session=True, stdout=subprocess.PIPE) as outer:
        assert outer.stdout.readline() == b"ready\n"
        (init,) = psutil.Process(outer.pid).children()
        enter = ("nsenter", "-t", str(init.pid), "-p", "-m", "sh", "-c", "(sleep 60 &)")
        subprocess.run(enter, check=True)
        assert outer.wait(PATIENCE) == 0
