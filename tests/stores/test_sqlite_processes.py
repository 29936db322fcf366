"""One file, many processes: some killed in mid-write, some forked. All are real."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from incumbent.stores.sqlite import SqliteStore
from support.stores.worker import numbered

SUPPORT = Path(__file__).parent.parent / "support" / "stores"


def start(script, *arguments):
    command = [sys.executable, str(SUPPORT / script), *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def ended(worker):
    """What it said until it ended. `communicate` would miss what `readline` has read ahead."""
    with worker:
        return worker.stdout.read()


def test_no_increment_of_any_process_is_lost(tmp_path):
    """Four processes make one file at once and add one by compare-and-swap: each counts, each once."""
    path, times = str(tmp_path / "leases.db"), 25
    workers = [start("worker.py", "increment", path, times) for _ in range(4)]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        print(file=worker.stdin, flush=True)
    versions = [line for worker in workers for line in ended(worker).split()]
    assert [worker.returncode for worker in workers] == [0] * 4
    with closing(SqliteStore(path, "lease")) as store:
        assert store.get_lease(timeout=5).lease.leader_transitions == 4 * times
    assert len(set(versions)) == len(versions) == 4 * times + 1


def test_a_writer_killed_at_any_moment_leaves_the_old_record_or_the_new(tmp_path):
    """Never half of one, never an acknowledged one lost, never a lock that stays, never a version twice."""
    path = str(tmp_path / "leases.db")
    chance = random.Random(2)
    numbers = {}
    with closing(SqliteStore(path, "lease")) as store:
        store.create_lease(numbered(0), timeout=5)
        for _ in range(10):
            worker = start("worker.py", "write", path)
            first = worker.stdout.readline()
            time.sleep(chance.uniform(0, 0.02))
            during = store.get_lease(timeout=5).lease
            worker.kill()
            said = (first + ended(worker)).splitlines(keepends=True)
            acknowledged = [line.split() for line in said if line.endswith("\n")]  # half a line says nothing
            for number, version in acknowledged:
                assert numbers.setdefault(version, int(number)) == int(number)
            read = store.get_lease(timeout=5)
            last = read.lease.leader_transitions
            assert during == numbered(during.leader_transitions)
            assert read.lease == numbered(last)
            assert last - int(acknowledged[-1][0]) in (0, 1)
            assert numbers.setdefault(read.version, last) == last
            version = store.update_lease(numbered(last + 1), read.version, timeout=2)
            assert numbers.setdefault(version, last + 1) == last + 1
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.parametrize(
    ("what", "child", "parent"),
    [
        ("idle", "child wrote", "parent read child"),
        ("busy", "child wrote", "parent read child"),
        (
            "stuck",
            "child unknown False: {}: this process was forked in the middle of a transaction",
            "parent read parent",
        ),
    ],
)
def test_a_forked_child_has_nothing_of_its_parents_connection(what, child, parent, tmp_path):
    """It opens its own; where the parent was in mid-transaction for too long, it may open none."""
    path = tmp_path / "leases.db"
    out = ended(worker := start("forker.py", what, path))
    assert worker.returncode == 0
    child_said, parent_said = out.splitlines()
    assert child_said.startswith(child.format(path))
    assert parent_said == parent
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
