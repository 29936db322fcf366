"""What a run does to its world by itself: one strike after another, of the kinds that its profile enables.

A strike is one or several verbs of `Simulation`, with a target and a size drawn for it. Half of them aim at
the leader: that is where an election can be broken.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias

from incumbent.core.elector import EPOCH
from incumbent.lease import NANOSECONDS
from incumbent.testing.profile import CODE_TROUBLES
from incumbent.testing.simulation.participants import MILLION

if TYPE_CHECKING:
    from incumbent.testing.simulation.verbs import Simulation

Strike: TypeAlias = Callable[["Simulation", str, float], None]

AIMS: Final = ("leader", "leader", "leader", "leader", "challenger", "challenger", "any", "any", "any", "all")
WAYS: Final = ("both", "requests", "answers")


def _way(simulation: Simulation) -> str:
    return WAYS[simulation.roll(len(WAYS))]


def partition(simulation: Simulation, who: str, size: float) -> None:
    """F8, F9: cut off one way or both, for a while."""
    simulation.partition(who, _way(simulation), size)


def flap(simulation: Simulation, _who: str, size: float) -> None:
    """F8: cut everybody off one by one; heal them in an order of its own."""
    for name in [participant.name for participant in simulation.participants]:
        simulation.partition(name, _way(simulation), size * (1 + simulation.roll(4)) / 4)


def slow(simulation: Simulation, who: str, size: float) -> None:
    """F3, F4: answers or requests take longer, for as long as two of them take."""
    simulation.delay(who, size, _way(simulation), 2 * size)


def slow_then_isolated(simulation: Simulation, who: str, size: float) -> None:
    """F4, F9: an answer is under way while its sender is cut off: what is learned late counts least."""
    simulation.delay(who, size, "answers")
    simulation.drop(who, "requests", 1 + simulation.roll(2))
    simulation.partition(who, "requests", 2 * size)


def lose(simulation: Simulation, who: str, _size: float) -> None:
    """F1, F2: lose the next few messages."""
    simulation.drop(who, _way(simulation), 1 + simulation.roll(3))


def repeat(simulation: Simulation, who: str, _size: float) -> None:
    """F5, F6, F7: the next few messages come again, later."""
    simulation.duplicate(who, _way(simulation), 1 + simulation.roll(3))


def pause(simulation: Simulation, who: str, size: float) -> None:
    """F10."""
    simulation.pause(who, size)


def pause_in_flight(simulation: Simulation, who: str, size: float) -> None:
    """F10, F4: paused while the answer to what it sent is under way."""
    simulation.delay(who, size, "answers", size)
    simulation.pause(who, size)


def crash(simulation: Simulation, who: str, size: float) -> None:
    """F11: crash, and start again with the same name."""
    simulation.crash(who, size)


def twin(simulation: Simulation, who: str, size: float) -> None:
    """F12: two processes with one name, of which the older one is paused."""
    if len(simulation.participants) < 2 * simulation.history.candidates:
        simulation.pause(who, size)
        simulation.twin(who)


def drift(simulation: Simulation, _who: str, _size: float) -> None:
    """F13: another rate, within what is declared; the extremes most often."""
    for participant in simulation.participants:
        simulation.drift(participant.name, simulation.world.chance.rate(participant.config))


def break_clock(simulation: Simulation, who: str, size: float) -> None:
    """F14: a clock that stands still, races, or jumps."""
    kind = simulation.roll(4)
    if kind < 2:  # noqa: PLR2004 - half of the four
        simulation.jump(who, size if kind == 0 else -size)
        return
    ppm = -MILLION if kind == 2 else MILLION  # noqa: PLR2004 - the third of the four
    hit = simulation.participants[simulation.roll(len(simulation.participants))].name
    simulation.drift(hit, ppm)
    simulation.later(size, lambda: simulation.drift(hit, 0))


def turn_wall_clock(simulation: Simulation, who: str, size: float) -> None:
    """The time of day stands still, or goes back: it is for people, and decides nothing."""
    if simulation.roll(2):
        simulation.stop_wall_clock(who)
    else:
        simulation.step_wall_clock(who, -size)


def _successor(simulation: Simulation) -> str:
    """Nobody, somebody who contends, or once did, or never."""
    names = sorted({participant.config.identity for participant in simulation.participants})
    named = simulation.roll(2 * (len(names) + 1))
    return [*names, "somebody else"][named] if named <= len(names) else ""


def resign(simulation: Simulation, who: str, _size: float) -> None:
    """Office given up, as a campaign's user may wish at any moment, for somebody or anybody (P17)."""
    simulation.resign(who, _successor(simulation))


