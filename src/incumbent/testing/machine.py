"""`ElectionMachine`: Hypothesis breaks a running world, and shrinks what breaks the promise.

Its rules are faults over a `Simulation` that runs by itself, never single events: between two of them the
cluster goes on for a drawn while. Subclass it for settings of your own::

    class MyElection(ElectionMachine):
        timings = ({"lease_duration": 15.0, "renew_deadline": 10.0},)

    TestMyElection = MyElection.TestCase

Each example says with Hypothesis' `event` what really happened in it (`--hypothesis-show-statistics`). A
failure prints the violations, the program of verbs that leads to them, and one line that repeats it.
"""

from __future__ import annotations

from collections.abc import Mapping
from tempfile import gettempdir
from typing import Any, ClassVar, Final

from hypothesis import event
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from incumbent.lease import StoreGuarantees
from incumbent.testing.history import Violation
from incumbent.testing.profile import CODE_TROUBLES, MILLISECOND, Profile, Rates, sizes
from incumbent.testing.properties import PropertyViolated, violations
from incumbent.testing.properties.coverage import sightings
from incumbent.testing.properties.liveness import election_bound
from incumbent.testing.properties.safety import exclusion, fencing
from incumbent.testing.simulation.participants import MILLION, SimulatedStore
from incumbent.testing.simulation.replay import one_line, program
from incumbent.testing.simulation.verbs import Simulation

SECOND: Final = 1000 * MILLISECOND
WHO: Final = st.sampled_from(("leader", "challenger", "any"))
WAY: Final = st.sampled_from(("both", "requests", "answers"))
COUNT: Final = st.integers(1, 3)

ROOMY: Final = {"lease_duration": 6.0, "renew_deadline": 4.0, "retry_period": 1.0, "request_timeout": 2.0}
TIGHT: Final = {"lease_duration": 4.0, "renew_deadline": 4.0, "clock_drift": 0.0} | {
    "retry_period": 1.0,
    "request_timeout": 2.0,
    "jitter": 0.0,
}
"""The renew deadline is the whole lease: what is off by one nanosecond shows."""
WATCHED: Final = {**ROOMY, "guarantees": StoreGuarantees(durable=True, can_watch=True)}
"""The store tells of changes: with the record, but for messages that are late."""


