"""The world that elections are simulated in, without faults of its own: processes, their terms, and a fence.

Nothing here decides an election: each participant is a `Process`, which runs the shipped driver. What goes
wrong is said by the `Profile`, for messages and user code, and by the verbs of `Simulation`, for all else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from incumbent.config import ElectorConfig
from incumbent.core.states import CANDIDATE, STOPPED
from incumbent.lease import to_ns
from incumbent.testing.history import Asked, Booted, Fenced, History, Led, Record
from incumbent.testing.profile import Profile
from incumbent.testing.simulation.chance import Chance, Dice
from incumbent.testing.simulation.event_queue import EventQueue
from incumbent.testing.simulation.network import Network
from incumbent.testing.simulation.participants import (
    NEVER,
    DriftingClock,
    Participant,
    SimulatedStore,
)
from incumbent.testing.simulation.runtime import Process
from incumbent.testing.simulation.timers import is_timer


class World:
    """Processes and the work of leaders under one seed.

    Attributes:
        profile: What goes wrong by itself.
        history: What happened.
        record: Adds to it.
        queue: True time.
        chance: What the seed decides.
        participants: Who contends.
        network: The store, and the ways to it.
        recoveries: How often all faults were ended.
    """

    def __init__(
        self,
        configs: Sequence[ElectorConfig],
        *,
        profile: Profile,
        seed: int,
        rolled: Sequence[int],
        store: SimulatedStore,
    ) -> None:
        dice = Dice(seed, rolled)
        self.profile = profile
        self.history: History = History(seed, len(configs), {}, profile, rolled=dice.rolled)
        self.record: Callable[[Record], None] = self.history.records.append
        self.queue: EventQueue = EventQueue(dice.roll(256))
        self.chance: Chance = Chance(profile, dice.roll)
        self.participants: list[Participant] = []
        self.network: Network = Network(
            store, self.participants, queue=self.queue, chance=self.chance, record=self.record
        )
        self.recoveries = 0
        self._fence = 0  # the highest token that the guarded resource has seen

    def run_until(self, at: int) -> None:
        """Let everything happen that is due by the true time `at`."""
        self.queue.run_until(at)
        self.history.end = self.queue.now

    def later(self, seconds: float, deed: Callable[[], None]) -> None:
        """Do something after `seconds`, unless all faults have ended by then."""
        recoveries = self.recoveries

        def do() -> None:
            if self.recoveries == recoveries:
                deed()

        self.queue.push(self.queue.now + to_ns(seconds), do)

    # Participants.

    def join(self, name: str, config: ElectorConfig) -> Participant:
        """Add a candidate and start it."""
        offset = self.chance.offset()
        ppm = self.chance.rate(config) if self.profile.drift else 0
        participant = Participant(name, config, DriftingClock(offset, self.queue.now, ppm))
        self.participants.append(participant)
        self.history.configs[name] = config
        self.start(participant)
        return participant

    def start(self, participant: Participant) -> None:
        """Let a process run in which the candidate contends."""
        self.record(Booted(self.queue.now, participant.process))
        participant.host = process = Process(self, participant)
        process.post(process.driver.start)

    def wish_stop(self, process: Process, patience: int) -> None:
        """Have a process stop, giving what runs in it so long to end."""
        self.record(Asked(self.queue.now, process.name, "stop", patience))
        process.post(partial(process.driver.stop, patience))

    def wish_resign(self, process: Process, reason: str, to: str = "") -> None:
        """Have a process resign, for the candidate of that name (P17)."""
        self.record(Asked(self.queue.now, process.name, "resign", 0))
        process.post(partial(process.driver.resign, reason, to))

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
                self.record(Led(self.queue.now, participant.process, old[0], old[1], self.queue.now))
            return
        if old is not None and old[1] == office.token and participant.claimed_until == office.until:
            return
        end = NEVER if elector.is_leader(office.until) else participant.clock.when(office.until)
        until = max(self.queue.now, end)  # a clock that jumped may be past it
        session = f"{elector.session}.{elector.candidacy.number}"
        participant.claimed_until = office.until
        participant.claim = (session, office.token, until)
        self.record(Led(self.queue.now, participant.process, session, office.token, until))

    def clock_changed(self, participant: Participant) -> None:
        """Find the true times of its term's end and of its timers anew."""
        if participant.host is not None:
            participant.claimed_until = None
            self.claim(participant)
            participant.host.clock_changed()

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
            return [everyone[self.chance.roll(len(everyone))]]
        return [participant for participant in everyone if participant.name == who]

    def _leader(self) -> Participant | None:
        for participant in self.participants:
            if participant.claim is not None and participant.claim[2] > self.queue.now:
                return participant
        return None

    def _claims_at(self, participant: Participant) -> int:
        elector = participant.elector
        if elector is None or elector.state == CANDIDATE:
            return 0
        claimable_at = elector.observation.claimable_at(elector.config)
        return NEVER if claimable_at is None else participant.clock.when(claimable_at)

    def resume(self, participant: Participant) -> None:
        """Let a paused process go on: what had arrived comes at once, timers first or last by chance."""
        participant.paused = False
        waiting, participant.inbox = participant.inbox, []
        waiting.sort(key=is_timer, reverse=self.chance.roll(2) == 1)
        process = participant.host
        for action in waiting:
            if process is not None:
                process.enter(action)

    # The work of a leader, and the resource that it writes to.

    def write(self, process: Process, token: int) -> None:
        """Let the work of a term write to the guarded resource, again and again while it runs."""
        participant = process.participant
        if process is not participant.host or not process.works_for(token):
            return
        now, chance = self.queue.now, self.chance
        if not participant.paused and process.driver.candidate.elector.is_leader(process.now()):
            on_its_way = chance.delay() if chance.roll(20) else chance.size(participant)
            self.queue.push(now + on_its_way, self._guard, (process, token))
        self.queue.push(now + self.profile.work_every, self.write, (process, token))

    def _guard(self, process: Process, token: int) -> None:
        accepted = token >= self._fence
        self._fence = max(self._fence, token)
        self.record(Fenced(self.queue.now, process.name, token, accepted))
