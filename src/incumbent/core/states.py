"""The roles of a candidate and every legal move between them. Read this first.

`MOVES` decides what is legal and nothing else does: the machine, the diagram and the tests of all
(state, trigger) pairs come from it. Renewing is no move: the table is about roles, the lease is data.
Everything that decides *when* to move is plain code in `incumbent.core.elector`.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from transitions import Machine

FOLLOWER: Final = "follower"
CANDIDATE: Final = "candidate"
LEADER: Final = "leader"
STOPPED: Final = "stopped"
STATES: Final = (FOLLOWER, CANDIDATE, LEADER, STOPPED)


class Move(NamedTuple):
    """One legal change of role, and why it exists."""

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

# One machine serves every elector: without auto transitions there is no way round the table, and without
# a registered model an elector stays a small object that can be copied by the million.
MACHINE: Final = Machine(
    model=None,
    states=list(STATES),
    initial=FOLLOWER,
    transitions=[[move.trigger, move.source, move.dest] for move in MOVES],
    auto_transitions=False,
    send_event=True,
    after_state_change="_moved",
)


def mermaid() -> str:
    """The table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", f"    [*] --> {FOLLOWER}"]
    lines += [f"    {move.source} --> {move.dest}: {move.trigger}" for move in MOVES]
    return "\n".join([*lines, f"    {STOPPED} --> [*]"])
