"""A stopped elector's row of the matrix (situation x input): each cell is decided, none is an accident.

A cell reads: state | request sent | notices | seconds at which to wake. `core_stages` tells the situations.
"""

from __future__ import annotations

import pytest

from support.elector.matrix import check_row
from support.elector.stages import (
    STOPPED_STAGES,
    stopped,
    stopped_leaving,
    stopped_releasing,
)

MATRIX = {
    stopped: {  # For good, with nothing left to do.
        "start": "stopped | - | - | -",
        "woke": "stopped | - | - | -",
        "changed": "stopped | - | - | -",
        "told bob": "stopped | - | - | -",
        "abstain": "stopped | - | - | -",
        "resign": "stopped | - | - | -",
        "resign unreleased": "stopped | - | - | -",
        "stop": "stopped | - | - | -",
        "stop unreleased": "stopped | - | - | -",
        "ended": "stopped | - | - | -",
        "clock back": "stopped | - | backwards | -",
    },
    stopped_leaving: {  # Stopped at 1 while leading; something of the term still runs.
        "start": "stopped | - | - | 15",
        "woke": "stopped | - | - | 15",
        "changed": "stopped | - | - | 15",
        "told bob": "stopped | - | - | 15",
        "abstain": "stopped | - | - | 15",
        "resign": "stopped | - | - | 15",
        "resign unreleased": "stopped | - | - | -",
        "stop": "stopped | - | - | 15",
        "stop unreleased": "stopped | - | - | -",
        "ended": "stopped | release | - | 4",
        "due": "stopped | - | - | -",
        "clock back": "stopped | - | backwards | -",
    },
    stopped_releasing: {  # Stopped at 1 while leading; the release is in flight.
        "start": "stopped | - | - | 4",
        "woke": "stopped | - | - | 4",
        "changed": "stopped | - | - | 4",
        "told bob": "stopped | - | - | 4",
        "abstain": "stopped | - | - | 4",
        "resign": "stopped | - | - | 4",
        "resign unreleased": "stopped | - | - | 4",
        "stop": "stopped | - | - | 4",
        "stop unreleased": "stopped | - | - | 4",
        "ended": "stopped | - | - | 4",
        "due": "stopped | - | - | -",
        "clock back": "stopped | - | backwards | -",
        "written": "stopped | - | leader= | -",
        "refused": "stopped | get | - | 4",
        "missing": "stopped | - | - | -",
        "lost": "stopped | - | - | -",
        "failed": "stopped | - | - | 3",
    },
}


@pytest.mark.parametrize("stage", STOPPED_STAGES, ids=lambda stage: stage.__name__)
def test_every_input_has_a_decided_outcome(stage):
    check_row(MATRIX, stage)
