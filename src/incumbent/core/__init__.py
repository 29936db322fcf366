"""The elector and its term: two state machines without I/O, clock, randomness or threads.

Drive an `Elector` by hand, and you have an election in your own loop, test or simulator. Inputs go into
`handle` with the reading of a clock, in nanoseconds; what comes out is carried out: notices first, then the
request, whose reply is an input again. This is the whole of it, over a store that answers at once::

    from incumbent import ElectorConfig, StoreGuarantees
    from incumbent.core import Elector, Ended, Found, GetLease, Missing, Start, Stop, TimerFired, Written
    from incumbent.lease import StoredLease

    record = None  # the store: one record, replaced by compare-and-swap

    def ask(request):
        global record
        if isinstance(request, GetLease):
            return Missing(request.id) if record is None else Found(request.id, record)
        record = StoredLease(request.lease, version=request.id)
        return Written(request.id, record.version)

    elector = Elector(ElectorConfig("ann", guarantees=StoreGuarantees(durable=True)))
    now, event, told = 0, Start(), []
    while not elector.is_finished:
        effects = elector.handle(event, now)
        told += effects.notices  # StartedLeading: begin the work. StoppedLeading: end it, then give Ended.
        if effects.request is not None:
            event = ask(effects.request)
        elif elector.state == "stopped":
            event = Ended()  # nothing of the last term runs any more: release the lease
        elif now < 60_000_000_000:
            now, event = effects.wake_at, TimerFired()  # nothing happens before
        else:
            event = Stop()

    print(*(type(notice).__name__ for notice in told))
    print(record.lease.is_vacant, elector.state)

It prints::

    NewLeader StartedLeading StoppedLeading NewLeader
    True stopped

`Term` decides what runs in office: when work begins and is asked to end, what is owed then, and how long it
is waited for. `Candidate` is both, joined: `incumbent.Campaign` runs it on threads, and
`incumbent.testing.Simulation` in virtual time.

Read this package in this order: `states`, `messages`, `observation`, `candidacy`, `state`, `elector` with
`leaving`, then `term_messages`, `term` and `candidate`.
"""

from __future__ import annotations

from incumbent.core.candidacy import Candidacy, Leaving, Validity
from incumbent.core.candidate import Candidate, Handled, Output
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
    NewLeader,
    Notice,
    Refused,
    Reply,
    Request,
    Resign,
    ResignRequested,
    Start,
    StartedLeading,
    Stop,
    StoppedLeading,
    StoreChanged,
    TimerFired,
    Transition,
    Unavailable,
    UpdateLease,
    WriteRequest,
    Written,
)
from incumbent.core.observation import Observation
from incumbent.core.states import MOVES, TERM_MOVES, mermaid
from incumbent.core.term import Term, TermConfig
from incumbent.core.term_messages import (
    AskedToResign,
    AskedToStop,
    AskToEnd,
    BeginTerm,
    EndTerm,
    LeaveBehind,
    Order,
    TellingEnded,
    TermEffects,
    TermInput,
    WorkEnded,
)

__all__ = [
    "MOVES",
    "TERM_MOVES",
    "Abstain",
    "AskToEnd",
    "AskedToResign",
    "AskedToStop",
    "BeginTerm",
    "Candidacy",
    "Candidate",
    "ClockWentBackwards",
    "CreateLease",
    "Effects",
    "Elector",
    "EndTerm",
    "Ended",
    "Found",
    "GetLease",
    "Handled",
    "Input",
    "LeaveBehind",
    "Leaving",
    "Missing",
    "NewLeader",
    "Notice",
    "Observation",
    "Order",
    "Output",
    "Refused",
    "Reply",
    "Request",
    "Resign",
    "ResignRequested",
    "Start",
    "StartedLeading",
    "Stop",
    "StoppedLeading",
    "StoreChanged",
    "TellingEnded",
    "Term",
    "TermConfig",
    "TermEffects",
    "TermInput",
    "TimerFired",
    "Transition",
    "Unavailable",
    "UpdateLease",
    "Validity",
    "WorkEnded",
    "WriteRequest",
    "Written",
    "mermaid",
]
