"""Put one run of a campaign together: its elector, its terms, what they report to, and the driver of both."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from incumbent.config import ElectorConfig
from incumbent.core.elector import Elector
from incumbent.core.term import Term, TermConfig
from incumbent.runtime.driver import Driver
from incumbent.runtime.reporter import Callbacks, Reporter
from incumbent.runtime.threaded import ThreadedRuntime

if TYPE_CHECKING:
    from incumbent.runtime.trace import Trace


def assemble(
    config: ElectorConfig,
    terms: TermConfig,
    callbacks: Callbacks,
    runtime: ThreadedRuntime,
    trace: Trace | None,
    *,
    once: bool,
) -> Driver:
    """Make a driver that has not begun. What there is to run in a term is known by the callbacks."""
    elector = Elector(config)
    terms = replace(
        terms,
        once=once,
        has_work=callbacks.on_started_leading is not None,
        tells=callbacks.on_stopped_leading is not None,
    )
    reporter = Reporter(runtime.name, elector, callbacks, runtime.tell)
    return Driver(elector, Term(terms), callbacks, runtime, reporter=reporter, trace=trace)
