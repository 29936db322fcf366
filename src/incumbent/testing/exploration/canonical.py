"""The canonical form of a small world: what differs only in names or in how long ago, is one and the same.

Why that is so, each held in tests against runs of real electors:

- An elector and its term compare instants with their own clock only. So every clock reads `ORIGIN`, instants
  move with it, and those beyond every threshold are all equally far beyond.
- Versions, sessions and the times in records are only ever compared for equality. So each is a *name*, with a
  label: its place in a walk through the candidate, or the record, that holds it.
- But for a renewal that is told (P12): that is what the store has now, so it is what was seen, or later; and
  what was seen comes first in the walk.
- Until when a released lease is held back is long over, or for ever.
- Tokens are only compared and counted up. So a candidate's are relative to the highest that it has seen.

Forgotten is what decides nothing: when a term began, who held a record that was seen, what version a write
named once it was sent, the last reading handled, and how often work failed once the back-off is the longest.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Final, Generic, TypeAlias, TypeVar, cast

from incumbent.core.candidacy import Candidacy, Leaving
from incumbent.core.elector import EPOCH, Elector, Validity
from incumbent.core.messages import (
    CreateLease,
    Found,
    GetLease,
    Reply,
    Request,
    UpdateLease,
    WriteRequest,
    Written,
)
from incumbent.core.observation import Observation
from incumbent.core.states import SERVING
from incumbent.core.term import Term
from incumbent.lease import Lease, StoredLease, Version
from incumbent.testing.exploration.user_code import MOST_FAILURES, UserCode
from incumbent.testing.exploration.world import IDENTITY, STEP, Participant, SmallWorld

ORIGIN: Final = 1000 * STEP
TOKEN: Final = 10
"""The highest token that a candidate has seen, and that the store ever had, each in its own coordinates."""

_LOWEST_TOKEN: Final = TOKEN - 1
_STALE, _PENDING = 1, 2  # the ids of messages
_EPOCH: Final = EPOCH + timedelta(microseconds=999 - ORIGIN // 1000)
_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Form(Generic[_Value]):
    """A participant or a record in canonical form.

    Attributes:
        value: The form itself.
        names: What its labels stand for, in the order of the labels.
        labels: How the form spells these names itself.
        token: What `TOKEN` stands for.
    """

    value: _Value
    names: tuple[Hashable, ...]
    labels: tuple[Hashable, ...]
    token: int


def wall(label: int) -> datetime:
    """The time of day that stands for a label."""
    return EPOCH + timedelta(microseconds=label)


Wrote: TypeAlias = tuple[str, datetime]
"""A session and when it wrote: the name of a write."""


class _Names:
    """Gives equal names equal labels, in the order in which they first come up."""

    def __init__(self) -> None:
        self.labels: dict[Hashable, Hashable] = {}

    def version(self, version: Version) -> Version:
        return version if version is None else self._label(version, len(self.labels))

    def base(self, base: str) -> str:
        return str(self._label(base, str(len(self.labels))))

    def session(self, session: str) -> str:
        """Counted downwards: an elector that counts its candidacies up never comes upon a label."""
        base = self.base(session.rpartition(".")[0])
        return str(self._label(session, f"{base}.-{len(self.labels)}"))

    def wall(self, session: str, label: str, renew_time: datetime) -> datetime:
        return cast(Wrote, self._label((session, renew_time), (label, wall(len(self.labels)))))[1]

    def _label(self, name: Hashable, label: Hashable) -> Hashable:
        return self.labels.setdefault(name, label)


@cache
def _lease(
    session: str, wall_time: datetime, token: int, duration: float, said: tuple[str, datetime, str]
) -> Lease:
    identity = IDENTITY if session else ""
    return Lease(identity, session, duration, EPOCH, wall_time, token, *said)


class Canonizer:
    """Brings the candidates and the record of one small world into canonical form."""

    def __init__(self, world: SmallWorld) -> None:
        config = world.config
        longest = max(config.renew_deadline_ns, config.retry_ns, config.request_timeout_ns)
        self._sent_horizon = ORIGIN - longest
        self._begun_horizon = ORIGIN - (0 if world.term is None else world.term.lease_ns)
        self._seen_horizon = ORIGIN - max(config.lease_ns, 2 * config.retry_ns) - config.takeover_delay_ns

    def record(self, stored: StoredLease, top: int) -> Form[StoredLease]:
        """The record in the store; `top` is the highest token that it ever had."""
        names = _Names()
        value = self._stored(names, stored, top - TOKEN)
        return Form(value, tuple(names.labels), tuple(names.labels.values()), top)

    def participant(self, participant: Participant, now: int, token: int) -> Form[Participant]:
        """One whose clock reads `now`; `token` stands in until its elector has seen one."""
        names = _Names()
        elector, pending, shift = participant.elector, None, ORIGIN - now
        if elector is not None:
            if elector.observation.since is not None:
                token = elector.observation.highest_token
            if elector.pending is not None:
                pending = elector.pending.id
            elector = self._elector(names, elector, shift, token - TOKEN)
        mail = tuple(self._message(names, message, pending, token - TOKEN) for message in participant.mail)
        term = participant.term and self._term(participant.term, shift)
        value = Participant(elector, mail, term, self._code(participant.code, shift))
        return Form(value, tuple(names.labels), tuple(names.labels.values()), token)

    def _term(self, old: Term, shift: int) -> Term:
        """When it began decides only where its work comes back by itself."""
        new, began_at = old.copy(), ORIGIN
        if old.state == SERVING and old.working:
            began_at = max(old.began_at + shift, ORIGIN - old.config.lease_ns)
        new.now, new.began_at = ORIGIN, began_at
        new.failures = min(old.failures, MOST_FAILURES)
        new.not_before = self._due(old.not_before, shift)
        new.patience_until = self._due(old.patience_until, shift)
        return new

    def _code(self, old: UserCode, shift: int) -> UserCode:
        """A back-off that is over is none; when work began is forgotten when a lease duration has passed."""
        until, not_before, began = self._due(old.until, shift), self._due(old.not_before, shift), old.began
        if began is not None:
            began = max(began + shift, self._begun_horizon)
        return old._replace(until=until, not_before=None if not_before == ORIGIN else not_before, began=began)

    def _elector(self, names: _Names, old: Elector, shift: int, rise: int) -> Elector:
        new = old.copy()
        new.session = names.base(old.session)
        names.session(f"{old.session}.{old.candidacy.number}")
        new.epoch, new.last_renew_time = (
            _EPOCH,
            EPOCH,
        )  # so that it stamps its next write with a time never seen
        new.now, new.next_request_id = ORIGIN, _PENDING + 1
        new.observation = self._observation(names, old.observation, shift, rise)
        new.candidacy = self._candidacy(names, old.candidacy, shift, rise)
        new.office = self._office(old.office, shift, rise)
        if old.leaving is not None:
            new.leaving = self._leaving(names, old.leaving, shift, rise)
        if old.pending is not None:
            new.pending = self._request(names, old.pending, shift, rise)
        new.read_at, new.write_not_before = (
            self._due(old.read_at, shift),
            self._due(old.write_not_before, shift),
        )
        new.no_campaign_before = self._due(old.no_campaign_before, shift)
        new._moves, new._notices, new._request = [], [], None  # noqa: SLF001 - left over from the last step
        return new

    def _due(self, instant: int | None, shift: int) -> int | None:
        return None if instant is None else max(instant + shift, ORIGIN)

    def _observation(self, names: _Names, old: Observation, shift: int, rise: int) -> Observation:
        if old.since is None:
            return old._replace(highest_token=TOKEN)
        stored = old.stored
        if stored is not None:
            stored = self._stored(names, stored, rise, asked="")
        return Observation(stored, max(old.since + shift, self._seen_horizon), TOKEN, old.longest_ns)

    def _candidacy(self, names: _Names, old: Candidacy, shift: int, rise: int) -> Candidacy:
        version = names.version(old.version)
        held = None if old.held is None else self._write(names, old.held, shift, rise)
        unknown_writes = tuple(self._write(names, write, shift, rise) for write in old.unknown_writes)
        named = Candidacy(-1, held, version, old.asked_by, unknown_writes)
        return named._replace(successor=old.successor, not_before=old.not_before)

    def _leaving(self, names: _Names, old: Leaving, shift: int, rise: int) -> Leaving:
        former = self._candidacy(names, old.former, shift, rise)
        until, look_at = max(old.until + shift, ORIGIN), max(old.look_at + shift, ORIGIN)
        return old._replace(former=former, until=until, look_at=look_at)

    def _office(self, old: Validity | None, shift: int, rise: int) -> Validity | None:
        return old and Validity(old.token - rise, ORIGIN, max(old.until + shift, ORIGIN - STEP))

    def _request(self, names: _Names, request: Request, shift: int, rise: int) -> Request:
        if isinstance(request, GetLease):
            sent_at = max(request.sent_at + shift, self._sent_horizon)
            return GetLease(_PENDING, sent_at, max(request.expires_at + shift, ORIGIN))
        return self._write(names, request, shift, rise)

    def _write(self, names: _Names, write: WriteRequest, shift: int, rise: int) -> WriteRequest:
        """A write as its elector keeps it: the version that it named is of no interest any more."""
        sent_at = max(write.sent_at + shift, self._sent_horizon)
        expires_at = max(write.expires_at + shift, ORIGIN)
        lease = self._lease(names, write.lease, rise)
        if isinstance(write, CreateLease):
            return CreateLease(_PENDING, sent_at, expires_at, lease)
        return UpdateLease(_PENDING, sent_at, expires_at, lease, None)

    def _message(
        self, names: _Names, message: Request | Reply, pending: int | None, rise: int
    ) -> Request | Reply:
        number = -1 if message.id < 0 else _PENDING if message.id == pending else _STALE
        if isinstance(message, Found):
            return Found(number, self._stored(names, message.stored, rise))
        if isinstance(message, Written):
            return Written(number, names.version(message.version))
        if isinstance(message, GetLease):
            return GetLease(number, ORIGIN, ORIGIN)
        if isinstance(message, CreateLease):
            return CreateLease(number, ORIGIN, ORIGIN, self._lease(names, message.lease, rise))
        if isinstance(message, UpdateLease):
            version = names.version(message.version)
            return UpdateLease(number, ORIGIN, ORIGIN, self._lease(names, message.lease, rise), version)
        return replace(message, id=number)

    def _stored(self, names: _Names, stored: StoredLease, rise: int, asked: str | None = None) -> StoredLease:
        version = names.version(stored.version)
        return StoredLease(self._lease(names, stored.lease, rise, asked), version)

    def _lease(self, names: _Names, lease: Lease, rise: int, asked: str | None = None) -> Lease:
        token = max(lease.leader_transitions - rise, _LOWEST_TOKEN)
        session = "" if lease.is_vacant else names.session(lease.holder_session)
        moment = names.wall(lease.holder_session, session, lease.renew_time)
        asked = lease.resign_requested_by if asked is None else asked
        return _lease(
            session, moment, token, lease.lease_duration, (asked, lease.not_before, lease.successor)
        )
