"""A world small enough to be explored whole, and what it is made of.

A participant is an elector, alone or joined with its term as every driver joins them, the code of its user,
and its messages. `deeds` says what comes of an action.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

from incumbent.config import ElectorConfig
from incumbent.core.candidate import Candidate, Handled, Output
from incumbent.core.elector import Elector
from incumbent.core.messages import Abstain, Ended, Input, Notice, Reply, Request, Resign, Start, Stop
from incumbent.core.states import STOPPED
from incumbent.core.term import LONGEST_BACK_OFF, Term, TermConfig
from incumbent.core.term_messages import TermInput, WorkEnded
from incumbent.errors import ConfigurationError
from incumbent.lease import NANOSECONDS, StoredLease, StoreGuarantees, Version
from incumbent.testing.exploration.user_code import UserCode

_OF_TERM: Final = (Start, Abstain, Resign, Stop, Ended)

STEP: Final = NANOSECONDS
"""One step of the grid on which all clocks of a small world tick: a second."""

_DURABLE: Final = StoreGuarantees(durable=True)

IDENTITY: Final = "candidate"
"""The name of every candidate: names need not be unique (P2), and this is the hardest case of that."""

OPERATOR: Final = "operator"
"""The identity that asks leaders to resign (P14)."""

ANSWERED: Final = "answered"
DONE_BUT_FAILED: Final = "done, but answered with an error"
FAILED: Final = "failed, outcome unknown"
NOT_DONE: Final = "failed, certainly not done"


@dataclass(frozen=True)
class SmallWorld:
    """The size of a world, in grid steps, and the faults in it.

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
        holds: Somebody may hold a released lease back, for ever, or end that (P16). In good order it ends.
        hints: The store may tell any candidate that runs of the record as it is (P12d).
        inputs: What else may be given to any running candidate at any moment.
        term: What the terms of each candidate are like; None: each is an elector alone, which obeys `inputs`.
        endings: How work may end. It may always go on for ever, too.
        guarantees: What the store promises.

    Raises:
        ConfigurationError: A number is impossible, or P6 does not hold for this skew, or an input of the
            elector's is one that only its term may give.
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
    holds: bool = False
    hints: bool = False
    inputs: tuple[Input | TermInput, ...] = ()
    term: TermConfig | None = None
    endings: tuple[WorkEnded, ...] = (WorkEnded(),)
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
        if self.term is not None and any(isinstance(event, _OF_TERM) for event in self.inputs):
            raise ConfigurationError(
                f"inputs {self.inputs!r}: its term gives an elector these; wish for them"
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
        """Within how many steps of good order somebody leads (L1): a lease, two retries and a timeout.

        Four retries instead, if that is longer, where a release may name somebody (P17).
        Where work fails or is short its candidate backs off before that.
        """
        retries = 2 * self.retry_period + self.request_timeout + 0.5
        waits = max(self.lease_duration, 2 * self.retry_period)
        return int(waits + self.takeover_delay + retries) + self._longest_back_off

    @property
    def _longest_back_off(self) -> int:
        if self.term is None or not self.endings:
            return 0
        fails = any(ending.failed for ending in self.endings)
        return self.term.lease_ns * (LONGEST_BACK_OFF if fails else 1) // STEP


Mail: TypeAlias = tuple[Request | Reply, ...]


class Participant(NamedTuple):
    """One candidate and what surrounds it.

    Attributes:
        elector: None while it is down.
        mail: Its messages, oldest first.
        term: Its term; None while it is down, and where electors are alone.
        code: What runs of its user's code.
    """

    elector: Elector | None = None
    mail: Mail = ()
    term: Term | None = None
    code: UserCode = UserCode()

    @property
    def wake_at(self) -> int | None:
        """When its timer is due."""
        machines = (self.elector, self.term)
        return min(
            (machine.wake_at for machine in machines if machine is not None and machine.wake_at is not None),
            default=None,
        )

    @property
    def is_finished(self) -> bool:
        """Whether its driver has finished, and gives it nothing more."""
        return (
            self.elector is not None
            and self.term is not None
            and Candidate(self.elector, self.term).is_finished
        )

    @property
    def contends(self) -> bool:
        """Whether it could come to lead: not if it has stopped or stands aside.

        Who has a term stands aside only for a while, whatever its term says.
        """
        if self.elector is None or self.elector.state == STOPPED:
            return self.elector is None
        return self.elector.contending if self.term is None else not self.code.stops


class Action(NamedTuple):
    """One thing that happens to a candidate.

    Attributes:
        kind: "starts", "crashes", "wakes", "is given", "receives", "asks" (the store, which does it now),
            "is told" (by the store, what the record is), "ends" (of its user's code) or "obeys" (the same, as
            it was asked to).
        at: Which message of its mail.
        what: The input that is given, or how the store deals with the request.
        keeps: The message stays under way.
        loses: Which message is lost for want of room.
    """

    kind: str
    at: int = 0
    what: Input | TermInput | str = ""
    keeps: bool = False
    loses: int | None = None


class Outcome(NamedTuple):
    """The outcome of an action.

    Attributes:
        participant: As it is then.
        record: What the store holds then.
        outputs: What the candidate brought about, in order.
        broken: The rule that it broke, or "".
    """

    participant: Participant
    record: StoredLease | None
    outputs: tuple[Output, ...] = ()
    broken: str = ""

    def notices(self) -> Iterator[Notice]:
        """The notices of the elector."""
        for output in self.outputs:
            if isinstance(output, Handled):
                yield from output.effects.notices


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
