"""A scheduler that runs on several machines and does its jobs on exactly one of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from incumbent import Campaign, Clock, Leadership, LeaseStore, SystemClock


@dataclass(frozen=True)
class Job:
    """Call `run(token)` every `every` seconds; the token is to fence what it writes."""

    name: str
    every: float
    run: Callable[[int], None]


class Scheduler:
    """Contends for the lease in `store`, and does the jobs while it leads."""

    def __init__(self, store: LeaseStore, jobs: list[Job], clock: Clock | None = None) -> None:
        self._jobs = jobs
        self._clock = SystemClock() if clock is None else clock
        self.campaign = Campaign(store, on_started_leading=self._work, clock=self._clock)

    def _work(self, leadership: Leadership) -> None:
        due = {job.name: self._clock.now() + job.every for job in self._jobs}
        while not leadership.wait(min(due.values()) - self._clock.now()):
            for job in self._jobs:
                if due[job.name] <= self._clock.now():
                    leadership.check()
                    job.run(leadership.token)
                    due[job.name] += job.every
