"""A candidate's row of the matrix (situation x input): each cell is decided, none is an accident.

A cell reads: state | request sent | notices | seconds at which to wake. `core_stages` tells the situations.
"""

from __future__ import annotations

import pytest

from support.elector.matrix import check_row
from support.elector.stages import (
    CANDIDATE_STAGES,
    candidate_reading_back,
    candidate_waiting,
    candidate_writing,
    candidate_writing_again,
)

MATRIX = {
    candidate_writing: {  # A campaign for a vacant lease: the write sent at 0 is in flight.
        "start": "candidate | - | - | 3",
        "woke": "candidate | - | - | 3",
        "changed": "candidate | - | - | 3",
        "told bob": "candidate | - | - | 3",
        "abstain": "follower | - | - | 3",
        "resign": "follower | - | - | 3",
        "resign unreleased": "follower | get | - | 4",
        "stop": "stopped | - | - | 3",
        "stop unreleased": "stopped | - | - | -",
        "ended": "candidate | - | - | 3",
        "due": "candidate | get | - | 6",
        "clock back": "follower | get | backwards | 2.5",
        "written": "leader | - | leader=ann started | 2",
        "refused": "follower | get | - | 4",
        "missing": "follower | get | - | 4",
        "lost": "candidate | get | - | 4",
        "failed": "follower | - | - | 2",
    },
    candidate_reading_back: {  # The write sent at 0 is of unknown outcome, and the record is being read back.
        "start": "candidate | - | - | 4",
        "woke": "candidate | - | - | 4",
        "changed": "candidate | - | - | 4",
        "told bob": "candidate | - | - | 4",
        "abstain": "follower | - | - | 4",
        "resign": "follower | - | - | 4",
        "resign unreleased": "follower | get | - | 4",
        "stop": "stopped | - | - | 4",
        "stop unreleased": "stopped | - | - | -",
        "ended": "candidate | - | - | 4",
        "due": "candidate | get | - | 7",
        "clock back": "follower | get | backwards | 3.5",
        "found bob": "follower | - | leader=bob | 3",
        "found vacant": "follower | - | - | 2",
        "found mine": "leader | - | leader=ann started | 2",
        "found mine asked": "leader | - | leader=ann started asked | 2",
        "missing": "follower | - | - | 3",
        "lost": "candidate | - | - | 3",
        "failed": "candidate | - | - | 3",
    },
    candidate_waiting: {  # The reading back failed at 1.5; it is tried again at 3.
        "start": "candidate | - | - | 3",
        "woke": "candidate | - | - | 3",
        "changed": "candidate | - | - | 3",
        "told bob": "candidate | - | - | 3",
        "abstain": "follower | get | - | 4.5",
        "resign": "follower | get | - | 4.5",
        "resign unreleased": "follower | get | - | 4.5",
        "stop": "stopped | get | - | 4.5",
        "stop unreleased": "stopped | - | - | -",
        "ended": "candidate | - | - | 3",
        "due": "candidate | get | - | 6",
        "clock back": "follower | get | backwards | 4",
    },
    candidate_writing_again: {  # The write sent at 0 may still land, and the one sent at 2 is in flight.
        "start": "candidate | - | - | 5",
        "woke": "candidate | - | - | 5",
        "changed": "candidate | - | - | 5",
        "told bob": "candidate | - | - | 5",
        "abstain": "follower | - | - | 5",
        "resign": "follower | - | - | 5",
        "resign unreleased": "follower | get | - | 5.5",
        "stop": "stopped | - | - | 5",
        "stop unreleased": "stopped | - | - | -",
        "ended": "candidate | - | - | 5",
        "due": "candidate | get | - | 8",
        "clock back": "follower | get | backwards | 4.5",
        "written": "leader | - | leader=ann started | 4",
        "refused": "candidate | get | - | 5.5",
        "missing": "candidate | get | - | 5.5",
        "lost": "candidate | get | - | 5.5",
        "failed": "candidate | get | - | 5.5",
    },
}


@pytest.mark.parametrize("stage", CANDIDATE_STAGES, ids=lambda stage: stage.__name__)
def test_every_input_has_a_decided_outcome(stage):
    check_row(MATRIX, stage)
