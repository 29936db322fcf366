"""The work of a term: a function that a thread calls, or something that runs elsewhere."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeAlias

from incumbent.leadership import Leadership
from incumbent.runtime.handle import TermHandle


class HostedWork(ABC):
    """Work that runs elsewhere than on a thread of its own, and says itself that it has ended."""

    @abstractmethod
    def begin(self, term: TermHandle, ended: Callable[[BaseException | None], None]) -> None:
        """Begin, and return at once: this is where campaigns are kept going.

        Args:
            term: Its `listeners` say when the work is to end.
            ended: To be called once, from any thread, with what the work raised, or None.
        """


Work: TypeAlias = Callable[[Leadership], object] | HostedWork
