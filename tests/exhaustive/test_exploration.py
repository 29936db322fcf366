"""Every interleaving of small worlds, on the shipped elector; and wrong electors, which must be found."""

import re

import pytest

from incumbent.core.candidacy import Validity
from incumbent.core.elector import Elector
from incumbent.core.messages import Abstain, Ended, Resign, Start, Stop, StoreChanged
from incumbent.core.observation import Observation
from incumbent.errors import ConfigurationError
from incumbent.lease import Lease, StoreGuarantees
from incumbent.testing.exploration import SmallWorld, explore
from incumbent.testing.exploration.world import IDENTITY
from support.exploring import LARGE_ONLY, NOT_SMALL, no_rule_can_be_broken, not_on_the_page, run

TIGHT = SmallWorld(lease_duration=2, skew=0)
TOUCHED = SmallWorld(lease_duration=2, skew=0, touches=True)
WATCHED = StoreGuarantees(durable=True, can_watch=True)
TOLD = SmallWorld(lease_duration=2, skew=0, hints=True, guarantees=WATCHED)
OLD_AND_TOLD = SmallWorld(
    lease_duration=3, skew=0, hints=True, touches=True, in_flight=2, crashes=True, guarantees=WATCHED
)
HELD_BACK = SmallWorld(lease_duration=2, skew=0, holds=True, crashes=True, inputs=(Stop(), Ended()))
NAMES = Resign(successor=IDENTITY), Resign(successor="nobody who is here"), Ended()
NAMED = SmallWorld(lease_duration=2, skew=0, takeover_delay=1, crashes=True, inputs=NAMES)
EVERYTHING = SmallWorld(
    lease_duration=5,
    renew_deadline=3,
    in_flight=2,
    crashes=True,
    duplicates=True,
    errors=True,
    resign_requests=True,
    touches=True,
    inputs=(
        Resign(),
        Resign(release=False),
        Stop(),
        Stop(release=False),
        Abstain(),
        Start(),
        StoreChanged(),
        Ended(),
    ),
)

# The counts are pinned: who changes the elector sees here that the set of its behaviours changed.
SMALL = {
    "tight": (TIGHT, 20, 18_772, 56_213, 20),
    "skew": (SmallWorld(), 20, 51_737, 162_855, 20),
    "read-back": (
        SmallWorld(lease_duration=3, renew_deadline=3, skew=0, errors=True),
        14,
        31_765,
        92_019,
        14,
    ),
    "resign": (
        SmallWorld(lease_duration=2, skew=0, resign_requests=True, inputs=(Resign(), Ended())),
        13,
        38_573,
        158_638,
        13,
    ),
    "touches": (TOUCHED, 16, 15_887, 51_978, 16),
    "holds": (HELD_BACK, 15, 31_673, 192_560, 15),
    "told": (TOLD, 16, 15_730, 64_473, 16),
    "old and told": (OLD_AND_TOLD, 11, 11_894, 50_576, 11),
    "names": (NAMED, 14, 8_887, 61_048, 14),
    "stale": (SmallWorld(in_flight=2, crashes=True, duplicates=True), 11, 17_903, 76_866, 11),
    "everything": (EVERYTHING, 6, 3_572, 17_681, 6),
    "three": (SmallWorld(candidates=3), 14, 15_381, 49_553, 14),
}
RESIGNS = (Resign(), Resign(release=False), Ended())
CLOSED = {"tight, to the end": (TIGHT, None, 232_646, 917_887, 71)}
LARGE = {
    "skew": (SmallWorld(), None, 1_595_080, 6_764_156, 119),
    "read-back": (SmallWorld(lease_duration=3, renew_deadline=3, skew=0), None, 1_700_434, 7_002_166, 95),
    "errors": (SmallWorld(lease_duration=2, skew=0, errors=True), None, 2_739_690, 12_025_881, 87),
    "crashes": (SmallWorld(lease_duration=2, skew=0, crashes=True), None, 561_387, 3_330_619, 74),
    "resign": (SmallWorld(lease_duration=2, skew=0, inputs=RESIGNS), None, 8_123_097, 80_004_556, 75),
    "requests": (SmallWorld(lease_duration=2, skew=0, resign_requests=True), None, 1_210_055, 5_102_076, 76),
    "told": (TOLD, None, 728_431, 4_364_620, 74),
    "touches": (TOUCHED, None, 938_996, 4_594_173, 76),
    "three": (SmallWorld(candidates=3), 24, 1_698_378, 6_676_934, 24),
    "everything": (EVERYTHING, 9, 163_544, 1_124_479, 9),
}


