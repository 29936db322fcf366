"""The inputs and outputs of an elector. All are immutable; all instants are in nanoseconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from incumbent.lease import Lease, StoredLease, Version

# Inputs: what the outside asks for or knows.


@dataclass(frozen=True, slots=True)
class Start:
    """Contend from now on: the first input, and the end of an `Abstain`."""


@dataclass(frozen=True, slots=True)
class TimerFired:
    """Time has passed: give it at or after `wake_at`; at any other moment it does no harm."""


@dataclass(frozen=True, slots=True)
class StoreChanged:
    """The store hints that the record may have changed (P12).

    Attributes:
        stored: The record as it was at some moment before now, if the hint carries it. None: read it.
    """

    stored: StoredLease | None = None


@dataclass(frozen=True, slots=True)
class Abstain:
    """Go on observing, but do not campaign until the next `Start`.

    For a driver whose last term's work has not ended yet, or failed and is backing off. A candidacy under
    way is given up; a leader is not affected, and abstains after its term.
    """


@dataclass(frozen=True, slots=True)
class Resign:
    """Give up office, stay in the race; give this when the work has ended, then `Ended` (P9).

    Attributes:
        release: False leaves the lease to expire, also where its release still waits for `Ended`.
        hold_ns: For so long from the beginning of the term nobody should claim what is released; 0: at once
            (P16).
        successor: The identity for whom the release is meant; "": whom the request on the record names, if
            there is one (P17).
    """

    release: bool = True
    hold_ns: int = 0
    successor: str = ""


@dataclass(frozen=True, slots=True)
class Stop:
    """Leave the race for good; for a leader, give this when the work has ended, then `Ended` (P9).

    Attributes:
        release: False leaves the lease to expire, also where its release still waits for `Ended`.
        hold_ns: As of `Resign`.
        successor: As of `Resign`.
    """

    release: bool = True
    hold_ns: int = 0
    successor: str = ""


@dataclass(frozen=True, slots=True)
class Ended:
    """Nothing of the last term runs any more, neither its work nor what was told of its end (P9).

    A release waits for this input. Without a release that waits it does nothing.
    """


# Requests: what the elector asks of the store, one at a time (P10).


@dataclass(frozen=True, slots=True)
class GetLease:
    """Read the record.

    Attributes:
        id: Its reply must carry it.
        sent_at: The reading of the clock that sent it.
        expires_at: An answer after this instant may be ignored.
    """

    id: int
    sent_at: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class CreateLease:
    """Create the record, if there is none (P1)."""

    id: int
    sent_at: int
    expires_at: int
    lease: Lease


@dataclass(frozen=True, slots=True)
class UpdateLease:
    """Replace the record, if it is at `version` (P1)."""

    id: int
    sent_at: int
    expires_at: int
    lease: Lease
    version: Version


WriteRequest: TypeAlias = CreateLease | UpdateLease
Request: TypeAlias = GetLease | CreateLease | UpdateLease


# Replies: what the store made of a request.


@dataclass(frozen=True, slots=True)
class Found:
    """Done: the record as it was at some moment."""

    id: int
    stored: StoredLease


@dataclass(frozen=True, slots=True)
class Written:
    """Done: the write took effect and gave the record this version."""

    id: int
    version: Version


@dataclass(frozen=True, slots=True)
class Refused:
    """Refused: the record was not at the version named, or existed already. Nothing was written."""

    id: int


@dataclass(frozen=True, slots=True)
class Missing:
    """There is no record, so there was nothing to read or replace. Nothing was written."""

    id: int


@dataclass(frozen=True, slots=True)
class Unavailable:
    """No answer, or none that can be used.

    Attributes:
        id: The request's.
        outcome_unknown: A write may have happened, or may still happen (P7).
        reason: For the log.
    """

    id: int
    outcome_unknown: bool = True
    reason: str = "the store is unavailable"


Reply: TypeAlias = Found | Written | Refused | Missing | Unavailable
Input: TypeAlias = Start | TimerFired | StoreChanged | Abstain | Resign | Stop | Ended | Reply


# Outputs.


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of role: a row of `states.MOVES`, and what brought it about this time."""

    trigger: str
    source: str
    dest: str
    reason: str


@dataclass(frozen=True, slots=True)
class StartedLeading:
    """A term begins; `token` is its fencing token."""

    token: int


@dataclass(frozen=True, slots=True)
class StoppedLeading:
    """The term with this token is over."""

    token: int
    reason: str


@dataclass(frozen=True, slots=True)
class NewLeader:
    """Somebody else (or oneself) was observed as the holder; None: the lease is vacant or missing."""

    identity: str | None


@dataclass(frozen=True, slots=True)
class ResignRequested:
    """The record asks this leader to resign (P14): end the work, then answer with `Resign`."""

    by: str


@dataclass(frozen=True, slots=True)
class ClockWentBackwards:
    """The injected clock misbehaved by this many nanoseconds; all waits were begun anew."""

    by: int


Notice: TypeAlias = StartedLeading | StoppedLeading | NewLeader | ResignRequested | ClockWentBackwards


class Effects(NamedTuple):
    """All that one input brought about.

    Attributes:
        moves: Changes of role, in order; already made.
        notices: Deliver them in this order, before the request is sent.
        request: At most one; the reply MUST come back through `handle`, or `expires_at` answers for it.
        wake_at: Give a `TimerFired` then or as soon after it as possible; None: not before another input.
    """

    moves: tuple[Transition, ...]
    notices: tuple[Notice, ...]
    request: Request | None
    wake_at: int | None
