"""Report a campaign to the outside: log lines, and callbacks that only observe."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

from incumbent.core.elector import Elector
from incumbent.core.messages import GetLease, Request, Transition
from incumbent.errors import ConfigurationError
from incumbent.leadership import Leadership
from incumbent.lease import MAX_TRANSITIONS, NANOSECONDS
from incumbent.runtime.work import HostedWork, Work
from incumbent.shown import one_line, shown

logger: Final = logging.getLogger("incumbent")


@dataclass(frozen=True, slots=True)
class Callbacks:
    """The callbacks of a campaign; see `Campaign`.

    Raises:
        ConfigurationError: One of them cannot be called.
    """

    on_started_leading: Work | None = None
    on_stopped_leading: Callable[[Leadership], object] | None = None
    on_new_leader: Callable[[str | None], object] | None = None
    report_metric: Callable[[str, bool], object] | None = None

    def __post_init__(self) -> None:
        for name in self.__slots__:
            callback = getattr(self, name)
            if callback is None:
                continue
            if not callable(callback) and not isinstance(callback, HostedWork):
                raise ConfigurationError(f"{name} is {shown(callback)}: give something to call, or None")
            if _only_creates(callback):
                advice = "give a plain function"
                if name == "on_started_leading":
                    advice += ", or use incumbent.aio.Campaign, whose work is `async def`"
                raise ConfigurationError(
                    f"{name} is {shown(callback)}: calling it creates a coroutine or a generator that nobody "
                    f"runs; {advice}"
                )


def _only_creates(callback: object) -> bool:
    """Whether a call runs nothing: `async def` or with a `yield`, also behind `partial` and `__call__`."""
    while isinstance(callback, partial):
        callback = callback.func
    return any(
        is_kind(each)
        for each in (callback, getattr(callback, "__call__", None))  # noqa: B004  # whether it can be called is known
        for is_kind in (
            inspect.iscoroutinefunction,
            inspect.isgeneratorfunction,
            inspect.isasyncgenfunction,
        )
    )


class Reporter:
    """Logs under `incumbent`, one line per change and none per renewal, and calls the observers in order.

    Every record carries `lease`, `identity`, `state`, `token` and `leader` as extra fields.
    """

    def __init__(
        self,
        name: str,
        elector: Elector,
        callbacks: Callbacks,
        tell: Callable[[Callable[[], object]], None],
        *,
        log: Callable[..., None] | None = None,
    ) -> None:
        self.elector = elector
        self._name = name
        self._callbacks = callbacks
        self._tell = tell
        self._write = log
        self._trouble: dict[bool, str] = {}  # by whether it was a write that failed
        self._moved_in_trouble: set[tuple[str, str]] = set()
        self._is_spent = False

    def moved(self, move: Transition) -> None:
        """A change of role; each candidacy that fails as the last one did is a line for debugging only."""
        line, between = f"{move.source} -> {move.dest}: {move.reason}", (move.source, move.dest)
        is_repeated = between in self._moved_in_trouble and set(between) == {"follower", "candidate"}
        if self._trouble:
            self._moved_in_trouble.add(between)
        level = logging.DEBUG if is_repeated else logging.INFO
        self._log(level, line, trigger=move.trigger, source=move.source, reason=move.reason)

    def new_leader(self, identity: str | None) -> None:
        """Another holder was observed, or none."""
        if self._callbacks.on_new_leader is not None:
            self._tell(partial(self._callbacks.on_new_leader, identity))

    def leads(self, is_leader: bool) -> None:
        """A term began or ended."""
        if self._callbacks.report_metric is not None:
            identity = self.elector.config.identity
            self._tell(partial(self._callbacks.report_metric, identity, is_leader))

    def store_answered(self, request: Request) -> None:
        """The store works; a line only if it did not before. That it can be read says nothing of writes."""
        if not self._trouble:
            return
        is_write = not isinstance(request, GetLease)
        mended = [action for action in self._trouble if is_write or not action]
        for action in mended:
            del self._trouble[action]
        if mended and not self._trouble:
            self._moved_in_trouble.clear()
            self._log(logging.INFO, "the store answers again")

    def store_failed(self, request: Request, reason: str) -> None:
        """The store failed; a line when it begins to, and when it fails in another way."""
        is_write, kind = not isinstance(request, GetLease), reason.partition(":")[0]
        if kind not in self._trouble.values():
            action = "write" if is_write else "read"
            self._log(logging.WARNING, f"the store failed to {action} the record: {reason}", reason=reason)
        self._trouble[is_write] = kind

    def observed(self) -> None:
        """The elector may have seen the record; a line if no token is left to lead by."""
        if self.elector.observation.highest_token == MAX_TRANSITIONS and not self._is_spent:
            self._is_spent = True
            self._log(
                logging.ERROR,
                f"the record's token is {MAX_TRANSITIONS}, the largest possible: nobody can lead any more; "
                f"repair the record by hand, then start every campaign anew",
            )

    def clock_went_backwards(self, by_ns: int) -> None:
        """The clock misbehaved."""
        line = f"the clock went backwards by {by_ns / NANOSECONDS:.6f} s; all waits begin anew"
        self._log(logging.WARNING, line)

    def failed(self, what: str, failure: BaseException) -> None:
        """Code of the user's raised."""
        self._log(logging.ERROR, f"{what} failed", exc_info=failure)

    def attempt(self, what: str, action: Callable[[], object]) -> None:
        """Run `action`; log a failure (P13)."""
        try:
            action()
        except Exception as error:  # noqa: BLE001  # whatever it was, the campaign goes on
            self.failed(what, error)

    def left_behind(self, token: int) -> None:
        """Report user code of a term that did not end in time."""
        line = f"the work of token {token} did not end in time; the lease is left to expire"
        self._log(logging.ERROR, line)

    def defect(self) -> None:
        """An assertion failed in the library itself."""
        self._log(logging.CRITICAL, "a defect: this campaign is over", exc_info=True)

    def _log(self, level: int, line: str, *, exc_info: object = None, **fields: object) -> None:
        write: Callable[..., None] = self._write or logger.log
        if self._write is None and not logger.isEnabledFor(level):
            return  # the text would cost more than a renewal does
        elector = self.elector
        extra = {
            "lease": self._name,
            "identity": elector.config.identity,
            "state": elector.state,
            "token": elector.token,
            "leader": elector.leader,
        } | fields
        with suppress(Exception):  # P13: a log that is full or broken costs nobody the lease
            text = one_line(f"{self._name}: {line} ({self._holder()})")
            write(level, "%s", text, extra=extra, exc_info=exc_info)

    def _holder(self) -> str:
        """Describe the known holder and its token."""
        leader, token = self.elector.leader, self.elector.token
        if leader is None:
            return "no holder"
        stored = self.elector.observation.stored
        if token is None and stored is not None:
            token = stored.lease.leader_transitions
        return f"holder {shown(leader)}" + ("" if token is None else f", token {token}")
