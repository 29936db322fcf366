"""A follower's row of the matrix (situation x input): each cell is decided, none is an accident.

A cell reads: state | request sent | notices | seconds at which to wake. `core_stages` tells the situations.
"""

from __future__ import annotations

import pytest

from support.elector.matrix import check_row
from support.elector.stages import (
    FOLLOWER_STAGES,
    follower_abstaining,
    follower_doubting,
    follower_reading,
    follower_releasing,
    follower_releasing_next,
    follower_waiting,
    fresh,
)

MATRIX = {
    fresh: {  # Nothing was handled yet.
        "start": "follower | get | - | 3",
        "woke": "follower | - | - | -",
        "changed": "follower | get | - | 3",
        "abstain": "follower | - | - | -",
        "resign": "follower | - | - | -",
        "resign unreleased": "follower | - | - | -",
        "stop": "stopped | - | - | -",
        "stop unreleased": "stopped | - | - | -",
    },
    follower_reading: {  # The first look at the record is in flight.
        "start": "follower | - | - | 3",
        "woke": "follower | - | - | 3",
        "changed": "follower | - | - | 3",
        "abstain": "follower | - | - | 3",
        "resign": "follower | - | - | 3",
        "resign unreleased": "follower | - | - | 3",
        "stop": "stopped | - | - | -",
        "stop unreleased": "stopped | - | - | -",
        "due": "follower | get | - | 6",
        "clock back": "follower | get | backwards | 2.5",
        "found bob": "follower | - | leader=bob | 3",
        "found vacant": "candidate | update | - | 4",
        "found mine": "follower | - | leader=bob | 3",
        "found mine asked": "follower | - | leader=bob | 3",
        "missing": "candidate | create | - | 4",
        "lost": "follower | - | - | 2",
        "failed": "follower | - | - | 2",
    },
    follower_waiting: {  # Bob holds the lease; the next look is due at 2.
        "start": "follower | get | - | 4",
        "woke": "follower | - | - | 2",
        "changed": "follower | get | - | 4",
        "abstain": "follower | - | - | 2",
        "resign": "follower | - | - | 2",
        "resign unreleased": "follower | - | - | 2",
        "stop": "stopped | - | - | -",
        "stop unreleased": "stopped | - | - | -",
        "due": "follower | get | - | 5",
        "clock back": "follower | get | backwards | 2.5",
    },
    follower_abstaining: {  # Observing only; the next look is due at 2.
        "start": "follower | get | - | 4",
        "woke": "follower | - | - | 2",
        "changed": "follower | get | - | 4",
        "abstain": "follower | - | - | 2",
        "resign": "follower | - | - | 2",
        "resign unreleased": "follower | - | - | 2",
        "stop": "stopped | - | - | -",
        "stop unreleased": "stopped | - | - | -",
        "due": "follower | get | - | 5",
        "clock back": "follower | get | backwards | 3.5",
    },
    follower_doubting: {  # A write sent at 0 may still land; vacant, and the next write is allowed at 2.
        "start": "follower | get | - | 4",
        "woke": "follower | - | - | 2",
        "changed": "follower | get | - | 4",
        "abstain": "follower | - | - | 2",
        "resign": "follower | - | - | 2",
        "resign unreleased": "follower | - | - | 2",
        "stop": "stopped | - | - | -",
        "stop unreleased": "stopped | - | - | -",
        "due": "follower | get | - | 5",
        "clock back": "follower | get | backwards | 3.5",
    },
    follower_releasing: {  # Resigned at 1; the release is in flight.
        "start": "follower | - | - | 4",
        "woke": "follower | - | - | 4",
        "changed": "follower | - | - | 4",
        "abstain": "follower | - | - | 4",
        "resign": "follower | - | - | 4",
        "resign unreleased": "follower | - | - | 4",
        "stop": "stopped | - | - | 4",
        "stop unreleased": "stopped | - | - | 4",
        "due": "follower | - | - | 6",
        "clock back": "follower | get | backwards | 3.5",
        "written": "follower | - | leader= | 3",
        "refused": "follower | - | - | 3",
        "missing": "follower | - | - | 3",
        "lost": "follower | - | - | 3",
        "failed": "follower | - | - | 3",
    },
    follower_releasing_next: {  # Resigned at 2.5, behind a renewal that is still in flight.
        "start": "follower | - | - | 5",
        "woke": "follower | - | - | 5",
        "changed": "follower | - | - | 5",
        "abstain": "follower | - | - | 5",
        "resign": "follower | - | - | 5",
        "resign unreleased": "follower | - | - | 5",
        "stop": "stopped | - | - | 5",
        "stop unreleased": "stopped | - | - | 5",
        "due": "follower | release | - | 8",
        "clock back": "follower | get | backwards | 5",
        "written": "follower | release | - | 5.5",
        "refused": "follower | - | - | 4.5",
        "missing": "follower | - | - | 4.5",
        "lost": "follower | release | - | 5.5",
        "failed": "follower | release | - | 5.5",
    },
}


@pytest.mark.parametrize("stage", FOLLOWER_STAGES, ids=lambda stage: stage.__name__)
def test_every_input_has_a_decided_outcome(stage):
    check_row(MATRIX, stage)
