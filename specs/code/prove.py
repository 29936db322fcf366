"""The shipped elector, its term and both joined, proved: `python -m specs.code.prove` prints it as a table.

What is shown, of the bytecode of `Elector.handle` as it is shipped, for each shape of an elector and each
kind of input (`shapes.py`), on every path (`paths.py`), whatever the values are:

- nothing is raised, no assertion fails;
- the step is made of the proof's actions, and ends where they end (`specs.conformance.check_step`), so what
  is proved of these (`specs/proof`) is true of the elector;
- the invariant (`invariant.py`) holds again, and the shape is one of the shapes.

Of `Term.handle` the same is shown, with promises of its own in the place of the actions (`terms.py`), and of
`Candidate.handle` that it joins the two as each of these proofs assumes of the other (`joined.py`).

*Start* is the same of an elector that has not begun. With `--replay` each path is also run on plain values:
those of a model of the path, without any term or disguise, must bring about the same effects and elector.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from incumbent.tracked import tracked
from specs.code.electors import beginning, moment
from specs.code.joined import prove_joined
from specs.code.joined import shapes as joined_shapes
from specs.code.lemmas import LEMMAS, prove_lemma
from specs.code.shapes import INPUTS, Shape, shapes
from specs.code.steps import Verdict, prove
from specs.code.term_steps import prove_beginning, prove_term
from specs.code.terms import shapes as term_shapes

QUICK = 29
"""`--quick` proves one in so many shapes."""

Task = partial[Verdict]


def prove_part(name: str) -> Verdict:
    """A lemma."""
    return Verdict("lemma", name, failure=prove_lemma(name))


def prove_start(event: str, *, replay: bool = False) -> Verdict:
    """Of an elector that has not begun."""
    return prove("start", event, partial(beginning, kind=event), assume=False, replay=replay)


def prove_shape(shape: Shape, *, replay: bool = False) -> Verdict:
    """Of any elector of that shape for which the invariant holds."""
    return prove(shape.state, shape.event, partial(moment, shape=shape), assume=True, replay=replay)


def of_electors(*, replay: bool = False, doubts: int = 1) -> list[Task]:
    """The lemmas, the beginning, and one for each shape of an elector."""
    lemmas = [partial(prove_part, name) for name in LEMMAS]
    starts = [partial(prove_start, event, replay=replay) for event in INPUTS]
    return [*lemmas, *starts, *(partial(prove_shape, shape, replay=replay) for shape in shapes(doubts))]


def of_terms(*, replay: bool = False) -> list[Task]:
    """The beginning, and one for each shape of a term."""
    return [partial(prove_beginning), *(partial(prove_term, shape, replay=replay) for shape in term_shapes())]


def of_both(*, replay: bool = False) -> list[Task]:
    """One for each shape of a term that is joined with an elector."""
    return [partial(prove_joined, shape, replay=replay) for shape in joined_shapes()]


def tasks(*, replay: bool = False, doubts: int = 1) -> list[Task]:
    """All of it."""
    return [*of_electors(replay=replay, doubts=doubts), *of_terms(replay=replay), *of_both(replay=replay)]


def run(chosen: list[Task], workers: int) -> Iterator[Verdict]:
    """The verdicts, in the order of the tasks."""
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(_perform, chosen, chunksize=4)


def _perform(task: Task) -> Verdict:
    return task()


def table(verdicts: Iterable[Verdict]) -> Iterator[str]:
    """A row for each state and each kind of input."""
    rows: dict[tuple[str, str], list[Verdict]] = {}
    for verdict in verdicts:
        rows.setdefault((verdict.state, verdict.event), []).append(verdict)
    yield f"{'state':17} {'input':15} {'shapes':>7} {'paths':>7} {'obligations':>12}"
    for (state, event), group in rows.items():
        paths, obligations = sum(each.paths for each in group), sum(each.obligations for each in group)
        word = "OPEN" if any(each.failure for each in group) else "proved"
        yield f"{state:17} {event:15} {len(group):7} {paths:7} {obligations:12} {word}"


def summary(verdicts: list[Verdict], *, replay: bool) -> Iterator[str]:
    """What is left open, and how much there was."""
    for each in verdicts:
        if each.failure:
            yield f"OPEN: {each.state}, {each.event}: {each.failure}"
    paths, obligations = sum(each.paths for each in verdicts), sum(each.obligations for each in verdicts)
    left = sum(bool(each.failure) for each in verdicts)
    yield f"{len(verdicts)} shapes, {paths} paths, {obligations} obligations; left open in {left} shapes"
    if replay:
        same, inexact = sum(each.replayed for each in verdicts), sum(each.inexact for each in verdicts)
        yield f"{same} paths were run on plain values; of {inexact} the durations fit no float"


def main() -> int:
    """Prove everything; 1 if anything is left open."""
    about = "The shipped elector and its term, proved."
    parser = argparse.ArgumentParser(prog="python -m specs.code.prove", description=about)
    parser.add_argument("--quick", action="store_true", help=f"one in {QUICK} shapes")
    parser.add_argument("--part", default="1/1", metavar="I/N", help="the I-th of N parts")
    parser.add_argument("--replay", action="store_true", help="run each path on plain values, too")
    parser.add_argument("--doubts", type=int, default=1, help="up to so many writes of unknown outcome")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes; one a core")
    given = parser.parse_args()
    part, parts = map(int, given.part.split("/"))
    began = time.perf_counter()
    chosen = tasks(replay=given.replay, doubts=given.doubts)[part - 1 :: parts]
    chosen = chosen[:: QUICK if given.quick else 1]
    with tracked(run(chosen, given.workers), "proving", len(chosen)) as done:
        verdicts = list(done)
    print("\n".join(table(verdicts)), "", *summary(verdicts, replay=given.replay), sep="\n")
    cpu, queries = sum(each.seconds for each in verdicts), sum(each.queries for each in verdicts)
    print(f"{queries} queries of z3, {cpu:.0f} s of CPU, {time.perf_counter() - began:.0f} s")
    return 1 if any(each.failure for each in verdicts) else 0


if __name__ == "__main__":
    sys.exit(main())
