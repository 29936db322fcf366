"""The inputs and outputs of a term. All are immutable; all instants are in nanoseconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from incumbent.core.messages import Input, ResignRequested, StartedLeading, StoppedLeading, TimerFired

# Inputs, besides the notices of the elector and `TimerFired`.


@dataclass(frozen=True, slots=True)
class AskedToResign:
    """Somebody asks the leader to give up office and stay in the race.

    Attributes:
        reason: For the log, and the work.
        successor: The identity that the release is to name; "": nobody's (P17).
    """

    reason: str
    successor: str = ""


@dataclass(frozen=True, slots=True)
class AskedToStop:
    """Somebody asks the candidate to leave the race.

    Attributes:
        patience: How long what runs of a term may take to end before it is left behind.
    """

    patience: int


@dataclass(frozen=True, slots=True)
class WorkEnded:
    """The work of the term has returned, or raised."""

    failed: bool = False


@dataclass(frozen=True, slots=True)
class TellingEnded:
    """The callback about the term's end, `on_stopped_leading`, has returned or raised."""


# Outputs.


@dataclass(frozen=True, slots=True)
class BeginTerm:
    """The term begins, and its work."""

    token: int


@dataclass(frozen=True, slots=True)
class AskToEnd:
    """Ask the work to end; the term goes on until it has."""

    reason: str


@dataclass(frozen=True, slots=True)
class EndTerm:
    """The term is over: tell its work, and `on_stopped_leading`."""

    reason: str


@dataclass(frozen=True, slots=True)
class LeaveBehind:
    """Report that user code of the term did not end in time."""


TermInput: TypeAlias = (
    StartedLeading
    | StoppedLeading
    | ResignRequested
    | AskedToResign
    | AskedToStop
    | WorkEnded
    | TellingEnded
    | TimerFired
)
Order: TypeAlias = BeginTerm | AskToEnd | EndTerm | LeaveBehind


class TermEffects(NamedTuple):
    """All that one input of a term brought about.

    Attributes:
        orders: Carry them out in this order.
        inputs: Give them to the elector, in this order.
        wake_at: Give a `TimerFired` then or as soon after it as possible; None: not before another input.
    """

    orders: tuple[Order, ...]
    inputs: tuple[Input, ...]
    wake_at: int | None