class ElectionMachine(RuleBasedStateMachine):
    """Faults over running candidates, each the shipped driver with code of its user's.

    At most one leads, and the token only grows; in the end every property is held against the run, those of
    work and callbacks, too.

    Attributes:
        candidates: How many there are.
        timings: Settings of `ElectorConfig` to choose from; give whole seconds, so that ties happen.
        unit: The grid of fault sizes, in nanoseconds.
        delays: Every message's least and greatest time on its way, in nanoseconds; one pair is chosen.
        codes: What user code does by itself; one is chosen (see `Profile`).
        store: Makes the store.
    """

    candidates: ClassVar[int] = 3
    timings: ClassVar[tuple[Mapping[str, Any], ...]] = (ROOMY, WATCHED, TIGHT)
    unit: ClassVar[int] = SECOND
    delays: ClassVar[tuple[tuple[int, int], ...]] = ((0, 0), (0, SECOND // 2))
    codes: ClassVar[tuple[Rates, ...]] = ((), tuple((each, MILLION // 20) for each in CODE_TROUBLES))
    store: ClassVar[type[SimulatedStore]] = SimulatedStore

    def __init__(self) -> None:
        super().__init__()
        self.simulation: Simulation = Simulation(self.candidates)
        self.is_broken: bool = False

    @initialize(data=st.data(), seed=st.integers(0, 255))
    def begin(self, data: st.DataObject, seed: int) -> None:
        """Choose the settings, and let a first leader be elected."""
        timing = data.draw(st.sampled_from(self.timings), label="timing")
        delay = data.draw(st.sampled_from(self.delays), label="delay")
        code = data.draw(st.sampled_from(self.codes), label="user code")
        profile = Profile(
            delay=delay,
            unit=self.unit // 2,
            offsets=1000 * SECOND,
            gridded=True,
            code=code,
            wind_down=SECOND if code else 0,
        )
        self.simulation = Simulation(
            self.candidates, profile=profile, seed=seed, store=self.store(), **timing
        )
        self._sizes = st.sampled_from(sizes(self.simulation.participants[0].config, self.unit))
        self.simulation.run_for(1)

    # Each fault has a size; then the world goes on for a while.

    @rule(data=st.data())
    def go_on(self, data: st.DataObject) -> None:
        """Let time pass."""
        self._go_on(data)

    @rule(data=st.data(), who=WHO, way=WAY)
    def cut_off(self, data: st.DataObject, who: str, way: str) -> None:
        """F8, F9."""
        self.simulation.partition(who, way, self._size(data))
        self._go_on(data)

    @rule(data=st.data(), who=WHO, way=WAY)
    def slow_down(self, data: st.DataObject, who: str, way: str) -> None:
        """F3, F4."""
        self.simulation.delay(who, self._size(data), way, self._size(data))
        self._go_on(data)

    @rule(data=st.data(), who=WHO)
    def slow_down_then_cut_off(self, data: st.DataObject, who: str) -> None:
        """F4, F9: an answer is under way while its receiver is cut off."""
        names = [one.name for one in self.simulation.targets(who)]
        for name in names:
            self.simulation.delay(name, self._size(data), "answers")
        self._go_on(data)
        for name in names:
            self.simulation.partition(name, "requests", self._size(data))
        self._go_on(data)

    @rule(data=st.data(), who=WHO, way=WAY, count=COUNT)
    def lose(self, data: st.DataObject, who: str, way: str, count: int) -> None:
        """F1, F2."""
        self.simulation.drop(who, way, count)
        self._go_on(data)

    @rule(data=st.data(), who=WHO, way=WAY, count=COUNT)
    def repeat(self, data: st.DataObject, who: str, way: str, count: int) -> None:
        """F5, F6."""
        self.simulation.duplicate(who, way, count)
        self._go_on(data)

    @rule(data=st.data(), who=WHO)
    def pause(self, data: st.DataObject, who: str) -> None:
        """F10."""
        self.simulation.pause(who, self._size(data))
        self._go_on(data)

    @rule(data=st.data(), who=WHO)
    def crash(self, data: st.DataObject, who: str) -> None:
        """F11."""
        self.simulation.crash(who, self._size(data))
        self._go_on(data)

    @precondition(lambda self: len(self.simulation.participants) < 2 * self.candidates)
    @rule(data=st.data(), who=WHO)
    def start_twin(self, data: st.DataObject, who: str) -> None:
        """F12: another process with the same name, while the first is paused."""
        self.simulation.pause(who, self._size(data))
        self.simulation.twin(who)
        self._go_on(data)

    @rule(data=st.data(), who=WHO, way=st.integers(-1, 1))
    def drift(self, data: st.DataObject, who: str, way: int) -> None:
        """F13: to the extremes that the settings declare."""
        for one in self.simulation.targets(who):
            self.simulation.drift(one.name, way * round(one.config.clock_drift * MILLION))
        self._go_on(data)

    @rule(data=st.data(), who=WHO, back=st.booleans())
    def turn_wall_clock(self, data: st.DataObject, who: str, back: bool) -> None:
        """The time of day stands still or goes back: it decides nothing."""
        if back:
            self.simulation.step_wall_clock(who, -self._size(data))
        else:
            self.simulation.stop_wall_clock(who)
        self._go_on(data)

    @rule(data=st.data(), who=WHO)
    def resign(self, data: st.DataObject, who: str) -> None:
        """Office given up, for somebody or for anybody (P17)."""
        self.simulation.resign(who, self._successor(data))
        self._go_on(data)

    @rule(data=st.data())
    def request_resign(self, data: st.DataObject) -> None:
        """P14, P17."""
        self.simulation.request_resign(to=self._successor(data))
        self._go_on(data)

    @rule(data=st.data())
    def touch(self, data: st.DataObject) -> None:
        """P15."""
        self.simulation.touch()
        self._go_on(data)

    @rule(data=st.data(), who=WHO, waits=st.booleans())
    def stop(self, data: st.DataObject, who: str, waits: bool) -> None:
        """F15: whether what runs ends in time or not; and start again, a while later."""
        timeout = None if waits else self._size(data)
        names = [one.name for one in self.simulation.targets(who)]
        for name in names:
            self.simulation.stop(name, timeout)
        self._go_on(data)
        for name in names:
            self.simulation.restart(name)

    @rule(data=st.data(), who=WHO, what=st.sampled_from(CODE_TROUBLES))
    def urge(self, data: st.DataObject, who: str, what: str) -> None:
        """Work or a callback returns, raises, hangs, stops or resigns from inside: now, or when it runs."""
        names = [one.name for one in self.simulation.targets(who)]
        for name in names:
            self.simulation.urge(name, what)
        self._go_on(data)
        for name in names if what == "stop" else ():
            self.simulation.restart(name)

    @rule(data=st.data(), who=WHO)
    def fork(self, data: st.DataObject, who: str) -> None:
        """A child of the process has a copy of all that it knows."""
        self.simulation.fork(who)
        self._go_on(data)

    @rule(data=st.data())
    def stall_store(self, data: st.DataObject) -> None:
        """F21."""
        self.simulation.stall_store(self._size(data))
        self._go_on(data)

    @rule(data=st.data())
    def delete_lease(self, data: st.DataObject) -> None:
        """F17: exclusion is owed again a while later."""
        self.simulation.delete_lease()
        self._go_on(data)

    @invariant()
    def exclusion(self) -> None:
        """S1, on intervals in true time."""
        self._check(list(exclusion(self.simulation.history)))

    @invariant()
    def fencing(self) -> None:
        """S5."""
        self._check(list(fencing(self.simulation.history)))

    def teardown(self) -> None:
        """End all faults, demand a leader, check every other property, and tell what happened."""
        if self.is_broken:
            return
        simulation = self.simulation
        within = election_bound(simulation.history.configs.values(), simulation.profile)
        simulation.recover()
        simulation.run_until(max(simulation.now, simulation.world.network.busy_until))
        simulation.mark("leader", within)
        simulation.run_until(simulation.now + within)
        self._check(violations(simulation.history))
        for name, count in sightings(simulation.history).items():
            if count:
                event(name)

    def _size(self, data: st.DataObject) -> float:
        return data.draw(self._sizes, label="size") / 1e9

    def _successor(self, data: st.DataObject) -> str:
        """Whom a release names: nobody, a candidate, or one who never was."""
        names = sorted({each.config.identity for each in self.simulation.participants})
        return data.draw(st.sampled_from(("", *names, "who never was")), label="successor")

    def _go_on(self, data: st.DataObject) -> None:
        self.simulation.run_for(data.draw(self._sizes, label="go on for") / 1e9)

    def _check(self, found: list[Violation]) -> None:
        if found:
            from incumbent.testing.timeline import report  # noqa: PLC0415  # only a failure is drawn

            self.is_broken = True
            history = self.simulation.history
            story = report(history, *found, directory=gettempdir())  # one page, however often it is shrunk
            parts = (*map(str, found[:5]), story, "Program:", *program(history), "Repeat:", one_line(history))
            raise PropertyViolated("\n".join(parts))
