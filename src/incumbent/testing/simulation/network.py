"""The store, and the messages between it and the processes.

What goes wrong with a message is said by the `Profile` and by the participant's `Way` to the store or back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from incumbent.core.elector import EPOCH
from incumbent.core.messages import (
    CreateLease,
    Found,
    GetLease,
    Missing,
    Refused,
    Reply,
    Request,
    Unavailable,
    UpdateLease,
)
from incumbent.lease import Lease, StoredLease
from incumbent.testing.history import Executed, Invoked, Record
from incumbent.testing.simulation.chance import Chance
from incumbent.testing.simulation.event_queue import EventQueue
from incumbent.testing.simulation.participants import MILLION, NEVER, Participant, SimulatedStore, Way

if TYPE_CHECKING:
    from incumbent.testing.simulation.runtime import Process


class Network:
    """One store, and the ways to it.

    Attributes:
        store: The store.
        stalled_until: It answers nothing before that true time.
        busy_until: When the last message sent so far will have arrived.
    """

    def __init__(
        self,
        store: SimulatedStore,
        participants: Sequence[Participant],
        *,
        queue: EventQueue,
        chance: Chance,
        record: Callable[[Record], None],
    ) -> None:
        self.store = store
        self.stalled_until: int = 0
        self.busy_until: int = 0
        self._participants = participants
        self._queue = queue
        self._chance = chance
        self._record = record

    def stall(self, duration: int) -> None:
        """Answer nothing for so long, then everything at once."""
        self.stalled_until = max(self.stalled_until, self._queue.now + duration)

    def send(self, process: Process, request: Request) -> None:
        """Put a request on its way."""
        chance = self._chance
        self._record(Invoked(self._queue.now, process.name, request))
        trouble = chance.requests.draw() if chance.requests.total else None
        if trouble == "reject":
            refusal = Unavailable(request.id, outcome_unknown=False, reason="refused the connection")
            self._arrive(chance.delay(), process.receive, (request, refusal))
        else:
            self._travel(process.participant.requests, trouble, process, self._execute, (process, request))

    def _travel(
        self,
        way: Way,
        trouble: str | None,
        process: Process,
        action: Callable[..., None],
        given: tuple[Any, ...],
    ) -> None:
        chance = self._chance
        if trouble is None and way.is_clear:
            self._arrive(chance.delay(), action, given)
            return
        is_lost = way.is_cut or way.drop > 0 or trouble == "lose"
        is_repeated = way.repeat > 0 or trouble == "repeat"
        way.drop, way.repeat = max(0, way.drop - 1), max(0, way.repeat - 1)
        if not is_lost:
            slow = chance.size(process.participant) if trouble == "slow" else 0
            self._arrive(chance.delay(way.delay + slow), action, given)
        if is_repeated:
            self._arrive(chance.delay(chance.size(process.participant)), action, given)

    def _execute(self, process: Process, request: Request) -> None:
        now, chance, store = self._queue.now, self._chance, self.store
        if now < self.stalled_until:
            self._arrive(self.stalled_until - now, self._execute, (process, request))
            return
        before, version = store.stored, store.version
        trouble = chance.answers.draw() if chance.answers.total else None
        if trouble == "stale" and isinstance(request, GetLease):
            reply = store.read_old(request, 1 + chance.roll(3))
        else:
            reply = store.execute(request)
        self._record(Executed(now, process.name, request, reply, before))
        if store.version != version:
            self.announce()
        if trouble == "garble":
            reply = self._garbled(request)
        self._travel(process.participant.answers, trouble, process, process.receive, (request, reply))

    def _garbled(self, request: Request) -> Reply:
        """What cannot be understood, or what answers another question."""
        if self._chance.roll(2):
            return Unavailable(request.id, reason="the answer made no sense")
        if isinstance(request, GetLease):
            return Refused(request.id)
        if isinstance(request, CreateLease):
            return Missing(request.id)
        return Found(request.id, StoredLease(request.lease, request.version))

    def request_resign(self, by: str, to: str, hold: float) -> None:
        """Have somebody ask the holder to resign: for `to`, and so that nobody follows for `hold` seconds."""
        stored = self.store.stored
        if stored is not None and not stored.lease.is_vacant:
            asked = stored.lease.asked_to_resign(by).meant_for(to)
            until = EPOCH + timedelta(microseconds=self._queue.now // 1000 + round(hold * MILLION))
            self.rewrite(by, stored, asked.held_back(until) if hold else asked)

    def rewrite(self, by: str, stored: StoredLease, lease: Lease) -> None:
        """Have somebody who is no candidate replace the record `stored`, at once."""
        now = self._queue.now
        request = UpdateLease(0, now, NEVER, lease, stored.version)
        self._record(Executed(now, by, request, self.store.execute(request), stored))
        self.announce()

    def announce(self) -> None:
        """The record changed: tell those who watch, unless the message is lost; or what was before (P12)."""
        stored = self.store.stored
        for participant in self._participants:
            process, way = participant.host, participant.answers
            if process is not None and process.changed is not None:
                trouble = self._chance.answers.draw()
                if trouble != "lose" and not way.is_cut:
                    at = self._queue.now + self._chance.delay(way.delay)
                    told = self.store.past[-1] if trouble == "stale" else stored
                    self._queue.push(at, process.enter, (partial(process.changed, told),))

    def _arrive(self, after: int, action: Callable[..., None], given: tuple[Any, ...]) -> None:
        at = self._queue.now + after
        self.busy_until = max(self.busy_until, at)
        self._queue.push(at, action, given)
