"""Rules for single steps of an elector and for single writes, each by its name.

What concerns several candidates, exclusion and new tokens for new terms, is in `graph` and `relations`.
"""

from __future__ import annotations

from typing import Final

from incumbent.core.elector import Elector
from incumbent.core.messages import (
    Effects,
    Found,
    GetLease,
    Input,
    Notice,
    Reply,
    StartedLeading,
    StoppedLeading,
    UpdateLease,
    Written,
)
from incumbent.core.states import MOVES, STOPPED
from incumbent.lease import Lease, StoredLease

TWO_LEADERS: Final = "S1 exclusion: two leaders at one instant"
NOT_ABOVE: Final = "S5 fencing: a term began with a token that is not above those of all terms before"
_EDGES: Final = frozenset((move.trigger, move.source, move.dest) for move in MOVES)


def broken_by_write(writer: Elector | None, old: StoredLease | None, lease: Lease) -> str:
    """The rule that is broken when `lease` takes the place of `old`, or ""."""
    token = 0 if old is None else old.lease.leader_transitions
    if lease.is_vacant:
        session = "" if old is None else old.lease.holder_session.rpartition(".")[0]
        if writer is not None and session != writer.session:
            return "E5: a lease was released by somebody who did not hold it"
        return "" if lease.leader_transitions == token else "S5 fencing: a release changed the token"
    is_renewal = old is not None and lease.holder_session == old.lease.holder_session
    if lease.leader_transitions < token + (not is_renewal):
        return "S5 fencing: a write lowered the token, or an acquisition did not raise it"
    return ""


def broken_by_step(before: Elector, event: Input, now: int, effects: Effects, after: Elector) -> str:
    """The rule that an elector broke when it took `event` at `now`, or ""."""
    return (
        _moves_off_the_table(before, effects, after)
        or _lives_after_the_end(before, effects, after)
        or _tells_no_story(before, effects.notices, after)
        or _asks_twice(before, event, now, effects)
        or _releases_too_early(before, now, effects, after)
        or _believes_without_proof(before, event, after)
    )


def _moves_off_the_table(before: Elector, effects: Effects, after: Elector) -> str:
    state = before.state
    for move in effects.moves:
        if move.source != state or (move.trigger, move.source, move.dest) not in _EDGES:
            return f"E1: {move.trigger} from {state} to {move.dest} is no row of the table"
        state = move.dest
    return "" if state == after.state else f"E1: the state became {after.state} without a move"


def _lives_after_the_end(before: Elector, effects: Effects, after: Elector) -> str:
    if before.state != STOPPED:
        return ""
    request = effects.request
    is_release = isinstance(request, UpdateLease) and request.lease.is_vacant
    is_for_one = is_release or (isinstance(request, GetLease) and after.leaving is not None)
    if after.state != STOPPED or after.office is not None or not (request is None or is_for_one):
        return "E2: a stopped elector did more than release"
    return ""


def _tells_no_story(before: Elector, notices: tuple[Notice, ...], after: Elector) -> str:
    token = before.token
    for notice in notices:
        if isinstance(notice, StartedLeading):
            if token is not None:
                return "E3: a term began within a term"
            token = notice.token
        elif isinstance(notice, StoppedLeading):
            if token != notice.token:
                return "E3: a term ended that had not begun"
            token = None
    return "" if token == after.token else "E3: a term began or ended, and nobody was told"


def _asks_twice(before: Elector, event: Input, now: int, effects: Effects) -> str:
    pending = before.pending
    if pending is None or effects.request is None:
        return ""
    is_answered = isinstance(event, Reply) and event.id == pending.id
    is_over = now >= pending.expires_at or bool(effects.moves)
    return "" if is_answered or is_over else "E4: a second request was sent while one was in flight"


def _releases_too_early(before: Elector, now: int, effects: Effects, after: Elector) -> str:
    request = effects.request
    if request is None or isinstance(request, GetLease) or not request.lease.is_vacant:
        return ""
    if not isinstance(request, UpdateLease) or (before.office is None and before.leaving is None):
        return "E5: a lease was released without having been held"
    if after.leaving is None or not after.leaving.ended:
        return "E5: a lease was released while something of its term ran"
    return "E5: a lease was released while leading" if after.is_leader(now) else ""


def _believes_without_proof(before: Elector, event: Input, after: Elector) -> str:
    was = -1 if before.office is None else before.office.until
    if after.office is None or after.office.until <= was or isinstance(event, (Found, Written)):
        return ""
    return "E6: a term was prolonged by something else than an answer of the store"
