"""A term's matrix of (situation x input): each cell is decided, none is an accident.

A cell reads: state | orders | inputs of the elector | seconds at which to wake. The lease lasts 15 s, and
work that is asked to end may take 30 s.
"""

from __future__ import annotations

import pytest
from transitions import MachineError

from incumbent.core.messages import ResignRequested, StartedLeading, StoppedLeading, TimerFired
from incumbent.core.states import PHASES
from incumbent.core.term_messages import AskedToResign, AskedToStop, TellingEnded, WorkEnded
from support.elector.term import TermBench

INPUTS = {
    "started": StartedLeading(7),
    "lost": StoppedLeading(7, "lost"),
    "requested": ResignRequested("carol"),
    "resign": AskedToResign("asked to resign"),
    "stop": AskedToStop(5_000_000_000),
    "returned": WorkEnded(),
    "raised": WorkEnded(failed=True),
    "told": TellingEnded(),
    "woke": TimerFired(),
}


def idle():
    """No term yet, at 1."""
    return TermBench().at(1)


def serving():
    """The term and its work began at 0."""
    return TermBench().give(StartedLeading(7)).at(1)


def serving_without_work():
    """Nothing but the term goes on."""
    return TermBench(has_work=False, tells=False).give(StartedLeading(7)).at(1)


def winding_down():
    """Asked to resign at 1, the work still runs."""
    return serving().give(AskedToResign("asked to resign")).at(2)


def winding_down_to_stop():
    """Asked to stop at 1 within 5 s, the work still runs."""
    return serving().give(AskedToStop(5_000_000_000)).at(2)


def ending():
    """Lost at 1: the work and `on_stopped_leading` still run."""
    return serving().give(StoppedLeading(7, "lost")).at(2)


def ending_told():
    """Lost at 1 and told; the work still runs."""
    return ending().give(TellingEnded())


def ending_to_stop():
    """Stopped at 1 after the work ended at 3; `on_stopped_leading` still runs at 4."""
    return winding_down_to_stop().at(3).give(WorkEnded()).give(StoppedLeading(7, "asked to")).at(4)


def backing_off():
    """The work raised at 1, and all has ended; the next term may begin at 16."""
    bench = serving().give(WorkEnded(failed=True)).give(StoppedLeading(7, "resigned"))
    return bench.give(TellingEnded()).at(2)


def abandoned():
    """Asked to stop at 1 within 5 s, and left behind at 6."""
    return winding_down_to_stop().at(6).give(TimerFired())


STAGES = (
    idle,
    serving,
    serving_without_work,
    winding_down,
    winding_down_to_stop,
    ending,
    ending_told,
    ending_to_stop,
    backing_off,
    abandoned,
)

