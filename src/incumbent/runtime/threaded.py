"""The port on threads: the scheduler's for drivers, a pool's for the store, and one for each term's work."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from incumbent.clock import Clock
from incumbent.core.messages import Reply, Request
from incumbent.lease import NANOSECONDS
from incumbent.runtime import pools, scheduler, threads
from incumbent.runtime.store_calls import can_batch, perform, perform_together
from incumbent.store import LeaseStore, StoredLease, Watch, watch_lease

if TYPE_CHECKING:
    import random

_OBSERVERS: Final = "observers"


class ThreadedRuntime:
    """The `Runtime` of one driver, on threads.

    Calls of a local store are made at once, on the scheduler's thread; those of any other on the pool of
    its server, and those of a `BatchStore` together with others that wait for a thread of it.
    """

    def __init__(self, store: LeaseStore, clock: Clock, rng: random.Random | None = None) -> None:
        self.clock = clock
        self.name: str = getattr(store, "name", type(store).__name__)
        self.scheduler: scheduler.Scheduler = scheduler.shared.acquire(clock)
        self.now: Callable[[], int] = self.scheduler.now
        self.epoch: Callable[[], datetime] = self.scheduler.epoch
        self.post: Callable[[Callable[[], None]], None] = self.scheduler.post
        self.call_at: Callable[[int, Callable[[], None]], scheduler.Timer] = self.scheduler.call_at
        self.random: Callable[[], float] = _draw if rng is None else rng.random
        self.store: LeaseStore = store
        self._server: Hashable = getattr(store, "server", id(store))
        is_local = store.guarantees.is_local
        self._calls = None if is_local else pools.shared.acquire(self._server, "store")
        self._is_batching = not is_local and can_batch(store)
        self._observers: pools.SerialQueue | None = None
        self._went_back: Callable[[], None] | None = None

    def close(self, patience_s: float) -> None:
        """Let go of the threads, once the observers were told all, or after `patience_s` of real time."""
        if self._observers is not None:
            self._observers.join(patience_s)
            pools.shared.release(_OBSERVERS)
        scheduler.shared.release(self.clock)
        if self._calls is not None:
            pools.shared.release(self._server)

    def tell(self, call: Callable[[], object]) -> None:
        """Run code of the user's that returns soon, after what was told before."""
        if self._observers is None:
            self._observers = pools.SerialQueue(pools.shared.acquire(_OBSERVERS, "callbacks"))
        self._observers.submit(call)

    def do(self, action: Callable[[], None]) -> None:
        """Have the scheduler run `action`, and wait for that, so that a fake clock cannot overtake it."""
        if threads.is_own():
            self.scheduler.post(action)
        else:
            self.scheduler.call(action)

    def when_clock_goes_back(self, action: Callable[[], None] | None) -> None:
        """Call `action` whenever the clock is found to have gone backwards; None: no more."""
        if self._went_back is not None:
            self.scheduler.when_clock_goes_back(self._went_back, forget=True)
        if action is not None:
            self.scheduler.when_clock_goes_back(action)
        self._went_back = action

    def ask(self, request: Request, answered: Callable[[Request, Reply], None]) -> None:
        """Ask the store, and have `answered` called with what came of it."""
        asked = _Asked(self, request, answered)
        if self._calls is None:
            answered(request, asked.reply())
        elif self._is_batching:
            # Those that may take as long: none waits with another for an answer that it has given up.
            patience = request.expires_at - request.sent_at
            self._calls.gather((type(self.store), patience), asked, _ask_together)
        else:
            self.submit(asked)

    def submit(self, asked: _Asked) -> None:
        """Ask the store, by itself."""
        if self._calls is not None:
            self._calls.submit(lambda: asked.answer(asked.reply()))

    def watch(self, changed: Callable[[StoredLease | None], None]) -> Watch:
        """Have `changed` called when the record may have changed, until the watch is closed."""
        return watch_lease(self.store, lambda stored: self.post(partial(changed, stored)))

    def spawn(
        self,
        name: str,
        call: Callable[[], object],
        ended: Callable[[BaseException | None], None],
        *,
        or_here: bool = False,
    ) -> None:
        """Run `call` on a thread of its own, once the driver's step is over."""

        def run() -> None:
            failure: BaseException | None = None
            try:
                _check_ran(call())
            except BaseException as error:  # noqa: BLE001  # P13: a failure is told, not propagated
                failure = error
            self.post(partial(ended, failure))

        def begin() -> None:
            try:
                threads.thread(f"{name}-{self.name}", run).start()
            except RuntimeError as error:  # the interpreter is ending, or the machine has no thread left
                if or_here:
                    run()
                else:
                    ended(error)

        self.post(begin)


class _Asked(NamedTuple):
    """A request on its way to the store, and who waits for the answer."""

    runtime: ThreadedRuntime
    request: Request
    answered: Callable[[Request, Reply], None]

    @property
    def left_s(self) -> float:
        return (self.request.expires_at - self.runtime.now()) / NANOSECONDS

    def reply(self) -> Reply:
        return perform(self.runtime.store, self.request, self.left_s)

    def answer(self, reply: Reply) -> None:
        self.runtime.post(partial(self.answered, self.request, reply))


def _ask_together(many: list[_Asked]) -> None:
    """Ask one server, in one call if there is more than one request."""
    if len(many) == 1:
        many[0].answer(many[0].reply())
        return
    replies = perform_together([(asked.runtime.store, asked.request, asked.left_s) for asked in many])
    for asked, reply in zip(many, replies, strict=True):
        if reply is None:
            asked.runtime.submit(asked)
        else:
            asked.answer(reply)


def _check_ran(outcome: object) -> None:
    if inspect.iscoroutine(outcome):
        outcome.close()
        raise TypeError("it returned a coroutine, which nobody awaits: use incumbent.aio.Campaign")


def _draw() -> float:
    """A number from 0 to 1 that no other process draws, nor a fork of this one."""
    from random import SystemRandom  # noqa: PLC0415 - takes long to import, and who leads draws nothing

    return SystemRandom().random()
