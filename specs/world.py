"""A small random world of real electors, each step of which is held to the proof.

Messages are delayed, lost, duplicated and reordered, reads are stale, clocks drift within the bound, electors
crash and start again under the same name, resign, abstain and stop; the holder is asked to resign. Everything
is drawn from one seed.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from random import Random

from incumbent.config import ElectorConfig
from incumbent.core.elector import Elector
from incumbent.core.messages import (
    Abstain,
    Effects,
    Ended,
    Found,
    GetLease,
    Input,
    Missing,
    Refused,
    Reply,
    Request,
    Resign,
    Start,
    Stop,
    StoreChanged,
    TimerFired,
    Unavailable,
    Written,
)
from incumbent.core.states import LEADER
from incumbent.lease import NANOSECONDS, StoredLease, StoreGuarantees
from specs.conformance import Nonconformance, Shadow, check_step
from specs.records import check_store_step

DRIFT = 0.1
LEASES = (6.0, 8.0)
DELAYS = (0, 0, 0, 0, 0, 0, 0.1, 0.1, 0.5, 0.9, 2, 4, 9)
COPIES = (0, *([1] * 12), 2)


class Candidate:
    """An elector, its clock, and the proof's beside it."""

    def __init__(self, world: World, name: str, life: int) -> None:
        rng, lease = world.rng, world.rng.choice(LEASES)
        self.config = ElectorConfig(
            identity=name,
            lease_duration=lease,
            renew_deadline=4.0,
            retry_period=1.0,
            request_timeout=1.0,
            takeover_delay=rng.choice((0.0, 0.0, 0.5)),
            clock_drift=DRIFT,
            guarantees=StoreGuarantees(durable=world.durable),
        )
        self.rate = rng.choice((1 - DRIFT, 1.0, 1 + DRIFT))
        self.offset = rng.randrange(1000) * NANOSECONDS
        self.elector = Elector(self.config, session=f"{name}{life}")
        self.shadow = Shadow.beside(self.config, self.elector.session)
        self.is_up = True
        self.due: int | None = None
        self.steps: list[tuple[Input, int, Effects]] = []  # as a driver would record them

    def reading(self, now: int) -> int:
        """Its clock, in whole nanoseconds."""
        return self.offset + int(now * self.rate)


