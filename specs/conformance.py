"""The shipped elector held to the proof's actions, one step at a time.

A `Shadow` is the proof's elector (`proof.actions.Node`) beside a real one. It is told what the real one was
told (an input and the clock's reading) and what came out (its effects), takes the actions of the proof that
this must have been, and refuses what none of them allows: a claim too early, a renewal over another's record,
a term that begins or ends without cause. Three ways to use it:

- `check_step(before, event, now, effects, after)`: one step of an `Elector`, from its two states alone. The
  step must be made of actions of the proof, and must end where these end.
- `Shadow.beside(config, session)` and its `step(event, now, effects)`: along a run, or a recorded trace of
  one, where the elector itself is not at hand. `check_trace` does this for a list.

What it does not look at is what safety does not hang on: when the elector wakes, reads or polls, and how it
words its reasons.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from incumbent.config import ElectorConfig
from incumbent.core.elector import Elector
from incumbent.core.messages import (
    Abstain,
    ClockWentBackwards,
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
    StartedLeading,
    Stop,
    StoppedLeading,
    StoreChanged,
    Unavailable,
    UpdateLease,
    WriteRequest,
    Written,
)
from incumbent.core.states import CANDIDATE, FOLLOWER, LEADER, STOPPED
from incumbent.lease import StoredLease, Version
from specs import conduct
from specs.projection import essence, idle, node_of, record_of, timing_of, write_of
from specs.proof import actions
from specs.proof.actions import Node, Record, Step, Write
from specs.proof.logic import every, no


class Nonconformance(AssertionError):
    """The code did what no action of the proof does."""


class Shadow:
    """The proof's elector beside a real one."""

    def __init__(self, config: ElectorConfig, node: Node) -> None:
        self.config, self.timing = config, timing_of(config)
        self.node = node
        self.state: str = FOLLOWER
        self.pending: Request | None = None
        self.held: Write | None = None  # the write by which it leads
        self.doubted: tuple[Write, ...] = ()  # writes of this candidacy that may have happened (P7)
        self.left: tuple[Write, ...] = ()  # those of the candidacy that is being left (P9) ...
        self.searched = False  # ... and looked for, which is done once ...
        self.until = 0  # ... until then at the latest
        self.taken: list[str] = []  # the actions of the last step

    @classmethod
    def beside(cls, config: ElectorConfig, session: str) -> Shadow:
        """Of an elector that has not begun."""
        return cls(config, idle(session))

    @classmethod
    def of(cls, elector: Elector) -> Shadow:
        """Of an elector as it is now."""
        shadow = cls(elector.config, node_of(elector))
        shadow.state, shadow.pending = elector.state, elector.pending
        held = elector.candidacy.held
        shadow.held = None if held is None else write_of(held)
        shadow.doubted = tuple(write_of(write) for write in elector.candidacy.unknown_writes)
        if elector.leaving is not None:
            former = elector.leaving.former
            writes = (former.held, *former.unknown_writes)
            shadow.left = tuple(write_of(write) for write in writes if write is not None)
            shadow.searched, shadow.until = elector.leaving.was_read, elector.leaving.until
        return shadow

    def step(self, event: Input, now: int, effects: Effects) -> list[str]:
        """Take the actions that this step was made of, and return their names.

        Raises:
            Nonconformance: No action of the proof is what the elector did.
        """
        self.taken = []
        led = self.node.leads
        self._let_time_pass(event, now, effects)
        if isinstance(event, Reply):
            if self.pending is not None and event.id == self.pending.id:
                self._hear(event, self.pending, now)
        elif isinstance(event, StoreChanged) and self._is_told(event.stored, effects):
            self._take("read", actions.observe(self.node, record_of(event.stored), now))
        elif isinstance(event, (Abstain, Resign, Stop)):
            self._end_candidacy(event, now)
        elif isinstance(event, Ended) and self.node.leaving:
            self._take("work ends", actions.end_work(self.node))
        self._compare_terms(effects, led=led)
        if effects.request is not None:
            self._send(effects.request, now)
        for move in effects.moves:
            self.state = move.dest
        if (self.state == LEADER) != self.node.leads:
            raise Nonconformance(f"the elector is {self.state}, the proof's is {self.node}")
        return self.taken

    # What time does, and what one input.

    def _let_time_pass(self, event: Input, now: int, effects: Effects) -> None:
        """P3, P9e, P10: a clock that runs backwards, or a deadline that has come."""
        if any(isinstance(notice, ClockWentBackwards) for notice in effects.notices):
            self._begin_anew(now)
        elif self.node.leads and not actions.is_valid(self.node, now, self.timing):
            self._end()
            self.pending = None
        late = self.pending
        if late is not None and now >= late.expires_at and getattr(event, "id", None) != late.id:
            self._hear(Unavailable(late.id), late, now)
        if self.pending is None and now >= self.until:
            self._drop_release()

    def _hear(self, reply: Reply, request: Request, now: int) -> None:
        """P10: the reply to the pending request, or its absence."""
        self.pending = None
        write = None if isinstance(request, GetLease) else write_of(request)
        if not _answers(reply, request):
            reply = Unavailable(reply.id)
        if self.state == STOPPED and not self.node.leaving:
            return  # it is over: whatever was under way, nothing follows from it
        if self.node.leaving and write is not None:
            self._hear_leaving(reply, write, now)
        elif isinstance(reply, Written) and write is not None:
            self._write_took_effect("answer: written", write, self._made(write, reply.version), now)
        elif self.node.leaving:
            self._look_for_own(reply, now)
        elif isinstance(reply, Found):
            self._found(reply.stored, now)
        elif isinstance(reply, Missing) and (write is None or self.node.leads):
            self._found(None, now)
        elif isinstance(reply, Unavailable) and write is not None and reply.outcome_unknown:
            self.doubted = (*self.doubted, write)

    def _hear_leaving(self, reply: Reply, write: Write, now: int) -> None:
        """P9: a write under way is heard of first; then the release, and once more if it was refused."""
        is_unknown = isinstance(reply, Unavailable) and reply.outcome_unknown
        if isinstance(reply, Written) and not write.vacant:
            found = self._made(write, reply.version)
            self._take("answer while leaving", actions.follow_up(self.node, write, found, now))
            self.left, self.until = (write,), write.sent + self.timing.lease
            return
        if isinstance(reply, Written):
            self._take("read", actions.observe(self.node, self._made(write, reply.version), now))
        if isinstance(reply, (Written, Missing)) or (write.vacant and is_unknown):
            self._take("release settled", actions.settle(self.node))
        elif write.vacant:
            self._take("release is refused", actions.refused(self.node))
            if self.searched:
                self._take("release settled", actions.settle(self.node))
        elif isinstance(reply, Refused) and self.left:
            self.node = replace(self.node, known=False)  # it is to be read
        elif not is_unknown and not self.left:
            self._take("release settled", actions.settle(self.node))
        elif is_unknown:
            self.left = (*self.left, write)

    def _made(self, write: Write, version: Version) -> Record:
        """P15: the answer to a write does not say in which epoch it landed; the last one seen is supposed."""
        return replace(actions.made_by(write, version), epoch=self.node.seen.epoch)

    def _write_took_effect(self, name: str, write: Write, found: Record, now: int) -> None:
        step = actions.hold(self.node, write, found, now, self.timing)
        if step.guard:
            self._take(name, step)
            self.held, self.doubted = write, ()
        else:
            self.doubted = ()
            self._take("read", actions.observe(self.node, found, now))

    def _found(self, stored: StoredLease | None, now: int) -> None:
        """P7, P15, P8: a write of one's own, or the version that one holds, or loss."""
        found = record_of(stored)
        if self.node.leads and found.version == self.node.version:
            return
        for write in (*self._held(), *self.doubted):
            if actions.hold(self.node, write, found, now, self.timing).guard:
                self._write_took_effect("read own write", write, found, now)
                return
        if self.node.leads:
            self._end()
        self._take("read", actions.observe(self.node, found, now))

    def _look_for_own(self, reply: Reply, now: int) -> None:
        """P9: the record is read once for what is to be released, wherever it is by now."""
        if not isinstance(reply, Unavailable):
            found = record_of(reply.stored if isinstance(reply, Found) else None)
            for write in self.left:
                step = actions.find(self.node, write, found, now, self.timing)
                if step.guard:
                    self._take("find what is to be released", step)
                    self.left = (write,)
                    return
            self._take("read", actions.observe(self.node, found, now))
        if not self.node.known:
            self._take("release settled", actions.settle(self.node))

    def _is_told(self, stored: StoredLease | None, effects: Effects) -> bool:
        """P12d: whether a hint carries another's renewal of what it last received."""
        state = effects.moves[-1].dest if effects.moves else self.state  # a hint moves nobody
        if stored is None or state != FOLLOWER or self.pending is not None or self.node.seen.missing:
            return False
        told, seen = record_of(stored), self.node.seen
        is_anothers = stored.lease.holder_session.rpartition(".")[0] != self.node.elector
        is_held = every(no(told.vacant), is_anothers)
        return bool(every(is_held, actions.same_session(told, seen), told.stamp > seen.stamp))

    def _end_candidacy(self, event: Abstain | Resign | Stop, now: int) -> None:
        """P9: who led leaves in order or lets the lease expire; anybody else just gives up."""
        if not isinstance(event, Abstain) and not event.release:
            self._drop_release()
        if self.state == STOPPED or (self.node.leads and isinstance(event, Abstain)):
            return
        led, was_waiting = self.node.leads, self.state in {CANDIDATE, LEADER}
        release = not isinstance(event, Abstain) and event.release
        if led and release:
            self._take("leave office", actions.leave(self.node))
            self.left, self.until = (*self._held(), *self.doubted), self.node.base + self.timing.lease
            self.held, self.doubted, self.searched = None, (), False
        elif self._departs(event, now):
            self.searched = isinstance(self.pending, GetLease)
            self._take("leave the race with a claim under way", actions.depart(self.node))
            is_claiming = isinstance(self.pending, WriteRequest)
            last = self.pending.sent_at if is_claiming else self.doubted[-1].sent
            self.left, self.doubted, self.until = self.doubted, (), last + self.timing.lease
            return
        elif led:
            self._end()
        if not (led and isinstance(event, Stop)):
            self._end()
        if not self.node.leaving and (was_waiting or isinstance(event, Stop)):
            self.pending = None

    def _held(self) -> tuple[Write, ...]:
        return () if self.held is None else (self.held,)

    def _departs(self, event: Abstain | Resign | Stop, now: int) -> bool:
        """P9: whether a claim may yet take effect, and is to be released if it does."""
        may_release = isinstance(event, Abstain) or event.release
        is_claiming = isinstance(self.pending, WriteRequest)
        hopes = any(write.sent > now - self.timing.deadline for write in self.doubted)
        return self.state == CANDIDATE and may_release and (is_claiming or hopes)

    def _drop_release(self) -> None:
        """P9: it waited in vain; one that is under way is not called back."""
        is_sent = isinstance(self.pending, UpdateLease) and self.pending.lease.is_vacant
        if self.node.leaving and not is_sent:
            self._take("release settled", actions.settle(self.node))

    def _begin_anew(self, now: int) -> None:
        if self.node.leads:
            self._end()
        self._take("clock runs backwards", actions.begin_anew(self.node, now))
        self.pending, self.held, self.doubted = None, None, ()

    def _end(self) -> None:
        self._take("candidacy ends", actions.end(self.node))
        self.held, self.doubted = None, ()

    # What must be so.

    def _send(self, request: Request, now: int) -> None:
        """P1 to P6, P9 to P11: each write that goes out is one that the proof knows."""
        if self.pending is not None:
            raise Nonconformance(f"{request} was sent while {self.pending} was in flight (P10)")
        self.pending = request
        _compare(conduct.of_request(self.config, self.node, request, now), f"in {request}")
        if isinstance(request, GetLease):
            self.searched = self.searched or self.node.leaving
            return
        write, timing = write_of(request), self.timing
        known = self.doubted if self.held is None else (*self.doubted, self.held)
        if any(write.stamp <= other.stamp for other in known):
            raise Nonconformance(f"{request} looks like an earlier write, or older (P7)")
        name = "renew" if self.node.leads else "release" if write.vacant else "claim"
        self._take(name, getattr(actions, name)(self.node, write, now, timing), request)

    def _compare_terms(self, effects: Effects, *, led: bool) -> None:
        """A term begins and ends where the proof's does, and is announced with its token."""
        told = led
        for notice in effects.notices:
            if isinstance(notice, (StartedLeading, StoppedLeading)):
                if told == isinstance(notice, StartedLeading):
                    raise Nonconformance(f"{notice}: but it leads already, or did not lead")
                told = not told
                if told and notice.token != self.node.token:
                    raise Nonconformance(f"{notice}: but the token is {self.node.token} (P11)")
        if told != self.node.leads:
            raise Nonconformance(f"it {'leads' if told else 'does not lead'}, against the proof: {self.node}")

    def _take(self, name: str, step: Step, because: object = "") -> None:
        if not step.guard:
            raise Nonconformance(f"'{name}' is not allowed in {self.node}: {because}")
        self.node = step.after
        self.taken.append(name)


