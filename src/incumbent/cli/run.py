"""`incumbent run`: supervise a command that runs only while this process leads."""

from __future__ import annotations

import argparse
import logging
import os
import select
import signal
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from incumbent.campaign import Campaign
from incumbent.cli import EXIT_SYSTEM, EXIT_UNAVAILABLE, descriptors, guard, tree
from incumbent.cli.guarded import End, GuardedCommand
from incumbent.cli.once import OneChance
from incumbent.cli.place import default_lease, named, open_lease
from incumbent.cli.reaper import Reaper
from incumbent.cli.tracing import traces_of
from incumbent.clock import SYSTEM_CLOCK
from incumbent.config import DEFAULT_RETRY_PERIOD, ElectorConfig
from incumbent.errors import ConfigurationError
from incumbent.leadership import Leadership
from incumbent.lease import to_ns
from incumbent.store import LeaseStore

POLL: Final = 0.05
"""Seconds within which a renewal reaches the guard, and a wish to end the command."""

RESTART_PERIOD: Final = 1.0
"""Seconds from one start of the command to the next, at least."""

MIN_MARGIN: Final = 0.1
"""Seconds, at least, between SIGTERM and SIGKILL, and again from there to the end of the lease."""

FORWARDED: Final = (
    *(signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM),
    *(signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH, signal.SIGCONT),
)
ENDING: Final = frozenset({signal.SIGINT, signal.SIGQUIT, signal.SIGTERM})
CLEAN: Final = frozenset({signal.SIGQUIT, signal.SIGTERM})
"""A manager stops a service by these; an interrupt is a person's, and ends `incumbent run -- a && b`."""

log: Final = logging.getLogger("incumbent.run")


def main(arguments: argparse.Namespace) -> int:
    """Contend, run the command while leading, and return its exit code."""
    why = tree.why_unseen()
    if why is not None:
        raise ConfigurationError(
            f"the guard could not see the command's processes, and so not end them in time: {why}; mount "
            f"/proc for this PID namespace, as `unshare --mount-proc` and `mount -t proc proc /proc` do"
        )
    if arguments.metrics and arguments.health is None:
        raise ConfigurationError(
            "--metrics is served where --health says: give that, too, such as --health :8008"
        )
    passed = descriptors.inherited() if arguments.pass_fds else descriptors.listening()
    lease = default_lease(arguments.argv) if arguments.lease is None else arguments.lease
    supervisor = Supervisor(open_lease(arguments.store, lease), lease, arguments, passed)
    if arguments.health is not None:
        from incumbent.cli.endpoint import serve  # noqa: PLC0415 - only a contender that is probed serves

        host, port = arguments.health
        serve(host, port, supervisor.campaign, metrics=arguments.metrics)
    tree.adopt_orphans()  # those of a guard that was killed
    return supervisor.run()


def margin_ns(config: ElectorConfig) -> int:
    """From the renew deadline, halfway to the end of the lease on the fastest clock allowed (P6).

    Raises:
        ConfigurationError: It is too short to end a command in.
    """
    shortest_lease = config.lease_duration * (1 - config.clock_drift) / (1 + config.clock_drift)
    margin = (shortest_lease - (config.renew_deadline or 0.0)) / 2
    if margin < MIN_MARGIN:
        raise ConfigurationError(
            f"renew deadline {config.renew_deadline} s leaves {2 * margin:.3f} s to end the command before "
            f"the lease of {config.lease_duration} s is over: leave at least {2 * MIN_MARGIN} s"
        )
    return to_ns(margin)


