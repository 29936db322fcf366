"""The history of a run: small records that can be checked, drawn, saved and loaded.

A record is a named tuple; `at` is the true time in nanoseconds, which no participant knows, and `who` is a
process: a candidate's name and its incarnation.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar, get_args

from incumbent.config import ElectorConfig
from incumbent.core import messages
from incumbent.core.messages import Notice, Reply, Request, UpdateLease, Written
from incumbent.lease import StoredLease, StoreGuarantees, to_ns
from incumbent.runtime.codec import decode, encode
from incumbent.testing.index import Index
from incumbent.testing.profile import Profile
from incumbent.testing.simulation.participants import until


class Invoked(NamedTuple):
    """A process sent a request when its own clock read `request.sent_at`."""

    at: int
    who: str
    request: Request

    def __str__(self) -> str:
        return f"{self.who} sent {self.request}"


class Executed(NamedTuple):
    """The store did what a request asked, or refused to; `before` is the record that it found."""

    at: int
    who: str
    request: Request
    reply: Reply
    before: StoredLease | None

    @property
    def is_touch(self) -> bool:
        """Whether the record was rewritten and the write in it left as it was (P15)."""
        if not (self.before and isinstance(self.reply, Written) and isinstance(self.request, UpdateLease)):
            return False
        return self.request.lease.is_same_write(self.before.lease)


class Answered(NamedTuple):
    """A reply arrived; `heard` says whether it answered the request pending then (P10)."""

    at: int
    who: str
    reply: Reply
    heard: bool


class Hinted(NamedTuple):
    """A hint arrived that carried the record; `received` says whether it was taken as seen (P12)."""

    at: int
    who: str
    stored: StoredLease
    received: bool


class Turned(NamedTuple):
    """A process changed its role."""

    at: int
    who: str
    trigger: str
    source: str
    dest: str
    reason: str

    def __str__(self) -> str:
        return f"{self.who} went from {self.source} to {self.dest} by {self.trigger!r}: {self.reason}"


class Told(NamedTuple):
    """An elector gave a notice to its driver."""

    at: int
    who: str
    notice: Notice


class Led(NamedTuple):
    """From `at` on `is_leader` answers True until the true time `until`, unless a later record of this
    process says otherwise. `until` equal to `at` ends a term.
    """

    at: int
    who: str
    session: str
    token: int
    until: int

    def __str__(self) -> str:
        return f"{self.who} leads with token {self.token} {until(self.until)}"


class Fenced(NamedTuple):
    """A write of a leader's work reached the guarded resource, which took it or rejected its token."""

    at: int
    who: str
    token: int
    accepted: bool

    def __str__(self) -> str:
        return f"the write of {self.who} with token {self.token}"


class Struck(NamedTuple):
    """Something was done to the world: a fault, its end, or a wish such as to stop.

    Attributes:
        verb: The method of `Simulation`.
        args: Its arguments.
        targets: The candidates that it hit.
        scripted: Whether it came from outside rather than from the run's own chance.
        outside: Whether it leaves the assumptions of the promise: exclusion is not owed near it.
    """

    at: int
    verb: str
    args: tuple[Any, ...]
    targets: tuple[str, ...]
    scripted: bool
    outside: bool


class Booted(NamedTuple):
    """A process began; one of the same name that ran before is gone."""

    at: int
    who: str


class Asked(NamedTuple):
    """Somebody asked a process to "resign" or to "stop".

    Attributes:
        patience: How many nanoseconds what runs in it is given to end.
    """

    at: int
    who: str
    wish: str
    patience: int


class Ran(NamedTuple):
    """A step of user code: `code` is "work", or "told" for the callback about a term's end.

    `what` is one of: begins, is asked to end, returns, raises.
    """

    at: int
    who: str
    code: str
    what: str
    token: int

    def __str__(self) -> str:
        return f"the {'work' if self.code == 'work' else 'callback'} of {self.who} with token {self.token}"


class Finished(NamedTuple):
    """The driver of a process has finished; `left` names what is still there of it."""

    at: int
    who: str
    left: tuple[str, ...]


class Marked(NamedTuple):
    """From `at` on something is demanded, at the latest `within` nanoseconds later."""

    at: int
    demand: str
    within: int


class Term(NamedTuple):
    """A time in which a process would have answered True without a break, from `start` up to `end`."""

    who: str
    session: str
    token: int
    start: int
    end: int


class Violation(NamedTuple):
    """A property that did not hold, from which true time on, and how."""

    rule: str
    at: int
    what: str

    def __str__(self) -> str:
        return f"{self.rule}, at {self.at / 1e9:.9f} s: {self.what}"


Record: TypeAlias = (
    Invoked
    | Executed
    | Answered
    | Hinted
    | Turned
    | Told
    | Led
    | Fenced
    | Struck
    | Booted
    | Asked
    | Ran
    | Finished
    | Marked
)
R = TypeVar("R", bound=Record)


