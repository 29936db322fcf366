"""Wrong electors, continued: what a hint that carries the record is taken for."""

from __future__ import annotations

from support.mutants.patch import Mutant, Patch

UNIT = ("unit", "unit/test_hints.py")
TIME = "a wait begins too late, or a read too many is made: only time is lost"

ELECTOR, OBSERVATION = "core/elector.py", "core/observation.py"
UNSEEN = "stored is None or self.pending is not None or self._wrote(stored.lease)"
RECEIVES = "            self._observe(stored)\n            self.read_at = None\n"
RENEWS = "self.observation.is_renewed_by(stored)"


def mutant(name, *patches, harmless=""):
    return Mutant(name, "P12", "ours: the tempting ways to write P12d", UNIT, patches, harmless)


HINTS = (
    mutant(
        "what is told during a look is received",
        Patch(ELECTOR, UNSEEN, "stored is None or self._wrote(stored.lease)"),
        harmless=TIME,
    ),
    mutant(
        "a write of one's own is received by a hint",
        Patch(ELECTOR, UNSEEN, "stored is None or self.pending is not None"),
        harmless=TIME,
    ),
    mutant(
        "whatever is told is received",
        Patch(ELECTOR, RENEWS, "True"),
        harmless=TIME,
    ),
    mutant(
        "what is told is received, and read as well",
        Patch(
            ELECTOR,
            "            self._observe(stored)\n            self.read_at = None\n",
            "            self._observe(stored)\n",
        ),
        harmless=TIME,
    ),
    mutant(
        "what is told is not read, and not received",
        Patch(
            ELECTOR,
            "            self._observe(stored)\n            self.read_at = None\n",
            "            self.read_at = None\n",
        ),
        harmless=TIME,
    ),
    mutant(
        "what is claimable is claimed on a hint",
        Patch(
            ELECTOR,
            f"{RECEIVES}            self._schedule_read()\n\n    def _as_candidate",
            "            self._claim_or_wait(stored)\n\n    def _as_candidate",
        ),
        harmless="the hint carries a renewal, which nobody may claim yet",
    ),
    mutant(
        "a touch is taken for a renewal",
        Patch(
            "lease.py", "and self.renew_time > other.renew_time", "and self.renew_time >= other.renew_time"
        ),
        harmless=TIME,
    ),
    mutant(
        "what was before is taken for a renewal",
        Patch("lease.py", " and self.renew_time > other.renew_time", ""),
        harmless=TIME,
    ),
    mutant(
        "a rival's write is taken for a renewal",
        Patch(
            "lease.py",
            "not self.is_vacant and self.holder_session == other.holder_session",
            "not self.is_vacant",
        ),
        harmless=TIME,
    ),
)
