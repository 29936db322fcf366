"""An elector and its term, joined: the one machine that decides all that a candidate does.

What the elector tells of a term goes to the `Term` at once, and what the term wishes goes to the elector
after that, until neither has anything to say. A driver only carries out what comes of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias, get_args

from incumbent.core.elector import Elector
from incumbent.core.messages import Effects, Input, Request
from incumbent.core.term import Term
from incumbent.core.term_messages import Order, TermInput


class Handled(NamedTuple):
    """One step of the elector, to be told: its moves, and the notices that are not a term's affair."""

    event: Input
    effects: Effects


Output: TypeAlias = Handled | Order | Request

_OF_ELECTORS: Final = frozenset(get_args(Input))
_OF_TERMS: Final = frozenset(get_args(TermInput))


@dataclass(slots=True, unsafe_hash=True)
class Candidate:
    """One candidate in a race, and the terms that it leads. `handle` is its only entry.

    Attributes:
        elector: Decides who leads.
        term: Decides what runs in office.
    """

    elector: Elector
    term: Term

    @property
    def wake_at(self) -> int | None:
        """When to give a `TimerFired`, or as soon after it as possible; None: not before another input."""
        due = [at for at in (self.elector.wake_at, self.term.wake_at) if at is not None]
        return min(due, default=None)

    @property
    def is_finished(self) -> bool:
        """Whether it has left the race, with nothing that has to be waited for: give it no more inputs."""
        return self.elector.is_finished and self.term.is_at_rest

    def copy(self) -> Candidate:
        """An independent candidate in the same state."""
        return Candidate(self.elector.copy(), self.term.copy())

    def handle(self, event: Input | TermInput, now: int) -> Iterator[Output]:
        """Take one input at the clock reading `now`, and those that it leads to.

        Iterate to the end, and carry out each output before you go on: what an elector's step has to tell,
        what is ordered because of that, its request, and only then what the term wishes.
        """
        inputs: deque[Input] = deque()
        if type(event) in _OF_TERMS:
            yield from self._step_term(event, now, inputs)  # type: ignore[arg-type]  # it is one of them
        if type(event) in _OF_ELECTORS:
            inputs.append(event)  # type: ignore[arg-type]  # likewise
        while inputs:
            yield from self._step_elector(inputs.popleft(), now, inputs)

    def _step_elector(self, event: Input, now: int, inputs: deque[Input]) -> Iterator[Output]:
        effects = self.elector.handle(event, now)
        yield Handled(event, effects)
        for notice in effects.notices:
            if type(notice) in _OF_TERMS:
                yield from self._step_term(notice, now, inputs)  # type: ignore[arg-type]  # likewise
        if effects.request is not None:
            yield effects.request

    def _step_term(self, event: TermInput, now: int, inputs: deque[Input]) -> Iterable[Order]:
        effects = self.term.handle(event, now)
        inputs.extend(effects.inputs)
        return effects.orders