class World:
    """`run` it; then `taken` says which actions of the proof were seen.

    Args:
        seed: Draws everything.
        loses: Whether the record is lost now and then, and clocks run backwards: outside A3 and A5 exclusion
            is not promised, and not checked, but each step must still be the proof's.
        goes_back: Whether the store goes back to what was written before, now and then, and says so (P15).
    """

    def __init__(
        self, seed: int, *, loses: bool = False, goes_back: bool = False, candidates: int = 3
    ) -> None:
        self.rng = Random(seed)  # noqa: S311 (nothing is secret here)
        self.seed, self.loses, self.goes_back = seed, loses, goes_back
        self.durable = not loses and not goes_back and self.rng.choice((True, False))
        self.now = self.versions = self.lives = self.epoch = 0
        self.record: StoredLease | None = None
        self.past: list[StoredLease | None] = [None]
        self.queue: list[tuple[int, int, Callable[[], None]]] = []
        self.taken: Counter[str] = Counter()
        self.candidates = [self._born(f"c{number}") for number in range(candidates)]

    def run(self, steps: int) -> Counter[str]:
        """Let so many things happen.

        Raises:
            Nonconformance: A step was none of the proof's, or two led at once; the message names the seed.
        """
        try:
            for _ in range(steps):
                self.now, _number, happen = heapq.heappop(self.queue)
                happen()
                self._check_exclusion()
        except Nonconformance as error:
            which = f"World({self.seed}, loses={self.loses}, goes_back={self.goes_back})"
            raise Nonconformance(f"{which}: {error}") from error
        return self.taken

    def _check_exclusion(self) -> None:
        """S1."""
        leaders = [c for c in self.candidates if c.is_up and c.elector.is_leader(c.reading(self.now))]
        if len(leaders) > 1 and not self.loses:
            raise Nonconformance(f"two leaders: {leaders}")

    def _later(self, happen: Callable[[], None], *, at: int | None = None) -> None:
        """At that time, or after a delay: mostly none, sometimes longer than a lease."""
        if at is None:
            at = self.now + int(self.rng.choice(DELAYS) * NANOSECONDS)
        self.lives += 1
        heapq.heappush(self.queue, (max(at, self.now), self.lives, happen))

    def _born(self, name: str) -> Candidate:
        self.lives += 1
        candidate = Candidate(self, name, self.lives)
        self._give(candidate, Start())
        self._later(lambda: self._meddle(candidate))
        return candidate

    def _give(self, candidate: Candidate, event: Input, *, back: int = 0) -> None:
        """One step of one elector, held to the proof in both ways."""
        if not candidate.is_up:
            return
        reading = candidate.reading(self.now) - back
        before = candidate.elector.copy()
        effects = candidate.elector.handle(event, reading)
        taken = check_step(before, event, reading, effects, candidate.elector)
        candidate.steps.append((event, reading, effects))
        along = candidate.shadow.step(event, reading, effects)
        if along != taken:
            raise Nonconformance(f"from the states it is {taken}, along the run {along}")
        self.taken.update(taken)
        self._carry_out(candidate, effects)

    def _carry_out(self, candidate: Candidate, effects: Effects) -> None:
        request = effects.request
        if request is not None:
            for _ in range(self.rng.choice(COPIES)):
                self._later(lambda: self._serve(candidate, request))
        if effects.wake_at is not None and effects.wake_at != candidate.due:
            candidate.due = effects.wake_at
            due = int((effects.wake_at - candidate.offset) / candidate.rate) + 1
            pause = 3 * NANOSECONDS if self._chance(12) else 0
            self._later(lambda: self._give(candidate, TimerFired()), at=due + pause)

    def _serve(self, candidate: Candidate, request: Request) -> None:
        """The store decides; the answer may be lost, late, double, or unusable."""
        reply = self._decide(request)
        if self._chance(20):
            reply = Unavailable(request.id)
        for _ in range(self.rng.choice(COPIES)):
            self._later(lambda: self._give(candidate, reply))

    def _decide(self, request: Request) -> Reply:
        if isinstance(request, GetLease):
            shown = self.rng.choice(self.past[-3:]) if self._chance(5) else self.record
            return Missing(request.id) if shown is None else Found(request.id, shown)
        before, named = self.record, getattr(request, "version", None)
        current = None if before is None else before.version
        if current == named:
            self._store(StoredLease(request.lease, self._new_version(), self.epoch))
        check_store_step(before, request, self.record)
        if self.record is not before and self.record is not None:
            return Written(request.id, self.record.version)
        return Missing(request.id) if before is None else Refused(request.id)

    def _new_version(self) -> int:
        self.versions += 1
        return self.versions

    def _store(self, record: StoredLease | None) -> None:
        self.record = record
        self.past.append(record)

    def _chance(self, one_in: int) -> bool:
        return self.rng.randrange(one_in) == 0

    def _meddle(self, candidate: Candidate) -> None:
        """Something from outside, every few seconds, mostly to leaders, for as long as they are there."""
        if candidate not in self.candidates:
            return
        wait = self.rng.randrange(1, 8)
        self._later(lambda: self._meddle(candidate), at=self.now + wait * NANOSECONDS)
        is_busy = candidate.elector.state == LEADER or candidate.elector.leaving is not None
        if not is_busy and not self._chance(8):
            self._give(candidate, Start())
            return
        wishes: list[Input] = [StoreChanged(), Abstain(), Resign(), Resign(), Resign(release=False)]
        if candidate.elector.leaving is not None:
            wishes = [Ended()]
        self.rng.choice(
            [
                lambda: self._give(candidate, self.rng.choice(wishes)),
                lambda: self._end(candidate, crashes=True),
                lambda: self._end(candidate, crashes=False),
                lambda: self._touch(self.rng.choice(("ops", ""))),
                *([self._go_back] if self.goes_back else []),
                *(
                    [self._lose, lambda: self._give(candidate, TimerFired(), back=NANOSECONDS)]
                    if self.loses
                    else []
                ),
            ]
        )()

    def _touch(self, asked_by: str) -> None:
        """P15; with a request to resign on it (P14), or without."""
        before = self.record
        if before is not None:
            lease = before.lease.asked_to_resign(asked_by) if asked_by else before.lease
            self._store(StoredLease(lease, self._new_version(), self.epoch))
            check_store_step(before, "touched", self.record)

    def _go_back(self) -> None:
        """A5, P15: what is there now, or was there once. What had been released is shown as held."""
        lease = self.rng.choice([record.lease for record in self.past if record is not None] or [None])
        if lease is None:
            return
        self.epoch += 1
        if lease.is_vacant:
            lease = replace(lease, holder_identity="(released)", holder_session="(nobody)")
        before = self.record
        self._store(StoredLease(lease, self._new_version(), self.epoch))
        check_store_step(before, "back", self.record)

    def _lose(self) -> None:
        """A5 broken."""
        check_store_step(self.record, "lost", None)
        self._store(None)

    def _end(self, candidate: Candidate, *, crashes: bool) -> None:
        """And another one starts under the same name; the old one's messages are still under way."""
        if crashes:
            candidate.is_up = False
        else:
            self._give(candidate, Stop(release=not self._chance(3)))
            self._give(candidate, Ended())
        place = self.candidates.index(candidate)
        self.candidates[place] = self._born(candidate.config.identity)
