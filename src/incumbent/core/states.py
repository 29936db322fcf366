"""Two tables: the roles of a candidate, and the phases of its term. Read this first.

`MOVES` and `TERM_MOVES` decide what is legal and nothing else does: the machines, the diagrams and the tests
of all (state, trigger) pairs come from them. Renewing is no move: the tables are about roles and phases, the
lease is data. What decides *when* to move is plain code, in `elector.py`, `leaving.py` and `term.py`.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from transitions import Machine

FOLLOWER: Final = "follower"
CANDIDATE: Final = "candidate"
LEADER: Final = "leader"
STOPPED: Final = "stopped"
STATES: Final = (FOLLOWER, CANDIDATE, LEADER, STOPPED)


IDLE: Final = "idle"
SERVING: Final = "serving"
WINDING_DOWN: Final = "winding_down"
ENDING: Final = "ending"
BACKING_OFF: Final = "backing_off"
ABANDONED: Final = "abandoned"
PHASES: Final = (IDLE, SERVING, WINDING_DOWN, ENDING, BACKING_OFF, ABANDONED)


class Move(NamedTuple):
    """One legal change of state, and why it exists."""

    trigger: str
    source: str
    dest: str
    because: str


MOVES: Final = (
    Move("campaign", FOLLOWER, CANDIDATE, "the lease is vacant, or it expired on my clock"),
    Move("win", CANDIDATE, LEADER, "my write is the one that stuck"),
    Move("lose", CANDIDATE, FOLLOWER, "somebody else's write stuck, or mine was not found"),
    Move("step_down", LEADER, FOLLOWER, "I can no longer prove that I hold it, or I resign"),
    Move("stop", FOLLOWER, STOPPED, "asked to; final"),
    Move("stop", CANDIDATE, STOPPED, "asked to; final"),
    Move("stop", LEADER, STOPPED, "asked to; final"),
)

TERM_MOVES: Final = (
    Move("begin", IDLE, SERVING, "elected: the work begins"),
    Move("wind_down", SERVING, WINDING_DOWN, "asked to resign or to stop: the work is asked to end"),
    Move("end", SERVING, ENDING, "the term is over, and what runs of it is told"),
    Move("end", WINDING_DOWN, ENDING, "the term is over, and what runs of it is told"),
    Move("close", ENDING, IDLE, "nothing of it runs any more"),
    Move("back_off", ENDING, BACKING_OFF, "nothing of it runs any more, but its work failed or was short"),
    Move("retry", BACKING_OFF, IDLE, "the back-off is over"),
    Move("give_up", WINDING_DOWN, ABANDONED, "stopping, and the work has not ended in time; final"),
    Move("give_up", ENDING, ABANDONED, "stopping, and what runs of it has not ended in time; final"),
)


def _machine(states: tuple[str, ...], moves: tuple[Move, ...], after: str | None) -> Machine:
    """One machine serves every model: without auto transitions there is no way round the table, and without
    a registered model an elector or a term stays a small object that can be copied by the million.
    """
    return Machine(
        model=None,
        states=list(states),
        initial=states[0],
        transitions=[[move.trigger, move.source, move.dest] for move in moves],
        auto_transitions=False,
        send_event=True,
        after_state_change=after,
    )


MACHINE: Final = _machine(STATES, MOVES, "_moved")
TERM_MACHINE: Final = _machine(PHASES, TERM_MOVES, None)


def mermaid(moves: tuple[Move, ...] = MOVES) -> str:
    """A table as a Mermaid state diagram."""
    sources = [move.source for move in moves]
    lines = ["stateDiagram-v2", f"    [*] --> {sources[0]}"]
    lines += [f"    {move.source} --> {move.dest}: {move.trigger}" for move in moves]
    final = dict.fromkeys(move.dest for move in moves if move.dest not in sources)
    return "\n".join([*lines, *(f"    {state} --> [*]" for state in final)])
