"""Wrong electors, continued: until when nobody should claim what was released, and by which clock."""

from __future__ import annotations

from support.mutants.patch import Mutant, Patch

UNIT = ("unit", "unit/test_rule_16.py")


def mutant(name, *patches, harmless=""):
    return Mutant(name, "P16", "ours: the tempting ways to write P16", UNIT, patches, harmless)


HOLDS = (
    mutant(
        "what is held may be claimed at a time of day, too",
        Patch(
            "core/elector.py",
            "                at = max(at, bound)\n        return at\n",
            "                at = max(at, bound)\n"
            "        lease = self.observation.stored and self.observation.stored.lease\n"
            "        if lease and lease.not_before.year > 2 and lease.not_before <= self._next_stamp():\n"
            "            return self.now\n"
            "        return at\n",
        ),
    ),
    mutant(
        "a leader that crashed holds everybody back",
        Patch("core/state.py", "stored is None or not stored.lease.is_vacant", "stored is None"),
        harmless="only time is lost",
    ),
    mutant(
        "it is judged by the elector's own clock",
        Patch(
            "core/state.py",
            "        time = self._next_stamp()\n",
            "        time = EPOCH + timedelta(microseconds=self.now // 1000)\n",
        ),
        harmless="a run too many or too few",
    ),
    mutant(
        "a released record is claimed before its time",
        Patch("core/elector.py", "_campaign_before, self._held_back_until()", "_campaign_before"),
        harmless="a run too many",
    ),
    mutant(
        "who is held back sleeps until then, whatever becomes of the time of day",
        Patch("core/state.py", "self.now + min(left, self.config.lease_ns)", "self.now + left"),
        harmless="only time is lost",
    ),
    mutant(
        "the hold counts from the end of the term",
        Patch("core/leaving.py", "_held_until(held.lease.acquire_time", "_held_until(self._next_stamp()"),
        harmless="only time is lost",
    ),
    mutant(
        "no hold is a hold of no time, by a clock that may be ahead",
        Patch("core/state.py", "        if hold_ns == 0:\n            return EARLIEST_TIME\n", ""),
        harmless="only time is lost",
    ),
    mutant(
        "a claim holds back who comes after it",
        Patch(
            "core/state.py",
            "            not_before=self.candidacy.not_before,\n",
            "            not_before=self.observation.stored.lease.not_before\n"
            "            if self.observation.stored\n"
            "            else EARLIEST_TIME,\n",
        ),
        harmless="only time is lost",
    ),
    mutant(
        "work that failed holds the lease back",
        Patch("core/term.py", "self.state == SERVING and not event.failed", "self.state == SERVING"),
        harmless="a run too few",
    ),
    mutant(
        "work that was asked to end holds the lease back",
        Patch("core/term.py", "self.state == SERVING and not event.failed", "not event.failed"),
        harmless="a run too few",
    ),
)
