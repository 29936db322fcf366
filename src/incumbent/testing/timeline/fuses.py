"""The lease as each candidate sees it: how much of it is left, by its own clock."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from incumbent.core.messages import ClockWentBackwards, Found, Missing, WriteRequest, Written
from incumbent.core.states import STOPPED
from incumbent.lease import Lease, to_ns
from incumbent.testing.history import Answered, Hinted, History, Invoked, Led, Record, Struck, Told, Turned
from incumbent.testing.simulation.participants import NEVER
from incumbent.testing.timeline.signs import seconds


class Fuse(NamedTuple):
    """From `start` to `end` a candidate takes `holder` for the holder; time is left until `out`.

    Attributes:
        lit: The instant from which the countdown runs, of the lease or of its own term.
        holder: The session's candidate; "" if the lease is free.
    """

    start: int
    end: int
    lit: int
    out: int
    holder: str
    tip: str

    def left(self, at: int) -> float:
        """The fraction left at this instant."""
        return max(0.0, min(1.0, (self.out - at) / (self.out - self.lit))) if self.out > self.lit else 0.0


class Readings:
    """A candidate's clock as its requests tell of it."""

    def __init__(self) -> None:
        self._ats: list[int] = []
        self._readings: list[int] = []

    def note(self, at: int, reading: int) -> None:
        """At this true time it read this."""
        if not self._ats or at > self._ats[-1]:
            self._ats.append(at)
            self._readings.append(reading)

    def after(self, at: int, wait: int) -> int:
        """The true time at which a wait of so long by this clock is over if it begins at `at`."""
        ats, readings = self._ats, self._readings
        if len(ats) < 2:  # noqa: PLR2004 - a rate takes two readings
            return at + wait
        index = min(max(bisect_right(ats, at) - 1, 0), len(ats) - 2)
        left = wait
        while True:
            span, gain = ats[index + 1] - ats[index], readings[index + 1] - readings[index]
            is_last = index == len(ats) - 2
            gained = gain * (ats[index + 1] - at) // span
            if gain > 0 and (is_last or gained >= left):
                return at + left * span // gain
            if is_last:
                return NEVER
            left, at, index = left - gained, ats[index + 1], index + 1


class _View:
    """The view of one process, as far as its history has been read."""

    def __init__(self, name: str, readings: Readings, history: History) -> None:
        self.name = name
        self._candidate = name.partition("-")[0]
        self._readings = readings
        self._history = history
        self._lease: Lease | None = None
        self._seen: Fuse | None = None  # what it observed
        self._own: Fuse | None = None  # its own term
        self._drawn = 0

    def saw(self, at: int, lease: Lease | None, version: object) -> Iterator[Fuse]:
        """The record, or that there is none; a write that it knows already starts nothing anew (P4, P15)."""
        known = self._lease
        is_known = known is lease is None or (
            known is not None and lease is not None and known.is_same_write(lease)
        )
        if self._seen is None or not is_known:
            yield from self.draw(at)
            self._lease = lease
            self._seen = self._observed(at, lease, version)

    def went_back(self, at: int) -> Iterator[Fuse]:
        """Its clock went backwards: every wait begins anew."""
        yield from self.draw(at)
        if self._seen is not None and self._seen.holder:
            wait = to_ns(self._history.config(self.name).lease_duration)
            self._seen = self._seen._replace(lit=at, out=self._readings.after(at, wait))

    def led(self, at: int, until: int) -> Iterator[Fuse]:
        """Its term is good until then."""
        yield from self.draw(at)
        tip = f"{self.name} leads: renewed at {seconds(at, 3)} s, good until {seconds(until, 3)} s"
        self._own = Fuse(at, at, at, until, self._candidate, tip) if until > at else None

    def draw(self, until: int) -> Iterator[Fuse]:
        """Yield the fuses seen since the last call."""
        own = self._own
        if own is not None and self._drawn < until:
            end = min(until, own.out)
            yield own._replace(start=self._drawn, end=end)
            self._drawn = end
            self._own = own if own.out > until else None
        if self._seen is not None and self._drawn < until:
            yield self._seen._replace(start=self._drawn, end=until)
        self._drawn = until

    def _observed(self, at: int, lease: Lease | None, version: object) -> Fuse:
        config = self._history.config(self.name)
        if lease is None or lease.is_vacant:
            what = "no record" if lease is None else f"version {version}: released"
            return Fuse(at, at, at, at, "", f"{self.name} saw {what} at {seconds(at, 3)} s")
        out = self._readings.after(at, lease.lease_duration_ns + config.takeover_delay_ns)
        holder = lease.holder_session.partition("-")[0]
        known = f"{self.name} saw version {version}, held by {lease.holder_session}, at {seconds(at, 3)} s"
        lasts = "and never sees it run out" if out == NEVER else f"and waits until {seconds(out, 3)} s"
        return Fuse(at, at, at, out, holder, f"{known}, {lasts}")