@dataclass
class History:
    """A run: how it was set up, what happened, and every roll of its dice.

    Attributes:
        seed: What it was decided by.
        candidates: How many candidates it began with: the first of `configs`.
        configs: Every candidate's settings.
        profile: What went wrong by itself.
        records: What happened, in order.
        rolled: The rolls.
        end: The true time up to which it ran.
    """

    seed: int
    candidates: int
    configs: dict[str, ElectorConfig]
    profile: Profile
    records: list[Record] = field(default_factory=list)
    rolled: list[int] = field(default_factory=list)
    end: int = 0
    _index: Index = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._index = Index(self.records)

    def of(self, kind: type[R]) -> list[R]:
        """All records of one kind, in order."""
        return self._index.among((kind,))

    def among(self, *kinds: type[Record]) -> list[Record]:
        """All records of some kinds, in order."""
        return self._index.among(kinds)

    def deeds(self, *kinds: type[Record]) -> list[Record]:
        """The same without requests to read: most of a run is looking."""
        return self._index.among(kinds, deeds=True)

    def writes(self) -> dict[tuple[str, int], Invoked]:
        """Every write that was sent, by who sent it and its id."""
        return self._index.kept("writes", self._writes)

    def _writes(self) -> dict[tuple[str, int], Invoked]:
        return {(one.who, one.request.id): one for one in self.deeds(Invoked) if isinstance(one, Invoked)}

    def config(self, who: str) -> ElectorConfig:
        """The settings of a process."""
        return self.configs[who.partition("-")[0]]

    def terms(self) -> list[Term]:
        """The terms, each by its leader's clock, in order of beginning."""
        return self._index.kept("terms", self._terms)

    def _terms(self) -> list[Term]:
        open_terms: dict[str, Term] = {}
        terms: list[Term] = []
        for led in self.of(Led):
            old = open_terms.pop(led.who, None)
            is_same = old is not None and old.session == led.session and led.at <= old.end
            if old is not None and not is_same:
                terms.append(old._replace(end=min(old.end, led.at)))
            start = old.start if old is not None and is_same else led.at
            term = Term(led.who, led.session, led.token, start, led.until)
            if led.until > led.at:
                open_terms[led.who] = term
            elif start < led.at:
                terms.append(term)
        return sorted((*terms, *open_terms.values()), key=lambda term: term.start)

    def excused(self, start: int, end: int) -> bool:
        """Whether an assumption of the promise was broken so near [start, end] that exclusion is not owed.

        What was learned on a wrong clock or of a lost record counts for a lease duration; twice that is
        waited here, and what a clock has jumped by. A store that went back to an older version may repeat
        versions: no exclusion is owed any more.
        """
        spans = [(at, until) for at, until, _ in self._broken()]
        return any(broken <= end and start <= until for broken, until in spans)

    def has_wrong_clock(self, start: int, end: int) -> bool:
        """Whether a clock ran outside its declared drift so near [start, end] that no wait is owed."""
        spans = [(at, until) for at, until, verb in self._broken() if verb in {"drift", "jump"}]
        return any(broken <= end and start <= until for broken, until in spans)

    def keeps_records(self) -> bool:
        """Whether the store forgot nothing that it acknowledged."""
        return not any(record.verb in {"delete_lease", "restore_backup"} for record in self.of(Struck))

    def _broken(self) -> Iterator[tuple[int, int, str]]:
        margin = 2 * max(config.lease_ns for config in self.configs.values())
        wrong: dict[str, int] = {}
        for record in self.of(Struck):
            if record.verb == "drift":
                for name in record.targets:
                    if record.outside:
                        wrong.setdefault(name, record.at)
                    elif name in wrong:
                        yield wrong.pop(name), record.at + margin, "drift"
            elif record.outside:
                jumped = abs(to_ns(record.args[1])) if record.verb == "jump" else 0
                until = self.end if record.verb == "restore_backup" else record.at + margin + jumped
                yield record.at, until, record.verb
        for start in wrong.values():
            yield start, self.end, "drift"

    def save(self, path: str | PathLike[str]) -> None:
        """Write it as NDJSON: a line for the set-up, then a line per record, then the rolls."""
        with Path(path).open("w", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in self.lines())

    def lines(self) -> Iterator[str]:
        """The lines of `save`."""
        head = {name: getattr(self, name) for name in ("seed", "candidates", "configs", "profile", "end")}
        for content in (head, *self.records, {"rolled": self.rolled}):
            yield json.dumps(encode(content), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def load(cls, path: str | PathLike[str]) -> History:
        """Read what `save` wrote.

        Raises:
            ValueError: The file is no saved history.
        """
        head, *records, tail = [
            decode(json.loads(line), _MAKERS)
            for line in Path(path).read_text("utf-8").splitlines() or ("{}", "{}")
        ]
        if not isinstance(head, dict) or "configs" not in head or "rolled" not in tail:
            raise ValueError(f"{path} is no saved history: its first line is the set-up, its last the rolls")
        return cls(**head, records=records, rolled=list(tail["rolled"]))


_MAKERS: Final[dict[str, Callable[..., Any]]] = {
    kind.__name__: kind
    for kind in (
        *(ElectorConfig, StoreGuarantees, Profile, StoredLease, *get_args(Record)),
        *(*get_args(messages.Request), *get_args(messages.Reply), *get_args(messages.Notice)),
    )
}
