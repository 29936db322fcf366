"""Wrong electors, continued: for whom a lease was released, and how long others leave it to that one."""

from __future__ import annotations

from support.mutants.patch import Mutant, Patch

UNIT = ("unit", "unit/test_rule_17.py")
TIME = "nobody holds what is vacant: only time is lost"
CHOICE = "somebody else leads than was wished"

IS_MINE = "        elif self.stored.lease.successor == config.identity:\n            return self.since\n"
PATIENCE = "wait = 2 * config.retry_ns if self.stored.lease.successor else 0"


def mutant(name, *patches, harmless=""):
    return Mutant(name, "P17", "ours: the tempting ways to write P17", UNIT, patches, harmless)


NAMED = (
    mutant(
        "what is held may be claimed at once by whom it names",
        Patch(
            "core/observation.py",
            "        elif not self.stored.lease.is_vacant:\n",
            "        elif self.stored.lease.successor == config.identity:\n"
            "            return self.since\n"
            "        elif not self.stored.lease.is_vacant:\n",
        ),
    ),
    mutant(
        "the one that is named waits like the others",
        Patch("core/observation.py", IS_MINE, ""),
        harmless=TIME,
    ),
    mutant(
        "the one that is named stands back for its takeover delay",
        Patch("core/observation.py", "            return self.since\n", "            wait = 0\n"),
        harmless=TIME,
    ),
    mutant(
        "the others wait for ever",
        Patch(
            "core/observation.py",
            f"            {PATIENCE}\n",
            "            if self.stored.lease.successor:\n"
            "                return None\n"
            "            wait = 0\n",
        ),
        harmless=TIME,
    ),
    mutant(
        "the others do not wait",
        Patch("core/observation.py", PATIENCE, "wait = 0"),
        harmless=CHOICE,
    ),
    mutant(
        "the others wait one retry period, so that a look of the one that is named may come too late",
        Patch("core/observation.py", "wait = 2 * config.retry_ns", "wait = config.retry_ns"),
        harmless=CHOICE,
    ),
    mutant(
        "the wait counts from the last touch",
        Patch(
            "core/observation.py",
            "        unchanged = self.since is not None and _is_same(stored, self.stored)\n",
            "        unchanged = self.since is not None and _is_same(stored, self.stored)\n"
            "        if stored and self.stored and stored.lease.successor:\n"
            "            unchanged = unchanged and stored.version == self.stored.version\n",
        ),
        harmless=TIME,
    ),
    mutant(
        "the wait begins anew with each look",
        Patch(
            "core/observation.py",
            "        unchanged = self.since is not None and _is_same(stored, self.stored)\n",
            "        unchanged = self.since is not None and _is_same(stored, self.stored)\n"
            "        if stored and stored.lease.successor:\n"
            "            unchanged = False\n",
        ),
        harmless=TIME,
    ),
    mutant(
        "the name survives a claim",
        Patch(
            "core/state.py",
            "            successor=self.candidacy.successor,\n",
            "            successor=self.candidacy.successor\n"
            "            or (self.observation.stored.lease.successor if self.observation.stored else ''),\n",
        ),
        harmless=CHOICE,
    ),
    mutant(
        "the successor is forgotten between the request and the release",
        Patch("core/leaving.py", "leaving.successor or former.successor", "leaving.successor"),
        harmless=CHOICE,
    ),
    mutant(
        "a renewal forgets for whom",
        Patch("core/state.py", "            successor=self.candidacy.successor,\n", ""),
        harmless=CHOICE,
    ),
    mutant(
        "a renewal forgets until when",
        Patch("core/state.py", "            not_before=self.candidacy.not_before,\n", ""),
        harmless="a lease that an operator holds back is claimed",
    ),
    mutant(
        "the hold is forgotten between the request and the release",
        Patch("core/leaving.py", "max(leaving.not_before, former.not_before)", "leaving.not_before"),
        harmless="a lease that an operator holds back is claimed",
    ),
    mutant(
        "the hold of the request takes the place of the longer one",
        Patch(
            "core/leaving.py",
            "max(leaving.not_before, former.not_before)",
            "former.not_before or leaving.not_before",
        ),
        harmless="a run too many",
    ),
    mutant(
        "the request on the record overrules its own user",
        Patch(
            "core/leaving.py",
            "leaving.successor or former.successor",
            "former.successor or leaving.successor",
        ),
        harmless=CHOICE,
    ),
    mutant(
        "who is named claims what is held back",
        Patch(
            "core/elector.py",
            "        for bound in (self.write_not_before",
            "        seen = self.observation.stored\n"
            "        if seen and seen.lease.is_vacant and seen.lease.successor == self.config.identity:\n"
            "            return at\n"
            "        for bound in (self.write_not_before",
        ),
        harmless="a run too many",
    ),
    mutant(
        "the term forgets for whom when it is asked to stop as well",
        Patch(
            "core/term.py",
            "            self._inputs.append(Stop(self.config.release, hold_ns, successor))\n",
            "            self._inputs.append(Stop(self.config.release, hold_ns))\n",
        ),
        harmless=CHOICE,
    ),
    mutant(
        "the first name counts, and no later one",
        Patch(
            "core/term.py",
            "self.successor = successor or self.successor",
            "self.successor = self.successor or successor",
        ),
        harmless=CHOICE,
    ),
    mutant(
        "the next term is given up for whom the last one was",
        Patch(
            "core/term.py",
            '        self.telling, self.successor = self.config.tells, ""\n',
            "        self.telling = self.config.tells\n",
        ),
        harmless=CHOICE,
    ),
)
