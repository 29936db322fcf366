"""Every situation an elector can be in, as the shortest story that leads there."""

from __future__ import annotations

from incumbent.core.messages import Abstain, Ended, Resign, Stop
from support.elector.bench import Bench, record

VACANT = record("v1", "")
BOBS = record("v1")


def fresh():
    """Nothing was handled yet."""
    return Bench()


def follower_reading():
    """The first look at the record is in flight."""
    return Bench().start().at(1)


def follower_waiting():
    """Bob holds the lease; the next look is due at 2."""
    return Bench().start().found(BOBS).at(1)


def follower_abstaining():
    """Observing only; the next look is due at 2."""
    return follower_waiting().give(Abstain())


def follower_doubting():
    """A write sent at 0 may still land; vacant, and the next write is allowed at 2."""
    return Bench().start().found(VACANT).at(1).lost().found(VACANT)


def follower_leaving():
    """Resigned at 1; something of the term still runs."""
    return leader_waiting().give(Resign())


def follower_releasing():
    """Resigned at 1; the release is in flight."""
    return follower_leaving().give(Ended())


def follower_releasing_next():
    """Resigned at 2.5, behind a renewal that is still in flight."""
    return leader_renewing().give(Resign()).give(Ended())


def follower_leaving_next():
    """Resigned at 2.5; something of the term still runs, and a renewal is in flight."""
    return leader_renewing().give(Resign())


def candidate_writing():
    """A campaign for a vacant lease: the write sent at 0 is in flight."""
    return Bench().start().found(VACANT).at(1)


def candidate_reading_back():
    """The write sent at 0 is of unknown outcome, and the record is being read back."""
    return candidate_writing().lost()


def candidate_waiting():
    """The reading back failed at 1.5; it is tried again at 3."""
    return candidate_reading_back().at(1.5).lost()


def candidate_writing_again():
    """The write sent at 0 may still land, and the one sent at 2 is in flight."""
    return follower_doubting().at(2).wake().found(VACANT).at(2.5)


def leader_waiting():
    """Elected by a write sent at 0; the next renewal is due at 2."""
    return Bench().start().missing().written("v1").at(1)


def leader_renewing():
    """The renewal sent at 2 is in flight."""
    return leader_waiting().at(2).wake().at(2.5)


def leader_checking():
    """The renewal was refused at 2.5, and the record is being read."""
    return leader_renewing().refused()


def leader_doubting():
    """The renewal sent at 2 is of unknown outcome, and the record is being read back."""
    return leader_renewing().lost()


def leader_waiting_to_check():
    """The reading back failed at 3; it is tried again at 4.5."""
    return leader_doubting().at(3).lost()


def stopped():
    """For good, with nothing left to do."""
    return follower_waiting().give(Stop())


def stopped_leaving():
    """Stopped at 1 while leading; something of the term still runs."""
    return leader_waiting().give(Stop())


def stopped_releasing():
    """Stopped at 1 while leading; the release is in flight."""
    return stopped_leaving().give(Ended())


FOLLOWER_STAGES = (
    fresh,
    follower_reading,
    follower_waiting,
    follower_abstaining,
    follower_doubting,
    follower_leaving,
    follower_leaving_next,
    follower_releasing,
    follower_releasing_next,
)
CANDIDATE_STAGES = (
    candidate_writing,
    candidate_reading_back,
    candidate_waiting,
    candidate_writing_again,
)
LEADER_STAGES = (
    leader_waiting,
    leader_renewing,
    leader_checking,
    leader_doubting,
    leader_waiting_to_check,
)
STOPPED_STAGES = (stopped, stopped_leaving, stopped_releasing)
STAGES = (*FOLLOWER_STAGES, *CANDIDATE_STAGES, *LEADER_STAGES, *STOPPED_STAGES)
