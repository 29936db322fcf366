"""Drive one term by hand: times in seconds, and what each step brought about in one line."""

from __future__ import annotations

from incumbent.core.term import Term, TermConfig
from incumbent.lease import to_ns

LEASE, PATIENCE = 15.0, 30.0


class TermBench:
    """One term on a bench: set the clock, give an input, look at what came out."""

    def __init__(self, **settings):
        self.term = Term(TermConfig(lease_ns=to_ns(LEASE), stop_timeout_ns=to_ns(PATIENCE), **settings))
        self.now = 0.0
        self.last = None
        self.orders, self.inputs = [], []

    def at(self, seconds):
        self.now = seconds
        return self

    def give(self, event):
        self.last = self.term.handle(event, to_ns(self.now))
        assert self.last.wake_at == self.term.wake_at
        self.orders += self.last.orders
        self.inputs += self.last.inputs
        return self

    @property
    def wake_at(self):
        """Seconds, or None."""
        return None if self.term.wake_at is None else self.term.wake_at / 1e9

    def line(self):
        orders = " ".join(type(order).__name__ for order in self.last.orders) or "-"
        inputs = " ".join(_word(event) for event in self.last.inputs) or "-"
        wake = "-" if self.wake_at is None else f"{self.wake_at:g}"
        return f"{self.term.state} | {orders} | {inputs} | {wake}"


def _word(event):
    name = type(event).__name__
    return name if getattr(event, "release", True) else f"{name}(unreleased)"
