"""The one instant at which a machine is to be woken."""

from __future__ import annotations

from collections.abc import Callable

from incumbent.runtime.port import Runtime, Timer


class Alarm:
    """Calls an action at the instant it was last set to; setting it anew forgets the one before."""

    def __init__(self, runtime: Runtime, action: Callable[[], None]) -> None:
        self._runtime = runtime
        self._action = action
        self._timer: Timer | None = None

    def set(self, at: int | None) -> None:
        """Call the action at `at`; None: not at all."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if at is None else self._runtime.call_at(at, self._action)