IMPOSSIBLE = "a term begins within a term, or ends without one"
MATRIX = {
    idle: {  # No term yet, at 1.
        "started": "serving | BeginTerm | - | -",
        "lost": IMPOSSIBLE,
        "requested": "idle | - | Resign | -",
        "resign": "idle | - | Resign | -",
        "stop": "idle | - | Stop | -",
        "returned": "idle | - | - | -",
        "raised": "idle | - | - | -",
        "told": "idle | - | - | -",
        "woke": "idle | - | - | -",
    },
    serving: {  # The term and its work began at 0.
        "started": IMPOSSIBLE,
        "lost": "ending | EndTerm | Abstain | -",
        "requested": "winding_down | AskToEnd | - | 31",
        "resign": "winding_down | AskToEnd | - | 31",
        "stop": "winding_down | AskToEnd | - | 6",
        "returned": "serving | - | Resign | -",
        "raised": "serving | - | Resign | -",
        "told": "serving | - | - | -",
        "woke": "serving | - | - | -",
    },
    serving_without_work: {  # Nothing but the term goes on.
        "started": IMPOSSIBLE,
        "lost": "idle | EndTerm | Ended Start | -",
        "requested": "winding_down | AskToEnd | Resign | -",
        "resign": "winding_down | AskToEnd | Resign | -",
        "stop": "winding_down | AskToEnd | Stop | -",
        "returned": "serving | - | - | -",
        "raised": "serving | - | - | -",
        "told": "serving | - | - | -",
        "woke": "serving | - | - | -",
    },
    winding_down: {  # Asked to resign at 1, the work still runs.
        "started": IMPOSSIBLE,
        "lost": "ending | EndTerm | Abstain | 31",
        "requested": "winding_down | - | - | 31",
        "resign": "winding_down | - | - | 31",
        "stop": "winding_down | - | - | 7",
        "returned": "winding_down | - | Resign | -",
        "raised": "winding_down | - | Resign | -",
        "told": "winding_down | - | - | 31",
        "woke": "winding_down | - | - | 31",
        "due": "winding_down | LeaveBehind | Resign(unreleased) | -",
    },
    winding_down_to_stop: {  # Asked to stop at 1 within 5 s, the work still runs.
        "started": IMPOSSIBLE,
        "lost": "ending | EndTerm | Stop | 6",
        "requested": "winding_down | - | - | 6",
        "resign": "winding_down | - | - | 6",
        "stop": "winding_down | - | - | 6",
        "returned": "winding_down | - | Stop | -",
        "raised": "winding_down | - | Stop | -",
        "told": "winding_down | - | - | 6",
        "woke": "winding_down | - | - | 6",
        "due": "abandoned | LeaveBehind | Stop(unreleased) | -",
    },
    ending: {  # Lost at 1: the work and `on_stopped_leading` still run.
        "started": IMPOSSIBLE,
        "lost": IMPOSSIBLE,
        "requested": "ending | - | Resign | -",
        "resign": "ending | - | Resign | -",
        "stop": "ending | - | Stop | 7",
        "returned": "ending | - | - | -",
        "raised": "ending | - | - | -",
        "told": "ending | - | - | -",
        "woke": "ending | - | - | -",
    },
    ending_told: {  # Lost at 1 and told; the work still runs.
        "started": IMPOSSIBLE,
        "lost": IMPOSSIBLE,
        "requested": "ending | - | Resign | -",
        "resign": "ending | - | Resign | -",
        "stop": "ending | - | Stop | 7",
        "returned": "idle | - | Ended Start | -",
        "raised": "backing_off | - | Ended | 17",
        "told": "ending | - | - | -",
        "woke": "ending | - | - | -",
    },
    ending_to_stop: {  # Stopped at 1 after the work ended at 3; `on_stopped_leading` still runs at 4.
        "started": IMPOSSIBLE,
        "lost": IMPOSSIBLE,
        "requested": "ending | - | Resign | 6",
        "resign": "ending | - | Resign | 6",
        "stop": "ending | - | Stop | 6",
        "returned": "ending | - | - | 6",
        "raised": "ending | - | - | 6",
        "told": "idle | - | Ended | -",
        "woke": "ending | - | - | 6",
        "due": "abandoned | LeaveBehind | Stop(unreleased) | -",
    },
    backing_off: {  # The work raised at 1, and all has ended; the next term may begin at 16.
        "started": IMPOSSIBLE,
        "lost": IMPOSSIBLE,
        "requested": "backing_off | - | Resign | 16",
        "resign": "backing_off | - | Resign | 16",
        "stop": "idle | - | Stop | -",
        "returned": "backing_off | - | - | 16",
        "raised": "backing_off | - | - | 16",
        "told": "backing_off | - | - | 16",
        "woke": "backing_off | - | - | 16",
        "due": "idle | - | Start | -",
    },
    abandoned: {  # Asked to stop at 1 within 5 s, and left behind at 6.
        "started": IMPOSSIBLE,
        "lost": "abandoned | EndTerm | Stop | -",
        "requested": "abandoned | - | Resign | -",
        "resign": "abandoned | - | Resign | -",
        "stop": "abandoned | - | Stop | -",
        "returned": "abandoned | - | - | -",
        "raised": "abandoned | - | - | -",
        "told": "abandoned | - | - | -",
        "woke": "abandoned | - | - | -",
    },
}


def test_every_phase_is_there():
    assert {stage().term.state for stage in STAGES} == set(PHASES)


def outcome(bench, event):
    try:
        return bench.give(event).line()
    except MachineError:
        return IMPOSSIBLE


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.__name__)
def test_every_input_has_a_decided_outcome(stage):
    actual = {name: outcome(stage(), event) for name, event in INPUTS.items()}
    due = stage()
    if due.wake_at is not None:
        actual["due"] = due.at(due.wake_at).give(TimerFired()).line()
    assert actual == MATRIX[stage]