class Supervisor:
    """One contender: it runs the command, under guard, in each of its terms of office.

    The main thread receives signals and waits for the end; the campaign's threads do the rest.

    Attributes:
        campaign: It contends once `run` is called.
    """

    def __init__(
        self, store: LeaseStore, lease: str, arguments: argparse.Namespace, passed: Sequence[int]
    ) -> None:
        self._argv: list[str] = arguments.argv
        self._passed = passed
        self._restart: bool = arguments.restart
        self._stop_timeout_ns = to_ns(arguments.stop_timeout)
        retry_period = arguments.retry_period
        if retry_period is None:
            deadline = arguments.renew_deadline or arguments.lease_duration * 2 / 3
            retry_period = min(DEFAULT_RETRY_PERIOD, deadline / 5)
        if arguments.once:
            times = {"lease_duration": arguments.lease_duration, "delay": arguments.takeover_delay}
            store = OneChance(store, self._finish, **times)
        self.campaign: Campaign = Campaign(
            store,
            identity=arguments.id,
            lease_duration=arguments.lease_duration,
            renew_deadline=arguments.renew_deadline,
            retry_period=retry_period,
            takeover_delay=arguments.takeover_delay,
            stop_timeout=arguments.stop_timeout + 5.0,  # SIGKILL comes first
            hold_for=arguments.hold_for,
            on_started_leading=self._lead,
            on_stopped_leading=self._term_ended if arguments.hold_for else None,
            on_new_leader=self._tell_holder,
            trace=traces_of(arguments, store, lease) or None,
        )
        self._margin_ns = margin_ns(self.campaign.config)
        self._lease = lease
        about = {"lease": lease, "identity": self.campaign.identity}
        self._log: logging.LoggerAdapter[logging.Logger] = logging.LoggerAdapter(log, about)
        self._lock = threading.RLock()
        self._command: GuardedCommand | None = None
        self._is_stopping = False
        self._stop_by: int | None = None  # SIGKILL for a command that was asked to end, not later than this
        self._is_once: bool = arguments.once
        self._holds: bool = arguments.hold_for > 0
        self._done: tuple[int, str] | None = None  # what to finish with when the term has ended
        self._code: int | None = None
        self._why = ""
        self._inbox, self._wake = os.pipe()  # signals that came, a byte each; 0 says that there is a code
        os.set_blocking(self._wake, False)

    def run(self) -> int:
        """Contend until the command has ended by itself, or a signal ends this process."""
        # A handler runs when the main thread next runs Python, which may be never while it waits for a lock.
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        for number in (*FORWARDED, signal.SIGCHLD):
            if signal.getsignal(number) != signal.SIG_IGN:  # under nohup it stays ignored
                signal.signal(number, guard.do_nothing)
        reaper = Reaper()
        with self.campaign:
            while self._code is None:
                if select.select([self._inbox], [], [], reaper.look())[0]:
                    for received in os.read(self._inbox, 4096):
                        self._pass_on(received)
        fields = {"lease": self._lease, "identity": self.campaign.identity, "exit_code": self._code}
        level = logging.WARNING if self._code in {EXIT_UNAVAILABLE, EXIT_SYSTEM} else logging.INFO
        log.log(level, "%s: exit %d: %s", named(self._lease), self._code, self._why, extra=fields)
        return self._code

    def _tell_holder(self, identity: str | None) -> None:
        """Say for whom this contender waits."""
        if identity not in (None, self.campaign.identity):
            self._log.info("%s: %s holds the lease", named(self._lease), named(identity or ""))

    def _finish(self, code: int, why: str) -> None:
        """End this contender. The first reason counts."""
        with self._lock:
            if self._code is None:
                self._why, self._code = why, code  # the code last: it is waited for
        with suppress(BlockingIOError):  # the pipe is full: the main thread wakes in any case
            os.write(self._wake, b"\0")

    def _pass_on(self, number: int) -> None:
        """Forward a signal to the command; where none runs, take it as this process's own."""
        if number not in FORWARDED:
            return
        is_hangup = number == signal.SIGHUP and any(os.isatty(descriptor) for descriptor in range(3))
        with self._lock:
            self._is_stopping |= number in ENDING or is_hangup
            if self._command is not None:
                self._command.signal(number)
                if self._is_stopping and self._stop_by is None:
                    self._stop_by = guard.now_ns() + self._stop_timeout_ns
            elif self._is_stopping:
                leader = self.campaign.leader
                holder = "nobody is seen to hold" if leader is None else f"{named(leader)} holds"
                name = signal.Signals(number).name
                code = 0 if number in CLEAN else 128 + number
                self._finish(code, f"{name} while no command ran; {holder} the lease")

    def _lead(self, leadership: Leadership) -> None:
        """The work of one term. The lease is released when this returns: nothing of the command is left."""
        rest = 0.0
        while not leadership.wait(rest):
            started = SYSTEM_CLOCK.now()
            try:
                command = self._start(leadership)
            except OSError as error:  # no more processes, descriptors or memory
                self._cannot_start(error)
                return
            if command is None:
                return
            end = self._supervise(leadership, command)
            if self._code is not None or self._done is not None or not end.by_itself:
                return
            rest = max(0.0, started + RESTART_PERIOD - SYSTEM_CLOCK.now())

    def _start(self, leadership: Leadership) -> GuardedCommand | None:
        environment = {
            "INCUMBENT_LEASE": self._lease,
            "INCUMBENT_IDENTITY": leadership.identity,
            "INCUMBENT_TOKEN": str(leadership.token),
        }
        until = self._instants(leadership, None)
        with self._lock:
            if self._is_stopping:
                return None
            self._command = GuardedCommand(
                self._argv,
                os.environ | environment,
                *until,
                self._stop_timeout_ns,
                descriptors=self._passed,
            )
            return self._command

    def _cannot_start(self, error: OSError) -> None:
        """Let others try; so does this contender later, if it may."""
        self._log.error("%s: the command's guard cannot be started: %s", named(self._lease), error)
        self.campaign.resign()
        if self._is_once:
            self._finish(EXIT_SYSTEM, f"the command's guard cannot be started: {error}")

    def _supervise(self, leadership: Leadership, command: GuardedCommand) -> End:
        """Keep the guard up to date until nothing of the command is left."""
        asked_at: int | None = None  # since when it is to end
        try:
            while (end := command.wait(POLL)) is None:
                now = guard.now_ns()
                if asked_at is None and leadership.wait(0):
                    asked_at = now
                    self._log.info("ending the command: %s", leadership.reason)
                term_at, kill_at = self._instants(leadership, asked_at)
                if now < kill_at + self._margin_ns // 2:
                    command.until(term_at, kill_at)
                else:
                    self._log.error("the guard does not do its work: killing the command from here")
                    end = command.kill()
                    break
        except BaseException:
            command.kill()
            with self._lock:
                self._command = None
            raise
        self._ended(leadership, end)
        return end

    def _ended(self, leadership: Leadership, end: End) -> None:
        self._log.info("the command ended with exit code %d", end.code)
        if self._holds and (end.code or self._is_stopping):
            self.campaign.resign()  # before the work returns: then nobody is held back by it
        with self._lock:  # a signal that comes now finds either a command or an exit code
            self._command = None
            if self._is_stopping or (end.by_itself and not self._restart):
                how = (
                    "ended by itself"
                    if end.by_itself
                    else f"was ended: {leadership.reason or 'it took too long'}"
                )
                held = f"{named(leadership.identity)} held the lease with token {leadership.token}"
                self._done = end.code, f"the command {how}; {held}"
                if not self._holds or leadership.reason is not None:
                    self._finish(*self._done)

    def _term_ended(self, _: Leadership) -> None:
        """Finish only now where the lease is to be held back: a stop that came first would not say so."""
        with self._lock:
            if self._done is not None:
                self._finish(*self._done)

    def _instants(self, leadership: Leadership, asked_at: int | None) -> tuple[int, int]:
        """When to send SIGTERM and SIGKILL, if nothing changes."""
        term_at = to_ns(leadership.deadline)
        kill_at = term_at + self._margin_ns
        if self._stop_by is not None:
            kill_at = min(kill_at, self._stop_by)  # the signal that was forwarded stands for SIGTERM
        if asked_at is None:
            return term_at, kill_at
        patience = self._stop_timeout_ns if leadership.is_valid() else self._margin_ns
        return min(term_at, asked_at), min(kill_at, asked_at + patience)
