"""The elector: a state machine without I/O, clock, randomness or threads.

The next step is decided here and in `leaving.py`, which ends a candidacy, by the roles of `states.py`, the
waits of `observation.py` (P4, P5) and the writes that `candidacy.py` knows for its own (P7). P1 to P17 are
the protocol's rules, written down in `specs/protocol.md`.

The whole driver loop is::

    effects = elector.handle(Start(), now)
    while elector.state != "stopped":
        for notice in effects.notices:           # deliver these first
            ...
        if effects.request is not None:          # then ask the store; its reply is an input
            ...
        event = ...                              # a reply, a wish, or TimerFired() at effects.wake_at
        effects = elector.handle(event, now)

An elector is either observing (follower), waiting for the outcome of one write (candidate), or renewing
(leader). One request is in flight at most (P10), `_plan` decides which is next, and `_as_<state>` decides
what an input means. A follower claims the lease only on receiving the record, never on a timer alone, so
there is one place, `_claim_or_wait`, where a campaign can begin.
"""

from __future__ import annotations

from incumbent.core.candidacy import Candidacy, Leaving, Validity
from incumbent.core.leaving import Leaver
from incumbent.core.messages import (
    Abstain,
    CreateLease,
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
    ResignRequested,
    Start,
    StartedLeading,
    Stop,
    StoreChanged,
    TimerFired,
    Unavailable,
    WriteRequest,
    Written,
)
from incumbent.core.state import EPOCH
from incumbent.core.states import CANDIDATE, FOLLOWER, LEADER, STOPPED
from incumbent.errors import ConfigurationError
from incumbent.lease import StoredLease

__all__ = ["EPOCH", "Elector", "Validity"]


