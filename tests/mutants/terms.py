"""Wrong electors, continued: how a term ends, and what its token and its session are."""

from __future__ import annotations

from support.mutants.patch import Mutant, Patch

TERMS = (
    Mutant(
        "a claim that is too old to lead by is looked for at a stop",
        "P9",
        "ours: a condition dropped",
        ("unit", "unit/test_release.py"),
        (
            Patch(
                "core/leaving.py",
                "if release and (is_claiming or former.has_live_unknown(self._oldest_valid())):",
                "if release:",
            ),
        ),
    ),
    Mutant(
        "a store that does not answer who looks for a release has lost the record",
        "P9",
        "ours: a branch dropped",
        ("unit", "unit/test_release.py"),
        (
            Patch(
                "core/leaving.py",
                "            if not isinstance(event, Unavailable):\n                self._observe(found)",
                "            if True:\n                self._observe(found)",
            ),
        ),
    ),
    Mutant(
        "a write of before the clock went back makes a leader",
        "P3",
        "ours: one line dropped",
        ("unit", "unit/test_small_differences.py"),
        (
            Patch(
                "core/leaving.py",
                "        self.candidacy = self.candidacy.next()\n        self.observation = self",
                "        self.observation = self",
            ),
        ),
    ),
    Mutant(
        "a release that is looked for and gone is a defect",
        "P9",
        "ours: a branch dropped",
        ("unit", "unit/test_release.py"),
        (Patch("core/leaving.py", "None if found is None else former", "former"),),
    ),
    Mutant(
        "a claim whose answer is late at a stop is not looked for",
        "P9",
        "ours: a sign turned, which every answer but a late one hid",
        ("unit", "unit/test_release.py"),
        (Patch("core/leaving.py", "Leaving(former, sent_at + self", "Leaving(former, sent_at - self"),),
    ),
    Mutant(
        "the lease is released while leading",
        "P9",
        "model; Curator deletes its node before it tells",
        ("simulation", "20"),
        (
            Patch(
                "core/elector.py",
                '            self._give_up_office("step_down", "resigned", event)\n'
                "            self._end_candidacy(event)\n",
                "            lease = self.candidacy.held.lease.released(self._stamp())\n"
                "            self._send(self._update(lease, self.candidacy.version))\n",
            ),
        ),
    ),
    Mutant(
        "an answer is honoured after the stop",
        "P9",
        "model",
        ("simulation", "20"),
        (
            Patch(
                "core/leaving.py",
                "        if self.leaving is None:\n            self.pending = None\n",
                "",
            ),
            Patch(
                "core/elector.py",
                "        elif self.state == LEADER:\n            self._as_leader(event, request)\n",
                "        else:\n            self._as_leader(event, request)\n",
            ),
        ),
    ),
    Mutant(
        "any record of one's own session confirms the newest write",
        "P7",
        "model: the version was won by an older request than the one that trust is counted from",
        ("simulation", "20"),
        (
            Patch(
                "core/candidacy.py",
                "in (self.held, *self.unknown_writes):",
                "in (*reversed(self.unknown_writes), self.held):",
            ),
            Patch(
                "core/candidacy.py",
                "stored.lease.is_same_write(write.lease)",
                "stored.lease.holder_session == write.lease.holder_session",
            ),
        ),
    ),
    Mutant(
        "a leader that sees another's record leads on to its deadline",
        "P8",
        "model; client-go and the Kubernetes client for Python do so",
        ("conformance", "20"),
        (
            Patch(
                "core/elector.py",
                '            self._leave_office("step_down", reason, release=False)\n\n'
                "    def _write_unknown",
                "            self._schedule_read()\n\n    def _write_unknown",
            ),
        ),
        harmless="its validity ended the wait of whoever took over, so exclusion (S1) holds while the store "
        "keeps its record; what breaks is that a loss is noticed at once, in which work is done in vain",
    ),
    Mutant(
        "the token is announced before the claim is confirmed",
        "P11, P7",
        "model",
        ("simulation", "20"),
        (
            Patch(
                "core/elector.py",
                "        lease = self._lease(self.observation.highest_token + 1)\n",
                "        lease = self._lease(self.observation.highest_token + 1)\n"
                "        self._notices.append(StartedLeading(lease.leader_transitions))\n",
            ),
            Patch(
                "core/elector.py",
                "            self._notices.append(StartedLeading(write.lease.leader_transitions))\n",
                "",
            ),
        ),
    ),
    Mutant(
        "the token does not grow",
        "P11",
        "model",
        ("simulation", "20"),
        (Patch("core/elector.py", "self.observation.highest_token + 1", "self.observation.highest_token"),),
    ),
    Mutant(
        "a clock that runs backwards is believed",
        "P3",
        "Patroni's wall clock that was set back",
        ("unit", "unit/test_rules_1_to_4.py"),
        (Patch("core/elector.py", "elif now < self.now:", "elif False:"),),
    ),
    Mutant(
        "a new candidacy recognises the writes of the old one",
        "P2",
        "model",
        ("unit", "unit/test_candidacy.py"),
        (
            Patch(
                "core/candidacy.py",
                "return Candidacy(self.number + 1)",
                "return Candidacy(self.number, unknown_writes=self.unknown_writes)",
            ),
        ),
    ),
)
