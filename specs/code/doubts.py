"""Why one write of unknown outcome stands for any number of them.

`handle` looks at the list of these writes in three loops, `match_own_write`, `has_live_unknown` and
`with_unknown`, and asks whether it is empty; `Doubts` sees to it that there is nothing else. For each of the
loops `lemmas.py` shows, on its bytecode:

- *The loop has no memory.* Whenever it comes to a write, it is at the same instruction, with the same values
  in all its variables. So it does with a list, once its first write was passed over, what it does with the
  rest: by induction, what it does with a list of any length is what it does with each write by itself, in
  order.
- *The result is pointwise.* `match_own_write` returns the first write that it would return if that were the
  only one; `has_live_unknown` is true if it is of any; `with_unknown` keeps those that it would keep, in
  order.

A step makes use of one of these only (`is_one_question`). So take any list, any step, and any write in the
list that remains: there is a list of at most one write with which the step does the same, and that write, if
it remains, is that one. After `match_own_write` it is the first that matches, or, if none does, the write one
looks at; after `with_unknown` it is that write too, as each one that is kept gives hope; of emptiness any one
will do.

One question more is asked where a candidate leaves (`_depart`): when the last of them was sent. So there,
where `has_live_unknown` is true of a list, take the write one looks at, one that gives hope, and the last: a
list of at most three, in their order, with which the step does the same. (Whether it would create the record
is asked of none of them.) What is shown of shapes with no such write or one, or of up to three where a
candidate leaves, is therefore true of lists of any length.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from incumbent.core.messages import UpdateLease, WriteRequest
from incumbent.lease import Lease, Version

QUESTIONS = {
    "match_own_write": "whose record?",
    "has_live_unknown": "no answer",
    "with_unknown": "no answer",
    "": "is it empty?",
}


class Doubts(tuple[WriteRequest, ...]):
    """The list, as the elector gets it: it notes what the package's functions ask of it."""

    __slots__ = ()
    asked: ClassVar[set[str]] = set()

    def __iter__(self) -> Iterator[WriteRequest]:
        frame = sys._getframe(1)  # noqa: SLF001 (that is the caller)
        if frame.f_globals["__name__"].startswith("incumbent."):
            assert frame.f_code.co_name in QUESTIONS, f"{frame.f_code.co_name} looks at the doubted writes"
            self.asked.add(QUESTIONS[frame.f_code.co_name])
        return super().__iter__()

    def __bool__(self) -> bool:
        self.asked.add(QUESTIONS[""])
        return len(self) > 0

    def __getitem__(self, index: Any) -> Any:
        asks = sys._getframe(1).f_code.co_name  # noqa: SLF001 (that is the caller)
        assert (asks, index) == ("_depart", -1), f"{asks} looks at one of the doubted writes"
        return tuple.__getitem__(self, index)

    def _refuse(self, *_: Any) -> Any:
        raise AssertionError("the doubted writes are looked at one by one only")

    __contains__ = __add__ = __reversed__ = index = count = _refuse  # type: ignore[assignment]


def is_one_question() -> bool:
    """Whether the last step asked one thing of the list at most."""
    return len(Doubts.asked) <= 1


def ask_anew() -> None:
    """Before a step."""
    Doubts.asked.clear()


@dataclass(frozen=True)
class Either:
    """A write that creates the record, or replaces it: the package is not told which, if it asks."""

    id: int
    sent_at: int
    expires_at: int
    lease: Lease
    version: Version

    @property
    def __class__(self) -> type:  # type: ignore[override]
        """`isinstance` comes here. To the specification it is an update; no action looks at that."""
        asks = sys._getframe(1).f_globals["__name__"]  # noqa: SLF001 (that is the caller)
        assert not asks.startswith("incumbent."), f"{asks} looks at the kind of a write that is left"
        return UpdateLease


class Watched:
    """A write that notes, where a loop first looks at it, how far the loop is and what its variables are."""

    def __init__(self, write: WriteRequest, seen: list[tuple[Any, ...]]) -> None:
        self.write, self.seen, self.lease = write, seen, write.lease

    @property
    def sent_at(self) -> Any:
        """When it was sent."""
        frame = sys._getframe(1)  # noqa: SLF001 (that is the loop)
        variables = {name: id(value) for name, value in frame.f_locals.items() if value is not self}
        at = inspect.getframeinfo(frame, context=0)  # `f_lasti` is another where the code is warm
        self.seen.append((at, getattr(at, "positions", None), variables))
        return self.write.sent_at
