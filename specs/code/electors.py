"""Electors in every shape, with arbitrary values, and an input for each.

A shape (`shapes.py`) is filled with arbitrary values or with those of one model (`sources.py`), by the same
text.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from incumbent.config import ElectorConfig
from incumbent.core import messages
from incumbent.core.candidacy import Candidacy, Leaving
from incumbent.core.elector import Elector
from incumbent.core.messages import (
    CreateLease,
    Found,
    GetLease,
    Input,
    Request,
    StoreChanged,
    UpdateLease,
    WriteRequest,
    Written,
)
from incumbent.core.observation import Observation
from incumbent.core.states import LEADER
from incumbent.lease import EARLIEST_TIME, LATEST_TIME, MAX_TRANSITIONS, Lease, StoredLease, StoreGuarantees
from specs.code.doubts import Either
from specs.code.proxies import DAWN, TICK, Time
from specs.code.shapes import TOLD, UNHELD, WISHES, Shape
from specs.code.sources import Terms, Values
from specs.proof.logic import every, implies

Source = Terms | Values

_FIRST, _LAST = ((time - DAWN) // TICK for time in (EARLIEST_TIME, LATEST_TIME))
LONGEST_NS = 10**18  # `incumbent.lease.check_number`


class Moment(NamedTuple):
    """An elector, an input, and the reading of its clock; and what may be assumed of these."""

    elector: Elector
    event: Input
    now: Any
    facts: list[Any]


def moment(source: Source, shape: Shape) -> Moment:
    """All of that shape, with the values of `source`."""
    builder = Builder(source)
    elector = builder.elector(shape)
    event = builder.event(shape.event, elector)
    return Moment(elector, event, builder.now(elector), builder.facts)


def beginning(source: Source, kind: str) -> Moment:
    """An elector that has not begun, and its first input."""
    builder = Builder(source)
    elector = source.elector()
    elector.__init__(builder.config(), session=source.text("session"), epoch=builder.time("epoch"))  # type: ignore[misc]
    return Moment(elector, builder.event(kind, elector), builder.now(elector), builder.facts)


class Builder:
    """Puts an elector together."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.facts: list[Any] = []

    def config(self) -> ElectorConfig:
        """What `ElectorConfig` lets pass, and more: of P6, that a deadline ends before a lease."""
        config, source = object.__new__(ElectorConfig), self.source
        for name in ("lease_ns", "renew_deadline_ns", "retry_ns", "request_timeout_ns", "takeover_delay_ns"):
            object.__setattr__(config, name, source.number(name))
        guarantees = StoreGuarantees(
            durable=source.truth("durable"),
            can_watch=source.truth("can_watch"),
            is_local=source.truth("is_local"),
        )
        values = {"identity": source.text("identity"), "guarantees": guarantees}
        values["lease_duration"] = source.seconds(config.lease_ns)
        for name, value in values.items():
            object.__setattr__(config, name, value)
        self.facts += [
            config.identity != "",
            *(ns >= 1 for ns in (config.lease_ns, config.retry_ns, config.request_timeout_ns)),
            config.takeover_delay_ns >= 0,
            config.lease_ns <= LONGEST_NS,
            config.renew_deadline_ns <= config.lease_ns,
            config.retry_ns + config.request_timeout_ns < config.renew_deadline_ns,
        ]
        return config

    def elector(self, shape: Shape) -> Elector:
        """An elector of that shape."""
        source = self.source
        elector = source.elector()
        elector.config = self.config()
        elector.session, elector.epoch = source.text("session"), self.time("epoch")
        elector.last_renew_time, elector.now = self.time("last_renew_time"), source.number("handled")
        elector.next_request_id, elector.contending = (
            source.number("next_request_id"),
            source.truth("contending"),
        )
        elector.state = shape.state
        self.facts.append(elector.session != "")
        elector.candidacy = self._candidacy(elector, shape)
        elector.observation = self.observation(shape.seen)
        elector.leaving = self._leaving(elector, shape)
        elector.pending = self._pending(elector, shape)
        elector.office = elector.candidacy.office(elector.now, elector.config.renew_deadline_ns)
        if elector.observation.stored is not None:
            self._tell_apart(elector.observation.stored.lease, elector)
        elector._moves, elector._notices, elector._request = [], [], None  # noqa: SLF001 (it is built here)
        return elector

    def _candidacy(self, elector: Elector, shape: Shape) -> Candidacy:
        source = self.source
        if shape.leaving:
            return Candidacy(source.number("number"))
        return self._writing("number", elector, shape, holds=shape.state == LEADER)

    def _writing(self, number: str, elector: Elector, shape: Shape, *, holds: bool) -> Candidacy:
        """A candidacy and its writes."""
        source = self.source
        creates = None if shape.leaving else shape.creates  # of a candidacy that is left nobody asks
        unknown_writes = source.doubts(
            self._write(f"doubt {index}", elector, number, creates=creates and not holds)
            for index in range(shape.doubts)
        )
        if not holds:
            return Candidacy(source.number(number), unknown_writes=unknown_writes)
        held = self._write("held", elector, number, creates=creates)
        asked_by, successor = source.text("asked_by"), source.text("successor")
        named = source.number(number), held, source.version("version"), asked_by, unknown_writes
        return Candidacy(*named, successor, self.time("not_before"))

    def _leaving(self, elector: Elector, shape: Shape) -> Leaving | None:
        """A release that is owed; of what the shape leaves open, `invariant.py` says what is so."""
        source, left = self.source, shape.leaving
        if left in ("", "given up"):
            return None
        former = self._writing("former", elector, shape, holds=left not in UNHELD)
        ended, known, was_read = (source.truth(name) for name in ("ended", "known", "was_read"))
        ended = {"work": False, "look": ended, "renewal": ended}.get(left, True)
        known = {"work": known, "look": True, "renewal": True, "release": True}.get(left, False)
        was_read = was_read if left == "release" else left.startswith("search")
        until, look_at = source.number("until"), source.number("look_at")
        told = self.time("left.not_before"), source.text("left.successor")
        return Leaving(former, until, ended, known, was_read, look_at, *told)

    def observation(self, seen: str) -> Observation:
        """What was seen."""
        source = self.source
        stored = self.stored("seen") if seen == "record" else None
        since = source.number("since") if seen else None
        return Observation(stored, since, source.number("highest"), source.number("longest"))

    def _pending(self, elector: Elector, shape: Shape) -> Request | None:
        if shape.pending == "get":
            return GetLease(*self._header("pending", elector))
        if shape.leaving == "release":
            lease = self._mine("pending", elector, "former", vacant=True)
            return UpdateLease(
                *self._header("pending", elector), lease, self.source.version("pending.replaces")
            )
        if shape.pending:
            number = "former" if shape.leaving else "number"
            return self._write("pending", elector, number, creates=shape.pending == "create")
        return None

    def _header(self, name: str, elector: Elector) -> tuple[Any, Any, Any]:
        sent = self.source.number(f"{name}.sent_at")
        return self.source.number(f"{name}.id"), sent, sent + elector.config.request_timeout_ns

    def _write(self, name: str, elector: Elector, number: str, *, creates: bool | None) -> WriteRequest:
        header, lease = self._header(name, elector), self._mine(name, elector, number)
        if creates is None and isinstance(self.source, Terms):
            either: Any = Either(*header, lease, self.source.version(f"{name}.replaces"))
            return either
        if creates:
            return CreateLease(*header, lease)
        return UpdateLease(*header, lease, self.source.version(f"{name}.replaces"))

    def _mine(self, name: str, elector: Elector, number: str, *, vacant: bool = False) -> Lease:
        """What the elector wrote in its present candidacy, or a former one."""
        session = "" if vacant else self.source.session(elector.session, self.source.number(number))
        identity = "" if vacant else elector.config.identity
        return self._lease(name, identity, session, elector.config.lease_duration)

    def _lease(self, name: str, identity: Any, session: Any, duration: Any) -> Lease:
        source, lease = self.source, object.__new__(Lease)
        token = source.number(f"{name}.token")
        self.facts += [token >= 0, token <= MAX_TRANSITIONS]
        values = {
            "holder_identity": identity,
            "holder_session": session,
            "lease_duration": duration,
            "acquire_time": self.time(f"{name}.acquire_time"),
            "renew_time": self.time(f"{name}.renew_time"),
            "leader_transitions": token,
            "resign_requested_by": source.text(f"{name}.resign_requested_by"),
            "not_before": self.time(f"{name}.not_before"),
            "successor": source.text(f"{name}.successor"),
        }
        for field, value in values.items():
            object.__setattr__(lease, field, value)
        return lease

    def stored(self, name: str) -> StoredLease:
        """Any record that `Lease` lets pass, whoever wrote it."""
        source = self.source
        ns = source.number(f"{name}.duration")
        self.facts += [ns >= 1, ns <= LONGEST_NS]
        session = source.session(source.text(f"{name}.base"), source.number(f"{name}.number"))
        lease = self._lease(name, source.text(f"{name}.identity"), session, source.seconds(ns))
        return StoredLease(lease, source.version(f"{name}.version"), source.version(f"{name}.epoch"))

    def event(self, kind: str, elector: Elector) -> Input:
        """An input of that kind; a store never gives a version twice (A2)."""
        source, seen = self.source, elector.observation.stored
        if kind == TOLD:
            return StoreChanged(self._received("told", seen, elector))
        make = getattr(messages, kind)
        if kind in ("Resign", "Stop"):
            hold_ns = source.number("hold_ns")
            self.facts += [hold_ns >= 0, hold_ns <= LONGEST_NS]
            return make(source.truth("release"), hold_ns, source.text("event.successor"))
        if kind in WISHES:
            return make()
        number = source.number("event.id")
        if kind == "Found":
            return Found(number, self._received("found", seen, elector))
        if kind == "Written":
            version = source.version("event.version")
            if seen is not None:
                self.facts.append(version != seen.version)
            return Written(number, version)
        if kind == "Unavailable":
            return make(number, source.truth("outcome_unknown"))
        return make(number)

    def _received(self, name: str, seen: StoredLease | None, elector: Elector) -> StoredLease:
        """Any record that the store ever had, before or after what was seen."""
        found = self.stored(name)
        self._tell_apart(found.lease, elector)
        if seen is not None:
            same = _is_same_record(found.lease, seen.lease)
            self.facts.append(implies(found.version == seen.version, same))
        return found

    def _tell_apart(self, lease: Lease, elector: Elector) -> None:
        """Assume of A4 that what has a write's session, token, renew time and duration was made by it."""
        writes = [elector.pending, *_writes_of(elector.candidacy)]
        if elector.leaving is not None:
            writes += _writes_of(elector.leaving.former)
        others = [write.lease for write in writes if isinstance(write, (CreateLease, UpdateLease))]
        seen = elector.observation.stored
        if seen is not None and seen.lease is not lease:
            others.append(seen.lease)
        for other in others:
            self.facts.append(implies(_are_same(lease, other, TOLD_BY), _are_same(lease, other, THE_REST)))

    def time(self, name: str) -> Any:
        """A time of day, within the calendar."""
        time = self.source.time(name)
        if isinstance(time, Time):
            self.facts += [time.ticks >= _FIRST, time.ticks <= _LAST]
        return time

    def now(self, elector: Elector) -> Any:
        """Any reading of the clock at which, and for a tick after the last stamp, the calendar goes on."""
        now, epoch, last_renew_time = self.source.number("now"), elector.epoch, elector.last_renew_time
        if isinstance(epoch, Time):
            ticks = epoch.ticks + now // 1000
            self.facts += [ticks >= _FIRST, ticks <= _LAST]
        if isinstance(last_renew_time, Time):
            self.facts.append(last_renew_time.ticks < _LAST)
        return now


TOLD_BY = ("is_vacant", "holder_session", "lease_duration", "leader_transitions", "renew_time")
THE_REST = ("holder_identity", "acquire_time")


def _are_same(one: Lease, other: Lease, names: tuple[str, ...]) -> Any:
    return every(*(getattr(one, name) == getattr(other, name) for name in names))


def _writes_of(candidacy: Candidacy) -> list[WriteRequest | None]:
    return [candidacy.held, *candidacy.unknown_writes]


def _is_same_record(one: Lease, other: Lease) -> Any:
    return _are_same(one, other, (*TOLD_BY, *THE_REST))
