"""What users of a campaign do in it: work and callbacks that return, raise, hang, stop and resign.

A piece of user code is a script: a generator that says how long it waits, in nanoseconds of true time, and
goes on then, or as soon as its term is over or it is asked to end.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from incumbent.leadership import Leadership
from incumbent.testing.history import Ran
from incumbent.testing.simulation.participants import NEVER

if TYPE_CHECKING:
    from incumbent.testing.simulation.runtime import Process

Script: TypeAlias = Generator[int, None, None]


class CodeFailed(Exception):
    """User code that raises."""


class Running:
    """A script that runs.

    Attributes:
        name: "work" or "told".
        is_work: Whether it is the work of a term, not what is told of its end.
        token: Of the term that it belongs to.
    """

    __slots__ = (
        *("_ended", "_is_told", "_leadership", "_process", "_script", "_stamp"),
        *("is_work", "name", "token"),
    )

    def __init__(
        self,
        process: Process,
        name: str,
        code: tuple[Leadership, Script],
        ended: Callable[[BaseException | None], None],
    ) -> None:
        self._process = process
        self.name: str = name
        self._ended = ended
        self.is_work: bool = name == "work"
        self._leadership, self._script = code
        self.token: int = self._leadership.token
        self._is_told = False
        self._stamp = 0
        self._record("begins")
        self.hurry()

    def look(self) -> None:
        """Find out that the term is over, or that it is to end: then what it waits for is over."""
        if self.is_work and not self._is_told and self._leadership.reason is not None:
            self._is_told = True
            self._record("is asked to end")
            self.hurry()

    def hurry(self) -> None:
        """Go on now, whatever it waits for."""
        self._stamp += 1
        self._go_on_after(0)

    def _go_on(self, stamp: int) -> None:
        if stamp != self._stamp:
            return
        try:
            wait = next(self._script)
        except StopIteration:
            self._end("returns", None)
        except CodeFailed as failure:
            self._end("raises", failure)
        else:
            self._stamp += 1
            if wait != NEVER:
                self._go_on_after(wait)

    def _go_on_after(self, wait: int) -> None:
        queue = self._process.world.queue
        queue.push(queue.now + wait, self._process.enter, (partial(self._go_on, self._stamp),))

    def _end(self, how: str, failure: CodeFailed | None) -> None:
        self._stamp += 1
        self._process.running.remove(self)
        self._record(how)
        self._process.post(partial(self._ended, failure))

    def _record(self, what: str) -> None:
        world = self._process.world
        world.record(Ran(world.queue.now, self._process.name, self.name, what, self.token))


class UserCode:
    """The callbacks of one process; what they do is drawn from the profile's `code`."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def work(self, leadership: Leadership) -> tuple[Leadership, Script]:
        """`on_started_leading`."""
        return leadership, self._work(leadership)

    def told(self, leadership: Leadership) -> tuple[Leadership, Script]:
        """`on_stopped_leading`."""
        return leadership, self._told()

    def observed(self, _: str | None) -> None:
        """`on_new_leader`."""
        self._meddle(self._draw())

    @staticmethod
    def observe(call: Callable[[], object]) -> None:
        """Call what only observes: its failures are no business of a campaign's (P13)."""
        with suppress(CodeFailed):
            call()

    def _work(self, leadership: Leadership) -> Script:
        world, lease_ns = self._process.world, self._process.participant.config.lease_ns
        trouble = self._urged(self._draw())
        if world.profile.work_every:
            world.queue.push(world.queue.now, world.write, (self._process, leadership.token))
        if leadership.reason is None:  # else its term was over before it began
            yield NEVER if trouble is None else world.chance.roll(2 * lease_ns)
        if world.recoveries:
            trouble = None  # all faults have ended while it waited
        while leadership.reason is None:
            trouble = self._urged(trouble)
            if trouble == "return":
                return
            self._meddle(trouble)
            yield NEVER
        yield from self._wind_down(trouble)

    def _told(self) -> Script:
        trouble = self._urged(self._draw())
        if trouble in {"stop", "resign"}:
            self._meddle(trouble)
        yield from self._wind_down(trouble)

    def _wind_down(self, trouble: str | None) -> Script:
        world = self._process.world
        if world.recoveries:
            return
        trouble = self._urged(trouble)
        if trouble == "hang":
            yield NEVER
            trouble = self._urged(trouble)
        lasts = world.chance.roll(world.profile.wind_down + 1)
        if lasts:
            yield lasts
        if trouble == "raise":
            raise CodeFailed

    def _meddle(self, trouble: str | None) -> None:
        """Raise, or call a method of the campaign's from inside."""
        process, world = self._process, self._process.world
        if trouble == "raise":
            raise CodeFailed
        if trouble == "stop":
            patience = world.chance.roll(2 * process.participant.config.lease_ns)
            world.wish_stop(process, patience)
        elif trouble == "resign":
            world.wish_resign(process, "its own code resigned")

    def _urged(self, trouble: str | None) -> str | None:
        """What a verb has it do, if there was one; else what it would do by itself."""
        urged, self._process.urged = self._process.urged, None
        return trouble if urged is None or self._process.world.recoveries else urged

    def _draw(self) -> str | None:
        world = self._process.world
        if world.recoveries or not world.profile.code:
            return None
        return world.chance.code.draw()
