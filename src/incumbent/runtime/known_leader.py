"""The leader as far as a candidate knows: the record's holder, until that has expired on its clock."""

from __future__ import annotations

from incumbent.core.observation import Observation
from incumbent.core.states import LEADER
from incumbent.runtime.alarm import Alarm
from incumbent.runtime.port import Runtime
from incumbent.runtime.reporter import Reporter


class KnownLeader:
    """Tells the observers of each other leader, and of nobody, at the instant at which it becomes so.

    An elector goes by records; that one has expired means nothing to it until it may claim the lease, which
    can be long after.
    """

    def __init__(self, runtime: Runtime, reporter: Reporter) -> None:
        self._runtime = runtime
        self._reporter = reporter
        self._seen: Observation | None = None
        self._leads = False
        self._same_until = 0
        self._told: str | None = None
        self._expires_at: int | None = None
        self._alarm = Alarm(runtime, self._look_again)

    def look(self, now: int) -> None:
        """Tell what is other than it was told last, and look again when the record expires."""
        elector = self._reporter.elector
        seen, leads = elector.observation, elector.state == LEADER
        if seen is self._seen and leads == self._leads and now < self._same_until:
            return
        leader, expires_at = seen.leader_at(now), seen.expires_at
        self._seen, self._leads = seen, leads
        self._same_until = expires_at if leader is not None and expires_at is not None else 0
        if leader != self._told:
            self._told = leader
            self._reporter.new_leader(leader)
        # A leader is told that it leads no longer before its own record has expired.
        if leader is None or leads:
            expires_at = None
        if expires_at != self._expires_at:
            self._expires_at = expires_at
            self._alarm.set(expires_at)

    def _look_again(self) -> None:
        self.look(self._runtime.now())

    def close(self) -> None:
        """Look no more."""
        self._alarm.set(None)
