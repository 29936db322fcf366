"""Wrong electors, continued: what is taken for the same write, and what a touch does."""

from __future__ import annotations

from support.mutants.patch import Mutant, Patch

OURS = "ours: the tempting ways to write P15"


def mutant(name, killer, *patches, rule="P15", model=OURS):
    return Mutant(name, rule, model, killer, patches)


TOUCHES = (
    mutant(
        "a renewal is taken for a touch",
        ("simulation", "20"),
        Patch("lease.py", "times = self.renew_time, self.acquire_time", "times = self.acquire_time"),
    ),
    mutant(
        "another's write with the same renew time is taken for a touch",
        ("unit", "unit/test_lease.py"),
        Patch("lease.py", "return self.holder_session, self.leader_transitions, *times", "return (*times,)"),
    ),
    mutant(
        "a record whose holder's name was emptied is still the holder's",
        ("unit", "unit/test_rule_15.py"),
        Patch("lease.py", "*times, self.holder_identity", "*times"),
    ),
    mutant(
        "a wait goes on in another epoch",
        ("unit", "unit/test_rule_15.py"),
        Patch("lease.py", "self.epoch == other.epoch and self.lease", "self.lease"),
        rule="P15, A5",
    ),
    mutant(
        "a touch begins the wait anew",
        ("unit", "unit/test_rule_15.py"),
        Patch(
            "core/observation.py", "return one.is_same_write(other)", "return one.version == other.version"
        ),
        model="ours, before P15; client-go compares the whole record as text",
    ),
    mutant(
        "the first version of a write is claimed, not the newest",
        ("exploration", "touches"),
        Patch(
            "core/observation.py",
            "        return Observation(\n            stored,\n",
            "        return Observation(\n            self.stored if unchanged else stored,\n",
        ),
        Patch(
            "core/elector.py",
            "            self._send(self._update(lease, stored.version))\n",
            "            self._send(self._update(lease, self.observation.stored.version))\n",
        ),
        rule="P15, P4d",
    ),
    mutant(
        "a touch is a loss, and so is a request to resign",
        ("unit", "unit/test_rule_15.py"),
        Patch(
            "core/candidacy.py",
            "for write in (self.held, *self.unknown_writes):",
            "for write in self.unknown_writes:",
        ),
        rule="P14, P15",
        model="ours, before P15",
    ),
    mutant(
        "validity counts from the touch",
        ("unit", "unit/test_rule_15.py"),
        Patch(
            "core/elector.py",
            "            self._write_took_effect(write, stored)\n            if write is before.held",
            "            late = __import__('dataclasses').replace(write, sent_at=self.now)\n"
            "            self._write_took_effect(late, stored)\n"
            "            if write is before.held",
        ),
        rule="P15, P3",
    ),
    mutant(
        "what is mine is mine however long ago it was written",
        ("unit", "unit/test_candidacy.py"),
        Patch("core/candidacy.py", "write.sent_at > since and stored", "stored"),
        rule="P15, P3",
    ),
)
