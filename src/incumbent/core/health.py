"""What a probe may be told of a campaign: whether it does what is due, may come to lead, and leads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from incumbent.core.candidacy import Validity
from incumbent.core.candidate import Candidate
from incumbent.core.messages import Effects, Found, Input, Missing, Refused, Request, Written
from incumbent.core.states import STOPPED
from incumbent.lease import NANOSECONDS

_ANSWERS: Final = (Found, Missing, Refused, Written)


class Health(NamedTuple):
    """The health of a campaign at one instant. As it stands here, it is that of one that does not run.

    Attributes:
        is_live: Whether what was due was done: nothing is overdue by a lease duration, and no defect has
            ended the campaign. True also where nothing is due, as before the start and after the end. The
            store has no part in it: a restart mends no store.
        is_ready: Whether it leads or may come to: it is live, in the race and not about to leave it, and the
            store has answered and has since then not been silent for a lease duration.
        is_leader: Whether it leads at this instant, by its own clock (P3).
        state: One of follower, candidate, leader and stopped.
        answer_age: Seconds since the store's last answer in time; None: there was none.
        time_left: Seconds until this term ends unless it is renewed (P3); 0.0: it does not lead.
        reason: Why it is not live, or else not ready, in one line; "" if it is both.
    """

    is_live: bool = True
    is_ready: bool = False
    is_leader: bool = False
    state: str = STOPPED
    answer_age: float | None = None
    time_left: float = 0.0
    reason: str = "the campaign does not run"


@dataclass(slots=True)
class Vitals:
    """Keeps what an elector forgets of one run: when it is to be called, and since when the store is silent.

    Written by one thread, and read by any; all instants are in nanoseconds.

    Attributes:
        due: When the next thing has to be done; None: nothing has to.
        answered_at: When the store last answered in time.
        silent_since: When the first request that was sent after that was sent, while it has no answer.
        is_broken: A defect has ended the run.
    """

    due: int | None
    answered_at: int | None = None
    silent_since: int | None = None
    is_broken: bool = False
    _asked: Request | None = None

    def handled(self, event: Input, now: int, effects: Effects) -> None:
        """The elector has handled an input."""
        asked = self._asked
        if asked is not None and isinstance(event, _ANSWERS) and event.id == asked.id:
            self.answered_at, self.silent_since, self._asked = now, None, None
        elif asked is not None and now >= asked.expires_at:
            self._asked = None  # an answer that comes now is none (P10)
        if effects.request is not None:
            self._asked = effects.request
            if self.silent_since is None:
                self.silent_since = effects.request.sent_at

    def health(self, candidate: Candidate, office: Validity | None, now: int) -> Health:
        """What is to be said of `candidate` at `now`, which was read after `office` and before this call."""
        answered_at, lease_ns = self.answered_at, candidate.elector.config.lease_ns
        is_leader = office is not None and office.covers(now)
        failing, missing = self._failing(now, lease_ns), self._missing(candidate, now, lease_ns)
        return Health(
            is_live=not failing,
            is_ready=not (failing or missing),
            is_leader=is_leader,
            state=candidate.elector.state,
            answer_age=None if answered_at is None else max(0, now - answered_at) / NANOSECONDS,
            time_left=(office.until - now) / NANOSECONDS if office is not None and is_leader else 0.0,
            reason=failing or missing,
        )

    def _failing(self, now: int, lease_ns: int) -> str:
        """Why it is not live."""
        due = self.due
        if self.is_broken:
            return "a defect has ended the campaign: see the log"
        if due is not None and now - due >= lease_ns:
            return f"nothing was done for {(now - due) / NANOSECONDS:.1f} s: the campaign's thread is held up"
        return ""

    def _missing(self, candidate: Candidate, now: int, lease_ns: int) -> str:
        """Why it is not ready, though live."""
        silent_since = self.silent_since
        if candidate.elector.state == STOPPED:
            return "it has left the race"
        if candidate.term.stopping:
            return "it is about to leave the race"
        if self.answered_at is None:
            return "the store has not answered yet"
        if silent_since is not None and now - silent_since >= lease_ns:
            return f"the store has not answered for {(now - silent_since) / NANOSECONDS:.1f} s"
        return ""
