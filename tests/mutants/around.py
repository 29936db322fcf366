"""Wrong stores and wrong drivers: what stands around an elector."""

from __future__ import annotations

from support.mutants.patch import Mutant, Patch

CONTRACT = "stores/test_contract.py"
CAMPAIGN = "drivers/test_campaign.py"
ENDING = "drivers/test_ending.py"
TOLD_ON_A_THREAD = (
    '            self._runtime.spawn("told", partial(tell, leadership), self._telling_ended, or_here=True)\n'
)

STORES = (
    Mutant(
        "an update in memory replaces whatever is there",
        "P1",
        "rbroggi/leaderelection's three stores",
        ("stores", f"{CONTRACT}::TestMemoryStore"),
        (Patch("stores/memory.py", "            if current != version:\n", "            if False:\n"),),
    ),
    Mutant(
        "an update in SQLite replaces whatever is there",
        "P1",
        "rbroggi/leaderelection with MongoDB: the filter is the name alone",
        ("stores", f"{CONTRACT}::TestSqliteStore::test_of_many_writers_of_one_version_one_wins"),
        (
            Patch(
                "stores/sqlite.py",
                '    "WHERE name = ? AND version = ?"\n',
                '    "WHERE name = ? AND (version = ? OR TRUE)"\n',
            ),
        ),
    ),
    Mutant(
        "a creation in SQLite replaces what exists",
        "P1",
        "rbroggi/leaderelection with Redis",
        ("stores", f"{CONTRACT}::TestSqliteStore::test_creating_what_exists_is_a_conflict"),
        (
            Patch(
                "stores/sqlite.py",
                "ON CONFLICT (name) DO NOTHING",
                "ON CONFLICT (name) DO UPDATE SET version = version",
            ),
        ),
    ),
    Mutant(
        "versions begin again after a deletion",
        "P1",
        "etcd's per-key version, a counter in the row",
        ("stores", f"{CONTRACT}::TestMemoryStore"),
        (
            Patch(
                "stores/memory.py",
                "            del self.space.records[self.name]\n",
                "            del self.space.records[self.name]\n            self.space._last_version = 0\n",
            ),
        ),
    ),
    Mutant(
        "the lock on the record is taken after the comparison",
        "P1",
        "tooz with memcached: release is get, then delete",
        ("stores", f"{CONTRACT}::TestMemoryStore"),
        (
            Patch(
                "stores/memory.py",
                "            current = self._record().version\n"
                "            if current != version:\n"
                '                raise LeaseConflict(f"lease {shown(self.name)} is at version {current}, '
                'not {shown(version)}")\n',
                "            current = self._record().version\n"
                "        if current != version:\n"
                '            raise LeaseConflict(f"{version} is not {current}")\n'
                "        __import__('time').sleep(0)\n"
                "        with self.space.lock:\n",
            ),
        ),
    ),
    Mutant(
        "the simulated store replaces whatever is there",
        "P1",
        "rbroggi/leaderelection: the elections, rather than the store alone, must show it",
        ("simulation", "20"),
        (
            Patch(
                "testing/compare_and_swap.py",
                "return None if request.version == stored.version else Refused(request.id)",
                "return None",
            ),
        ),
    ),
)

DRIVERS = (
    Mutant(
        "the driver forgets for whom its user resigns",
        "P17",
        "ours",
        ("drivers", "drivers/test_handover.py"),
        (
            Patch(
                "runtime/driver.py",
                "self._give(AskedToResign(reason, successor))",
                "self._give(AskedToResign(reason))",
            ),
        ),
        harmless="somebody else leads than was wished",
    ),
    Mutant(
        "the end of a term is told behind other callbacks",
        "P9",
        "model; rbroggi/leaderelection, Curator, tooz: a callback that blocks",
        ("drivers", "mutants/test_holes.py::test_an_observer_that_blocks_holds_up_no_end"),
        (
            Patch(
                "runtime/driver.py",
                TOLD_ON_A_THREAD,
                "            ended = partial(self._runtime.post, partial(self._telling_ended, None))\n"
                "            self._runtime.tell(lambda: (tell(leadership), ended()))\n",
            ),
        ),
    ),
    Mutant(
        "callbacks run on the thread that renews",
        "P9",
        "rbroggi/leaderelection: work that takes long costs the lease",
        ("drivers", f"{ENDING}::test_a_release_waits_for_on_stopped_leading"),
        (
            Patch(
                "runtime/driver.py",
                TOLD_ON_A_THREAD,
                "            tell(leadership)\n            self._telling_ended(None)\n",
            ),
        ),
    ),
    Mutant(
        "the lease is released while the work still runs",
        "P9",
        "client-go, Curator: the successor's work begins beside it",
        ("drivers", f"{CAMPAIGN}::test_terms_ends_when_the_campaign_is_stopped"),
        (
            Patch(
                "core/term.py",
                "        if not self.working:\n            self._give_up_office()\n",
                "        self._give_up_office()\n        self._inputs.append(Ended())\n",
            ),
        ),
    ),
    Mutant(
        "an exception of the store ends the thread that renews",
        "P13",
        "the Kubernetes client for Python: only its own exception is caught",
        ("drivers", "drivers/test_hanging_store.py::test_a_lost_reply_to_a_write_that_happened_is_found_out"),
        (
            Patch(
                "runtime/store_calls.py",
                "    except BaseException as error:  # noqa: BLE001  # P13: whatever",
                "    except ArithmeticError as error:  # P13: whatever",
            ),
        ),
    ),
    Mutant(
        "the lease is kept after the work has returned",
        "P9",
        "client-go, the Kubernetes client for Python: renewed for ever, with nobody at work",
        ("drivers", f"{CAMPAIGN}::test_work_that_returns_ends_its_term_and_releases"),
        (
            Patch(
                "core/term.py",
                "            self._give_up_office(self.config.hold_ns if ended_well else 0)\n",
                "            pass\n",
            ),
        ),
        harmless="one leads at most; nobody works",
    ),
    Mutant(
        "work begins beside the unfinished work of a lost term",
        "P9",
        "the Kubernetes client for Python: run() again starts a second thread beside the first",
        ("drivers", f"{ENDING}::test_no_work_is_run_beside_the_unfinished_work_of_a_lost_term"),
        (
            Patch(
                "core/term.py",
                "            self._inputs.append(Abstain())\n",
                "            pass\n",
            ),
        ),
    ),
    Mutant(
        "followers look at the record in step",
        "P12",
        "the Kubernetes client for Python validates its jitter and never uses it; redis-py",
        ("drivers", "mutants/test_holes.py::test_followers_do_not_poll_in_step"),
        (
            Patch(
                "runtime/spread.py",
                "spread, draw = config.jitter * config.retry_ns, ",
                "spread, draw = 0.0, ",
            ),
        ),
        harmless="it costs the store a herd of reads, and no promise",
    ),
)
