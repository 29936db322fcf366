"""A port of a test's own: it does nothing by itself, and shows what a driver asked for."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timezone
from types import SimpleNamespace

from incumbent.config import ElectorConfig
from incumbent.core.elector import Elector
from incumbent.core.messages import Missing, Written
from incumbent.core.term import Term, TermConfig
from incumbent.lease import NANOSECONDS, StoreGuarantees, to_ns
from incumbent.runtime.driver import Driver
from incumbent.runtime.known_leader import KnownLeader
from incumbent.runtime.reporter import Callbacks, Reporter

SETTINGS = {
    "lease_duration": 15.0,
    "renew_deadline": 10.0,
    "retry_period": 2.0,
    "request_timeout": 3.0,
    "jitter": 0.5,
}
EPOCH = datetime(2026, 1, 1, tzinfo=timezone.utc)


class Timer:
    """A call to come, unless it was cancelled."""

    def __init__(self, at, action):
        self.at, self.action, self.is_set = at, action, True

    def cancel(self):
        self.is_set = False


class Port:
    """Time is set by hand, chance is `chance`, and no call is made before `fire`, `reply` or `run`.

    Attributes:
        asked: The requests, in order.
        spawned: (name, what to run, whom to tell) of user code that was begun.
    """

    def __init__(self):
        self.seconds, self.chance = 0.0, 0.0
        self.clock = SimpleNamespace(now=lambda: self.seconds)
        self.posted, self.timers, self.asked, self.spawned, self.told = deque(), [], [], [], []
        self.refuses_watch = False
        self.is_watching = False
        self.went_back = self.changed = self._answered = None

    def now(self):
        return to_ns(self.seconds)

    def epoch(self):
        return EPOCH

    def random(self):
        return self.chance

    def post(self, action):
        self.posted.append(action)

    def call_at(self, at, action):
        self.timers.append(Timer(at, action))
        return self.timers[-1]

    def when_clock_goes_back(self, action):
        self.went_back = action

    def ask(self, request, answered):
        self.asked.append(request)
        self._answered = answered

    def watch(self, changed):
        if self.refuses_watch:
            raise ConnectionError("the watch was refused")
        self.is_watching, self.changed = True, changed
        return SimpleNamespace(close=lambda: setattr(self, "is_watching", False))

    def spawn(self, name, call, ended, *, or_here=False):
        self.spawned.append((name, call, ended, or_here))

    def tell(self, call):
        self.told.append(call)

    # What a test does with it.

    def reply(self, kind, *fields, **named):
        """Answer the last request."""
        request = self.asked[-1]
        self._answered(request, kind(request.id, *fields, **named))

    def set_for(self):
        """The instants, in seconds, that the elector and its term are to be called at."""
        return [timer.at / NANOSECONDS for timer in self.timers if timer.is_set and not is_expiry(timer)]

    def expiries(self):
        """The instants, in seconds, at which a leader is known no longer."""
        return [timer.at / NANOSECONDS for timer in self.timers if timer.is_set and is_expiry(timer)]

    def fire(self):
        """Turn the clock to the next timer, and call it."""
        timer = min((timer for timer in self.timers if timer.is_set), key=lambda timer: timer.at)
        self.seconds = max(self.seconds, timer.at / NANOSECONDS)
        timer.is_set = False
        timer.action()

    def run(self, name, failure=None):
        """Say that the user code of this name has ended."""
        [(_, _, ended, _)] = [each for each in self.spawned if each[0] == name]
        ended(failure)


def is_expiry(timer):
    return isinstance(getattr(timer.action, "__self__", None), KnownLeader)


class Lines:
    """A log that keeps (level, line, fields)."""

    def __init__(self):
        self.kept = []

    def __call__(self, level, _format, text, *, extra, exc_info):
        self.kept.append((level, text, extra, exc_info))

    def __str__(self):
        return "\n".join(text for _, text, *_ in self.kept)


def a_driver(port, *, callbacks=None, can_watch=False, trace=None, term=None, **settings):
    """A driver of candidate "a" on that port, with its log as `driver.lines`."""
    config = ElectorConfig("a", guarantees=StoreGuarantees(durable=True, can_watch=can_watch), **settings)
    callbacks = Callbacks() if callbacks is None else callbacks
    lines = Lines()
    elector = Elector(config, session="A")
    reporter = Reporter("lease", elector, callbacks, port.tell, log=lines)
    terms = {
        "lease_ns": config.lease_ns,
        "stop_timeout_ns": to_ns(30),
        "has_work": callbacks.on_started_leading is not None,
        "tells": callbacks.on_stopped_leading is not None,
        **(term or {}),
    }
    driver = Driver(elector, Term(TermConfig(**terms)), callbacks, port, reporter=reporter, trace=trace)
    driver.lines = lines
    return driver


def started(port, **settings):
    driver = a_driver(port, **{**SETTINGS, **settings})
    driver.start()
    return driver


def leading(port, **settings):
    driver = started(port, **settings)
    port.reply(Missing)
    port.reply(Written, 1)
    assert driver.elector.state == "leader"
    return driver


def nothing(_=None):
    """Code of a user's."""


class Trace:
    """Notes what is traced."""

    def __init__(self):
        self.lines = []

    def began(self, elector):
        self.lines.append(("began", elector.session))

    def handled(self, event, now, effects):
        self.lines.append((type(event).__name__, now, effects.request))

    def close(self):
        self.lines.append("closed")
