"""A world small enough to be explored whole, and all that can happen in it.

Everything here is a function of values: a candidate is an elector and its messages, the store is one record,
and an action makes new ones of them. The search walks through all of it in canonical coordinates, `program`
walks one trace again in real ones; both call the same functions, so what was explored is what is replayed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple, TypeAlias

from incumbent.config import ElectorConfig
from incumbent.core.elector import Elector
from incumbent.core.messages import (
    CreateLease,
    Effects,
    Found,
    GetLease,
    Input,
    Missing,
    Refused,
    Reply,
    Request,
    Start,
    TimerFired,
    Unavailable,
    UpdateLease,
    WriteRequest,
    Written,
)
from incumbent.errors import ConfigurationError
from incumbent.lease import NANOSECONDS, StoredLease, StoreGuarantees, Version
from incumbent.testing.exploration.rules import broken_by_step, broken_by_write

STEP: Final = NANOSECONDS
"""One step of the grid on which all clocks of a small world tick: a second."""

_DURABLE: Final = StoreGuarantees(durable=True)

IDENTITY: Final = "candidate"
"""The name of every candidate: names need not be unique (P2), and this is the hardest case of that."""

OPERATOR: Final = "operator"
"""Who asks leaders to resign (P14)."""

ANSWERED: Final = "answered"
DONE_BUT_FAILED: Final = "done, but answered with an error"
FAILED: Final = "failed, outcome unknown"
NOT_DONE: Final = "failed, certainly not done"


@dataclass(frozen=True)
class SmallWorld:
    """How large the world is, in grid steps, and what goes wrong in it.

    Loss, delay, reordering and pauses are always there: whatever can happen need not happen now or ever.

    Attributes:
        candidates: How many contend.
        lease_duration: In steps.
        renew_deadline: In steps.
        retry_period: In steps.
        request_timeout: In steps; a half lies between two ticks.
        takeover_delay: In steps.
        skew: By how many steps any two clocks may ever differ. 0: all tick at once.
        in_flight: How many messages of one candidate the network holds. With 1 a new request replaces a lost
            one; with 2 an old write may still land, an old answer still come.
        crashes: A candidate may crash at any moment, and be started again as a new process of the same name.
        duplicates: A message may be delivered and still be under way.
        errors: A request may fail, done or not, with an error of known or unknown outcome.
        resign_requests: Somebody may put a request to resign on the record (P14).
        touches: Somebody may touch the record: another version, the same write (P15).
        inputs: What else may be given to any running candidate at any moment.
        guarantees: What the store promises.

    Raises:
        ConfigurationError: A number is impossible, or P6 does not hold for this skew.
    """

    candidates: int = 2
    lease_duration: int = 4
    renew_deadline: int = 2
    retry_period: int = 1
    request_timeout: float = 0.5
    takeover_delay: int = 0
    skew: int = 1
    in_flight: int = 1
    crashes: bool = False
    duplicates: bool = False
    errors: bool = False
    resign_requests: bool = False
    touches: bool = False
    inputs: tuple[Input, ...] = ()
    guarantees: StoreGuarantees = _DURABLE
    config: ElectorConfig = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.candidates < 1 or self.in_flight < 1 or self.skew < 0:
            raise ConfigurationError(
                f"{self!r}: give candidates and in_flight of 1 or more, skew of 0 or more"
            )
        if self.renew_deadline + 2 * self.skew > self.lease_duration:
            raise ConfigurationError(
                f"lease_duration {self.lease_duration} is less than renew_deadline {self.renew_deadline} + "
                f"2 * skew {self.skew} (P6): two clocks may drift apart by twice the skew within one lease"
            )
        config = ElectorConfig(
            IDENTITY,
            lease_duration=self.lease_duration,
            renew_deadline=self.renew_deadline,
            retry_period=self.retry_period,
            request_timeout=self.request_timeout,
            takeover_delay=self.takeover_delay,
            jitter=0,
            clock_drift=0,
            guarantees=self.guarantees,
        )
        object.__setattr__(self, "config", config)

    @property
    def election_bound(self) -> int:
        """Within how many steps of good order somebody leads (L1): a lease, two retries and a timeout."""
        return int(
            self.lease_duration + self.takeover_delay + 2 * self.retry_period + self.request_timeout + 0.5
        )


Mail: TypeAlias = tuple[Request | Reply, ...]


class Candidate(NamedTuple):
    """One candidate: its elector, or None while it is down, and its messages, oldest first."""

    elector: Elector | None = None
    mail: Mail = ()


class Action(NamedTuple):
    """One thing that happens to a candidate.

    Attributes:
        kind: "starts", "crashes", "wakes", "is given", "receives" or "asks" (the store, which does it now).
        at: Which message of its mail.
        what: The input that is given, or how the store deals with the request.
        keeps: The message stays under way.
        loses: Which message is lost for want of room.
    """

    kind: str
    at: int = 0
    what: Input | str = ""
    keeps: bool = False
    loses: int | None = None


class Outcome(NamedTuple):
    """What an action led to, and the rule that it broke, or ""."""

    candidate: Candidate
    record: StoredLease | None
    effects: Effects | None
    broken: str


class Moment(NamedTuple):
    """When an action happens.

    Attributes:
        now: What the candidate's clock reads, in nanoseconds.
        session: The base of sessions for an elector that starts now.
        version: The version for a record that is written now.
    """

    now: int
    session: str
    version: Version


def actions(world: SmallWorld, candidate: Candidate, now: int) -> Iterator[Action]:
    """All that can happen to a candidate at the reading `now` of its clock, besides that time passes."""
    elector = candidate.elector
    for at, message in enumerate(candidate.mail):
        if not isinstance(message, Reply):
            yield from (Action("asks", at, how) for how in _answers(world, elector, message))
            if world.duplicates and not isinstance(message, GetLease):
                yield Action("asks", at, ANSWERED, keeps=True)
        elif elector is not None:
            yield Action("receives", at)
            if world.duplicates:
                yield Action("receives", at, keeps=True)
    if elector is None:
        yield Action("starts")
        return
    if elector.wake_at is not None and now >= elector.wake_at:
        yield Action("wakes")
    if world.crashes:
        yield Action("crashes")
    yield from (Action("is given", what=event) for event in world.inputs)


def _answers(world: SmallWorld, elector: Elector | None, request: Request) -> tuple[str, ...]:
    is_awaited = elector is not None and elector.pending is not None and elector.pending.id == request.id
    if not world.errors or not is_awaited:
        return (ANSWERED,)
    return (
        (ANSWERED, FAILED) if isinstance(request, GetLease) else (ANSWERED, DONE_BUT_FAILED, FAILED, NOT_DONE)
    )


def outcomes(
    world: SmallWorld,
    candidate: Candidate,
    record: StoredLease | None,
    action: Action,
    moment: Moment,
) -> Iterator[tuple[Action, Outcome]]:
    """What the action leads to: several things where the network has no room and must lose a message."""
    outcome = act(world, candidate, record, action, moment)
    elector, mail = outcome.candidate
    if len(mail) <= world.in_flight:
        yield action, outcome
        return
    for at in range(len(mail) - 1):  # never the last one: to lie there for ever is to be lost
        left = Candidate(elector, mail[:at] + mail[at + 1 :])
        yield action._replace(loses=at), outcome._replace(candidate=left)


def act(
    world: SmallWorld,
    candidate: Candidate,
    record: StoredLease | None,
    action: Action,
    moment: Moment,
) -> Outcome:
    """Let the action happen; nothing that was given is changed."""
    elector, mail = candidate
    message = mail[action.at] if action.kind in ("asks", "receives") else None
    if message is not None and not action.keeps:
        mail = mail[: action.at] + mail[action.at + 1 :]
    if action.kind == "crashes":
        writes = (left for left in mail if isinstance(left, WriteRequest))
        orphans = tuple(replace(write, id=-abs(write.id)) for write in writes)  # done or not, nobody waits
        return Outcome(Candidate(None, orphans), record, None, "")
    if message is not None and not isinstance(message, Reply):
        is_orphan = message.id < 0
        sender = None if is_orphan else elector
        reply, record, broken = _ask(sender, message, record, str(action.what), moment.version)
        if not is_orphan:
            at = len(mail) if action.keeps else action.at
            mail = (*mail[:at], reply, *mail[at:])
        return Outcome(Candidate(elector, mail), record, None, broken)
    if elector is None:
        before: Elector = Elector(world.config, session=moment.session)
        event: Input = Start()
    else:
        before, event = elector, _event(action, message)
    elector = before.copy()
    try:
        effects = elector.handle(event, moment.now)
    except Exception as error:  # noqa: BLE001 - whatever a broken elector raises is a finding
        return Outcome(candidate, record, None, f"handle raised {type(error).__name__}: {error}")
    if effects.request is not None:
        mail = (*mail, effects.request)
    broken = broken_by_step(before, event, moment.now, effects, elector)
    return Outcome(Candidate(elector, mail), record, effects, broken)


def _event(action: Action, message: Reply | None) -> Input:
    if message is not None:
        return message
    return TimerFired() if isinstance(action.what, str) else action.what


def _ask(
    sender: Elector | None, request: Request, record: StoredLease | None, how: str, version: Version
) -> tuple[Reply, StoredLease | None, str]:
    """The store deals with a request: the reply, the record afterwards, and the rule that was broken."""
    if how in (FAILED, NOT_DONE):
        return Unavailable(request.id, outcome_unknown=how == FAILED), record, ""
    if isinstance(request, GetLease):
        return (Missing(request.id) if record is None else Found(request.id, record)), record, ""
    if isinstance(request, CreateLease) and record is not None:
        return Refused(request.id), record, ""
    if isinstance(request, UpdateLease):
        if record is None:
            return Missing(request.id), record, ""
        if record.version != request.version:
            return Refused(request.id), record, ""
    broken = broken_by_write(sender, record, request.lease)
    reply = Unavailable(request.id) if how == DONE_BUT_FAILED else Written(request.id, version)
    return reply, StoredLease(request.lease, version), broken
