"""The table of roles: which moves are legal, and that there is no way round it."""

from __future__ import annotations

import itertools
import re

import pytest
from transitions import MachineError

from incumbent.core import states
from incumbent.core.states import MACHINE, MOVES, PHASES, STATES, TERM_MACHINE, TERM_MOVES, mermaid

LEGAL = {
    ("follower", "campaign"): "candidate",
    ("candidate", "win"): "leader",
    ("candidate", "lose"): "follower",
    ("leader", "step_down"): "follower",
    ("follower", "stop"): "stopped",
    ("candidate", "stop"): "stopped",
    ("leader", "stop"): "stopped",
}
TERM_LEGAL = {
    ("idle", "begin"): "serving",
    ("serving", "wind_down"): "winding_down",
    ("serving", "end"): "ending",
    ("winding_down", "end"): "ending",
    ("winding_down", "give_up"): "abandoned",
    ("ending", "close"): "idle",
    ("ending", "back_off"): "backing_off",
    ("ending", "give_up"): "abandoned",
    ("backing_off", "retry"): "idle",
}
TRIGGERS = ("campaign", "win", "lose", "step_down", "stop")


class Role:
    """The least model the machine can move: a state and the hook; equal to every other one."""

    __slots__ = ("seen", "state")

    def __init__(self, state):
        self.state = state
        self.seen = []

    def _moved(self, event):
        self.seen.append((event.event.name, event.transition.source, event.transition.dest, event.kwargs))

    def __eq__(self, other):
        return isinstance(other, Role)

    def __hash__(self):
        return 0


def test_the_table_is_the_designs_table():
    assert STATES == ("follower", "candidate", "leader", "stopped")
    assert {(move.source, move.trigger): move.dest for move in MOVES} == LEGAL
    assert len(MOVES) == len(LEGAL)


@pytest.mark.parametrize(("state", "trigger"), list(itertools.product(STATES, TRIGGERS)))
def test_every_state_and_trigger(state, trigger):
    """A legal trigger moves, and calls the hook once with the reason; any other raises and moves nothing."""
    role = Role(state)
    dest = LEGAL.get((state, trigger))
    if dest is None:
        with pytest.raises(MachineError, match=trigger):
            MACHINE.events[trigger].trigger(role, reason="because")
        assert (role.state, role.seen) == (state, [])
    else:
        assert MACHINE.events[trigger].trigger(role, reason="because") is True
        assert (role.state, role.seen) == (dest, [(trigger, state, dest, {"reason": "because"})])


@pytest.mark.parametrize(
    ("state", "trigger"), list(itertools.product(PHASES, sorted({move.trigger for move in TERM_MOVES})))
)
def test_every_phase_of_a_term_and_trigger(state, trigger):
    """A legal trigger moves; any other raises and moves nothing."""
    role = Role(state)
    dest = TERM_LEGAL.get((state, trigger))
    if dest is None:
        with pytest.raises(MachineError, match=trigger):
            TERM_MACHINE.events[trigger].trigger(role)
    else:
        TERM_MACHINE.events[trigger].trigger(role)
    assert role.state == (dest or state)


def test_what_was_abandoned_stays_so_and_every_phase_is_reached():
    assert {move.source for move in TERM_MOVES} == set(PHASES) - {"abandoned"}
    assert {move.dest for move in TERM_MOVES} == set(PHASES)


def test_stopped_is_final():
    assert "stopped" not in {move.source for move in MOVES}


def test_every_state_is_reached_and_only_a_candidate_wins():
    assert {move.dest for move in MOVES} | {states.FOLLOWER} == set(STATES)
    assert {move.source for move in MOVES if move.dest == "leader"} == {"candidate"}


def test_no_auto_transitions():
    """Trap of `transitions`: by default `to_leader` goes from anywhere to leader, past the table."""
    assert set(MACHINE.events) == set(TRIGGERS)


def test_no_model_is_registered():
    """Trap: with a registered model the machine holds it for ever, and equal ones count as one."""
    assert MACHINE.models == []


def test_equal_models_move_apart():
    """Trap: equal models must not share a move."""
    one, two = Role("follower"), Role("follower")
    MACHINE.events["campaign"].trigger(one, reason="because")
    assert (one.state, two.state) == ("candidate", "follower")


def test_errors_in_the_hook_are_not_swallowed():
    """Traps: an `on_exception` handler or a `finalize_event` would turn a failed assertion into silence."""

    class Broken(Role):
        def _moved(self, event):
            raise AssertionError("noticed")

    assert MACHINE.on_exception == []
    assert MACHINE.finalize_event == []
    with pytest.raises(AssertionError, match="noticed"):
        MACHINE.events["campaign"].trigger(Broken("follower"), reason="because")


def test_no_conditions():
    """Trap: a false guard refuses silently. The table has none, so a move happens or raises."""
    transitions = [
        transition
        for event in MACHINE.events.values()
        for group in event.transitions.values()
        for transition in group
    ]
    assert len(transitions) == len(MOVES)
    assert all(transition.conditions == [] for transition in transitions)


def test_each_row_says_why_in_words_of_its_own():
    because = [move.because for move in MOVES]
    assert all(re.fullmatch(r"[a-z I][^.]+", text) for text in because)
    assert len(set(because)) == len({move.trigger for move in MOVES})


def test_mermaid_draws_the_phases_of_a_term():
    assert mermaid(TERM_MOVES) == (
        "stateDiagram-v2\n"
        "    [*] --> idle\n"
        "    idle --> serving: begin\n"
        "    serving --> winding_down: wind_down\n"
        "    serving --> ending: end\n"
        "    winding_down --> ending: end\n"
        "    ending --> idle: close\n"
        "    ending --> backing_off: back_off\n"
        "    backing_off --> idle: retry\n"
        "    winding_down --> abandoned: give_up\n"
        "    ending --> abandoned: give_up\n"
        "    abandoned --> [*]"
    )


def test_mermaid_draws_the_table():
    assert states.mermaid() == (
        "stateDiagram-v2\n"
        "    [*] --> follower\n"
        "    follower --> candidate: campaign\n"
        "    candidate --> leader: win\n"
        "    candidate --> follower: lose\n"
        "    leader --> follower: step_down\n"
        "    follower --> stopped: stop\n"
        "    candidate --> stopped: stop\n"
        "    leader --> stopped: stop\n"
        "    stopped --> [*]"
    )
