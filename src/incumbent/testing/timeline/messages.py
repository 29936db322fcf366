"""The requests of a run and what became of each: done or not, answered or not, late or twice."""

from __future__ import annotations

from typing import Final, NamedTuple

from incumbent.core.messages import GetLease, Request, Unavailable, WriteRequest, Written
from incumbent.testing.history import Answered, Executed, History, Invoked
from incumbent.testing.timeline.signs import MESSAGES, seconds
from incumbent.testing.timeline.words import asked, replied

STUB: Final = 0.1
"""Of its request timeout: for how long a message that got lost is drawn."""


class Leg(NamedTuple):
    """One way of a message: down to the store or up from it; its kind is one of the signs."""

    start: int
    end: int
    down: bool
    kind: str


class Message(NamedTuple):
    """A request with its answers; `kind` is the most noteworthy thing about it."""

    start: int
    end: int
    kind: str
    legs: list[Leg]
    done: list[tuple[int, str]]  # when the store did something about it, and what: read, written or refused
    tip: str


class _Flight(NamedTuple):
    sent: Invoked
    done: list[Executed]
    answered: list[Answered]


def messages(history: History) -> dict[str, list[Message]]:
    """Every candidate's requests, in order of sending."""
    flights: dict[tuple[str, int], _Flight] = {}
    for record in history.among(Invoked, Executed, Answered):
        if isinstance(record, Invoked):
            flights[record.who, record.request.id] = _Flight(record, [], [])
        elif isinstance(record, Executed) and (record.who, record.request.id) in flights:
            flights[record.who, record.request.id].done.append(record)
        elif isinstance(record, Answered) and (record.who, record.reply.id) in flights:
            flights[record.who, record.reply.id].answered.append(record)
    found: dict[str, list[Message]] = {name: [] for name in history.configs}
    claimed: set[tuple[str, str]] = set()
    for flight in flights.values():
        found[flight.sent.who.partition("-")[0]].append(_message(history, flight, claimed))
    return found


def _message(history: History, flight: _Flight, claimed: set[tuple[str, str]]) -> Message:
    sent = flight.sent
    legs = [*_down(history, flight), *_up(history, flight)]
    done = [(one.at, _outcome(one)) for one in flight.done]
    kinds = {*(leg.kind for leg in legs), *(kind for _, kind in done)}
    kind = max(kinds & {*MESSAGES}, key=MESSAGES.index, default="read")
    end = max(leg.end for leg in legs)
    return Message(sent.at, end, kind, legs, done, _tip(history, flight, claimed))


def _outcome(one: Executed) -> str:
    if isinstance(one.request, GetLease):
        return "read"
    return "written" if isinstance(one.reply, Written) else "refused"


def _down(history: History, flight: _Flight) -> list[Leg]:
    sent, slowest = flight.sent.at, history.profile.delay[1]
    if not flight.done:
        is_rejected = any(isinstance(one.reply, Unavailable) for one in flight.answered)
        kind = "unusable" if is_rejected else "lost"
        end = sent + _stub(history, flight.sent)
        return [Leg(sent, end, True, kind if end <= history.end else "read")]
    first, *again = flight.done
    legs = [Leg(sent, first.at, True, "slow" if first.at - sent > slowest else "read")]
    return [*legs, *(Leg(sent, one.at, True, "repeated") for one in again)]


def _up(history: History, flight: _Flight) -> list[Leg]:
    slowest, stub = history.profile.delay[1], _stub(history, flight.sent)
    legs: list[Leg] = []
    answered: set[int] = set()
    for one in flight.answered:
        earlier = [done for done in flight.done if done.at <= one.at]
        match = next((done for done in earlier if done.reply == one.reply), earlier[-1] if earlier else None)
        if match is None:
            continue
        kind = "slow" if one.at - match.at > slowest else "read"
        if match.reply != one.reply:
            kind = "unusable"
        elif match.at in answered:
            kind = "repeated"
        answered.add(match.at)
        legs.append(Leg(match.at, one.at, False, kind))
    silent = [done.at for done in flight.done if done.at not in answered and done.at + stub <= history.end]
    return [*legs, *(Leg(at, at + stub, False, "answer lost") for at in silent)]


def _stub(history: History, sent: Invoked) -> int:
    return int(history.config(sent.who).request_timeout_ns * STUB)


def _tip(history: History, flight: _Flight, claimed: set[tuple[str, str]]) -> str:
    sent, request = flight.sent, flight.sent.request
    lines = [
        f"{sent.who}: {asked(request, claims=_claims(request, claimed))}, sent at {seconds(sent.at, 4)} s"
    ]
    lines += [f"done at {seconds(one.at, 4)} s: {replied(one.reply)}" for one in flight.done]
    if not flight.done and sent.at + _stub(history, sent) <= history.end:
        lines.append("it never reached the store")
    for one in flight.answered:
        what = "" if not isinstance(one.reply, Unavailable) else f": {one.reply.reason}"
        lines.append(f"answered at {seconds(one.at, 4)} s{what}{'' if one.heard else ', too late to count'}")
    if flight.done and not flight.answered:
        lines.append("the answer never arrived")
    return "\n".join(lines)


def _claims(request: Request, claimed: set[tuple[str, str]]) -> bool:
    """Whether this is the first write of its session with its token."""
    if not isinstance(request, WriteRequest):
        return False
    key = (request.lease.holder_session, str(request.lease.leader_transitions))
    is_first = key not in claimed
    claimed.add(key)
    return is_first
