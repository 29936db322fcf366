"""The lease: one record in a shared store, and what a store promises about it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import MISSING, dataclass, replace
from dataclasses import fields as dataclass_fields
from datetime import datetime, timedelta, timezone
from typing import Any, Final, TypeAlias

from incumbent.errors import ConfigurationError, CorruptLease
from incumbent.note import read_note, write_note
from incumbent.shown import shown
from incumbent.unique import unique

NANOSECONDS: Final = 1_000_000_000

Version: TypeAlias = Hashable
"""Given by the store: opaque, different after every write, never repeated, not even after a deletion."""

MAX_TRANSITIONS: Final = 2**63 - 1
LONGEST_NAME: Final = 2_000
"""Bytes, in UTF-8, of a lease's name, or a successor's: what every store can index and tell its watchers."""

LONGEST_TEXT: Final = 65_536
"""Bytes, in UTF-8, of an identity or a session: what every store can keep."""

EARLIEST_TIME: Final = datetime(2, 1, 1, tzinfo=timezone.utc)
LATEST_TIME: Final = datetime(8999, 12, 31, 23, 59, 59, 999_999, tzinfo=timezone.utc)
"""From both, a lease duration or a time zone away, the calendar has not ended."""

_LONGEST_S: Final = 1e9
_NO_OFFSET: Final = timedelta(0)


def to_ns(seconds: float) -> int:
    """Seconds as integer nanoseconds: exact, hashable, and what every decision is made in."""
    return round(seconds * NANOSECONDS)


@dataclass(frozen=True, slots=True)
class Lease:
    """The record of the protocol: its holder, the lease duration and the count of terms.

    Attributes:
        holder_identity: The holder's name, for people; `""` means released.
        holder_session: The holder's candidacy. Decides whose record this is (P2).
        lease_duration: Seconds that observers wait after they last saw the record change (P4).
        acquire_time: When this term began, aware UTC. For people; never decides anything.
        renew_time: When the record was last written by its holder, aware UTC. For people, and to recognise
            a write (P7, P15).
        leader_transitions: Grows by one at every acquisition, by whomever: the fencing token (P11).
        resign_requested_by: Who asked the holder to resign; `""` if nobody did (P14).
        not_before: Until when nobody should claim it once it is released, by the time of day; aware UTC.
            `EARLIEST_TIME`: it may be claimed at once (P16).
        successor: The identity for whom it is meant once it is released; `""`: for whoever comes first (P17).
            On a held lease both are what a request asks the release to say.

    Raises:
        ConfigurationError: A field has the wrong type or an impossible value.
    """

    holder_identity: str
    holder_session: str
    lease_duration: float
    acquire_time: datetime
    renew_time: datetime
    leader_transitions: int
    resign_requested_by: str = ""
    not_before: datetime = EARLIEST_TIME
    successor: str = ""

    def __post_init__(self) -> None:
        for name in ("holder_identity", "holder_session", "resign_requested_by"):
            check_text(name, getattr(self, name))
        check_text("successor", self.successor, longest=LONGEST_NAME)
        check_number("lease_duration", self.lease_duration, positive=True)
        for name in ("acquire_time", "renew_time", "not_before"):
            value = getattr(self, name)
            if not isinstance(value, datetime) or value.utcoffset() != _NO_OFFSET:
                raise ConfigurationError(
                    f"{name} is {shown(value)}: give a datetime with tzinfo=timezone.utc"
                )
            if not 2 <= value.year <= 8999:  # noqa: PLR2004 - as above; the comparison of years is quick
                raise ConfigurationError(f"{name} is {value}: give a time in the years 2 to 8999")
        count = self.leader_transitions
        if type(count) is not int or not 0 <= count <= MAX_TRANSITIONS:
            raise ConfigurationError(
                f"leader_transitions is {shown(count)}: give an integer from 0 to 2**63 - 1"
            )
        check_text("resign_requested_by, with what is said of the next claim,", self._note())

    @property
    def is_vacant(self) -> bool:
        """Whether the last holder released it (P5)."""
        return self.holder_identity == ""

    @property
    def lease_duration_ns(self) -> int:
        """The lease duration in nanoseconds."""
        return to_ns(self.lease_duration)

    def released(
        self, renew_time: datetime, not_before: datetime = EARLIEST_TIME, successor: str = ""
    ) -> Lease:
        """The same lease, held by nobody; the token stays, so that it can only grow (P9, P11, P16, P17)."""
        return replace(
            self,
            holder_identity="",
            holder_session="",
            renew_time=renew_time,
            resign_requested_by="",
            not_before=not_before,
            successor=successor,
        )

    def asked_to_resign(self, by: str) -> Lease:
        """The same lease with a request that its holder resign; nothing else may change (P14)."""
        return replace(self, resign_requested_by=by)

    def held_back(self, until: datetime) -> Lease:
        """The same lease, not to be claimed before that time of day; `EARLIEST_TIME` ends a hold (P16)."""
        return replace(self, not_before=until)

    def meant_for(self, successor: str) -> Lease:
        """The same lease, meant for that candidate; `""` for whoever comes first (P17)."""
        return replace(self, successor=successor)

    def is_same_write(self, other: Lease) -> bool:
        """Whether one write made both: all that it wrote is the same, whoever asks to resign (P7, P15)."""
        return self._written() == other._written()

    def is_renewal_of(self, other: Lease) -> bool:
        """Whether the holder of `other` wrote it, later, and holds the lease still (P7c)."""
        is_held_by_same = not self.is_vacant and self.holder_session == other.holder_session
        return is_held_by_same and self.renew_time > other.renew_time

    def _written(self) -> tuple[object, ...]:
        times = self.renew_time, self.acquire_time, self.lease_duration
        return self.holder_session, self.leader_transitions, *times, self.holder_identity

    def to_fields(self) -> dict[str, str | float | int]:
        """Return plain values that any store can keep; `from_fields` reads them."""
        return {
            "holder_identity": self.holder_identity,
            "holder_session": self.holder_session,
            "lease_duration": self.lease_duration,
            "acquire_time": self.acquire_time.isoformat(timespec="microseconds"),
            "renew_time": self.renew_time.isoformat(timespec="microseconds"),
            "leader_transitions": self.leader_transitions,
            "resign_requested_by": self._note(),
        }

    def _note(self) -> str:
        is_held_back = self.not_before != EARLIEST_TIME
        until = self.not_before.isoformat(timespec="microseconds") if is_held_back else ""
        return write_note(self.resign_requested_by, not_before=until, successor=self.successor)

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Lease:
        """The lease that a store read.

        Raises:
            CorruptLease: The fields are not those of a lease.
        """
        if not isinstance(fields, Mapping):
            raise CorruptLease(f"the record is {shown(fields)}, not a lease; repair or delete it by hand")
        missing = [name for name in _REQUIRED if name not in fields]
        if missing:
            raise CorruptLease(
                f"the record is not a lease (it has no {', '.join(missing)}); repair or delete it by hand"
            )
        note = read_note(fields.get("resign_requested_by", ""))
        try:
            return cls(
                holder_identity=fields["holder_identity"],
                holder_session=fields["holder_session"],
                lease_duration=_number(fields["lease_duration"], float),
                acquire_time=_utc(fields["acquire_time"]),
                renew_time=_utc(fields["renew_time"]),
                leader_transitions=_number(fields["leader_transitions"], int),
                resign_requested_by=note["by"],
                not_before=_utc(note.get("not_before", EARLIEST_TIME)),
                successor=note.get("successor", ""),
            )
        except ConfigurationError as error:
            raise CorruptLease(f"the record is not a lease ({error}); repair or delete it by hand") from error


_REQUIRED: Final = tuple(each.name for each in dataclass_fields(Lease) if each.default is MISSING)


@dataclass(frozen=True, slots=True)
class StoredLease:
    """A lease as a store returned it.

    Attributes:
        lease: The record.
        version: The one to name when replacing it (P1).
        epoch: Another one after the store may have gone back to something old, such as a restart without all
            that it had acknowledged: then every wait begins anew (P15). A store that remembers has one only.
    """

    lease: Lease
    version: Version
    epoch: Hashable = None

    def is_same_write(self, other: StoredLease) -> bool:
        """Whether one write made both, in one epoch, whatever their versions (P15)."""
        return self.epoch == other.epoch and self.lease.is_same_write(other.lease)


@dataclass(frozen=True, slots=True)
class StoreGuarantees:
    """Properties that a store promises. The defaults promise nothing.

    Attributes:
        durable: What it acknowledged is never forgotten: a missing record that this elector never saw is
            vacant (P5). False for a cache that may lose it in a restart or failover.
        resolution: The finest step, in seconds, in which it keeps a lease duration. Durations are rounded
            up to it before they are checked (P6).
        can_watch: `watch` reports changes, so a follower need not poll (P12).
        is_local: Calls are quick and never wait for a network or disk: a driver may make them at once, on
            the thread that keeps the time.
    """

    durable: bool = False
    resolution: float = 1e-6
    can_watch: bool = False
    is_local: bool = False


NO_GUARANTEES: Final = StoreGuarantees()


def check_text(name: str, value: object, *, longest: int = LONGEST_TEXT) -> None:
    """Refuse what some store could not give back unchanged.

    Raises:
        ConfigurationError: Not a string; longer than `longest` bytes; or with characters that UTF-8 or a
            database cannot hold.
    """
    if not isinstance(value, str):
        raise ConfigurationError(f"{name} is {shown(value)}: give a string")
    if len(value) > longest or (size := _size(value)) > longest:
        raise ConfigurationError(f"{name} is {shown(value)}: give a text of at most {longest} bytes in UTF-8")
    if size < 0 or "\0" in value:
        raise ConfigurationError(f"{name} is {shown(value)}: leave out NUL characters and lone surrogates")


def _size(value: str) -> int:
    """Bytes in UTF-8; -1 if that cannot hold it."""
    if value.isascii():
        return len(value)
    try:
        return len(value.encode())
    except UnicodeEncodeError:
        return -1


def check_number(name: str, value: object, *, positive: bool) -> None:
    """Refuse what is no duration or fraction that can be counted in nanoseconds.

    Raises:
        ConfigurationError: Not a number, negative, beyond 30 years, or zero where `positive`.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        least = 1 / NANOSECONDS if positive else 0
        if least <= value <= _LONGEST_S:
            return
    kind = "above 0 (from 1e-9 to 1e9)" if positive else "of 0 or more (up to 1e9)"
    raise ConfigurationError(f"{name} is {shown(value)}: give a finite number {kind}")


def _number(value: Any, kind: type[int | float]) -> Any:
    """Some stores keep numbers as text; everything that is no number is left for `Lease` to judge."""
    try:
        return kind(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _utc(value: Any) -> Any:
    """Some stores keep times as text; everything that is no time is left for `Lease` to judge."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        return moment.astimezone(timezone.utc) if isinstance(moment, datetime) and moment.tzinfo else value
    except (ArithmeticError, ValueError):
        return value


def session_of(base: str, number: int) -> str:
    """The session of one candidacy: the base is its elector's, and the candidacies are numbered (P2)."""
    return f"{base}.{number}"


def new_session() -> str:
    """A random base for the sessions of one elector: drawn at construction, never afterwards (P2)."""
    return unique()
