"""The defects of other libraries, put into ours. Their stories are in the unit tests of the rules."""

from __future__ import annotations

from support.mutants.patch import Mutant, Patch

RBROGGI = "rbroggi/leaderelection"
CLIENT_GO = "client-go"
KUBERNETES_PYTHON = "the Kubernetes client for Python"

PEERS = (
    Mutant(
        "a leader that hears nothing never steps down",
        "P3",
        f"{RBROGGI}: a failed read returns false and touches nothing",
        ("simulation", "20"),
        (
            Patch("core/candidacy.py", "return self.since <= now < self.until", "return self.since <= now"),
            Patch("core/elector.py", "if self.office is not None and now >= self.office.until:", "if False:"),
        ),
    ),
    Mutant(
        "a loss is not told",
        "P9",
        f"{RBROGGI}, tooz: the work goes on and nobody hears of it",
        ("simulation", "20"),
        (
            Patch(
                "core/leaving.py",
                "        self._notices.append(StoppedLeading(held.lease.leader_transitions, reason))\n",
                "",
            ),
        ),
    ),
    Mutant(
        "a release names the version last seen, whoever wrote it",
        "P9",
        f"{RBROGGI} and {CLIENT_GO}: a deposed leader wipes its successor's record; ShedLock's unlock, too",
        ("unit", "unit/test_release.py"),
        (
            Patch(
                "core/leaving.py",
                "None if found is None else former.match_own_write(found, self._oldest_valid())\n",
                "None if found is None else former.held\n",
            ),
        ),
    ),
    Mutant(
        "a lost reply makes a leader that is not told so",
        "P7, P9",
        f"{RBROGGI}: it reads its own name, renews for ever, and never starts the work",
        ("simulation", "20"),
        (
            Patch(
                "core/elector.py",
                "        asked_before = self.candidacy.asked_by\n",
                "        asked_before, doubted = self.candidacy.asked_by, self.candidacy.unknown_writes\n",
            ),
            Patch(
                "core/elector.py",
                "            self._notices.append(StartedLeading(write.lease.leader_transitions))\n",
                "            if not doubted:\n"
                "                self._notices.append(StartedLeading(write.lease.leader_transitions))\n",
            ),
        ),
    ),
    Mutant(
        "a leader whose record was deleted creates it anew and leads on",
        "P8",
        f"{RBROGGI}, {CLIENT_GO}, {KUBERNETES_PYTHON}",
        ("unit", "unit/test_peer_bugs.py"),
        (
            Patch(
                "core/elector.py",
                '            self._leave_office("step_down", "the record is missing", release=False)\n',
                "            lease = self._lease(self.candidacy.held.lease.leader_transitions)\n"
                "            self._send(CreateLease(*self._header(), lease))\n",
            ),
        ),
    ),
    Mutant(
        "tokens begin again after a deletion",
        "P11",
        f"{RBROGGI} and {CLIENT_GO}: transitions restart at 0",
        ("unit", "unit/test_peer_bugs.py"),
        (
            Patch(
                "core/elector.py",
                "self.observation.highest_token + 1",
                "(stored.lease.leader_transitions if stored else 0) + 1",
            ),
        ),
    ),
    Mutant(
        "a missing record is a vacant one",
        "P5",
        f"{RBROGGI} with Redis: after a restart of the server each candidate starts",
        ("simulation", "20"),
        (Patch("core/observation.py", "if is_forgotten else 0", "if False else 0"),),
    ),
    Mutant(
        "the session is the configured name",
        "P2",
        f"{RBROGGI}, {CLIENT_GO}, {KUBERNETES_PYTHON}: two processes of one name both lead",
        ("unit", "unit/test_rules_1_to_4.py"),
        (
            Patch(
                "core/state.py",
                "holder_session=session_of(self.session, ",
                "holder_session=session_of(self.config.identity, ",
            ),
        ),
    ),
    Mutant(
        "a hung request is waited for",
        "P10",
        f"{RBROGGI}, {KUBERNETES_PYTHON}, tooz, Consul's lock: a call that does not return",
        ("simulation", "20"),
        (Patch("core/elector.py", "if late is not None and now >= late.expires_at and", "if False and"),),
    ),
    Mutant(
        "a term ends half a deadline too late",
        "P3",
        f"{KUBERNETES_PYTHON} and {CLIENT_GO}: the limit is looked at after the next pause",
        ("simulation", "20"),
        (
            Patch(
                "core/candidacy.py",
                "self.held.sent_at + renew_deadline_ns)",
                "self.held.sent_at + renew_deadline_ns + renew_deadline_ns // 2)",
            ),
        ),
    ),
    Mutant(
        "settings that cost the lease with each slow request are accepted",
        "P6",
        f"{CLIENT_GO}: 3 s, 2.9 s, 2 s pass its check",
        ("unit", "unit/test_config.py"),
        (
            Patch(
                "config.py",
                "if not slowest < self.renew_deadline_ns or self.request_timeout_ns == 0:",
                "if self.request_timeout_ns == 0:",
            ),
        ),
    ),
    Mutant(
        "durations are rounded down to what the store keeps",
        "P6",
        f"{CLIENT_GO}: 900 ms is stored as 0",
        ("unit", "unit/test_config.py"),
        (
            Patch(
                "config.py",
                "lease_ns = -(-to_ns(self.lease_duration) // resolution_ns) * resolution_ns",
                "lease_ns = to_ns(self.lease_duration) // resolution_ns * resolution_ns",
            ),
        ),
    ),
    Mutant(
        "an end is told though no term began",
        "P9",
        f"{CLIENT_GO}: OnStoppedLeading also when it never led",
        ("simulation", "20"),
        (
            Patch(
                "core/elector.py",
                '                self._move("lose", "somebody else\'s write stuck")\n',
                '                self._move("lose", "somebody else\'s write stuck")\n'
                "                self._notices.append(StoppedLeading(0, ''))\n",
            ),
            Patch(
                "core/elector.py",
                "    StoreChanged,\n    TimerFired,\n    Unav",
                "    StoppedLeading,\n    StoreChanged,\n    TimerFired,\n    Unav",
            ),
        ),
    ),
    Mutant(
        "a follower waits by its own lease duration, not the record's",
        "P4",
        f"{KUBERNETES_PYTHON}: a candidate of 10 s steals a lease of 60 s",
        ("simulation", "20"),
        (
            Patch(
                "core/observation.py",
                "            wait = self.stored.lease.lease_duration_ns\n",
                "            wait = config.lease_ns\n",
            ),
        ),
    ),
    Mutant(
        "a renewal touches whatever is there",
        "P1, P8",
        "tooz with memcached: a leader that was paused keeps its successor's key",
        ("conformance", "20"),
        (
            Patch(
                "core/elector.py",
                "        write = before.match_own_write(stored, self._oldest_valid())\n",
                "        write = before.held\n",
            ),
        ),
    ),
    Mutant(
        "who failed once is a candidate no more",
        "P13",
        "Curator: a failed creation is only logged; tooz with ZooKeeper",
        ("simulation", "20"),
        (
            Patch(
                "core/elector.py",
                "        elif isinstance(event, Unavailable) and request is not None:\n"
                "            self._retry_read(request)\n",
                "",
            ),
        ),
    ),
    Mutant(
        "a follower's look at the record is left to a watch that does not come",
        "P12",
        "etcd's Election: a candidate that waits for ever",
        ("simulation", "20"),
        (Patch("core/elector.py", "if self.config.guarantees.can_watch:", "if True:"),),
        harmless="it sees expiry all the same, and is never early; it learns late of a release",
    ),
    Mutant(
        "a failed write is a write that did not happen",
        "P7",
        "redis-py forgets its token before the release is sent; etcd's Resign forgets on an error",
        ("unit", "unit/test_rules_5_to_7.py"),
        (Patch("core/elector.py", "elif event.outcome_unknown:", "elif False:"),),
    ),
    Mutant(
        "any record with a request to resign on it is mine",
        "P14",
        "ours: no peer has such requests",
        ("unit", "unit/test_candidacy.py"),
        (
            Patch(
                "core/candidacy.py",
                "and stored.lease.is_same_write(write.lease)",
                "and (stored.lease.resign_requested_by or stored.lease.is_same_write(write.lease))",
            ),
        ),
    ),
)
