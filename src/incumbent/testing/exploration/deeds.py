"""The actions of a small world and their outcomes.

Everything here is a function of values: an action makes new ones of a participant and the record. The search
walks through all of it in canonical coordinates, `program` walks one trace again in real ones; both call the
same functions, so what was explored is what is replayed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from incumbent.core.candidate import Candidate, Handled, Output
from incumbent.core.elector import Elector
from incumbent.core.messages import (
    GetLease,
    Input,
    Reply,
    Request,
    Start,
    StoreChanged,
    TimerFired,
    Unavailable,
    WriteRequest,
    Written,
)
from incumbent.core.term import Term
from incumbent.core.term_messages import TellingEnded, TermInput
from incumbent.lease import StoredLease, Version
from incumbent.testing.compare_and_swap import read, refusal
from incumbent.testing.exploration.rules import broken_by_step, broken_by_write
from incumbent.testing.exploration.user_code import UserCode
from incumbent.testing.exploration.world import Action, Moment, Outcome, Participant, SmallWorld

ANSWERED: Final = "answered"
DONE_BUT_FAILED: Final = "done, but answered with an error"
FAILED: Final = "failed, outcome unknown"
NOT_DONE: Final = "failed, certainly not done"


def actions(world: SmallWorld, participant: Participant, now: int) -> Iterator[Action]:
    """All that can happen to a candidate at the reading `now` of its clock, besides that time passes."""
    elector = participant.elector
    is_heard = elector is not None and not participant.is_finished
    for at, message in enumerate(participant.mail):
        if not isinstance(message, Reply):
            yield from (Action("asks", at, how) for how in _answers(world, elector, message))
            if world.duplicates and not isinstance(message, GetLease):
                yield Action("asks", at, ANSWERED, keeps=True)
        elif is_heard:
            yield Action("receives", at)
            if world.duplicates:
                yield Action("receives", at, keeps=True)
    if elector is None:
        yield Action("starts")
        return
    if world.crashes:
        yield Action("crashes")
    if is_heard:
        if participant.wake_at is not None and now >= participant.wake_at:
            yield Action("wakes")
        yield from _unasked(world)
        yield from _endings(world, participant.code)


def _unasked(world: SmallWorld) -> Iterator[Action]:
    """What a candidate may be given at any moment."""
    yield from (Action("is given", what=event) for event in world.inputs)
    if world.hints:
        yield Action("is told")


def _endings(world: SmallWorld, code: UserCode) -> Iterator[Action]:
    """The ways in which the user's code that runs can end now."""
    if code.works:
        yield from (Action("obeys" if code.asked else "ends", what=ending) for ending in world.endings)
    if code.tells:
        yield Action("obeys", what=TellingEnded())


def _answers(world: SmallWorld, elector: Elector | None, request: Request) -> tuple[str, ...]:
    is_awaited = elector is not None and elector.pending is not None and elector.pending.id == request.id
    if not world.errors or not is_awaited:
        return (ANSWERED,)
    return (
        (ANSWERED, FAILED) if isinstance(request, GetLease) else (ANSWERED, DONE_BUT_FAILED, FAILED, NOT_DONE)
    )


def outcomes(
    world: SmallWorld,
    participant: Participant,
    record: StoredLease | None,
    action: Action,
    moment: Moment,
) -> Iterator[tuple[Action, Outcome]]:
    """Yield the outcomes of an action: several where the network has no room and must lose a message."""
    outcome = act(world, participant, record, action, moment)
    after = outcome.participant
    if len(after.mail) <= world.in_flight:
        yield action, outcome
        return
    for at in range(len(after.mail) - 1):  # never the last one: to lie there for ever is to be lost
        left = after._replace(mail=after.mail[:at] + after.mail[at + 1 :])
        yield action._replace(loses=at), outcome._replace(participant=left)


