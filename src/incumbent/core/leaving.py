"""End a candidacy and release its record: the part of an elector that leaves (P9).

A term ends by the clock, by what was seen, or on request; a candidate gives up. In order, the lease is
released: `leaving` says what is owed, and keeps the candidacy that is over until it is sent or comes to
nothing.
"""

from __future__ import annotations

from incumbent.core.candidacy import Candidacy, Leaving, Validity
from incumbent.core.messages import (
    Abstain,
    ClockWentBackwards,
    Found,
    GetLease,
    Missing,
    Refused,
    Reply,
    Request,
    Resign,
    Stop,
    StoppedLeading,
    Unavailable,
    UpdateLease,
    WriteRequest,
    Written,
)
from incumbent.core.observation import Observation
from incumbent.core.state import ElectorState
from incumbent.core.states import CANDIDATE, FOLLOWER, LEADER, STOPPED


class Leaver(ElectorState):
    """The steps that end a candidacy. See `incumbent.core.elector.Elector` for when they are taken."""

    __slots__ = ()
    office: Validity | None
    observation: Observation
    candidacy: Candidacy
    pending: Request | None
    write_not_before: int | None

    # What ends.

    def _give_up_office(self, trigger: str, reason: str, wish: Resign | Stop) -> None:
        held = self.candidacy.held
        self._leave_office(trigger, reason, release=wish.release)
        if self.leaving is not None and held is not None:
            not_before = self._held_until(held.lease.acquire_time, wish.hold_ns)
            self.leaving = self.leaving._replace(not_before=not_before, successor=wish.successor)

    def _leave_office(self, trigger: str, reason: str, *, release: bool) -> None:
        held = self.candidacy.held
        assert held is not None, "a leader holds the lease by a write of its own"
        self._move(trigger, reason)
        self._notices.append(StoppedLeading(held.lease.leader_transitions, reason))
        until = held.sent_at + self.config.lease_ns
        if release:
            self.leaving = Leaving(self.candidacy, until, look_at=self.now)
        else:
            self.leaving = self.pending = None
        self.candidacy = self.candidacy.next()
        self.read_at = None if release or self.state == STOPPED else self.now
        self.office = None

    def _depart(self, event: Resign | Abstain | Stop) -> None:
        """A candidate leaves: what it wrote may yet take effect, and is released if it does (P9)."""
        last, former = self.pending, self.candidacy
        if isinstance(event, Stop):
            self._move("stop", "asked to")
        else:
            self._move("lose", "asked to stand aside")
        self._end_candidacy(event)
        is_claiming = isinstance(last, WriteRequest)
        release = isinstance(event, Abstain) or event.release
        if release and (is_claiming or former.has_live_unknown(self._oldest_valid())):
            sent_at = last.sent_at if is_claiming and last is not None else former.unknown_writes[-1].sent_at
            was_read = isinstance(last, GetLease)
            self.leaving = Leaving(former, sent_at + self.config.lease_ns, True, False, was_read, self.now)
            self.read_at = None
        else:
            self.pending, self.read_at = None, None if self.state == STOPPED else self.now

    def _stop(self) -> None:
        self._move("stop", "asked to")
        self.candidacy = self.candidacy.next()
        self.read_at = None
        if self.leaving is None:
            self.pending = None

    def _end_candidacy(self, event: Resign | Abstain | Stop) -> None:
        """End the candidacy. After a resignation, stand aside (P5d)."""
        self.candidacy = self.candidacy.next()
        if isinstance(event, Resign):
            self.no_campaign_before = self.now + self.config.lease_ns

    def _begin_waits_anew(self, now: int) -> None:
        """The clock misbehaved, so no wait that was begun on it counts: end the term, count from now."""
        by = self.now - now
        is_aside = self.no_campaign_before is not None and self.now < self.no_campaign_before
        self._notices.append(ClockWentBackwards(by))
        reason = f"the clock went backwards by {by / 1e9:.6f} s"
        if self.state == LEADER:
            self._leave_office("step_down", reason, release=False)
        elif self.state == CANDIDATE:
            self._move("lose", reason)
        self.candidacy = self.candidacy.next()
        self.observation = self.observation.counted_from(now)
        self.pending, self.leaving, self.write_not_before = None, None, None
        self.no_campaign_before = now + self.config.lease_ns if is_aside else None
        is_observing = self.contending or self.observation.since is not None
        self.read_at = now if is_observing and self.state == FOLLOWER else None

    # What is owed then.

    def _drop_release(self) -> None:
        """Leave to expire what was to be released, unless the release is under way (P9e)."""
        if self.leaving is None or _is_release(self.pending):
            return
        self.leaving = None
        self.read_at = None if self.state == STOPPED else self.now

    def _plan_release(self, leaving: Leaving) -> None:
        former = leaving.former
        if not leaving.ended:
            return
        if not leaving.is_known:
            if self.now >= leaving.look_at:
                self.leaving = leaving._replace(was_read=True)
                self._send(GetLease(*self._header()))
        else:
            assert former.held is not None, "the version of a lease is known by a write of its own"
            not_before = max(leaving.not_before, former.not_before)
            successor = leaving.successor or former.successor
            vacant = former.held.lease.released(self._stamp(), not_before, successor)
            self._send(self._update(vacant, former.version))

    def _as_leaving(self, event: Reply, request: Request, leaving: Leaving) -> None:
        """Out of the race or office, the release still to come: it waits for a write under way and `Ended`.

        If it was refused, or a claim under way got no answer, the record is read for it, once (P9).
        """
        former = leaving.former
        if isinstance(request, GetLease):
            found = event.stored if isinstance(event, Found) else None
            if not isinstance(event, Unavailable):
                self._observe(found)
            write = None if found is None else former.match_own_write(found, self._oldest_valid())
            if write is not None and found is not None:
                leaving = leaving._replace(former=former.holding(write, found), is_known=True)
        elif isinstance(event, Written):
            stored = self._as_written(request, event)
            self._observe(stored)
            if _is_release(request):
                leaving = leaving._replace(former=Candidacy(), is_known=False)
            else:
                until = request.sent_at + self.config.lease_ns
                leaving = leaving._replace(former=former.holding(request, stored), until=until, is_known=True)
        elif isinstance(event, Missing) or (_is_release(request) and _may_have_happened(event)):
            leaving = leaving._replace(former=Candidacy(), is_known=False)
        elif isinstance(event, Refused) or _is_release(request):
            wait = 0 if isinstance(event, Refused) else self.config.retry_ns
            leaving = leaving._replace(is_known=False, look_at=self.now + wait)
        elif _may_have_happened(event):
            leaving = leaving._replace(former=former.with_unknown(request, self._oldest_valid()))
        self.leaving = None if leaving.is_over else leaving


def _is_release(request: Request | None) -> bool:
    return isinstance(request, UpdateLease) and request.lease.is_vacant


def _may_have_happened(reply: Reply) -> bool:
    return isinstance(reply, Unavailable) and reply.outcome_unknown
