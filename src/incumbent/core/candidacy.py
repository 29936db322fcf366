"""One candidacy: which records are mine, and until when they let me lead (P2, P3, P7, P15)."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from incumbent.core.messages import WriteRequest
from incumbent.lease import EARLIEST_TIME, StoredLease, Version


class Validity(NamedTuple):
    """A term of office as far as it is proved: from the last input to the renew deadline (P3)."""

    token: int
    since: int
    until: int

    def covers(self, now: int) -> bool:
        """Whether `now` is inside. A clock that reads less than it did cannot be trusted with the end."""
        return self.since <= now < self.until


class Candidacy(NamedTuple):
    """From the first campaign to the end of the term. A value; each one has a session of its own (P2).

    Attributes:
        number: Counts the candidacies of one elector.
        held: My last write known to have taken effect, while leading; else None.
        version: The last version known to be mine.
        asked_by: Who asked me to resign, or "" (P14).
        unknown_writes: My writes of unknown outcome, in the order sent: each may have happened, or may still
            happen (P7).
        successor: For whom the request wants the lease released, or "" (P17).
        not_before: Until when it wants it held back (P16).
    """

    number: int = 0
    held: WriteRequest | None = None
    version: Version = None
    asked_by: str = ""
    unknown_writes: tuple[WriteRequest, ...] = ()
    successor: str = ""
    not_before: datetime = EARLIEST_TIME

    def next(self) -> Candidacy:
        """A new candidacy: to it, whatever the old one wrote is another's."""
        return Candidacy(self.number + 1)

    def holding(self, write: WriteRequest, stored: StoredLease) -> Candidacy:
        """My `write` took effect, and the record is `stored`: no older write of mine can land on it."""
        asks = stored.lease
        return Candidacy(
            *(self.number, write, stored.version, asks.resign_requested_by),
            successor=asks.successor,
            not_before=asks.not_before,
        )

    def office(self, now: int, renew_deadline_ns: int) -> Validity | None:
        """The term of office, looked at at `now`: it counts from the send of the write held by (P3)."""
        if self.held is None:
            return None
        return Validity(self.held.lease.leader_transitions, now, self.held.sent_at + renew_deadline_ns)

    def with_unknown(self, write: WriteRequest, since: int) -> Candidacy:
        """The outcome of `write` is unknown; doubts about writes sent by `since` are not worth keeping."""
        kept = tuple(old for old in self.unknown_writes if old.sent_at > since)
        return self._replace(unknown_writes=(*kept, write))

    def has_live_unknown(self, since: int) -> bool:
        """Whether a write sent after `since` may yet turn out to have happened."""
        return any(write.sent_at > since for write in self.unknown_writes)

    def match_own_write(self, stored: StoredLease, since: int) -> WriteRequest | None:
        """The write of mine that made this record, if it was sent after `since`.

        It is the one that I hold the lease by, touched by somebody (P14, P15), or one of unknown outcome.
        Where two of them look alike the earlier one is meant, for its validity ends sooner (P7).
        """
        for write in (self.held, *self.unknown_writes):
            if write is not None and write.sent_at > since and stored.lease.is_same_write(write.lease):
                return write
        return None


class Leaving(NamedTuple):
    """A release that is owed (P9).

    Attributes:
        former: The candidacy that is over; its held write is the one to release.
        until: When the lease is left to expire.
        ended: Nothing of the term runs any more, so it may be sent.
        is_known: The record is, for all that is known, at the version of that candidacy.
        was_read: It was looked for, and will not be again.
        look_at: When to look for it, at the earliest: a store that refuses calls is given a while.
        not_before: Until when nobody should claim the lease, by what the elector was told; the request on the
            record may ask for longer (P16).
        successor: For whom it is meant, by what the elector was told; "": as the request asks (P17).
    """

    former: Candidacy
    until: int
    ended: bool = False
    is_known: bool = True
    was_read: bool = False
    look_at: int = 0
    not_before: datetime = EARLIEST_TIME
    successor: str = ""

    @property
    def is_over(self) -> bool:
        """Whether there is nothing to release, or nothing to be found out about it any more."""
        if self.is_known:
            return False
        return self.was_read or (self.former.held is None and not self.former.unknown_writes)