def act(
    world: SmallWorld,
    participant: Participant,
    record: StoredLease | None,
    action: Action,
    moment: Moment,
) -> Outcome:
    """Let the action happen; nothing that was given is changed."""
    elector, mail = participant.elector, participant.mail
    message = mail[action.at] if action.kind in ("asks", "receives") else None
    if message is not None and not action.keeps:
        mail = mail[: action.at] + mail[action.at + 1 :]
    if action.kind == "crashes":
        writes = (left for left in mail if isinstance(left, WriteRequest))
        orphans = tuple(replace(write, id=-abs(write.id)) for write in writes)  # done or not, nobody waits
        return Outcome(Participant(mail=orphans), record)
    if message is not None and not isinstance(message, Reply):
        is_orphan = message.id < 0
        sender = None if is_orphan else elector
        reply, record, broken = _ask(sender, message, record, str(action.what), moment.version)
        if not is_orphan:
            at = len(mail) if action.keeps else action.at
            mail = (*mail[:at], reply, *mail[at:])
        return Outcome(participant._replace(mail=mail), record, broken=broken)
    if elector is None:
        term = None if world.term is None else Term(world.term)
        begun = Participant(Elector(world.config, session=moment.session), mail, term)
        return _handle(begun, record, Start(), moment.now)
    event = StoreChanged(record) if action.kind == "is told" else _event(action, message)
    return _handle(participant._replace(mail=mail), record, event, moment.now)


def _event(action: Action, message: Reply | None) -> Input | TermInput:
    if message is not None:
        return message
    return TimerFired() if isinstance(action.what, str) else action.what


def _handle(
    participant: Participant, record: StoredLease | None, event: Input | TermInput, now: int
) -> Outcome:
    """Give a candidate an input, and hold each step that it takes, and all that comes of it, to the rules."""
    assert participant.elector is not None  # noqa: S101  # who is down is given nothing
    before, elector = participant.elector, participant.elector.copy()
    candidate = None if participant.term is None else Candidate(elector, participant.term.copy())
    code, outputs, broken = participant.code, [], ""
    if candidate is not None:
        code = code.given(event, now, candidate.term.config)
    try:
        for output in _alone(elector, event, now) if candidate is None else candidate.handle(event, now):
            outputs.append(output)
            wrong = ""
            if isinstance(output, Handled):
                broken = broken or broken_by_step(before, output.event, now, output.effects, elector)
                before = elector.copy()
            if candidate is not None:
                code, wrong = code.saw(output, now, candidate.term.config)
            broken = broken or wrong
    except Exception as error:  # noqa: BLE001 - whatever a broken elector or term raises is a finding
        return Outcome(participant, record, (), f"handle raised {type(error).__name__}: {error}")
    if candidate is not None:
        code, wrong = code.settled(candidate)
        broken = broken or wrong
    requests = tuple(output for output in outputs if isinstance(output, Request))
    mail = (*participant.mail, *requests)
    after = Participant(elector, mail, None if candidate is None else candidate.term, code)
    return Outcome(after, record, tuple(outputs), broken)


def _alone(elector: Elector, event: Input | TermInput, now: int) -> Iterator[Output]:
    """Handle an input of an elector that has no term."""
    effects = elector.handle(event, now)  # type: ignore[arg-type]  # `inputs` of such a world are an elector's
    yield Handled(event, effects)  # type: ignore[arg-type]  # likewise
    if effects.request is not None:
        yield effects.request


def _ask(
    sender: Elector | None, request: Request, record: StoredLease | None, how: str, version: Version
) -> tuple[Reply, StoredLease | None, str]:
    """The store deals with a request: the reply, the record afterwards, and the rule that was broken."""
    if how in (FAILED, NOT_DONE):
        return Unavailable(request.id, outcome_unknown=how == FAILED), record, ""
    if isinstance(request, GetLease):
        return read(request, record), record, ""
    refused = refusal(request, record)
    if refused is not None:
        return refused, record, ""
    broken = broken_by_write(sender, record, request.lease)
    reply = Unavailable(request.id) if how == DONE_BUT_FAILED else Written(request.id, version)
    return reply, StoredLease(request.lease, version), broken
