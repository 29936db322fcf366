"""One loop of events in true time, and the messages between participants and the store.

What goes wrong with a message is said by the `Profile` and by the participant's `Way` to the store or back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, TypeAlias

from incumbent.config import ElectorConfig
from incumbent.core.messages import (
    CreateLease,
    Found,
    GetLease,
    Missing,
    Refused,
    Reply,
    Request,
    Unavailable,
)
from incumbent.lease import StoredLease, to_ns
from incumbent.testing.history import Executed, History, Invoked, Record
from incumbent.testing.profile import Profile, Rates, sizes
from incumbent.testing.simulation.participants import MILLION, Dice, Participant, SimulatedStore, Way

if TYPE_CHECKING:
    from incumbent.testing.simulation.runtime import Process, SimulatedTimer

Action: TypeAlias = Callable[[Participant, Any], None]


class Network:
    """The store, the ways to it, and time."""

    def __init__(
        self,
        configs: Sequence[ElectorConfig],
        *,
        profile: Profile,
        seed: int,
        rolled: Sequence[int],
        store: SimulatedStore | None,
    ) -> None:
        self.now = 0  # true time, in nanoseconds
        self.events = 0
        self.profile = profile
        self.dice = Dice(seed, rolled)
        self.roll = self.dice.roll
        self.store = SimulatedStore() if store is None else store
        self.history = History(seed, len(configs), {}, profile, rolled=self.dice.rolled)
        self.record: Callable[[Record], None] = self.history.records.append
        self.participants: list[Participant] = []
        self.recoveries = 0
        self.stalled_until = 0
        self.busy_until = 0  # when the last message sent so far will have arrived
        self._queue: list[tuple[int, int, Action, Participant, Any]] = []
        self._rank = 0
        self._mix = self.roll(256)  # the order of simultaneous events: a different one for each seed
        step = profile.unit if profile.gridded else 1
        self._delays = (profile.delay[0], (profile.delay[1] - profile.delay[0]) // step + 1, step)
        self._totals: dict[str, int] = {}
        self._requests = sum(rate for _, rate in profile.requests)
        self._answers = sum(rate for _, rate in profile.answers)

    # Time.

    def run_until(self, at: int) -> None:
        """Let everything happen that is due by the true time `at`."""
        queue = self._queue
        while queue and queue[0][0] <= at:
            self.now, _, action, participant, what = heappop(queue)
            self.events += 1
            action(participant, what)
        self.now = self.history.end = max(self.now, at)

    def push(self, at: int, action: Action, participant: Participant, what: Any) -> None:
        """Have `action(participant, what)` done at the true time `at`."""
        self._rank += 1
        heappush(self._queue, (at, self._rank ^ self._mix, action, participant, what))

    def later(self, seconds: float, deed: Callable[[], None]) -> None:
        """Do something after `seconds`, unless there is a `recover` by then."""
        recoveries = self.recoveries

        def do(*_: object) -> None:
            if self.recoveries == recoveries:
                deed()

        self.push(self.now + to_ns(seconds), do, self.participants[0], None)

    def draw_size(self, participant: Participant) -> int:
        """The length of a fault: one of `sizes`, or anything up to two lease durations."""
        menu = sizes(participant.config, self.profile.unit)
        if self.profile.gridded or self.roll(2):
            return menu[self.roll(len(menu))]
        return self.roll(2 * participant.config.lease_ns)

    def enter_at(self, at: int, process: Process, action: Callable[[], None]) -> None:
        """Have `action` done in this process at the true time `at`, if it is still there and not paused."""
        self.push(at, self._enter, process.participant, (process, action))

    def _enter(self, participant: Participant, what: tuple[Process, Callable[[], None]]) -> None:
        process, action = what
        if process is not participant.host:
            return
        if participant.paused:
            participant.inbox.append(action)
        else:
            process.do(action)

    def ring(self, participant: Participant, what: tuple[Process, SimulatedTimer, int]) -> None:
        """Let a timer fire, unless it was cancelled, or its time was found anew."""
        process, timer, stamp = what
        if process is not participant.host or timer.stamp != stamp or timer not in process.timers:
            self.events -= 1  # nothing happened
        else:
            self._enter(participant, (process, timer.fire))

    # Messages.

    def send(self, participant: Participant, request: Request) -> None:
        """Put a request on its way."""
        self.record(Invoked(self.now, participant.process, request))
        trouble = self._trouble(self.profile.requests, self._requests) if self._requests else None
        if trouble == "reject":
            refusal = Unavailable(request.id, outcome_unknown=False, reason="refused the connection")
            self._arrive(self.draw_delay(), self._deliver, participant, (participant.host, request, refusal))
            return
        what = (participant.host, request)
        self._travel(participant.requests, trouble, self._execute, participant, what)

    def _travel(
        self, way: Way, trouble: str | None, action: Action, participant: Participant, what: Any
    ) -> None:
        if trouble is None and way.is_clear:
            self._arrive(self.draw_delay(), action, participant, what)
            return
        is_lost = way.is_cut or way.drop > 0 or trouble == "lose"
        is_repeated = way.repeat > 0 or trouble == "repeat"
        way.drop, way.repeat = max(0, way.drop - 1), max(0, way.repeat - 1)
        if not is_lost:
            slow = self.draw_size(participant) if trouble == "slow" else 0
            self._arrive(self.draw_delay(way.delay + slow), action, participant, what)
        if is_repeated:
            self._arrive(self.draw_delay(self.draw_size(participant)), action, participant, what)

    def _execute(self, participant: Participant, what: tuple[Process, Request]) -> None:
        process, request = what
        if self.now < self.stalled_until:
            self._arrive(self.stalled_until - self.now, self._execute, participant, what)
            return
        before, version = self.store.stored, self.store.version
        trouble = self._trouble(self.profile.answers, self._answers) if self._answers else None
        if trouble == "stale" and isinstance(request, GetLease):
            reply = self.store.read_old(request, 1 + self.roll(3))
        else:
            reply = self.store.execute(request)
        self.record(Executed(self.now, process.name, request, reply, before))
        if self.store.version != version:
            self.announce()
        if trouble == "garble":
            reply = self._garbled(request)
        self._travel(participant.answers, trouble, self._deliver, participant, (process, request, reply))

    def _garbled(self, request: Request) -> Reply:
        """What cannot be understood, or what answers another question."""
        if self.roll(2):
            return Unavailable(request.id, reason="the answer made no sense")
        if isinstance(request, GetLease):
            return Refused(request.id)
        if isinstance(request, CreateLease):
            return Missing(request.id)
        return Found(request.id, StoredLease(request.lease, request.version))

    def _deliver(self, participant: Participant, what: tuple[Process, Request, Reply]) -> None:
        process, request, reply = what
        if process is not participant.host:
            return
        if participant.paused:
            participant.inbox.append(partial(process.answer, request, reply))
        else:
            process.answer(request, reply)

    def announce(self) -> None:
        """The record changed: tell those who watch, unless the message is lost (P12)."""
        for participant in self.participants:
            process = participant.host
            if process is not None and process.changed is not None:
                trouble = self._trouble(self.profile.answers, self._answers)
                if trouble != "lose" and not participant.answers.is_cut:
                    after = self.draw_delay(participant.answers.delay)
                    self.enter_at(self.now + after, process, process.changed)

    def draws_trouble(self, name: str, rates: Rates) -> str | None:
        """Which of some troubles strikes now, if any does; `name` is what they befall."""
        if not rates:
            return None
        if name not in self._totals:
            self._totals[name] = sum(rate for _, rate in rates)
        return self._trouble(rates, self._totals[name])

    def _trouble(self, rates: Rates, total: int) -> str | None:
        rolled = self.roll(MILLION)
        if rolled >= total:
            return None
        for trouble, rate in rates:
            rolled -= rate
            if rolled < 0:
                return trouble
        return None

    def draw_delay(self, extra: int = 0) -> int:
        """How long a message is on its way."""
        least, steps, step = self._delays
        return least + extra + (self.roll(steps) * step if steps > 1 else 0)

    def _arrive(self, after: int, action: Action, participant: Participant, what: Any) -> None:
        at = self.now + after
        self.busy_until = max(self.busy_until, at)
        self.push(at, action, participant, what)
