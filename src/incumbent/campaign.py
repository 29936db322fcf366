"""Campaign: contends for a lease in the background, and runs the work while leading."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from os import PathLike
from types import TracebackType
from typing import TYPE_CHECKING

from incumbent.clock import SYSTEM_CLOCK, Clock
from incumbent.config import (
    DEFAULT_JITTER,
    DEFAULT_LEASE_DURATION,
    DEFAULT_RETRY_PERIOD,
    ElectorConfig,
    check_successor,
)
from incumbent.core.health import Health
from incumbent.core.states import STOPPED
from incumbent.core.term import TermConfig
from incumbent.errors import ElectionError
from incumbent.leadership import Leadership
from incumbent.lease import check_number, to_ns
from incumbent.runtime import signals, threads
from incumbent.runtime.assembly import assemble
from incumbent.runtime.callables import check_flag, check_timeout
from incumbent.runtime.driver import Driver
from incumbent.runtime.lifecycle import Runner, campaigns, default_identity, registry
from incumbent.runtime.loop import TermLoop
from incumbent.runtime.reporter import Callbacks
from incumbent.runtime.store_calls import check_surroundings
from incumbent.runtime.threaded import ThreadedRuntime
from incumbent.runtime.work import Work
from incumbent.store import LeaseStore

if TYPE_CHECKING:
    import random

    from incumbent.runtime.trace import Trace


class Campaign:
    """Contends for one lease until it is stopped, on background threads.

    Args:
        store: The lease, as `open_store` gives it. Not closed by the campaign.
        identity: The candidate's name, for people. By default host, process id and a random suffix, of the
            process in which the campaign starts.
        lease_duration: Seconds that others wait after they last saw our record change (P4).
        renew_deadline: Seconds that a leader believes after its last successful write was sent (P3); two
            thirds of the lease duration by default.
        retry_period: Seconds from one renewal, poll or attempt to the next.
        request_timeout: Seconds after which a store call counts as of unknown outcome (P7, P10).
        jitter: The fraction of `retry_period` by which a follower's look may be late (P12); 10 ms at most
            where the lease expires.
        takeover_delay: Seconds that this candidate holds back, so that a preferred one wins.
        stop_timeout: Seconds that the work is given to end when it is asked to; after that the lease is
            left to expire.
        release_on_cancel: Whether `stop` releases the lease, so that another can lead at once.
        hold_for: Seconds from the beginning of a term for which nobody should claim the lease again, by the
            time of day, if the work came back by itself and did not raise (P16).
        on_started_leading: The work: called with the `Leadership`, on a thread of its own, in each term.
            When it returns by itself the term ends; when it raises, that is logged, and this candidate
            contends again after a back-off. It is never run beside itself.
        on_stopped_leading: Called with the `Leadership`, once for each term, when the term is over: on
            time even while a store call hangs, and before the lease is released.
        on_new_leader: Called with the identity of each leader that becomes known, also oneself; None when
            the lease is vacant, or has expired on this clock.
        report_metric: Called with the identity and whether it leads, at the start and at each change.
        clock: What everything is timed by; `SystemClock` by default.
        rng: What the jitter is drawn from.
        trace: A file of this campaign alone, or a folder for one, to append all to that the elector is told
            and answers, for `incumbent explain`; what to tell it, as `prometheus.Metrics`; or a list of such.

    `on_new_leader` and `report_metric` are called one after the other, on threads shared with other
    campaigns: they must return soon.

    Raises:
        ConfigurationError: A setting is wrong; see `ElectorConfig`.
    """

    def __init__(
        self,
        store: LeaseStore,
        *,
        identity: str | None = None,
        lease_duration: float = DEFAULT_LEASE_DURATION,
        renew_deadline: float | None = None,
        retry_period: float = DEFAULT_RETRY_PERIOD,
        request_timeout: float | None = None,
        jitter: float = DEFAULT_JITTER,
        takeover_delay: float = 0.0,
        stop_timeout: float = 30.0,
        release_on_cancel: bool = True,
        hold_for: float = 0.0,
        on_started_leading: Callable[[Leadership], object] | None = None,
        on_stopped_leading: Callable[[Leadership], object] | None = None,
        on_new_leader: Callable[[str | None], object] | None = None,
        report_metric: Callable[[str, bool], object] | None = None,
        clock: Clock | None = None,
        rng: random.Random | None = None,
        trace: str | PathLike[str] | Trace | Sequence[str | PathLike[str] | Trace] | None = None,
    ) -> None:
        check_surroundings(store, clock, rng)
        check_flag("release_on_cancel", release_on_cancel)
        check_number("stop_timeout", stop_timeout, positive=False)
        check_number("hold_for", hold_for, positive=False)
        self._config = ElectorConfig(
            identity=default_identity() if identity is None else identity,
            lease_duration=lease_duration,
            renew_deadline=renew_deadline,
            retry_period=retry_period,
            request_timeout=request_timeout,
            jitter=jitter,
            takeover_delay=takeover_delay,
            guarantees=store.guarantees,
        )
        self._callbacks = Callbacks(on_started_leading, on_stopped_leading, on_new_leader, report_metric)
        self._store = store
        self._clock = SYSTEM_CLOCK if clock is None else clock
        self._rng, self._trace = rng, trace
        self._stop_timeout = stop_timeout
        lease_ns, stop_ns, hold_ns = self._config.lease_ns, to_ns(stop_timeout), to_ns(hold_for)
        self._terms = TermConfig(lease_ns, stop_ns, release=release_on_cancel, hold_ns=hold_ns)
        self._has_default_name = identity is None
        self._make_locks()
        self._driver: Driver | None = None
        self._runtime: ThreadedRuntime | None = None
        self._forked_from: int | None = None
        self._loop: TermLoop | None = None
        campaigns.add(self)

    # Questions. From any thread; none of them asks the store.

    @property
    def identity(self) -> str:
        """The candidate's name. A default one is another in a forked child."""
        return self._config.identity

    @property
    def config(self) -> ElectorConfig:
        """The settings, with every default settled."""
        return self._config

    @property
    def state(self) -> str:
        """One of follower, candidate, leader and stopped; stopped also before the start."""
        driver = self._driver
        return STOPPED if driver is None or self._forked_from is not None else driver.elector.state

    @property
    def leader(self) -> str | None:
        """The holder last observed; None if the lease is vacant, or has expired on this clock."""
        driver = self._driver
        return None if driver is None else driver.elector.observation.leader_at(to_ns(self._clock.now()))

    @property
    def leadership(self) -> Leadership | None:
        """The current term, or None."""
        driver = self._driver
        return None if driver is None else driver.leadership

    @property
    def token(self) -> int | None:
        """The fencing token, while leading (P11)."""
        leadership = self.leadership
        return leadership.token if leadership is not None and leadership.is_valid() else None

    def is_leader(self) -> bool:
        """Whether this process leads, at this instant, by its own clock (P3)."""
        leadership = self.leadership
        return leadership is not None and leadership.is_valid()

    def health(self) -> Health:
        """Tell a probe whether it does what is due, and may come to lead. Waits for nothing."""
        if self._forked_from is not None:
            return Health(reason=f"it belongs to process {self._forked_from}; this is a forked child")
        driver = self._driver
        return Health() if driver is None else driver.health()

    # Wishes.

    def start(self) -> None:
        """Enter the race in the background, also anew. No effect while it runs, or is still stopping.

        Raises:
            OSError: The file for the trace cannot be opened.
            ElectionError: This is a forked child of the process that the campaign belongs to.
        """
        self._start(once=False)

    def stop(self, timeout: float | None = None) -> None:
        """Leave the race: have the work end, then release the lease. Returns when no thread is left.

        Work that does not end within `timeout` seconds (`stop_timeout` by default) is reported in the log
        and left behind, and so is the lease, to expire. Called from the work itself, or from a callback, it
        asks and does not wait.

        Raises:
            ConfigurationError: `timeout` is no number of seconds.
        """
        patience = self._stop_timeout if timeout is None else timeout
        check_timeout(patience)
        driver = self._driver
        if self._forked_from is not None:
            return
        if driver is None:
            if not threads.is_own():
                with self._ending:
                    pass  # another thread's call has it end
            return
        self._post(driver, partial(driver.stop, to_ns(max(patience, 0.0))))
        if threads.is_own():
            threads.thread("end", partial(self._await_end, driver)).start()
        else:
            self._await_end(driver)

    def resign(self, to: str | None = None) -> None:
        """Give up office once the work has ended, stay in the race (see P9 and the elector's `Resign`).

        Returns at once; without work, when it is done.

        Args:
            to: The identity of the candidate that is to lead next: it claims the lease at once, all others
                leave it to that one for two retry periods (P17). If it does not contend, these are lost.

        Raises:
            ConfigurationError: `to` is no name of another candidate.
            ElectionError: The campaign does not run, or this is a forked child.
        """
        successor = "" if to is None else check_successor(to, self.identity)
        driver = self._running()
        self._post(driver, partial(driver.resign, "asked to resign", successor))

    def run(self, *, once: bool = False, handle_signals: bool = True) -> None:
        """Contend, and block until the campaign has been stopped.

        On the main thread, SIGTERM and SIGINT (Ctrl-C) stop it as `stop` does: the work is told and ends, the
        lease is released, and this returns. A second signal does what it does without a campaign. A signal
        for which the process has a handler is left to that.

        Args:
            once: Return when the work has returned by itself; what it raised is raised here.
            handle_signals: False leaves all signals alone: then SIGTERM ends the process at once, and
                Ctrl-C raises KeyboardInterrupt here once the campaign has been stopped.

        Raises:
            ElectionError: The campaign runs already, or this is a forked child.
        """
        with signals.Waiter(handle_signals=handle_signals) as waiter:
            driver = self._start(once=once, is_new=True)
            try:
                waiter.wait_for(driver.join, self._ask_to_stop)
            finally:
                if waiter.is_interrupted:
                    registry.pop(self, None)  # a second Ctrl-C: nobody wants to wait, not at exit either
                else:
                    self.stop()
        if driver.failure is not None:
            raise driver.failure

    def terms(self) -> Iterator[Leadership]:
        """Yield each term of office to a loop whose body is the work.

        The campaign is started if it is not running, and stopped when the loop is left. The next step of the
        loop says that the work of the term has ended. Signals are left alone: the body is your code.

        Raises:
            ElectionError: The campaign has an `on_started_leading`, runs already, or belongs to a parent.
        """
        if self._callbacks.on_started_leading is not None:
            raise ElectionError("terms() is the work: give no on_started_leading")
        loop = TermLoop()
        driver = self._start(once=False, work=loop.work, is_new=True)
        self._loop = loop
        watcher = loop.end_after(driver.join)
        try:
            for leadership in loop:
                yield leadership
                self._check_process()
        finally:
            self.stop()
            watcher.join()

    def wait_until_leader(self, timeout: float | None = None) -> bool:
        """Wait until this campaign leads, for `timeout` seconds on its clock at most.

        Returns:
            Whether it leads; False also when it was stopped meanwhile.

        Raises:
            ConfigurationError: `timeout` is no number of seconds.
            ElectionError: The campaign does not run, or this is a forked child.
        """
        if timeout is not None:
            check_timeout(timeout)
        driver = self._running()
        until = None if timeout is None else self._clock.now() + timeout
        with (changed := driver.changed.condition):
            while not driver.has_finished and not self.is_leader():
                left = None if until is None else until - self._clock.now()
                if left is not None and left <= 0:
                    return False
                self._clock.wait(changed, left)
        return self.is_leader()

    def __enter__(self) -> Campaign:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<Campaign of {self.identity!r}: {self.state}>"

    # Behind them.

    def _start(self, *, once: bool, work: Work | None = None, is_new: bool = False) -> Driver:
        self._check_process()
        with self._lock:
            if self._driver is not None:
                if is_new:
                    raise ElectionError("this campaign runs already: stop() it first, or do not start() it")
                return self._driver
            trace = None
            if self._trace is not None:
                from incumbent.runtime.trace import opened  # noqa: PLC0415 - only who wants a trace needs it

                trace = opened(self._trace, self._store, self._config.identity, self._clock)
            self._runtime = runtime = ThreadedRuntime(self._store, self._clock, self._rng)
            callbacks = self._callbacks if work is None else replace(self._callbacks, on_started_leading=work)
            self._driver = driver = assemble(self._config, self._terms, callbacks, runtime, trace, once=once)
            registry[self] = Runner(self._interpreter_exits, self._join, self.stop)
        self._post(driver, driver.start)
        return driver

    def _post(self, driver: Driver, action: Callable[[], None]) -> None:
        runtime = self._runtime
        if runtime is not None and not driver.has_finished:
            runtime.do(action)

    def _await_end(self, driver: Driver) -> None:
        driver.join()
        with self._ending:
            with self._lock:
                if self._driver is not driver:
                    return
                runtime, self._driver, self._runtime, self._loop = self._runtime, None, None, None
                registry.pop(self, None)
            if runtime is not None:
                runtime.close(self._stop_timeout)

    def _running(self) -> Driver:
        self._check_process()
        driver = self._driver
        if driver is None:
            raise ElectionError("this campaign does not run: start() it, or use it in a with statement")
        return driver

    def _check_process(self) -> None:
        if self._forked_from is not None:
            raise ElectionError(
                f"this campaign belongs to process {self._forked_from}, of which this is a forked child: "
                f"it leads nothing here; make a new Campaign after the fork"
            )

    def _join(self, since: float | None = None) -> bool:
        driver = self._driver
        longest = self._stop_timeout + (self._config.request_timeout or 0.0)
        left = None if since is None else since + longest - threads.monotonic()
        return driver is None or driver.join(left)

    def _ask_to_stop(self) -> None:
        driver = self._driver
        if driver is not None:
            self._post(driver, partial(driver.stop, to_ns(self._stop_timeout)))

    def _interpreter_exits(self) -> None:
        self._ask_to_stop()
        if self._loop is not None:
            self._loop.interpreter_exits()

    def _make_locks(self) -> None:
        # Both may be taken again by their own thread, as the handler of a signal may call `stop`.
        self._lock, self._ending = threads.rlock(), threads.rlock()

    def _forked(self, parent: int) -> None:
        self._make_locks()
        if self._driver is not None:
            self._forked_from = parent
            self._driver.after_fork()
        elif self._has_default_name:
            self._config = replace(self._config, identity=default_identity())
