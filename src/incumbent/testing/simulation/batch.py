"""Batch: very many seeds on all cores, as a night has room for::

    python -m incumbent.testing.simulation.batch 1000000 --file seeds.ndjson

Checks the seeds 0 to 999,999, with a progress bar where there is a terminal. Each seed that fails is told at
the end, with the line that repeats it, and so is what no run has seen. What is done is kept in the file, a
line for each hundred seeds: after a break the same command goes on from there.

Exit status: 0 every property holds and everything was seen, 1 not so, 130 interrupted.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Generator, Iterable
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from incumbent.testing.properties import PropertyViolated
from incumbent.testing.properties.coverage import sightings, unseen
from incumbent.testing.simulation.swarm import check_seed, collect_seldom
from incumbent.tracked import tracked

CHUNK: Final = 100
INTERRUPTED: Final = 130


@dataclass
class Chunk:
    """The outcome of some seeds, one after the other.

    Attributes:
        first: The first seed.
        count: How many.
        events: What happened in all.
        seconds: Of processor time.
        seen: How often each of `SIGHTINGS` was seen.
        failed: What was wrong with each seed that failed.
    """

    first: int
    count: int
    events: int = 0
    seconds: float = 0.0
    seen: dict[str, int] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)


def check_chunk(first: int, count: int) -> Chunk:
    """Check `count` seeds, whatever comes of each."""
    chunk, seen, began = Chunk(first, count), Counter[str](), time.process_time()
    for seed in range(first, first + count):
        try:
            simulation = check_seed(seed)
            chunk.events += simulation.events
            seen.update(sightings(simulation.history))
        except PropertyViolated as violated:  # noqa: PERF203  # the others are checked all the same
            chunk.failed.append(str(violated))
    chunk.seen, chunk.seconds = dict(seen), time.process_time() - began
    return chunk


def _prepare() -> None:
    """Have an interrupt end a worker at once: what it is about is done again."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    collect_seldom()


def _load(path: Path | None) -> dict[tuple[int, int], Chunk]:
    """Read what is done; a line that was cut off says nothing."""
    done: dict[tuple[int, int], Chunk] = {}
    if path is None or not path.exists():
        return done
    text = path.read_text("utf-8")
    if text and not text.endswith("\n"):
        path.write_text(text + "\n", "utf-8")
    for line in text.splitlines():
        with suppress(ValueError):
            chunk = Chunk(**json.loads(line))
            done[chunk.first, chunk.count] = chunk
    return done


def _check(starts: list[tuple[int, int]]) -> Generator[Chunk, None, None]:
    with ProcessPoolExecutor(initializer=_prepare) as pool:
        yield from pool.map(check_chunk, *zip(*starts, strict=True)) if starts else ()


def _report(chunks: Iterable[Chunk]) -> int:
    """Print what came of all; the exit status."""
    seeds, events, seconds, failed, seen = 0, 0, 0.0, list[str](), list[Counter[str]]()
    for chunk in chunks:
        seeds, events, seconds = seeds + chunk.count, events + chunk.events, seconds + chunk.seconds
        failed += chunk.failed
        seen.append(Counter(chunk.seen))
    rate = events / seconds if seconds else 0.0
    missed = unseen(seen)
    print(*failed, sep="\n\n", end="\n\n" if failed else "")
    print(f"{seeds:,} seeds, {events:,} events, {rate:,.0f} a second of processor time: {len(failed)} failed")
    if missed:
        print(f"no run saw: {', '.join(missed)}")
    return 1 if failed or missed else 0


def main(arguments: list[str]) -> int:
    """Check what is not yet done, and report on all."""
    parser = ArgumentParser("python -m incumbent.testing.simulation.batch", description="Check many seeds.")
    parser.add_argument("count", type=int, help="how many seeds, from 0 on")
    parser.add_argument("--file", type=Path, help="keep what is done here, and go on from there")
    given = parser.parse_args(arguments)
    starts = [(first, min(CHUNK, given.count - first)) for first in range(0, given.count, CHUNK)]
    done = _load(given.file)
    left = [start for start in starts if start not in done]
    try:
        with closing(_check(left)) as checked, tracked(checked, "checking", len(left)) as chunks:
            for chunk in chunks:
                done[chunk.first, chunk.count] = chunk
                if given.file is not None:
                    with given.file.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(asdict(chunk)) + "\n")
    except KeyboardInterrupt:
        print(f"interrupted: {sum(start in done for start in starts)} of {len(starts)} parts are done")
        return INTERRUPTED
    return _report(done[start] for start in starts)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
