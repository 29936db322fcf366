"""Everything that one elector has seen of the lease, and when that allows a claim (P4, P5, P11)."""

from __future__ import annotations

from typing import NamedTuple

from incumbent.config import ElectorConfig
from incumbent.lease import MAX_TRANSITIONS, StoredLease


class Observation(NamedTuple):
    """The record as last seen. A value: every look makes a new one.

    Attributes:
        stored: The record and its version; None if it was missing.
        since: When the first reply that showed this write was received, on my own clock, whatever its
            version was then (P15); None before the first look.
        highest_token: The highest token ever seen: the next one is higher (P11).
        longest_ns: The longest lease duration ever seen; 0 if no record ever was.
    """

    stored: StoredLease | None = None
    since: int | None = None
    highest_token: int = 0
    longest_ns: int = 0

    @property
    def holder(self) -> str | None:
        """The identity of the holder, or None: vacant, missing, or not looked at yet."""
        return self.stored.lease.holder_identity or None if self.stored is not None else None

    @property
    def expires_at(self) -> int | None:
        """When the held record's own duration has passed since this write was first seen (P4), or None."""
        if self.since is None or self.stored is None or self.holder is None:
            return None
        return self.since + self.stored.lease.lease_duration_ns

    def leader_at(self, now: int) -> str | None:
        """The holder, unless its record has expired by `now`: then nobody leads, for all that is known."""
        expires_at = self.expires_at
        return self.holder if expires_at is not None and now < expires_at else None

    def saw(self, stored: StoredLease | None, now: int) -> Observation:
        """A look at the record, received at `now`. Any other write, newer or older, starts the count (P4)."""
        if stored is self.stored and self.since is not None:
            return self  # the very object, as a store in this process may give it
        unchanged = self.since is not None and _is_same(stored, self.stored)
        since = self.since if unchanged else now
        if stored is None:
            return Observation(None, since, self.highest_token, self.longest_ns)
        lease = stored.lease
        return Observation(
            stored,
            since,
            max(self.highest_token, lease.leader_transitions),
            max(self.longest_ns, lease.lease_duration_ns),
        )

    def is_renewed_by(self, stored: StoredLease) -> bool:
        """Whether that renews the write last seen: later, by the same holder (P12)."""
        return self.stored is not None and stored.lease.is_renewal_of(self.stored.lease)

    def counted_from(self, now: int) -> Observation:
        """The same, as if seen for the first time at `now`."""
        return self if self.since is None else self._replace(since=now)

    def claimable_at(self, config: ElectorConfig) -> int | None:
        """From when on the protocol lets a candidate claim the lease, if it stays as it is.

        A held lease: when the record's own duration has passed since I first saw this write (P4).
        A released one: at once, for a store shows as held what was released in an earlier epoch (P15); but if
        it names another candidate, when that one has had two retry periods of mine to claim it (P17).
        A missing one: at once only if the store never forgets and I never saw a record; else it is held, for
        all I know, for the longest duration that I know (P5). None: never, as nothing was seen yet, or the
        token cannot grow (P11) and the record has to be repaired by hand.
        """
        if self.since is None or self.highest_token == MAX_TRANSITIONS:
            return None
        if self.stored is None:
            is_forgotten = self.longest_ns > 0 or not config.guarantees.durable
            wait = max(self.longest_ns, config.lease_ns) if is_forgotten else 0
        elif not self.stored.lease.is_vacant:
            wait = self.stored.lease.lease_duration_ns
        elif self.stored.lease.successor == config.identity:
            return self.since
        else:
            wait = 2 * config.retry_ns if self.stored.lease.successor else 0
        return self.since + wait + config.takeover_delay_ns


def _is_same(one: StoredLease | None, other: StoredLease | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.is_same_write(other)
