"""`Simulation`: elections over a network that one can break, in virtual time, decided by one seed::

    simulation = Simulation(candidates=3, seed=7)
    simulation.run_for(20)
    simulation.partition("leader")
    simulation.run_for(60)
    simulation.check()                       # every property of `incumbent.testing.properties`

A verb hits whom it names: a candidate, "leader", "challenger" (who is next to claim the lease), "any" (one
of them, by chance) or "all". Times are in seconds of true time; verbs with `seconds` undo themselves then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from incumbent.config import ElectorConfig
from incumbent.core.states import STOPPED
from incumbent.errors import ConfigurationError
from incumbent.lease import StoreGuarantees, to_ns
from incumbent.testing.history import History, Led, Marked, Record, Struck
from incumbent.testing.profile import Profile
from incumbent.testing.properties import check
from incumbent.testing.simulation.faults import end_all, strike_on
from incumbent.testing.simulation.participants import MILLION, Participant, SimulatedStore
from incumbent.testing.simulation.world import World

NAMES: Final = "abcdefghijklmnopqrstuvwxyz"
DURABLE: Final = StoreGuarantees(durable=True)


class Simulation:
    """Real electors in a world that can be broken by verbs, from a script or by the profile's own chance.

    Args:
        candidates: How many, called "a", "b", "c"..., all with the settings `timing`.
        configs: Their settings one by one, instead.
        profile: What goes wrong by itself; nothing by default.
        seed: Decides everything that is left to chance.
        rolled: The rolls of a saved run, given before any of the seed's.
        store: A store of your own making.
        timing: Settings of `ElectorConfig`, such as `lease_duration`.

    Attributes:
        history: What happened, up to now.
        world: What the verbs are done to.

    Raises:
        ConfigurationError: No candidates, or more than there are names for.
    """

    def __init__(
        self,
        candidates: int = 3,
        *,
        configs: Sequence[ElectorConfig] = (),
        profile: Profile | None = None,
        seed: int = 0,
        rolled: Sequence[int] = (),
        store: SimulatedStore | None = None,
        **timing: Any,
    ) -> None:
        candidates = len(configs) or candidates
        if not 1 <= candidates <= len(NAMES):
            raise ConfigurationError(f"candidates is {candidates}: give a number from 1 to {len(NAMES)}")
        timing.setdefault("guarantees", DURABLE)
        configs = configs or [ElectorConfig(name, **timing) for name in NAMES[:candidates]]
        self.profile: Profile = Profile() if profile is None else profile
        self.store: SimulatedStore = SimulatedStore() if store is None else store
        self.world: World = World(configs, profile=self.profile, seed=seed, rolled=rolled, store=self.store)
        self.history: History = self.world.history
        self.record: Callable[[Record], None] = self.world.record
        self.participants: list[Participant] = self.world.participants
        self.targets: Callable[[str], list[Participant]] = self.world.targets
        self.roll: Callable[[int], int] = self.world.chance.roll
        self.later: Callable[[float, Callable[[], None]], None] = self.world.later
        self._inside = False
        for name, config in zip(NAMES, configs, strict=False):
            self.world.join(name, config)
        if self.profile.strikes and self.profile.strike_every:
            strike_on(self)

    @property
    def now(self) -> int:
        """The true time, in nanoseconds."""
        return self.world.queue.now

    @property
    def events(self) -> int:
        """How many events have happened."""
        return self.world.queue.happened

    @property
    def leader(self) -> str | None:
        """The candidate that leads now by its own clock, paused or not; None if nobody does."""
        return self.world.leader

    @property
    def alive(self) -> int:
        """How many candidates are running, paused or not."""
        return self.world.alive

    def run_for(self, seconds: float) -> None:
        """Let `seconds` of true time pass."""
        self.run_until(self.now + to_ns(seconds))

    def run_until(self, at: int) -> None:
        """Let everything happen that is due by the true time `at`, in nanoseconds."""
        self.record(Struck(self.now, "run_until", (at,), (), not self._inside, False))
        was_inside, self._inside = self._inside, True
        try:
            self.world.run_until(at)
        finally:
            self._inside = was_inside

    def check(self) -> None:
        """Hold the run so far against every property; see `incumbent.testing.properties.check`.

        Raises:
            PropertyViolated: With all violations.
        """
        check(self.history)

    # The network.

    def partition(self, who: str, direction: str = "both", seconds: float | None = None) -> None:
        """Cut the way to the store: its "requests", its "answers", or "both" (F8, F9)."""
        for participant in self._strike("partition", who, direction, seconds):
            for way in participant.ways(direction):
                way.is_cut, way.is_clear = True, False
            self._undo(seconds, self.heal, participant)

    def delay(self, who: str, by: float, direction: str = "both", seconds: float | None = None) -> None:
        """Make every message `by` seconds slower (F3, F4)."""
        for participant in self._strike("delay", who, by, direction, seconds):
            for way in participant.ways(direction):
                way.delay, way.is_clear = to_ns(by), False
            self._undo(seconds, self.heal, participant)

    def drop(self, who: str, direction: str = "answers", count: int = 1) -> None:
        """Lose the next `count` messages (F1, F2)."""
        for participant in self._strike("drop", who, direction, count):
            for way in participant.ways(direction):
                way.drop, way.is_clear = way.drop + count, False

    def duplicate(self, who: str, direction: str = "requests", count: int = 1) -> None:
        """Deliver the next `count` messages twice, the second time later (F5, F6)."""
        for participant in self._strike("duplicate", who, direction, count):
            for way in participant.ways(direction):
                way.repeat, way.is_clear = way.repeat + count, False

    def heal(self, who: str = "all") -> None:
        """End what was done to the network, and to the store's speed."""
        for participant in self._strike("heal", who):
            for way in participant.ways("both"):
                way.clear()

    # The store.

    def stall_store(self, seconds: float) -> None:
        """Answer nothing for a while, then everything at once (F21)."""
        self._strike("stall_store", "", seconds)
        self.world.network.stall(to_ns(seconds))

    def delete_lease(self) -> None:
        """Delete the record behind everyone's back (F17): exclusion is not owed for a while."""
        self._strike("delete_lease", "", outside=True)
        self.store.delete()
        self.world.network.announce()

    def restore_backup(self) -> None:
        """Put an old record back with its old version (F17): exclusion is owed no more."""
        self._strike("restore_backup", "", outside=True)
        self.store.restore()
        self.world.network.announce()

    # Processes.

    def pause(self, who: str, seconds: float | None = None) -> None:
        """Stop a process, as SIGSTOP or a long garbage collection does (F10)."""
        for participant in self._strike("pause", who, seconds):
            participant.paused = participant.elector is not None
            self._undo(seconds, self.resume, participant)

    def resume(self, who: str) -> None:
        """Let it go on: what had arrived meanwhile comes at once, timers first or last by chance."""
        for participant in self._strike("resume", who):
            if participant.elector is not None and participant.paused:
                self.world.resume(participant)

    def crash(self, who: str, seconds: float | None = None) -> None:
        """Kill a process, as SIGKILL does; its messages stay on their way (F11)."""
        for participant in self._strike("crash", who, seconds):
            participant.host = None
            self.world.claim(participant)
            self._undo(seconds, self.restart, participant)

    def restart(self, who: str) -> None:
        """Start a crashed or stopped candidate anew, with its old name and a new session (F11, F15)."""
        for participant in self._strike("restart", who):
            if participant.elector is None or participant.elector.state == STOPPED:
                participant.next_incarnation()
                self.world.start(participant)

    def twin(self, who: str) -> None:
        """Start a second process under the same identity while the first is alive (F12)."""
        for participant in self._strike("twin", who):
            if len(self.participants) < len(NAMES):
                self.world.join(NAMES[len(self.participants)], participant.config)

    def resign(self, who: str, to: str = "") -> None:
        """Have its driver end the work, then resign (P9), for the candidate of that name (P17)."""
        for participant in self._strike("resign", who, *[to] * bool(to)):
            if participant.host is not None:
                self.world.wish_resign(participant.host, "asked to resign", to)

    def stop(self, who: str, timeout: float | None = None) -> None:
        """Have its driver end the work within `timeout` seconds, then stop for good (P9, F15)."""
        for participant in self._strike("stop", who, timeout):
            patience = self.profile.stop_timeout if timeout is None else to_ns(timeout)
            if participant.host is not None:
                self.world.wish_stop(participant.host, patience)

    def urge(self, who: str, what: str) -> None:
        """Have its user's code "return", "raise", "hang", "stop" or "resign": now, or as soon as it runs."""
        for participant in self._strike("urge", who, what):
            if participant.host is not None:
                participant.host.urge(what)

    def fork(self, who: str) -> None:
        """Fork a process: the child has a copy of all that it knows, and must never lead by it."""
        for participant in self._strike("fork", who):
            office = None if participant.elector is None else participant.elector.office
            if participant.host is not None and participant.host.fork() and office is not None:
                child, until = f"{participant.name}-{participant.incarnation}.child", self.now + 1
                self.record(Led(self.now, child, child, office.token, until))

    def request_resign(self, by: str = "operator", to: str = "", hold: float = 0.0) -> None:
        """Ask the holder to resign (P14), for somebody (P17), and not to be followed for `hold` s (P16)."""
        self._strike("request_resign", "", by, *[to, hold] * bool(to or hold))
        self.world.network.request_resign(by, to, hold)

    def touch(self, by: str = "somebody") -> None:
        """Change the record without writing the lease, as a label on it does (P15)."""
        self._strike("touch", "", by)
        stored = self.store.stored
        if stored is not None:
            self.world.network.rewrite(by, stored, stored.lease)

    # Clocks.

    def drift(self, who: str, ppm: int) -> None:
        """Run a clock fast by `ppm` millionths, slow where negative; frozen at minus a million (F13, F14)."""
        for participant in self.targets(who):
            outside = abs(ppm) > participant.config.clock_drift * MILLION
            self._strike("drift", participant.name, ppm, outside=outside)
            participant.clock.run_at(self.now, ppm)
            self.world.clock_changed(participant)

    def jump(self, who: str, seconds: float) -> None:
        """Let a clock jump, backwards where negative (F14): exclusion is not owed for a while."""
        for participant in self._strike("jump", who, seconds, outside=True):
            participant.clock.jump(to_ns(seconds))
            self.world.clock_changed(participant)

    def stop_wall_clock(self, who: str) -> None:
        """Let the time of day stand still, which decides nothing."""
        for participant in self._strike("stop_wall_clock", who):
            if participant.host is not None:
                participant.wall = participant.host.clock.utcnow()

    def step_wall_clock(self, who: str, seconds: float) -> None:
        """Turn the time of day, backwards where negative, which decides nothing."""
        for participant in self._strike("step_wall_clock", who, seconds):
            participant.turn_wall_clock(seconds)

    # The end of all faults, and what is demanded then.

    def recover(self) -> None:
        """End every fault: from now on all is well, and every message takes its least time."""
        self._strike("recover", "")
        was_inside, self._inside = self._inside, True
        end_all(self)
        self._inside = was_inside

    def mark(self, demand: str, within: int = 0) -> None:
        """Demand something from now on: see `incumbent.testing.properties.liveness`."""
        self.record(Marked(self.now, demand, within))

    def _strike(self, verb: str, who: str, *args: Any, outside: bool = False) -> list[Participant]:
        """Write down what is done, before it is done, and to whom."""
        targets = self.targets(who)
        given = (who, *args) if who else args
        names = tuple(target.name for target in targets)
        self.record(Struck(self.now, verb, given, names, not self._inside, outside))
        return targets

    def _undo(self, seconds: float | None, verb: Callable[[str], None], participant: Participant) -> None:
        if seconds is not None:
            self.later(seconds, lambda: verb(participant.name))
