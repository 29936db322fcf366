"""A leader's row of the matrix (situation x input): each cell is decided, none is an accident.

A cell reads: state | request sent | notices | seconds at which to wake. `core_stages` tells the situations.
"""

from __future__ import annotations

import pytest

from support.elector.matrix import check_row
from support.elector.stages import (
    LEADER_STAGES,
    leader_checking,
    leader_doubting,
    leader_renewing,
    leader_waiting,
    leader_waiting_to_check,
)

MATRIX = {
    leader_waiting: {  # Elected by a write sent at 0; the next renewal is due at 2.
        "start": "leader | - | - | 2",
        "woke": "leader | - | - | 2",
        "changed": "leader | - | - | 2",
        "told bob": "leader | - | - | 2",
        "abstain": "leader | - | - | 2",
        "resign": "follower | - | stopped | 15",
        "resign unreleased": "follower | get | stopped | 4",
        "stop": "stopped | - | stopped | 15",
        "stop unreleased": "stopped | - | stopped | -",
        "ended": "leader | - | - | 2",
        "due": "leader | update | - | 5",
        "deadline": "follower | get | stopped | 13",
        "clock back": "follower | get | backwards stopped | 2.5",
    },
    leader_renewing: {  # The renewal sent at 2 is in flight.
        "start": "leader | - | - | 5",
        "woke": "leader | - | - | 5",
        "changed": "leader | - | - | 5",
        "told bob": "leader | - | - | 5",
        "abstain": "leader | - | - | 5",
        "resign": "follower | - | stopped | 5",
        "resign unreleased": "follower | get | stopped | 5.5",
        "stop": "stopped | - | stopped | 5",
        "stop unreleased": "stopped | - | stopped | -",
        "ended": "leader | - | - | 5",
        "due": "leader | get | - | 8",
        "deadline": "follower | get | stopped | 13",
        "clock back": "follower | get | backwards stopped | 4.5",
        "written": "leader | - | - | 4",
        "refused": "leader | get | - | 5.5",
        "missing": "follower | get | leader= stopped | 5.5",
        "lost": "leader | get | - | 5.5",
        "failed": "leader | - | - | 4",
    },
    leader_checking: {  # The renewal was refused at 2.5, and the record is being read.
        "start": "leader | - | - | 5.5",
        "woke": "leader | - | - | 5.5",
        "changed": "leader | - | - | 5.5",
        "told bob": "leader | - | - | 5.5",
        "abstain": "leader | - | - | 5.5",
        "resign": "follower | - | stopped | 5.5",
        "resign unreleased": "follower | get | stopped | 5.5",
        "stop": "stopped | - | stopped | 5.5",
        "stop unreleased": "stopped | - | stopped | -",
        "ended": "leader | - | - | 5.5",
        "due": "leader | get | - | 8.5",
        "deadline": "follower | get | stopped | 13",
        "clock back": "follower | get | backwards stopped | 5",
        "found bob": "follower | get | leader=bob stopped | 5.5",
        "found vacant": "follower | get | leader= stopped | 5.5",
        "found mine": "follower | get | stopped | 5.5",
        "found mine asked": "follower | get | stopped | 5.5",
        "missing": "follower | get | leader= stopped | 5.5",
        "lost": "leader | - | - | 4.5",
        "failed": "leader | - | - | 4.5",
        "found held": "leader | - | - | 4",
        "found held asked": "leader | - | asked | 4",
    },
    leader_doubting: {  # The renewal sent at 2 is of unknown outcome, and the record is being read back.
        "start": "leader | - | - | 5.5",
        "woke": "leader | - | - | 5.5",
        "changed": "leader | - | - | 5.5",
        "told bob": "leader | - | - | 5.5",
        "abstain": "leader | - | - | 5.5",
        "resign": "follower | - | stopped | 5.5",
        "resign unreleased": "follower | get | stopped | 5.5",
        "stop": "stopped | - | stopped | 5.5",
        "stop unreleased": "stopped | - | stopped | -",
        "ended": "leader | - | - | 5.5",
        "due": "leader | get | - | 8.5",
        "deadline": "follower | get | stopped | 13",
        "clock back": "follower | get | backwards stopped | 5",
        "found bob": "follower | get | leader=bob stopped | 5.5",
        "found vacant": "follower | get | leader= stopped | 5.5",
        "found mine": "leader | - | - | 4",
        "found mine asked": "leader | - | asked | 4",
        "missing": "follower | get | leader= stopped | 5.5",
        "lost": "leader | - | - | 4.5",
        "failed": "leader | - | - | 4.5",
        "found held": "leader | - | - | 4",
        "found held asked": "leader | - | asked | 4",
    },
    leader_waiting_to_check: {  # The reading back failed at 3; it is tried again at 4.5.
        "start": "leader | - | - | 4.5",
        "woke": "leader | - | - | 4.5",
        "changed": "leader | - | - | 4.5",
        "told bob": "leader | - | - | 4.5",
        "abstain": "leader | - | - | 4.5",
        "resign": "follower | - | stopped | 15",
        "resign unreleased": "follower | get | stopped | 6",
        "stop": "stopped | - | stopped | 15",
        "stop unreleased": "stopped | - | stopped | -",
        "ended": "leader | - | - | 4.5",
        "due": "leader | get | - | 7.5",
        "deadline": "follower | get | stopped | 13",
        "clock back": "follower | get | backwards stopped | 5.5",
    },
}


@pytest.mark.parametrize("stage", LEADER_STAGES, ids=lambda stage: stage.__name__)
def test_every_input_has_a_decided_outcome(stage):
    check_row(MATRIX, stage)
