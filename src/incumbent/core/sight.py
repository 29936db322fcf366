"""What one who only looks may say of a lease: who holds it, that nobody leads, or that it cannot tell."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final, NamedTuple

from incumbent.config import DEFAULT_LEASE_DURATION, ElectorConfig
from incumbent.core.observation import Observation
from incumbent.lease import Lease, StoredLease, StoreGuarantees

HELD: Final = "held"
NOBODY: Final = "nobody"
UNKNOWN: Final = "unknown"

EXPIRED: Final = "expired"
RELEASED: Final = "released"
MISSING: Final = "missing"


class Sight(NamedTuple):
    """What an observer says of a lease at one instant.

    Attributes:
        state: "held": this record was the last one seen, and has not expired by the observer's own count, so
            its holder may be leading. "nobody": when the store gave its last answer, no candidate led (P3,
            P4, P5). "unknown": neither can be said.
        reason: Why nobody leads: "expired", "released" or "missing". Else why the store gave no answer last
            time, or why nothing can be said; "" if it is held and the store answers.
        lease: The record as last seen; None if there was none.
    """

    state: str = UNKNOWN
    reason: str = "not looked yet"
    lease: Lease | None = None

    @property
    def leader(self) -> str | None:
        """The holder; None unless the state is "held"."""
        return self.lease.holder_identity if self.lease is not None and self.state == HELD else None

    @property
    def token(self) -> int | None:
        """The token of the record as last seen, whoever leads; None if there was none (P11)."""
        return None if self.lease is None else self.lease.leader_transitions

    @property
    def since(self) -> datetime | None:
        """When the holder's term began, by its own time of day; None unless the state is "held"."""
        return self.lease.acquire_time if self.lease is not None and self.state == HELD else None

    def is_like(self, other: Sight) -> bool:
        """Whether both say the same, though the lease may have been renewed in between."""
        return self._said() == other._said()

    def _said(self) -> tuple[object, ...]:
        lease = self.lease
        told = None if lease is None else (lease.holder_session, lease.leader_transitions)
        asked = None if lease is None else (lease.resign_requested_by, lease.not_before, lease.successor)
        return self.state, self.reason, told, asked


class Lookout(NamedTuple):
    """Turns answers of the store into sights. A value: every request and every answer makes a new one.

    Tell it of each request before that is sent, and of what came of it, one after the other; all instants are
    readings of one clock. That a record has expired is said only on an answer to a request that was *sent* a
    lease duration after the record was first received: the record was still there then, and its writer had
    stopped leading by it (P3, P4, P6a). An answer that was asked for earlier may be older than a renewal.

    Attributes:
        config: Says what the store promises, and the lease duration for which a missing record counts as held
            where that has to be waited for (P5c).
        observation: What was seen.
        asked_at: When the last request was sent; None: before the clock went backwards, or there was none.
        is_confirmed: Whether the last answer says that nobody leads.
        trouble: Why there was no answer last time, or no lease; "" if there was one.
        latest: The latest reading of the clock.
    """

    config: ElectorConfig
    observation: Observation = Observation()
    asked_at: int | None = None
    is_confirmed: bool = False
    trouble: str = "not looked yet"
    latest: int = 0

    @classmethod
    def over(cls, store: StoreGuarantees, lease_duration: float = DEFAULT_LEASE_DURATION) -> Lookout:
        """One that has not looked yet, at a lease in a store of these guarantees.

        Raises:
            ConfigurationError: `lease_duration` is none.
        """
        kept = replace(store, resolution=min(store.resolution, lease_duration))
        settings = ElectorConfig(
            "observer", lease_duration, retry_period=lease_duration / 10, guarantees=kept
        )
        return cls(settings)

    @property
    def looks_at(self) -> int | None:
        """The first instant at which to ask for an answer that says more than the last; None: none known."""
        return None if self.is_confirmed else self.observation.claimable_at(self.config)

    def asks(self, now: int) -> Lookout:
        """A request to read the record is sent."""
        return self._at(now)._replace(asked_at=now)

    def found(self, stored: StoredLease | None, now: int) -> Lookout:
        """The record was received; None: there is none."""
        before = self._at(now)
        seen = before.observation.saw(stored, now)
        free_at, asked_at = seen.claimable_at(self.config), before.asked_at
        is_late = asked_at is not None and free_at is not None and asked_at >= free_at
        # What was released, for whomever (P17), or never was, needs no wait: the answer itself says it.
        is_vacant = stored.lease.is_vacant if stored is not None else free_at == seen.since
        is_confirmed = is_late or is_vacant
        return before._replace(observation=seen, is_confirmed=is_confirmed, trouble="")

    def failed(self, reason: str, now: int) -> Lookout:
        """The store did not answer, or not with a lease: anybody may take it now without being seen."""
        return self._at(now)._replace(is_confirmed=False, trouble=reason)

    def sight(self, now: int) -> Sight:
        """What can be said at this instant."""
        seen = self.observation
        lease = None if seen.stored is None else seen.stored.lease
        if self.is_confirmed:
            is_vacant = lease is not None and lease.is_vacant
            return Sight(NOBODY, MISSING if lease is None else RELEASED if is_vacant else EXPIRED, lease)
        if seen.leader_at(now) is not None:
            return Sight(HELD, self.trouble, lease)
        why = "it expired, and was not seen since" if lease is not None else "the record may have been lost"
        return Sight(UNKNOWN, self.trouble or why, lease)

    def _at(self, now: int) -> Lookout:
        if now >= self.latest:
            return self._replace(latest=now)
        # P3e: what was counted and what was asked until now proves nothing.
        seen = self.observation.counted_from(now)
        return self._replace(observation=seen, asked_at=None, is_confirmed=False, latest=now)