def _answers(reply: Reply, request: Request) -> bool:
    """Whether it is a reply to what was asked; else it is no answer (P13)."""
    if isinstance(request, GetLease):
        return isinstance(reply, (Found, Missing, Unavailable))
    is_impossible = isinstance(request, CreateLease) and isinstance(reply, Missing)
    return not (isinstance(reply, Found) or is_impossible)


def check_step(before: Elector, event: Input, now: int, effects: Effects, after: Elector) -> list[str]:
    """Hold one step of an elector to the proof, or raise `Nonconformance`; return its actions."""
    shadow, real = Shadow.of(before), Shadow.of(after)
    taken = shadow.step(event, now, effects)
    claims = (
        ("what it knows", essence(shadow.node), essence(real.node)),
        ("its pending request", shadow.pending, real.pending),
        ("its role", shadow.state, real.state),
        *conduct.of_answers(shadow.node, shadow.timing, now, after),
        *conduct.of_step(before, event, now, effects, after),
    )
    _compare(claims, f"after {event} at {now}: {taken}")
    if not set(real.doubted) <= set(shadow.doubted):
        raise Nonconformance(f"it doubts writes that were not sent: {real.doubted}")
    return taken


def _compare(claims: Iterable[conduct.Claim], context: str) -> None:
    for name, expected, found in claims:
        if expected != found:
            raise Nonconformance(f"{name} should be {expected}, and is {found}, {context}")


def check_trace(
    config: ElectorConfig, session: str, steps: Iterable[tuple[Input, int, Effects]]
) -> list[str]:
    """The same for a recorded run of one elector; the message counts its steps from 0."""
    shadow, taken = Shadow.beside(config, session), []
    number = -1
    try:
        for number, step in enumerate(steps):  # noqa: B007 (the message needs it)
            taken += shadow.step(*step)
    except Nonconformance as error:
        raise Nonconformance(f"step {number}: {error}") from error
    return taken
