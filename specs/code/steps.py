"""One step of the elector on terms: walk all its paths, and say what is not so on one of them."""

from __future__ import annotations

import logging
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from incumbent.core.elector import Elector
from incumbent.core.messages import Effects
from specs.code.disguise import disguise
from specs.code.doubts import ask_anew, is_one_question
from specs.code.electors import Moment, Source
from specs.code.invariant import invariant
from specs.code.paths import Paths
from specs.code.progress import progress
from specs.code.shapes import is_possible, shape_of
from specs.code.sources import OPTIONAL, InexactError, OpenElector, Terms, Values
from specs.conformance import check_step

Make = Callable[[Source], Moment]
Plain = tuple[Any, tuple[str, ...], dict[str, Any]]


class Subject(NamedTuple):
    """What is walked: how a step is taken, and what is to be said of its outcome."""

    take: Callable[..., Any]  # with a source, and whether the invariant is assumed
    claims: Callable[[Any], Iterable[tuple[str, Any]]]
    plain: Callable[[Any, Values], Plain | None]  # what came out, without terms
    story: Callable[[Any], str]  # of a model


@dataclass
class Verdict:
    """What became of one step, on all its paths."""

    state: str
    event: str
    paths: int = 0
    queries: int = 0
    obligations: int = 0
    replayed: int = 0
    inexact: int = 0
    """Paths of which no model was found that floats can hold."""
    actions: Counter[str] = field(default_factory=Counter)
    failure: str = ""
    seconds: float = 0.0


class Outcome(NamedTuple):
    """One path: an input, what it brought about, and the proof's actions that this was."""

    moment: Moment
    effects: Effects
    actions: list[str]
    is_one_question: bool
    progress: list[tuple[str, bool]]


def take(make: Make, source: Source, *, assume: bool) -> Outcome:
    """Let the elector handle its input, and hold that to the proof."""
    elector, event, now, facts = at = make(source)
    if assume:
        Paths.current.assume([*facts, *(clause.holds for clause in invariant(elector))])
    elif isinstance(source, Terms):
        Paths.current.assume(facts)
    before = elector.copy()
    ask_anew()
    effects = elector.handle(event, now)
    is_one = is_one_question()
    taken = check_step(before, event, now, effects, elector)
    return Outcome(at, effects, taken, is_one, list(progress(before, event, now, effects, elector)))


def claims(outcome: Outcome) -> Iterator[tuple[str, Any]]:
    """What must be true at the end of each path."""
    elector = outcome.moment.elector
    for clause in invariant(elector):
        yield clause.name, clause.holds
    yield "its shape is one of the shapes", is_possible(shape_of(elector))
    yield "one thing was asked of the doubted writes", outcome.is_one_question
    yield from outcome.progress


@contextmanager
def _unlogged() -> Iterator[None]:
    """Without the log: thousands of steps would tell of what none of them does."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def prove(state: str, event: str, make: Make, *, assume: bool, replay: bool) -> Verdict:
    """Walk all paths of one step; `assume` that the invariant holds before it."""
    subject = Subject(partial(take, make), claims, _plain, partial(_story, make))
    return walk(subject, Verdict(state, event), assume=assume, replay=replay)


@_unlogged()
def walk(subject: Subject, verdict: Verdict, *, assume: bool, replay: bool) -> Verdict:
    """Walk all paths, prove what is claimed at the end of each, and note it down."""
    began, paths = time.process_time(), Paths()
    seen: list[tuple[Any, Plain | None]] = []
    try:
        with disguise():
            for outcome in paths.explore(partial(subject.take, Terms(), assume=assume)):
                wanted = list(subject.claims(outcome))
                verdict.obligations += len(wanted) + 2  # nothing was raised, and the actions are the proof's
                verdict.actions.update(outcome.actions)
                refuted = paths.refute(wanted)
                if refuted is not None:
                    verdict.failure = f"not true any more: {refuted[0]}\n{subject.story(refuted[1])}"
                    break
                if replay:
                    seen.append((paths.model(), subject.plain(outcome, Values(paths.model()))))
    except Exception as error:  # noqa: BLE001 (whatever it raises is a finding)
        last = traceback.extract_tb(error.__traceback__)[-1]
        what = f"{type(error).__name__} in {last.name}, line {last.lineno}: {error}"
        verdict.failure = f"{what}\n{subject.story(paths.model())}"
    for model, expected in seen:
        _replay(subject, model, expected, verdict)
    verdict.paths, verdict.queries = paths.paths, paths.queries
    verdict.seconds = time.process_time() - began
    return verdict


def _replay(subject: Subject, model: Any, expected: Plain | None, verdict: Verdict) -> None:
    """The same step on plain values brings about the same."""
    values = Values(model)
    try:
        found = None if expected is None else subject.plain(subject.take(values, assume=False), values)
    except InexactError:
        found = None
    if expected is None or found is None:
        verdict.inexact += 1
        return
    verdict.replayed += 1
    effects, actions, state = found
    differs = {name: (value, state[name]) for name, value in expected[2].items() if state[name] != value}
    if (effects, actions) != expected[:2] or differs:
        what = f"on plain values it is {effects}, {actions}, {differs}; on terms {expected[:2]}"
        verdict.failure = f"{what}\n{subject.story(model)}"


def _plain(outcome: Outcome, values: Values) -> Plain | None:
    """What came out, without terms: the effects, the actions, and all of the elector that was looked at.

    Nothing where a duration of the model is none that a float can hold.
    """
    elector = outcome.moment.elector
    known = _fields(elector) - {"config"}
    if isinstance(elector, OpenElector):
        known -= set(OPTIONAL) - set(elector.settled)
    try:
        state = {name: values.of(getattr(elector, name)) for name in known}
        return values.of(outcome.effects), tuple(outcome.actions), state
    except InexactError:
        return None


def _fields(elector: Elector) -> set[str]:
    return {*elector._FIXED, *elector._STATE}  # noqa: SLF001 (the fields are all that it consists of)


def _story(make: Make, model: Any) -> str:
    """A step that goes wrong, on plain values."""
    elector, event, now, _facts = make(Values(model))
    names = sorted(name for name in _fields(elector) - {"config"} if getattr(elector, name) is not None)
    lines = [f"{name} = {getattr(elector, name)!r}" for name in names]
    return "\n".join(f"    {line}" for line in [*lines, f"and then {event} at {now}"])