def fork(simulation: Simulation, who: str, _size: float) -> None:
    """A process forks: its child must not lead."""
    simulation.fork(who)


def request_resign(simulation: Simulation, _who: str, _size: float) -> None:
    """P14: someone asks the holder to resign, for somebody (P17) or not, and to hold back (P16) or not."""
    hold = simulation.profile.hold / NANOSECONDS * simulation.roll(2)
    simulation.request_resign(to=_successor(simulation), hold=hold)


def touch(simulation: Simulation, _who: str, size: float) -> None:
    """P15: the record is touched, once or again and again for a while."""
    times = 1 + simulation.roll(4)
    for turn in range(times):
        simulation.later(size * turn / times, simulation.touch)


def stop(simulation: Simulation, who: str, size: float) -> None:
    """F15: stop, in whatever state, perhaps twice, giving more time or less, and start again."""
    for _ in range(1 + simulation.roll(2)):
        simulation.stop(who, (0, size, 2 * size, None)[simulation.roll(4)])
    simulation.later(size, lambda: simulation.restart("all"))


def urge(simulation: Simulation, who: str, size: float) -> None:
    """F19, and whatever else user code may do: return, raise, hang, stop or resign, and start again."""
    simulation.urge(who, CODE_TROUBLES[simulation.roll(len(CODE_TROUBLES))])
    simulation.later(size, lambda: simulation.restart("all"))


def stall(simulation: Simulation, _who: str, size: float) -> None:
    """F21."""
    simulation.stall_store(size)


def delete(simulation: Simulation, _who: str, _size: float) -> None:
    """F17."""
    simulation.delete_lease()


def restore(simulation: Simulation, _who: str, _size: float) -> None:
    """F17."""
    simulation.restore_backup()


INSIDE: Final[tuple[Strike, ...]] = (
    *(partition, flap, slow, slow_then_isolated, lose, repeat, pause, pause_in_flight, crash, twin, drift),
    turn_wall_clock,
    *(resign, request_resign, stop, stall, fork, touch, urge),
)
"""Within the assumptions of the promise: exclusion is owed through all of them."""

OUTSIDE: Final[tuple[Strike, ...]] = (break_clock, delete, restore)
"""Outside: near these only the guarded resource is safe (S6)."""

STRIKES: Final = {strike.__name__: strike for strike in (*INSIDE, *OUTSIDE)}


def strike_on(simulation: Simulation) -> None:
    """Strike again and again, at times of its own, until all faults have ended."""

    def again() -> None:
        _strike(simulation)
        strike_on(simulation)

    simulation.later(simulation.roll(2 * simulation.profile.strike_every + 1) / 1e9, again)


def _strike(simulation: Simulation) -> None:
    """Draw one strike and do it."""
    profile = simulation.profile
    chosen = STRIKES[profile.strikes[simulation.roll(len(profile.strikes))]]
    aim = AIMS[simulation.roll(len(AIMS))]
    target = simulation.participants[simulation.roll(len(simulation.participants))]
    chosen(simulation, aim, simulation.world.chance.size(target) / 1e9)


def end_all(simulation: Simulation) -> None:
    """End every fault, of every process, by the verbs that do it, and let nothing go wrong any more."""
    world = simulation.world
    world.recoveries += 1
    world.network.stalled_until = 0
    world.chance.calm()
    simulation.heal("all")
    for participant in simulation.participants:
        if abs(participant.clock.rate - MILLION) > participant.config.clock_drift * MILLION:
            simulation.drift(participant.name, 0)
        participant.wall, participant.epoch = None, EPOCH
        simulation.resume(participant.name)
        if participant.host is not None and participant.host.driver.term.stopping:
            simulation.crash(participant.name)
        simulation.restart(participant.name)
        if participant.host is not None:
            participant.host.urge(None)
