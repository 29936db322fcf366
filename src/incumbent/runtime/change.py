"""A change that threads may wait for. Few do, and a condition is half a kilobyte: made for who waits."""

from __future__ import annotations

import threading

from incumbent.runtime import threads


class Change:
    """Tells those who wait that something is other than it was. For any thread.

    Whoever changes something sets it, then calls `tell`. Whoever waits takes the `condition`, then looks. So
    either the one who tells finds the condition, or the one who looks finds the change.
    """

    _condition: threading.Condition | None = None

    @property
    def condition(self) -> threading.Condition:
        """The condition to wait on: the same for all."""
        made: threading.Condition = vars(self).setdefault("_condition", threads.condition())
        return made

    def tell(self) -> None:
        """Wake all who wait."""
        condition = self._condition
        if condition is not None:
            with condition:
                condition.notify_all()
