"""The state of an elector: its fields, its smallest steps, and its being a value.

`incumbent.core.elector` decides which step is taken.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Final, TypeVar

from transitions import EventData

from incumbent.config import ElectorConfig
from incumbent.core.candidacy import Candidacy, Leaving, Validity
from incumbent.core.messages import (
    GetLease,
    NewLeader,
    Notice,
    Request,
    Transition,
    UpdateLease,
    WriteRequest,
    Written,
)
from incumbent.core.observation import Observation
from incumbent.core.states import CANDIDATE, FOLLOWER, LEADER, MACHINE, STOPPED
from incumbent.lease import (
    EARLIEST_TIME,
    LATEST_TIME,
    Lease,
    StoredLease,
    Version,
    new_session,
    session_of,
)

EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)
_TICK: Final = timedelta(microseconds=1)

Self = TypeVar("Self", bound="ElectorState")


class ElectorState:
    """The fields of an elector. See `incumbent.core.elector.Elector` for their meaning."""

    _FIXED: Final = ("config", "session", "epoch", "last_renew_time")
    _STATE: Final = (
        *("state", "now", "contending", "leader", "office", "observation", "candidacy", "leaving"),
        *("pending", "next_request_id", "read_at", "write_not_before", "no_campaign_before"),
    )
    __slots__ = (*_FIXED, *_STATE, "_moves", "_notices", "_request")

    def __init__(self, config: ElectorConfig, *, session: str | None = None, epoch: datetime = EPOCH) -> None:
        self.config = config
        self.session: str = new_session() if session is None else session
        self.epoch = epoch
        self.last_renew_time: datetime = EPOCH - timedelta(days=365)  # the last renew time written
        self.state: str = FOLLOWER
        self.now = 0  # the last reading handled
        self.contending = False
        self.leader: str | None = None
        self.office: Validity | None = None
        self.observation: Observation = Observation()
        self.candidacy: Candidacy = Candidacy()
        self.leaving: Leaving | None = None  # to be released (P9)
        self.pending: Request | None = None
        self.next_request_id: int = 0  # grows from 1; 0 also says that nothing was handled yet
        self.read_at: int | None = None  # when to look at the record next
        self.write_not_before: int | None = None  # when to write next, at the earliest
        self.no_campaign_before: int | None = None  # no campaign before that (after a resignation)
        self._moves: list[Transition] = []
        self._notices: list[Notice] = []
        self._request: Request | None = None

    def is_leader(self, now: int) -> bool:
        """Whether leadership is proved at the clock reading `now`, by the clock alone (P3).

        False for a `now` below the last one handled: a clock that ran backwards proves nothing.
        """
        return self.office is not None and self.office.covers(now)

    @property
    def token(self) -> int | None:
        """The fencing token of the current term (P11), or None."""
        return None if self.office is None else self.office.token

    @property
    def wake_at(self) -> int | None:
        """When something can change by itself (P12): a deadline, the next renewal or the next look."""
        if self.pending is not None:
            due: int | None = self.pending.expires_at
        elif self.leaving is not None:
            left = self.leaving
            is_searching = left.ended and not left.is_known
            due = min(left.look_at, left.until) if is_searching else left.until
        else:
            due = self.write_not_before if self.state == LEADER and self.read_at is None else self.read_at
        held = self.candidacy.held
        if held is not None and due is not None:
            return min(due, held.sent_at + self.config.renew_deadline_ns)
        return due

    @property
    def is_finished(self) -> bool:
        """Whether it has stopped for good, with nothing in flight and no release owed."""
        return self.state == STOPPED and self.pending is None and self.leaving is None

    # The smallest steps.

    def _move(self, trigger: str, reason: str) -> None:
        MACHINE.events[trigger].trigger(self, reason=reason)

    def _moved(self, event: EventData) -> None:
        """Record a move: the machine calls this after each one."""
        transition = event.transition
        assert transition is not None
        assert transition.dest is not None
        reason = event.kwargs["reason"]
        self._moves.append(Transition(event.event.name, transition.source, transition.dest, reason))

    def _observe(self, stored: StoredLease | None) -> None:
        """Take in a look at the record, and tell of a new holder."""
        self.observation = self.observation.saw(stored, self.now)
        holder = self.observation.holder
        if stored is not None and holder is not None and not self._wrote(stored.lease):
            self.no_campaign_before = None
        if holder != self.leader:
            self.leader = holder
            self._notices.append(NewLeader(holder))

    def _header(self) -> tuple[int, int, int]:
        return self.next_request_id, self.now, self.now + self.config.request_timeout_ns

    def _send(self, request: Request) -> None:
        self.pending = self._request = request
        self.next_request_id += 1
        if not isinstance(request, GetLease):
            self.write_not_before = request.sent_at + self.config.retry_ns

    def _update(self, lease: Lease, version: Version) -> UpdateLease:
        return UpdateLease(*self._header(), lease, version)

    def _lease(self, token: int, acquire_time: datetime | None = None) -> Lease:
        """Build the record to write now, to claim the lease or to renew it."""
        renew_time = self._stamp()
        return Lease(
            holder_identity=self.config.identity,
            holder_session=session_of(self.session, self.candidacy.number),
            lease_duration=self.config.lease_duration,
            acquire_time=acquire_time or renew_time,
            renew_time=renew_time,
            leader_transitions=token,
            resign_requested_by=self.candidacy.asked_by,
            not_before=self.candidacy.not_before,
            successor=self.candidacy.successor,
        )

    def _as_written(self, request: WriteRequest, reply: Written) -> StoredLease:
        """The record that my write made, in the epoch last seen: the reply does not say in which.

        Where that is over by now, the next look begins the wait anew, as it should (P15).
        """
        seen = self.observation.stored
        return StoredLease(request.lease, reply.version, None if seen is None else seen.epoch)

    def _wrote(self, lease: Lease) -> bool:
        """Whether it is a record of mine, of whichever candidacy."""
        return lease.holder_session.rpartition(".")[0] == self.session

    def _stamp(self) -> datetime:
        """The time of day, but later than any before it: no two writes of mine may look alike (P7)."""
        self.last_renew_time = self._next_stamp()
        return self.last_renew_time

    def _next_stamp(self) -> datetime:
        return max(self.epoch + timedelta(microseconds=self.now // 1000), self.last_renew_time + _TICK)

    def _held_until(self, begun: datetime, hold_ns: int) -> datetime:
        """Until when nobody should claim what is released after a term that was begun then (P16)."""
        if hold_ns == 0:
            return EARLIEST_TIME
        return min(begun + timedelta(microseconds=hold_ns // 1000), LATEST_TIME)

    def _held_back_until(self) -> int | None:
        """When the time of day lets me claim what was released (P16), or when to look whether it was set."""
        stored = self.observation.stored
        if stored is None or not stored.lease.is_vacant:
            return None
        time = self._next_stamp()
        if stored.lease.not_before <= time:
            return None
        left = (stored.lease.not_before - time) // _TICK * 1000
        return self.now + min(left, self.config.lease_ns)

    def _oldest_valid(self) -> int:
        """A write gives validity now if it was sent after this instant (P3)."""
        return self.now - self.config.renew_deadline_ns

    def _check(self) -> None:
        """Assert what holds after every input."""
        is_leader = self.state == LEADER
        assert is_leader == (self.office is not None) == (self.candidacy.held is not None)
        assert self.is_leader(self.now) == is_leader
        assert self.pending is None or self.now < self.pending.expires_at
        assert self.leaving is None or not is_leader
        assert self.leaving is None or not self.leaving.ended or self.pending or not self.leaving.is_known
        assert self.state != CANDIDATE or self.pending is not None or self.read_at is not None
        assert self.state != STOPPED or (self.read_at is None and not self.contending)
        assert self._request is None or self._request is self.pending

    # An elector is a value: cheap to copy, to compare and to hash.

    def copy(self: Self) -> Self:  # noqa: PYI019  # typing.Self needs Python 3.11
        """An independent elector in the same state."""
        twin = object.__new__(type(self))
        for name in ElectorState.__slots__:
            setattr(twin, name, getattr(self, name))
        return twin

    def snapshot(self) -> tuple[object, ...]:
        """All that its moves depend on, besides what was injected at construction."""
        return tuple(getattr(self, name) for name in self._STATE)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ElectorState):
            return NotImplemented
        return self._value() == other._value()

    def __hash__(self) -> int:
        return hash((self.session, self.snapshot()))

    def _value(self) -> tuple[object, ...]:
        return (*(getattr(self, name) for name in self._FIXED), self.snapshot())

    def __repr__(self) -> str:
        return f"<Elector {self.config.identity!r} {self.state} leader={self.leader!r} token={self.token}>"
