"""What runs during one term: the work, and the callback that says that it is over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from incumbent.leadership import Leadership
from incumbent.runtime.threads import Thread


@dataclass(slots=True)
class Term:
    """The threads of one term of office. Its flags belong to the scheduler's thread.

    Attributes:
        leadership: What the work and the callbacks are given.
        working: The work has not ended yet.
        told: `on_stopped_leading` was called.
        telling: `on_stopped_leading` has not returned yet.
        winding_down: The work was asked to end.
    """

    leadership: Leadership
    working: bool = False
    told: bool = False
    telling: bool = False
    winding_down: bool = False

    @property
    def is_closed(self) -> bool:
        """Whether nothing of it runs any more."""
        return self.told and not self.working and not self.telling


def run_in_thread(
    name: str,
    call: Callable[[], object],
    ended: Callable[[BaseException | None], None],
    *,
    or_here: bool = False,
) -> None:
    """Run `call` on a thread of its own, then `ended` with what it raised, or None.

    Where no thread can be started, as the interpreter is ending or the machine has none left, that is what
    it raised: only what is short and must be told (`or_here`) runs on the thread that all campaigns share.
    """

    def run() -> None:
        failure: BaseException | None = None
        try:
            call()
        except BaseException as error:  # noqa: BLE001  # P13: a failure is told, not propagated
            failure = error
        ended(failure)

    try:
        Thread(name, run).start()
    except RuntimeError as error:
        if or_here:
            run()
        else:
            ended(error)
