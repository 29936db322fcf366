"""Wrong electors: the mistakes that people make in a protocol of this kind, in believing and in waiting."""

from __future__ import annotations

from support.mutants.patch import Mutant, Patch

ELECTORS = (
    Mutant(
        "validity counts from the answer",
        "P3",
        "model; client-go (every clock of the leader starts at the reply), Patroni, etcd's client",
        ("simulation", "20"),
        (
            Patch(
                "core/elector.py",
                "            self.pending: Request | None = None\n            if not _fits(event, request):",
                "            self.pending = None\n"
                "            if isinstance(request, WriteRequest):\n"
                "                request = __import__('dataclasses').replace(request, sent_at=self.now)\n"
                "            if not _fits(event, request):",
            ),
        ),
    ),
    Mutant(
        "an answer is accepted when its validity is over",
        "P3",
        "model",
        ("unit", "unit/test_rules_1_to_4.py"),
        (Patch("core/elector.py", "if write.sent_at <= self._oldest_valid():", "if False:"),),
    ),
    Mutant(
        "a follower's wait counts from the send of its read",
        "P4",
        "model",
        ("simulation", "20"),
        (
            Patch(
                "core/elector.py",
                "                self._claim_or_wait(event.stored)\n",
                "                self.observation = self.observation.saw(event.stored, request.sent_at)\n"
                "                self._claim_or_wait(event.stored)\n",
            ),
        ),
    ),
    Mutant(
        "one's own name in a read is a renewal",
        "P2, P7",
        "model",
        ("simulation", "20"),
        (
            Patch(
                "core/elector.py",
                "        if stored.version == self.candidacy.version:\n            return\n",
                "        if stored.lease.holder_identity == self.config.identity:\n"
                "            held = self.candidacy.held\n"
                "            held = __import__('dataclasses').replace(held, sent_at=self.now)\n"
                "            self.candidacy = self.candidacy.holding(held, stored)\n"
                "            return\n",
            ),
        ),
    ),
    Mutant(
        "an answer to an older request is taken for the answer",
        "P10",
        "model",
        ("simulation", "20"),
        (Patch("core/elector.py", "if request is None or event.id != request.id:", "if request is None:"),),
    ),
    Mutant(
        "leading is a flag: the clock is not looked at",
        "P3",
        "model; kazoo's is_acquired, client-go's IsLeader() after its run",
        ("unit", "unit/test_rules_1_to_4.py"),
        (Patch("core/candidacy.py", "return self.since <= now < self.until", "return self.since <= now"),),
    ),
    Mutant(
        "a refused claim is taken for success",
        "P1",
        "model; Patroni with Consul ignores the result of its put",
        ("simulation", "20"),
        (
            Patch(
                "core/elector.py",
                "            if not self.candidacy.unknown_writes:\n"
                '                self._move("lose", "somebody else\'s write stuck")\n'
                "            self.read_at = self.now\n",
                "            self._write_took_effect(request, StoredLease(request.lease, None))\n",
            ),
        ),
    ),
    Mutant(
        "a claim of unknown outcome is taken for success",
        "P7",
        "model",
        ("simulation", "20"),
        (
            Patch(
                "core/elector.py",
                "            self.candidacy = self.candidacy.with_unknown(request, self._oldest_valid())\n"
                "            self.read_at = self.now\n",
                "            self._write_took_effect(request, StoredLease(request.lease, None))\n",
            ),
        ),
    ),
    Mutant(
        "holders are compared, not writes",
        "P4",
        "model",
        ("simulation", "20"),
        (
            Patch(
                "core/observation.py",
                "return one.is_same_write(other)",
                "return one.lease.holder_identity == other.lease.holder_identity",
            ),
        ),
    ),
    Mutant(
        "any renew deadline is accepted",
        "P6",
        "model; the Go library rbroggi/leaderelection, client-go and the Kubernetes client for Python",
        ("unit", "unit/test_config.py"),
        (
            Patch(
                "config.py",
                "return renew_deadline * (1 + clock_drift) <= lease_duration * (1 - clock_drift)",
                "return True",
            ),
        ),
    ),
    Mutant(
        "clocks that drift are left out of the settings' check",
        "P6",
        "model",
        ("unit", "unit/test_config.py"),
        (
            Patch(
                "config.py",
                "renew_deadline * (1 + clock_drift) <= lease_duration * (1 - clock_drift)",
                "renew_deadline <= lease_duration",
            ),
        ),
    ),
    Mutant(
        "a leader still leads at the instant of its deadline",
        "P3",
        "model",
        ("simulation", "20"),
        (
            Patch(
                "core/candidacy.py",
                "return self.since <= now < self.until",
                "return self.since <= now <= self.until",
            ),
            Patch("core/elector.py", "now >= self.office.until", "now > self.office.until"),
        ),
    ),
    Mutant(
        "a follower claims one nanosecond early",
        "P4",
        "model",
        ("unit", "unit/test_rules_1_to_4.py"),
        (Patch("core/elector.py", "self.now < claimable_at:", "self.now < claimable_at - 1:"),),
    ),
    Mutant(
        "a record seen for the first time has expired",
        "P4",
        "model",
        ("simulation", "20"),
        (
            Patch(
                "core/observation.py",
                "since = self.since if unchanged else now\n",
                "since = self.since if unchanged else now if self.since is not None else now - 10**11\n",
            ),
        ),
    ),
    Mutant(
        "expiry by the time of day in the record",
        "P4",
        "model; the Kubernetes client for Python, Patroni, ShedLock, kopf",
        ("simulation", "20"),
        (
            Patch(
                "core/elector.py",
                "        at = self.observation.claimable_at(self.config) if self.contending else None\n",
                "        at = self.observation.claimable_at(self.config) if self.contending else None\n"
                "        stored = self.observation.stored\n"
                "        if at is not None and stored is not None and not stored.lease.is_vacant:\n"
                "            renewed = (stored.lease.renew_time - self.epoch).total_seconds()\n"
                "            at = round((renewed + stored.lease.lease_duration) * 1e9)\n",
            ),
        ),
    ),
    Mutant(
        "the configured name says whose record it is",
        "P2",
        "model; rbroggi/leaderelection, client-go, the Kubernetes client for Python, Patroni, ShedLock",
        ("simulation", "20"),
        (
            Patch(
                "core/elector.py",
                "if claimable_at is None or self.now < claimable_at:",
                "mine = self.observation.holder == self.config.identity\n"
                "        if claimable_at is None or (self.now < claimable_at and not mine):",
            ),
        ),
    ),
)