def fuses(history: History) -> dict[str, list[Fuse]]:
    """The state of the lease as each candidate saw it, in order of time."""
    readings, writes = _sent(history)
    views: dict[str, _View] = {}
    stopped: set[str] = set()
    found: dict[str, list[Fuse]] = {name: [] for name in history.configs}
    for record in history.records:
        for name in _blinded(record):
            if name in views:
                found[name] += views.pop(name).draw(record.at)
        if isinstance(record, Turned) and record.dest == STOPPED:
            stopped.add(record.who)
        if isinstance(record, (Invoked, Answered, Hinted, Led, Told)) and record.who not in stopped:
            name = record.who.partition("-")[0]
            view = views.get(name)
            if view is None or view.name != record.who:  # another process in the same place
                found[name] += view.draw(record.at) if view is not None else ()
                view = views[name] = _View(record.who, readings[name], history)
            found[name] += _tell(view, record, writes)
    for name, view in views.items():
        found[name] += view.draw(history.end)
    return found


def _sent(history: History) -> tuple[dict[str, Readings], dict[tuple[str, int], Lease]]:
    """Read the senders' clocks, and the records to be written, off the requests."""
    readings = {name: Readings() for name in history.configs}
    writes: dict[tuple[str, int], Lease] = {}
    for sent in history.of(Invoked):
        readings[sent.who.partition("-")[0]].note(sent.at, sent.request.sent_at)
        if isinstance(sent.request, WriteRequest):
            writes[sent.who, sent.request.id] = sent.request.lease
    return readings, writes


def _blinded(record: Record) -> tuple[str, ...]:
    """The candidates whose process ends here, and with it what it knew."""
    if isinstance(record, Struck):
        return record.targets if record.verb == "crash" else ()
    if isinstance(record, Turned) and record.dest == STOPPED:
        return (record.who.partition("-")[0],)
    return ()


def _tell(
    view: _View, record: Invoked | Answered | Hinted | Led | Told, writes: dict[tuple[str, int], Lease]
) -> Iterator[Fuse]:
    """Let a process see what this record says that it saw."""
    if isinstance(record, Led):
        yield from view.led(record.at, record.until)
    elif isinstance(record, Told) and isinstance(record.notice, ClockWentBackwards):
        yield from view.went_back(record.at)
    elif isinstance(record, Hinted) and record.received:
        yield from view.saw(record.at, record.stored.lease, record.stored.version)
    elif isinstance(record, Answered) and record.heard:
        reply = record.reply
        if isinstance(reply, Found):
            yield from view.saw(record.at, reply.stored.lease, reply.stored.version)
        elif isinstance(reply, Missing):
            yield from view.saw(record.at, None, None)
        elif isinstance(reply, Written) and (record.who, reply.id) in writes:
            yield from view.saw(record.at, writes[record.who, reply.id], reply.version)
