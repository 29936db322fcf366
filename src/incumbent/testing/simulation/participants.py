"""What a simulated world is made of: clocks, a store, the ways to it, and participants.

Everything is counted in integers and ordered by lists, so that one seed decides a whole run whatever the
interpreter's hash seed is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from incumbent.config import ElectorConfig
from incumbent.core.elector import EPOCH, Elector
from incumbent.core.messages import (
    GetLease,
    Reply,
    Request,
    WriteRequest,
    Written,
)
from incumbent.errors import ConfigurationError
from incumbent.lease import StoredLease
from incumbent.testing.compare_and_swap import read, refusal

if TYPE_CHECKING:
    from incumbent.testing.simulation.runtime import Process

MILLION: Final = 1_000_000
MICROSECOND: Final = 1000
NEVER: Final = 2**63 - 1
"""A true time that no run reaches."""


def until(at: int) -> str:
    """A true time as the end of a sentence."""
    return "for ever" if at == NEVER else f"until {at / 1e9:.9f} s"


class DriftingClock:
    """A clock with a rate and an offset of its own, exact to the nanosecond.

    It reads `floor(exact)`, where the exact value is kept in millionths of a nanosecond.
    """

    __slots__ = ("_anchor", "_exact", "rate")

    def __init__(self, reading: int, at: int, ppm: int = 0) -> None:
        self._exact = reading * MILLION
        self._anchor = at
        self.rate: int = MILLION + ppm

    def read(self, at: int) -> int:
        """The reading at the true time `at`."""
        return (self._exact + (at - self._anchor) * self.rate) // MILLION

    def when(self, reading: int) -> int:
        """The first true time at which it reads `reading` or more; `NEVER` if it stands still before that."""
        short = reading * MILLION - self._exact
        if self.rate > 0:
            return self._anchor - (-short // self.rate)
        return self._anchor if short <= 0 else NEVER

    def run_at(self, at: int, ppm: int) -> None:
        """Run at another rate from the true time `at` on."""
        self._exact += (at - self._anchor) * self.rate
        self._anchor, self.rate = at, MILLION + ppm

    def jump(self, by: int) -> None:
        """Add `by` nanoseconds to every later reading."""
        self._exact += by * MILLION


class SimulatedStore:
    """One record with an integer version and an atomic compare-and-swap.

    Subclass it and override `execute` to see an election over a store that breaks its word.
    """

    def __init__(self) -> None:
        self.stored: StoredLease | None = None
        self.version: int = 0
        self.past: deque[StoredLease | None] = deque(maxlen=8)

    def execute(self, request: Request) -> Reply:
        """Do what the request asks, in one step."""
        if isinstance(request, GetLease):
            return read(request, self.stored)
        return refusal(request, self.stored) or self._write(request)

    def read_old(self, request: GetLease, age: int) -> Reply:
        """A read from a replica that is up to `age` changes behind."""
        return read(request, self.past[-min(age, len(self.past))] if self.past and age else self.stored)

    def delete(self) -> None:
        """Forget the record. Its version is not used again."""
        self.past.append(self.stored)
        self.stored = None

    def restore(self) -> None:
        """Go back to the oldest record still known, and to its version: later versions are used again."""
        old = next((stored for stored in self.past if stored is not None), self.stored)
        self.past.append(self.stored)
        self.stored = old
        if old is not None and isinstance(old.version, int):
            self.version = old.version

    def _write(self, request: WriteRequest) -> Reply:
        self.past.append(self.stored)
        self.version += 1
        self.stored = StoredLease(request.lease, self.version)
        return Written(request.id, self.version)


class Way:
    """The way from one participant to the store, or back.

    Attributes:
        is_clear: None of the others is set.
        is_cut: Nothing arrives.
        delay: How much longer every message takes.
        drop: How many of the next messages are lost.
        repeat: How many of the next are delivered twice.
    """

    __slots__ = ("delay", "drop", "is_clear", "is_cut", "repeat")
    is_clear: bool
    is_cut: bool
    delay: int
    drop: int
    repeat: int

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """End all that."""
        self.is_clear = True
        self.is_cut = False
        self.delay = self.drop = self.repeat = 0


class Participant:
    """One candidate: its clock, its ways to the store and back, and the process that runs, if one does.

    Attributes:
        name: What verbs call it.
        host: The process; None while it is down.
        process: Names this incarnation; also the base of its elector's sessions.
        inbox: What was to happen in it while it was paused.
        epoch: The UTC time at which its clock read 0.
        wall: Where its wall clock stands still; None while it goes on.
        claim: What was last recorded of its term: (session, token, true end), or None.
        claimed_until: The end of that on its own clock; None if it must be computed anew.
    """

    __slots__ = (
        *("_began", "_true_epoch", "answers", "claim", "claimed_until", "clock", "config", "epoch", "host"),
        *("inbox", "incarnation", "name", "paused", "process", "requests", "wall"),
    )

    def __init__(self, name: str, config: ElectorConfig, clock: DriftingClock) -> None:
        self.name = name
        self.config = config
        self.clock = clock
        self.requests: Way = Way()
        self.answers: Way = Way()
        self.epoch: datetime = EPOCH
        self.wall: datetime | None = None
        self._began: tuple[datetime, int] = EPOCH, 0
        self._true_epoch = EPOCH
        self.incarnation: int = 0
        self.process: str
        self.host: Process | None = None
        self.next_incarnation()

    def next_incarnation(self) -> None:
        """A new process under the same name: nothing is remembered, the session is new (P2)."""
        self.incarnation += 1
        self.process = f"{self.name}-{self.incarnation}"
        self.epoch = EPOCH
        self.paused = False
        self.inbox: list[Callable[[], None]] = []
        self.claim: tuple[str, int, int] | None = None
        self.claimed_until: int | None = None

    @property
    def elector(self) -> Elector | None:
        """The elector of its process; None while it is down."""
        return None if self.host is None else self.host.driver.elector

    def true_epoch(self, at: int) -> datetime:
        """Where the wall clock tells the true time, `at`: the UTC time at which its clock read 0."""
        began = self.epoch, (at - self.clock.read(at)) // MICROSECOND
        if began != self._began:  # a clock that keeps time began when it always did
            self._began, self._true_epoch = began, began[0] + timedelta(microseconds=began[1])
        return self._true_epoch

    def turn_wall_clock(self, seconds: float) -> None:
        """Turn the time of day, backwards where negative."""
        if self.wall is not None:
            self.wall += timedelta(seconds=seconds)
        else:
            self.epoch += timedelta(seconds=seconds)

    def ways(self, direction: str) -> list[Way]:
        """The ways that a verb means by "requests", "answers" or "both".

        Raises:
            ConfigurationError: It is none of these.
        """
        known = {
            "requests": [self.requests],
            "answers": [self.answers],
            "both": [self.requests, self.answers],
        }
        if direction not in known:
            raise ConfigurationError(f"direction is {direction!r}: give one of {', '.join(known)}")
        return known[direction]

    def __repr__(self) -> str:
        return f"<{self.process} {self.elector!r}>"
