"""The world that elections are simulated in, without faults of its own.

Nothing here decides an election: each participant is driven as the documentation of `Elector` says. What
goes wrong is said by the `Profile`, for messages, and by the verbs of `Simulation`, for everything else.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from incumbent.config import ElectorConfig
from incumbent.core.elector import Elector
from incumbent.core.messages import (
    Abstain,
    Ended,
    Found,
    Input,
    Missing,
    Notice,
    Refused,
    Resign,
    ResignRequested,
    Start,
    StartedLeading,
    Stop,
    StoppedLeading,
    Unavailable,
    Woke,
    Written,
)
from incumbent.core.states import CANDIDATE, FOLLOWER, STOPPED
from incumbent.testing.history import Answered, Fenced, Led, Told, Turned
from incumbent.testing.simulation.network import Network
from incumbent.testing.simulation.participants import MILLION, NEVER, DriftingClock, Participant

WOKE: Final = Woke()
REPLIES: Final = (Found, Written, Refused, Missing, Unavailable)  # a tuple: quicker to ask than a union


MOST_HURRIED: Final = 1000
"""More wake-ups than that without time passing are a loop without end."""


class World(Network):
    """Electors, their drivers and the work of leaders under one seed.

    `Simulation` adds what can be done to them.
    """

    fence = 0  # the highest token that the guarded resource has seen

    # A participant and its driver.

    def join(self, name: str, config: ElectorConfig) -> Participant:
        """Add a candidate and start it."""
        unit = self.profile.unit if self.profile.gridded else 1
        offset = (self.roll(2 * self.profile.offsets // unit + 1) - self.profile.offsets // unit) * unit
        ppm = self.draw_rate(config) if self.profile.drift else 0
        participant = Participant(name, config, DriftingClock(offset, self.now, ppm))
        self.participants.append(participant)
        self.history.configs[name] = config
        self.give(participant, Start())
        return participant

    def draw_rate(self, config: ElectorConfig) -> int:
        """By how many millionths a clock runs fast, within what `config` declares."""
        most = int(config.clock_drift * MILLION)
        return (-most, most, self.roll(2 * most + 1) - most)[self.roll(3)]

    def _wake(self, participant: Participant, stamp: int) -> None:
        if stamp != participant.stamp or participant.elector is None:
            self.events -= 1  # superseded: nothing happened
            return
        participant.wake_at = None
        if participant.paused:
            participant.inbox.append(WOKE)
        else:
            self._handle(participant, WOKE)

    def _handle(self, participant: Participant, event: Input) -> None:
        elector = participant.elector
        if elector is None:
            return
        local = participant.clock.read(self.now)
        if participant.wall is not None:  # a driver says at every input what time of day it is
            elector.epoch = participant.wall - timedelta(microseconds=local // 1000)
        effects = elector.handle(event, local)
        for move in effects.moves:
            turned = (move.trigger, move.source, move.dest, move.reason)
            self.record(Turned(self.now, participant.process, *turned))
        for notice in effects.notices:
            self._tell(participant, notice)
        if elector.office is not None or participant.claim is not None:
            self.claim(participant)
        if effects.request is not None:
            self.send(participant, effects.request)
        if effects.wake_at != participant.wake_at:
            self._plan_wake(participant, elector, effects.wake_at)

    def _plan_wake(self, participant: Participant, elector: Elector, wake_at: int | None) -> None:
        """Wake it when its elector asks to be woken; a follower a little later than it asked (P12)."""
        participant.stamp += 1
        participant.wake_at = wake_at
        if wake_at is None:
            return
        at = max(self.now, participant.clock.when(wake_at))
        if at == NEVER:
            return
        participant.hurried = participant.hurried + 1 if at == self.now else 0
        if participant.hurried > MOST_HURRIED:
            raise AssertionError(f"{participant} wants to be woken at once, for ever")
        config = participant.config
        if config.jitter and elector.pending is None and elector.state == FOLLOWER:
            at += self.roll(int(config.retry_ns * config.jitter) + 1)
        self.push(at, self._wake, participant, participant.stamp)

    def take(self, participant: Participant, event: Input) -> None:
        """Handle an input now, and note whether a reply answers what is pending."""
        elector = participant.elector
        if isinstance(event, REPLIES):
            pending = None if elector is None else elector.pending
            heard = pending is not None and pending.id == event.id
            self.record(Answered(self.now, participant.process, event, heard))
        elif isinstance(event, (Resign, Stop)):
            participant.work = 0
        self._handle(participant, event)

    def claim(self, participant: Participant) -> None:
        """Record the term as `is_leader` will answer for it from now on, if that has changed.

        Its end in true time is computed, and `is_leader` is asked whether it agrees: one that does not fail
        closed leads for ever.
        """
        elector, old = participant.elector, participant.claim
        office = None if elector is None else elector.office
        if elector is None or office is None:
            if old is not None:
                participant.claim = None
                self.record(Led(self.now, participant.process, old[0], old[1], self.now))
            return
        if old is not None and old[1] == office.token and participant.claimed_until == office.until:
            return
        end = NEVER if elector.is_leader(office.until) else participant.clock.when(office.until)
        until = max(self.now, end)  # a clock that jumped may be past it
        session = f"{elector.session}.{elector.candidacy.number}"
        participant.claimed_until = office.until
        participant.claim = (session, office.token, until)
        self.record(Led(self.now, participant.process, session, office.token, until))

    def clock_changed(self, participant: Participant) -> None:
        """Find the true times of its term's end and of its wake-up anew."""
        if participant.elector is not None:
            participant.claimed_until = None
            self.claim(participant)
            if participant.wake_at is not None:
                self._plan_wake(participant, participant.elector, participant.wake_at)

    @property
    def leader(self) -> str | None:
        """The candidate that leads now by its own clock, paused or not; None if nobody does."""
        leader = self._leader()
        return None if leader is None else leader.name

    @property
    def alive(self) -> int:
        """How many candidates are running, paused or not."""
        electors = [participant.elector for participant in self.participants]
        return len([elector for elector in electors if elector is not None and elector.state != STOPPED])

    def targets(self, who: str) -> list[Participant]:
        """Those whom a verb means by `who`: a name, "leader", "challenger", "any" or "all"."""
        everyone = self.participants
        if who == "all":
            return list(everyone)
        leader = self._leader()
        if who == "leader":
            return [leader] if leader is not None else []
        if who == "challenger":
            others = [one for one in everyone if one is not leader and one.elector is not None]
            return sorted(others, key=self._claims_at)[:1]
        if who == "any":
            return [everyone[self.roll(len(everyone))]]
        return [participant for participant in everyone if participant.name == who]

    def _leader(self) -> Participant | None:
        for participant in self.participants:
            if participant.claim is not None and participant.claim[2] > self.now:
                return participant
        return None

    def _claims_at(self, participant: Participant) -> int:
        elector = participant.elector
        if elector is None or elector.state == CANDIDATE:
            return 0
        claimable_at = elector.observation.claimable_at(elector.config)
        return NEVER if claimable_at is None else participant.clock.when(claimable_at)

    def _tell(self, participant: Participant, notice: Notice) -> None:
        self.record(Told(self.now, participant.process, notice))
        wind_down = self.profile.wind_down
        if isinstance(notice, StartedLeading):
            participant.work = notice.token
            if self.profile.work_every:
                self.push(self.now, self._work, participant, (participant.process, notice.token))
        elif isinstance(notice, StoppedLeading):
            was_at_work, participant.work = participant.work != 0, 0
            lasts = 0
            if was_at_work and wind_down and not self.recoveries:  # lost: its work ends later than its term
                lasts = self.roll(wind_down)
                self.give(participant, Abstain())
                self.give(participant, Start(), lasts)
            self.give(participant, Ended(), lasts)
        elif isinstance(notice, ResignRequested):
            self.wind_down(participant, Resign())

    def wind_down(self, participant: Participant, wish: Resign | Stop) -> None:
        """Give `wish` when the work has ended: at once, if there is none (P9, P14)."""
        lasts = self.roll(self.profile.wind_down + 1) if participant.work and not self.recoveries else 0
        process = participant.process
        self.later(
            lasts / 1e9, lambda: self.give(participant, wish) if participant.process == process else None
        )

    # The work of a leader, and the resource that it writes to.

    def _work(self, participant: Participant, what: tuple[str, int]) -> None:
        process, token = what
        elector = participant.elector
        if elector is None or process != participant.process or participant.work != token:
            return
        again = self.now + self.profile.work_every
        if not participant.paused and elector.is_leader(participant.clock.read(self.now)):
            on_its_way = self.draw_delay() if self.roll(20) else self.draw_size(participant)
            self.push(self.now + on_its_way, self._guard, participant, what)
        self.push(again, self._work, participant, what)

    def _guard(self, _: Participant, what: tuple[str, int]) -> None:
        process, token = what
        accepted = token >= self.fence
        self.fence = max(self.fence, token)
        self.record(Fenced(self.now, process, token, accepted))