class Elector(Leaver):
    """One candidate for one lease. `handle` is its only entry; everything else answers questions.

    Args:
        config: The settings.
        session: The base of this elector's sessions, which no other elector may ever use (P2). Random by
            default; inject one to make runs repeatable.
        epoch: The UTC time at which the clock read 0, for the times in the record, which are for people.
            A driver may set it anew at any moment: nothing is decided by it.

    Attributes:
        state: "follower", "candidate", "leader" or "stopped".
        leader: The identity last observed as holder, or None.
        wake_at: When the next `TimerFired` is due, or None.
        office: The current term, or None. Read it *before* the clock to ask from another thread.
    """

    __slots__ = ()

    def handle(self, event: Input, now: int) -> Effects:
        """Take one input at the clock reading `now`, in nanoseconds, and return all that it brought about.

        Every input is legal in every state. A reply to anything but the pending request is ignored (P10).

        Raises:
            ConfigurationError: `now` is not an integer.
        """
        if type(now) is not int:
            raise ConfigurationError(f"now is {now!r}: give the clock's reading as integer nanoseconds")
        self._moves, self._notices, self._request = [], [], None
        if self.next_request_id == 0:
            self.next_request_id = 1
        elif now < self.now:
            self._begin_waits_anew(now)
        self.now = now
        if self.office is not None and now >= self.office.until:
            self._leave_office("step_down", "the renew deadline passed", release=False)
        late = self.pending
        if late is not None and now >= late.expires_at and getattr(event, "id", None) != late.id:
            self._dispatch(Unavailable(late.id, reason="no answer in time"))
        if self.leaving is not None and self.pending is None and now >= self.leaving.until:
            self._drop_release()
        self._dispatch(event)
        self._plan()
        self.office: Validity | None = self.candidacy.office(now, self.config.renew_deadline_ns)
        self._check()
        return Effects(tuple(self._moves), tuple(self._notices), self._request, self.wake_at)

    # One method per state. `request` is what a reply answers, None for any other input.

    def _dispatch(self, event: Input) -> None:
        request = None
        if isinstance(event, TimerFired):
            return  # `_plan` does what is due
        if isinstance(event, (Found, Written, Refused, Missing, Unavailable)):
            request = self.pending
            if request is None or event.id != request.id:
                return
            self.pending: Request | None = None
            if not _fits(event, request):
                event = Unavailable(event.id, reason="the store gave an answer to another question")
            if self.leaving is not None:
                self._as_leaving(event, request, self.leaving)
                if self.leaving is None:
                    self._schedule_read()
                return
        else:
            self._take_wish(event)
        if self.state == FOLLOWER:
            self._as_follower(event, request)
        elif self.state == CANDIDATE:
            self._as_candidate(event, request)
        elif self.state == LEADER:
            self._as_leader(event, request)

    def _take_wish(self, event: Input) -> None:
        """Note what an input asks for in any state."""
        if isinstance(event, Start):
            self.contending: bool = self.state != STOPPED
        elif isinstance(event, (Abstain, Stop)):
            self.contending = False
        elif isinstance(event, Ended) and self.leaving is not None:
            self.leaving: Leaving | None = self.leaving._replace(ended=True)
        if isinstance(event, (Resign, Stop)) and not event.release:
            self._drop_release()

    def _as_follower(self, event: Input, request: Request | None) -> None:
        if isinstance(event, Found):
            write = self.candidacy.match_own_write(event.stored, self._oldest_valid())
            if write is not None:
                self._write_took_effect(write, event.stored)
            else:
                self._claim_or_wait(event.stored)
        elif isinstance(event, Missing) and isinstance(request, GetLease):
            self._claim_or_wait(None)
        elif isinstance(event, Unavailable) and request is not None:
            self._retry_read(request)
        elif isinstance(event, (Written, Refused, Missing)) and isinstance(request, WriteRequest):
            if isinstance(event, Written):
                self._observe(self._as_written(request, event))
            self._schedule_read()  # the last write of a candidacy whose release was given up
        elif isinstance(event, (Start, StoreChanged)):
            self._look_again(event.stored if isinstance(event, StoreChanged) else None)
        elif isinstance(event, (Resign, Abstain)):
            self._end_candidacy(event)
        elif isinstance(event, Stop):
            self._stop()

    def _look_again(self, stored: StoredLease | None) -> None:
        """Read, unless another's renewal is told and so received (P12); a look under way may be older."""
        self.read_at = self.now
        if stored is None or self.pending is not None or self._wrote(stored.lease):
            return
        if self.observation.is_renewed_by(stored):
            self._observe(stored)
            self.read_at = None
            self._schedule_read()

    def _as_candidate(self, event: Input, request: Request | None) -> None:
        if isinstance(event, Written) and isinstance(request, WriteRequest):
            self._write_took_effect(request, self._as_written(request, event))
        elif isinstance(event, (Refused, Missing)) and isinstance(request, WriteRequest):
            if not self.candidacy.unknown_writes:
                self._move("lose", "somebody else's write stuck")
            self.read_at = self.now
        elif isinstance(event, (Found, Missing)):
            self._read_back(event.stored if isinstance(event, Found) else None)
        elif isinstance(event, Unavailable) and request is not None:
            self._write_unknown(event, request)
            if not self.candidacy.has_live_unknown(self._oldest_valid()):
                self._move("lose", event.reason)
                self._retry_read(request)
            elif self.read_at is None:
                self.read_at = self.now
        elif isinstance(event, (Resign, Abstain, Stop)):
            self._depart(event)

    def _as_leader(self, event: Input, request: Request | None) -> None:
        if isinstance(event, Written) and isinstance(request, WriteRequest):
            self._write_took_effect(request, self._as_written(request, event))
        elif isinstance(event, Refused):
            self.read_at = self.now  # by what? Another's write, one of mine, or a touch
        elif isinstance(event, Found):
            self._leader_read(event.stored)
        elif isinstance(event, Missing):
            self._observe(None)
            self._leave_office("step_down", "the record is missing", release=False)
        elif isinstance(event, Unavailable) and request is not None:
            self._write_unknown(event, request)
        elif isinstance(event, Resign):
            self._give_up_office("step_down", "resigned", event)
            self._end_candidacy(event)
        elif isinstance(event, Stop):
            self._give_up_office("stop", "asked to", event)

    # What the states have in common.

    def _plan(self) -> None:
        """Send what is due, if nothing is in flight (P10): a release, a look at the record, or a renewal."""
        held = self.candidacy.held
        if self.pending is not None:
            return
        if self.leaving is not None:
            self._plan_release(self.leaving)
        elif self.read_at is not None:
            if self.now >= self.read_at:
                self.read_at = None
                self._send(GetLease(*self._header()))
        elif held is not None and self.write_not_before is not None and self.now >= self.write_not_before:
            renewed = self._lease(held.lease.leader_transitions, held.lease.acquire_time)
            self._send(self._update(renewed, self.candidacy.version))

    def _claim_or_wait(self, stored: StoredLease | None) -> None:
        """Claim the lease if it is vacant, or has expired on my clock; else look again in time."""
        self._observe(stored)
        claimable_at = self._claimable_at()
        if claimable_at is None or self.now < claimable_at:
            self._schedule_read()
            return
        self.read_at = None
        lease = self._lease(self.observation.highest_token + 1)
        if stored is None:
            self._move("campaign", "there is no record")
            self._send(CreateLease(*self._header(), lease))
        else:
            is_vacant = stored.lease.is_vacant
            self._move("campaign", "the lease was released" if is_vacant else "the lease expired on my clock")
            self._send(self._update(lease, stored.version))

    def _claimable_at(self) -> int | None:
        at = self.observation.claimable_at(self.config) if self.contending else None
        if at is None:
            return None
        for bound in (self.write_not_before, self.no_campaign_before, self._held_back_until()):
            if bound is not None:
                at = max(at, bound)
        return at

    def _schedule_read(self) -> None:
        """Read when the lease can be claimed or at the next poll; at once if a change was hinted at."""
        if self.state == STOPPED or self.read_at is not None:
            return
        claimable_at, poll_at = self._claimable_at(), self.now + self.config.retry_ns
        if self.config.guarantees.can_watch:
            self.read_at = claimable_at
        else:
            self.read_at = poll_at if claimable_at is None else min(claimable_at, poll_at)

    def _write_took_effect(self, write: WriteRequest, stored: StoredLease) -> None:
        """A write of its own took effect: lead, counting from its send (P3), unless its validity is over."""
        self._observe(stored)
        if write.sent_at <= self._oldest_valid():
            self.candidacy = self.candidacy._replace(unknown_writes=())
            self._move("lose", "my write stuck too late to lead by it")
            self._schedule_read()
            return
        asked_before = self.candidacy.asked_by
        self.candidacy: Candidacy = self.candidacy.holding(write, stored)
        self.read_at = None
        if self.state == FOLLOWER:
            self._move("campaign", "a write of mine was found in the store")
        if self.state == CANDIDATE:
            self._move("win", "my write is the one that stuck")
            self._notices.append(StartedLeading(write.lease.leader_transitions))
        if self.candidacy.asked_by and not asked_before:
            self._notices.append(ResignRequested(self.candidacy.asked_by))

    def _read_back(self, stored: StoredLease | None) -> None:
        """A candidate has looked for its write of unknown outcome (P7)."""
        write = None if stored is None else self.candidacy.match_own_write(stored, self._oldest_valid())
        if stored is not None and write is not None:
            self._write_took_effect(write, stored)
            return
        self._move("lose", "my write of unknown outcome was not found")
        self._observe(stored)
        self._schedule_read()

    def _leader_read(self, stored: StoredLease) -> None:
        """A leader has looked at the record. Another's is loss now (P8)."""
        if stored.version == self.candidacy.version:
            return
        before = self.candidacy
        write = before.match_own_write(stored, self._oldest_valid())
        if write is not None:
            self._write_took_effect(write, stored)
            if write is before.held and self.candidacy.asked_by == before.asked_by:
                self.write_not_before: int | None = self.now  # touched: what was refused is due (P15)
        else:
            self._observe(stored)
            holder = stored.lease.holder_identity
            reason = f"the lease is held by {holder!r}" if holder else "the lease was released by another"
            self._leave_office("step_down", reason, release=False)

    def _write_unknown(self, event: Unavailable, request: Request) -> None:
        """No answer: a write may have happened, so read back before the next one (P7)."""
        if isinstance(request, GetLease):
            self._retry_read(request)
        elif event.outcome_unknown:
            self.candidacy = self.candidacy.with_unknown(request, self._oldest_valid())
            self.read_at = self.now

    def _retry_read(self, request: Request) -> None:
        self.read_at = max(self.now, request.sent_at + self.config.retry_ns)


def _fits(reply: Reply, request: Request) -> bool:
    """Whether a store that works can give this reply to this request."""
    if isinstance(request, GetLease):
        return isinstance(reply, (Found, Missing, Unavailable))
    return not isinstance(reply, Found) and not (
        isinstance(request, CreateLease) and isinstance(reply, Missing)
    )