@pytest.mark.parametrize("name", SMALL)
def test_no_rule_can_be_broken(name):
    """S1, S5, E1 to E6 on every state and step, L1 and L2 from every state."""
    no_rule_can_be_broken(*SMALL[name])


@NOT_SMALL
@pytest.mark.parametrize("name", CLOSED)
def test_nor_in_all_of_a_small_world(name):
    """The same, until there is nothing that was not seen."""
    no_rule_can_be_broken(*CLOSED[name])


@LARGE_ONLY
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("name", LARGE)
def test_nor_in_a_larger_world(name):
    """The same, for minutes."""
    no_rule_can_be_broken(*LARGE[name])


def test_the_page_gives_the_pinned_counts():
    """Which change when the elector does."""
    assert not_on_the_page(CLOSED | LARGE) == []


def claims_at_once(self, _):
    return self.since


def covers_the_end(self, now):
    return self.since <= now <= self.until


def looks_never_again(_):
    return None


def is_always_due(self):
    return self.now


def compares_sessions(one, other):
    return one.holder_session == other.holder_session


def keeps_the_first_version(self, stored, now):
    seen = SAW(self, stored, now)
    is_same = seen.since == self.since and None not in (stored, self.stored)
    return seen._replace(stored=self.stored) if is_same else seen


def claims_what_it_keeps(self, lease, version):
    is_claim = self.state == "candidate" and self.observation.stored is not None
    return UPDATE(self, lease, self.observation.stored.version if is_claim else version)


SAW, UPDATE = Observation.saw, Elector._update
WRONG = {
    "a follower that does not wait": (Observation, "claimable_at", claims_at_once, "S1"),
    "a renewal that is taken for a touch": (Lease, "is_same_write", compares_sessions, "S1"),
    "a leader that believes one instant too long": (Validity, "covers", covers_the_end, "S1"),
    "an elector that is never done": (Elector, "wake_at", property(is_always_due), "L2"),
    "a follower that does not poll": (Elector, "_schedule_read", looks_never_again, "L2"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_elector_is_found_with_a_program_that_shows_it(name, monkeypatch):
    """The program is a test of its own, which the wrong elector fails."""
    owner, attribute, wrong, rule = WRONG[name]
    monkeypatch.setattr(owner, attribute, wrong)
    violation = explore(TIGHT, depth=20).violation
    assert violation.rule.startswith(rule)
    assert violation.is_replayed
    with pytest.raises(AssertionError, match=f"^{rule}"):
        run(violation.program)


def test_a_follower_that_claims_the_first_version_of_a_write_is_found(monkeypatch):
    """P15: it is safe, and dead: refused for ever, though the record was touched but once."""
    monkeypatch.setattr(Observation, "saw", keeps_the_first_version)
    monkeypatch.setattr(Elector, "_update", claims_what_it_keeps)
    assert explore(TIGHT, depth=14).violation is None
    violation = explore(TOUCHED, depth=14).violation
    assert violation.rule.startswith("L")
    with pytest.raises(AssertionError, match=r"^L[12]"):
        run(violation.program)


def test_what_an_elector_raises_is_found(monkeypatch):
    """An assertion of its own, too; and `check` shows the way there."""
    monkeypatch.setattr(Elector, "_retry_read", lambda _, request: 1 // 0)
    result = explore(TIGHT)
    assert result.violation.rule == "handle raised ZeroDivisionError: integer division or modulo by zero"
    assert not result.is_closed
    assert "integer division" in str(result)
    with pytest.raises(AssertionError, match="def test_raised_zerodivisionerror"):
        result.check()
    with pytest.raises(ZeroDivisionError):
        run(result.violation.program)


def test_an_exploration_tells_how_far_it_is():
    levels = []
    explore(TIGHT, depth=3, recovers=False, on_level=lambda depth, states: levels.append((depth, states)))
    assert levels == [(1, 2), (2, 5), (3, 11)]


def test_a_world_whose_clocks_differ_too_much_is_refused():
    """P6, as it reads for a bounded skew: the lease must outlast the deadline by twice the skew."""
    with pytest.raises(
        ConfigurationError, match=re.escape("lease_duration 3 is less than renew_deadline 2 + 2 * skew 1")
    ):
        SmallWorld(lease_duration=3)
