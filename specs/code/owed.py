"""What one step of the term's machine owes, whatever the phase: each promise by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from incumbent.core.messages import (
    Ended,
    Resign,
    Start,
    StartedLeading,
    Stop,
    StoppedLeading,
)
from incumbent.core.states import ABANDONED, ENDING, IDLE, SERVING, WINDING_DOWN
from incumbent.core.term import Term
from incumbent.core.term_messages import (
    AskedToResign,
    AskedToStop,
    BeginTerm,
    EndTerm,
    LeaveBehind,
    TermEffects,
    TermInput,
    WorkEnded,
)
from specs.proof.logic import every, no, some


def obligations(
    before: Term, event: TermInput, now: Any, effects: TermEffects, after: Term
) -> Iterator[tuple[str, Any]]:
    """All of it, each promise with whether it is kept."""
    orders, inputs = [type(order) for order in effects.orders], [type(wish) for wish in effects.inputs]
    begins, ends = isinstance(event, StartedLeading), isinstance(event, StoppedLeading)
    yield "a term begins once, when the elector leads", orders.count(BeginTerm) == begins
    yield "it is told to end once, when the elector leads no more", orders.count(EndTerm) == ends
    if begins:
        yield "no work begins beside work", no(some(before.working, before.telling))
    says_so = inputs.count(Ended)
    yield "its end is said once at most", says_so <= 1
    if says_so:
        yield "it ends when nothing runs any more", no(some(after.working, after.telling))
        yield "it ends when the elector leads no more", before.state == ENDING or ends
    yield from _patience(before, event, now, effects, after)
    if isinstance(event, WorkEnded) and before.working:
        yield from _work_ended(before, event, now, effects, after)
    yield from _given_up(before, event, effects, after)
    is_done = before.state == SERVING and isinstance(event, WorkEnded) and before.working
    is_over = some(before.stopping, isinstance(event, AskedToStop), every(is_done, before.config.once))
    yield (
        "it is to stop when it is told so, or when its only work has ended by itself",
        after.stopping == is_over,
    )
    if after.state == IDLE and before.state != IDLE and not after.stopping:
        yield "who is at rest contends again", inputs.count(Start) == 1
    if effects.wake_at is not None:
        yield "it is woken when its wait is over", effects.wake_at >= now


def _work_ended(
    before: Term, event: WorkEnded, now: Any, effects: TermEffects, after: Term
) -> Iterator[tuple[str, Any]]:
    """Who leads without work gives it up, and does not hurry from term to term."""
    lease, inputs = before.config.lease_ns, [type(wish) for wish in effects.inputs]
    if after.state in (SERVING, WINDING_DOWN):
        yield "who leads without work gives it up", inputs[-1:] in ([Stop], [Resign])
    has_failed = bool(event.failed)
    failures = before.failures + 1 if has_failed else 0
    yield "failures in a row are counted, and forgotten when work does not fail", after.failures == failures
    if after.not_before is None:
        yield "who failed backs off, or stops", some(not has_failed, after.stopping)
    elif has_failed:
        yield "who failed backs off for a lease duration at least", after.not_before >= now + lease
    elif before.state == SERVING:
        again = after.not_before == after.began_at + lease
        yield "terms begin a lease duration apart, where their work ends by itself", again


def _given_up(before: Term, event: TermInput, effects: TermEffects, after: Term) -> Iterator[tuple[str, Any]]:
    """Whether a lease that is given up is released, held back then (P16), and for whom (P17)."""
    is_well = before.state == SERVING and before.working and isinstance(event, WorkEnded) and not event.failed
    is_left = any(isinstance(order, LeaveBehind) for order in effects.orders)
    leads = before.state in (SERVING, WINDING_DOWN) and not isinstance(event, StoppedLeading) and not is_left
    for wish in effects.inputs:
        if isinstance(wish, (Stop, Resign)):
            held = before.config.hold_ns if is_well else 0
            name = "work that ended well, by itself, holds the lease back, and no other (P16)"
            yield name, wish.hold_ns == held
            named = before.successor
            if isinstance(event, AskedToResign) and event.successor != "":
                named = event.successor
            named = named if after.state in (SERVING, WINDING_DOWN) else ""
            is_meant = some(no(wish.release), wish.successor == named)
            yield "who gives up office says for whom, and nobody else (P17)", is_meant
            if leads:
                wanted = before.config.release if isinstance(wish, Stop) else True
                yield "it is released, or not where a stop should not", wish.release == wanted


def _patience(
    before: Term, event: TermInput, now: Any, effects: TermEffects, after: Term
) -> Iterator[tuple[str, Any]]:
    """What does not end is left behind when its time is over, and then nothing of it is released."""
    left = sum(isinstance(order, LeaveBehind) for order in effects.orders)
    until, runs = before.patience_until, bool(some(before.working, before.telling))
    if until is not None and now < before.now:
        until -= before.now - now
    is_due = until is not None and bool(now >= until)
    yield "what does not end is left behind once, and in time", left == (is_due and runs)
    if left:
        wishes = [wish for wish in effects.inputs if isinstance(wish, (Stop, Resign))]
        yield "the lease of what is left behind is left to expire", wishes[0].release is False
        yield "who stops waits no longer", some(no(before.stopping), after.state == ABANDONED)
    if is_due:
        until = None if runs else now
    is_asked = isinstance(event, AskedToStop) or (before.state == SERVING and after.state == WINDING_DOWN)
    if after.state in (WINDING_DOWN, ENDING) and (is_asked or until is not None):
        yield "who is asked to end has until then, and keeps it", after.patience_until is not None
    if after.patience_until is not None:
        is_stop, hurries = isinstance(event, AskedToStop), bool(before.stopping) and until is not None
        said = now + (event.patience if isinstance(event, AskedToStop) else before.config.stop_timeout_ns)
        if until is not None and (not is_stop or (hurries and until <= said)):
            said = until
        yield (
            "an end is waited for as long as was said, and a second stop only shortens that",
            (after.patience_until == said),
        )
