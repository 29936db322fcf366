"""Observer: sees who leads, and when nobody does, without contending."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Final

from incumbent.clock import SYSTEM_CLOCK, Clock
from incumbent.config import DEFAULT_LEASE_DURATION, DEFAULT_RETRY_PERIOD
from incumbent.core.messages import Found, GetLease, Missing, Reply, Request, Unavailable
from incumbent.core.sight import Lookout, Sight
from incumbent.lease import check_number, to_ns
from incumbent.runtime import threads
from incumbent.runtime.alarm import Alarm
from incumbent.runtime.callables import check_like
from incumbent.runtime.lifecycle import campaigns
from incumbent.runtime.store_calls import check_surroundings
from incumbent.runtime.threaded import ThreadedRuntime
from incumbent.store import LeaseStore, StoredLease, Watch

__all__ = ["Observer", "Sight"]

NEVER_STARTED: Final = Sight(reason="the observer does not run")


class Observer:
    """Reads one lease again and again, and says what can be said of it. It never writes.

    Many observers share their threads, so there may be one for each of thousands of leases.

    Args:
        store: The lease, as `open_store` gives it. Not closed by the observer.
        on_change: Called with each `Sight` that says something else than the one before: not at a renewal.
            On a thread shared with others, one call after the other; it must return soon.
        every: Seconds from an answer of the store to the next look. It looks at once when the store says that
            the record changed, where that can, and when the record expires.
        lease_duration: Seconds for which a missing record counts as held where the store may have lost it and
            none was seen yet (P5c): the longest of any candidate's.
        request_timeout: Seconds after which the store counts as unavailable.
        clock: What everything is timed by; `SystemClock` by default.

    Raises:
        ConfigurationError: A setting is wrong.
    """

    def __init__(
        self,
        store: LeaseStore,
        *,
        on_change: Callable[[Sight], object] | None = None,
        every: float = DEFAULT_RETRY_PERIOD,
        lease_duration: float = DEFAULT_LEASE_DURATION,
        request_timeout: float = 5.0,
        clock: Clock | None = None,
    ) -> None:
        check_surroundings(store, clock)
        if on_change is not None:
            check_like("on_change", on_change, ("__call__",), "something to call, or None")
        check_number("every", every, positive=True)
        check_number("lease_duration", lease_duration, positive=True)
        check_number("request_timeout", request_timeout, positive=True)
        self._store = store
        self._lookout = Lookout.over(store.guarantees, lease_duration)
        self._every_ns, self._timeout_ns = to_ns(every), to_ns(request_timeout)
        self._on_change = on_change
        self._clock = SYSTEM_CLOCK if clock is None else clock
        self._lock = threads.rlock()
        self._eye: _Eye | None = None
        campaigns.add(self)

    @property
    def sight(self) -> Sight:
        """What can be said at this instant. From any thread; asks no store."""
        eye = self._eye
        return NEVER_STARTED if eye is None else eye.lookout.sight(to_ns(self._clock.now()))

    def start(self) -> None:
        """Look in the background from now on. No effect while it runs."""
        with self._lock:
            if self._eye is not None:
                return
            runtime = ThreadedRuntime(self._store, self._clock)
            self._eye = eye = _Eye(runtime, self._lookout, self._every_ns, self._timeout_ns, self._on_change)
        runtime.do(eye.open)

    def stop(self) -> None:
        """Look no more. Returns when the callbacks that were due have been made, or within a second."""
        with self._lock:
            eye, self._eye = self._eye, None
        if eye is None:
            return
        eye.runtime.do(eye.close)
        if threads.is_own():  # a callback: it cannot wait for itself
            threads.thread("end", partial(eye.runtime.close, 1.0)).start()
        else:
            eye.runtime.close(1.0)

    def __enter__(self) -> Observer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<Observer: {self.sight.state}>"

    def _forked(self, _parent: int) -> None:
        # The threads stayed with the parent; a child may start it anew.
        self._lock, self._eye = threads.rlock(), None


class _Eye:
    """One run of an observer. Called by its runtime, one call at a time."""

    def __init__(
        self,
        runtime: ThreadedRuntime,
        lookout: Lookout,
        every_ns: int,
        timeout_ns: int,
        tell: Callable[[Sight], object] | None,
    ) -> None:
        self.runtime = runtime
        self.lookout = lookout
        self._every_ns, self._timeout_ns = every_ns, timeout_ns
        self._tell = tell
        self._told = lookout.sight(0)
        self._alarm = Alarm(runtime, self._look)
        self._patience = Alarm(runtime, self._give_up)
        self._asked = 0  # the id of the last request
        self._is_waiting = self._is_changed = self._is_closed = False
        self._watch: Watch | None = None

    def open(self) -> None:
        if self._is_closed:
            return
        if self.lookout.config.guarantees.can_watch:
            try:
                self._watch = self.runtime.watch(self._changed)
            except Exception as error:  # noqa: BLE001  # P13: then it is polled like any other
                self._answer(self.lookout.failed(f"it cannot be watched: {error}", self.runtime.now()))
        self.runtime.when_clock_goes_back(self._look)
        self._look()

    def close(self) -> None:
        self._is_closed = True
        self._alarm.set(None)
        self._patience.set(None)
        self.runtime.when_clock_goes_back(None)
        if self._watch is not None:
            self._watch.close()

    def _changed(self, _: StoredLease | None) -> None:
        self._is_changed = True
        self._look()

    def _look(self) -> None:
        """Ask the store, unless an answer is still to come."""
        if self._is_closed or self._is_waiting:
            return
        now = self.runtime.now()
        self._asked += 1
        self._is_waiting, self._is_changed = True, False
        self.lookout = self.lookout.asks(now)
        request = GetLease(self._asked, now, now + self._timeout_ns)
        self._alarm.set(None)
        self._patience.set(request.expires_at)
        self.runtime.ask(request, self._answered)

    def _give_up(self) -> None:
        self._answered(GetLease(self._asked, 0, 0), Unavailable(self._asked))

    def _answered(self, request: Request, reply: Reply) -> None:
        if self._is_closed or request.id != self._asked or not self._is_waiting:
            return  # P10: its time was over
        self._is_waiting = False
        self._patience.set(None)
        now = self.runtime.now()
        due = now + self._every_ns
        if isinstance(reply, (Found, Missing)):
            self._answer(self.lookout.found(reply.stored if isinstance(reply, Found) else None, now))
            if self._is_changed:
                due = now
            elif self.lookout.looks_at is not None:
                due = min(due, self.lookout.looks_at)
        else:
            reason = reply.reason if isinstance(reply, Unavailable) else "the store answered nonsense"
            self._answer(self.lookout.failed(reason, now))
        self._alarm.set(due)

    def _answer(self, lookout: Lookout) -> None:
        self.lookout = lookout
        sight = lookout.sight(self.runtime.now())
        if not sight.is_like(self._told):
            self._told = sight
            if self._tell is not None:
                self.runtime.tell(partial(self._tell, sight))
