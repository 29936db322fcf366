"""A trace of a small world walked again in real coordinates, and written down as a program."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Final, NamedTuple

from incumbent import core
from incumbent.core.candidate import Handled
from incumbent.core.elector import Elector
from incumbent.core.messages import Found, GetLease, Reply, Request, StartedLeading, Unavailable, Written
from incumbent.core.term_messages import Order
from incumbent.lease import LATEST_TIME, Lease, StoredLease
from incumbent.testing.exploration.deeds import act
from incumbent.testing.exploration.rules import NOT_ABOVE, TWO_LEADERS
from incumbent.testing.exploration.tables import switch_hold
from incumbent.testing.exploration.world import (
    IDENTITY,
    OPERATOR,
    STEP,
    Action,
    Moment,
    Outcome,
    Participant,
    SmallWorld,
)

_NAMES: Final = "abcdefgh"
_SETTINGS: Final = (
    *("lease_duration", "renew_deadline", "retry_period", "request_timeout", "takeover_delay"),
    "guarantees",
)

_SHOWN: Final = ("elector.state", "term.state", "is_finished", "wake_at")  # of a candidate, when it is over


class Happening(NamedTuple):
    """One thing that happens: to a candidate, or with None to the store or to all clocks."""

    candidate: int | None
    action: Action


class Replay:
    """A small world in real coordinates: clocks that go on, versions and sessions that never repeat.

    Attributes:
        participants: As they are now.
        clocks: What their clocks read, in steps.
        record: What the store holds.
        granted: The highest token of any term so far.
        broken: The first rule that was broken, or "".
    """

    def __init__(self, world: SmallWorld) -> None:
        self.world = world
        self.participants: list[Participant] = [Participant()] * world.candidates
        self.clocks: list[int] = [0] * world.candidates
        self.record: StoredLease | None = None
        self.granted: int = 0
        self.broken: str = ""
        self._lines: list[str] = []
        self._starts = self._versions = self._requests = 0
        self._variables: dict[tuple[str, int], str] = {}  # of requests, by session and id
        self._leases: list[tuple[Lease, str]] = []
        self._last: tuple[str, str] | None = None  # how to ask what came of the last input, and the answer

    def perform(self, happening: Happening) -> None:
        """Let it happen, and write it down."""
        who, action = happening
        if action.kind == "ticks":
            for ticking in range(self.world.candidates) if who is None else [who]:
                self.clocks[ticking] += 1
        elif who is None:
            self._touch(action.kind)
        else:
            self._act(who, action)
        if len(self.leaders()) > 1:
            self.broken = self.broken or TWO_LEADERS

    def leaders(self) -> list[int]:
        """The candidates that lead now, each by its own clock."""
        pairs = enumerate(zip(self._electors(), self.clocks, strict=True))
        return [
            who for who, (elector, clock) in pairs if elector is not None and elector.is_leader(clock * STEP)
        ]

    def _electors(self) -> list[Elector | None]:
        return [participant.elector for participant in self.participants]

    def program(self, rule: str) -> str:
        """Print the path as a test that fails if it ends in a breach of this rule."""
        path = "" if self.world.term is None else ".elector"
        readings = [f"{_NAMES[who]}{path}.is_leader({clock} * S)" for who, clock in enumerate(self.clocks)]
        running = [
            text for text, elector in zip(readings, self._electors(), strict=True) if elector is not None
        ]
        if rule == TWO_LEADERS == self.broken:
            leading = " and ".join(readings[who] for who in self.leaders()[:2])
            self._lines.append(f'assert not ({leading}), "{rule}"')
        elif ": nobody" in rule:
            self._lines.append(f'assert {" or ".join(running) or False}, "{rule}"')
        elif self.world.term is not None and self._last is not None and rule == self.broken:
            while "= outputs[" in self._lines[-1]:
                self._lines.pop()  # nobody will answer these
            self._lines += [f"happened = {self._last[0]}", f"assert happened != {self._last[1]}, {rule!r}"]
        elif not rule.startswith("handle raised"):
            self._lines.append(f"raise AssertionError({rule!r})")
        body = "\n".join(f"    {line}" for line in [*self._config(), *self._lines])
        used = [name for name in sorted(core.__all__) if re.search(rf"(?<!\w){name}\(", body)]
        head = [
            "from incumbent import ElectorConfig, StoredLease, StoreGuarantees",
            f"from incumbent.core import {', '.join(used)}",
            *["from incumbent.lease import EARLIEST_TIME, LATEST_TIME"] * self.world.holds,
            "",
            "S = 1_000_000_000",
        ]
        name = re.sub(r"\W+", "_", rule.partition(" ")[2].lower())[:60].strip("_")
        return "\n".join([*head, "", "", f"def test_{name}() -> None:", body, ""])

    def _config(self) -> list[str]:
        world = self.world
        return [
            "config = ElectorConfig(",
            f'    "{IDENTITY}",',
            *(f"    {name}={getattr(world, name)!r}," for name in _SETTINGS),
            "    jitter=0,",
            "    clock_drift=0,",
            ")",
            *([] if world.term is None else [f"terms = {world.term!r}"]),
        ]

    def _touch(self, how: str) -> None:
        if self.record is None:
            return
        self._versions += 1
        new = old = self.record.lease
        deed = "somebody touches the record"
        if how == "is asked to resign":
            new, deed = old.asked_to_resign(OPERATOR), f"the {OPERATOR} asks the holder to resign"
            self._leases.append((new, f'{self._spell(old)}.asked_to_resign("{OPERATOR}")'))
        elif how != "is touched":
            new, deed = switch_hold(old), "somebody holds the lease back, or ends that"
            until = "LATEST_TIME" if new.not_before == LATEST_TIME else "EARLIEST_TIME"
            self._leases.append((new, f"{self._spell(old)}.held_back({until})"))
        self.record = StoredLease(new, self._versions)
        self._lines.append(f"# {deed}: version {self._versions}")

    def _act(self, who: int, action: Action) -> None:
        before, now = self.participants[who], self.clocks[who] * STEP
        self._starts += action.kind == "starts"
        moment = Moment(now, f"{_NAMES[who]}{self._starts}", self._versions + 1)
        outcome = act(self.world, before, self.record, action, moment)
        self._write(who, action, before, outcome)
        after = outcome.participant
        if action.loses is not None:
            after = after._replace(mail=after.mail[: action.loses] + after.mail[action.loses + 1 :])
        self.participants[who] = after
        if outcome.record is not None and outcome.record is not self.record:
            self.record, self._versions = outcome.record, self._versions + 1
        self.broken = self.broken or outcome.broken
        for notice in outcome.notices():
            if isinstance(notice, StartedLeading):
                if notice.token <= self.granted:
                    self.broken = self.broken or NOT_ABOVE
                self.granted = max(self.granted, notice.token)

    def _write(self, who: int, action: Action, before: Participant, outcome: Outcome) -> None:
        name, now = _NAMES[who], self.clocks[who]
        message = before.mail[action.at] if action.kind in ("asks", "receives") else None
        self._last = None
        if action.kind == "crashes":
            self._lines.append(f"# {name} crashes")
        elif message is not None and not isinstance(message, Reply):
            self._lines.append(f"# the store: {self._deed(name, message, outcome, str(action.what))}")
        else:
            elector, event = before.elector, "Start()"
            if elector is None:
                made = f'Elector(config, session="{name}{self._starts}")'
                self._lines.append(
                    f"{name} = {made if self.world.term is None else f'Candidate({made}, Term(terms))'}"
                )
            elif isinstance(message, Reply):
                event = self._reply(elector.session, message)
            elif action.kind == "is told":
                event = f"StoreChanged({self._stored(self.record)})"
            else:
                event = "TimerFired()" if isinstance(action.what, str) else repr(action.what)
            call = f"{name}.handle({event}, {now} * S)"
            if self.world.term is None:
                self._lines += self._step(name, call, f"{call}.request", outcome)
            else:
                after = outcome.participant
                call = f"outputs = list({call})"
                self._lines += self._step(name, call, "outputs[{}]", outcome)
                came = tuple(type(output).__name__ for output in outcome.outputs)
                asked = "*(type(output).__name__ for output in outputs)"
                for path in _SHOWN:
                    came, asked = (*came, attrgetter(path)(after)), f"{asked}, {name}.{path}"
                self._last = asked, repr(came)

    def _step(self, name: str, call: str, request: str, outcome: Outcome) -> Iterator[str]:
        """The line that gives an input, and those that name the requests that come of it."""
        said, requests = [], []
        elector = outcome.participant.elector
        for number, output in enumerate(outcome.outputs):
            if isinstance(output, Handled):
                said += [f"{move.source} -> {move.dest}" for move in output.effects.moves]
            elif isinstance(output, Order):
                said.append(repr(output))
            elif elector is not None:
                self._requests += 1
                variable = f"{name}{self._requests}"
                self._variables[elector.session, output.id] = variable
                said.append(type(output).__name__)
                requests.append(f"{variable} = {request.format(number)}")
                if not isinstance(output, GetLease):
                    self._leases.append((output.lease, f"{variable}.lease"))
        comment = f"  # {', '.join(said)}" if said else ""
        if self.world.term is None:
            yield f"{requests[0] if requests else call}{comment}"
        else:
            yield f"{call}{comment}"
            yield from requests

    def _deed(self, name: str, request: Request, outcome: Outcome, how: str) -> str:
        lease = getattr(request, "lease", None)
        what = f"{name}'s read" if lease is None else f"the write {self._spell(lease)}"
        if outcome.record is not self.record and outcome.record is not None:
            how = f"done, version {outcome.record.version}, {how}"
        elif lease is not None and how == "answered":
            how = "refused"
        return f"{what} is {how}"

    def _reply(self, session: str, reply: Reply) -> str:
        number = f"{self._variables[session, reply.id]}.id"
        if isinstance(reply, Found):
            return f"Found({number}, {self._stored(reply.stored)})"
        if isinstance(reply, Written):
            return f"Written({number}, {reply.version})"
        if isinstance(reply, Unavailable):
            return f"Unavailable({number}, outcome_unknown={reply.outcome_unknown})"
        return f"{type(reply).__name__}({number})"

    def _stored(self, stored: StoredLease | None) -> str:
        return "" if stored is None else f"StoredLease({self._spell(stored.lease)}, {stored.version})"

    def _spell(self, lease: Lease) -> str:
        return next(expression for known, expression in self._leases if known is lease)


def replay(world: SmallWorld, happenings: Sequence[Happening]) -> Replay:
    """Walk a trace in real coordinates, up to the first breach of a rule."""
    walked = Replay(world)
    for happening in happenings:
        if not walked.broken:
            walked.perform(happening)
    return walked
