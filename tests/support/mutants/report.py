"""Which technique finds which mutant, in what time: `PYTHONPATH=tests python -m support.mutants.report`.

Tries every technique on every mutant and writes `docs/reference/mutants.md`, but for its text, which is kept.
"""

# ruff: noqa: T201 - it takes a while, and shows how far it is

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from queue import SimpleQueue

from mutants.table import GROUPS
from support.mutants.bench import ROOT, Bench

PAGE = ROOT / "docs" / "reference" / "mutants.md"
MARK = "<!-- Below this line the page is generated. -->\n"
NOTHING = "**Found by nothing.**"
SECONDS = 6

ELECTION = {
    "unit": ("unit", 30),
    "simulation": ("", SECONDS),
    "exploration": ("", SECONDS),
    "hypothesis": ("", SECONDS),
    "conformance": ("", SECONDS),
    "code proof": ("", 200),
}
STORE = {"stores": ("stores/test_contract.py", 40)}
DRIVER_TESTS = (  # in an order in which none waits for ever
    *("leadership", "campaign", "ending", "timing", "signals", "work_refused", "hostile", "hanging_store"),
    *("aio_door", "aio", "aio_clock", "aio_waits", "aio_starts", "aio_loops", "hostile_aio"),
)
DRIVER = {
    "drivers": (
        " ".join([*(f"drivers/test_{name}.py" for name in DRIVER_TESTS), "mutants/test_holes.py"]),
        60,
    ),
    "schedules": ("schedules", 60),
}
CARRIES_OUT = ("runtime/", "campaign.py", "leadership.py", "clock.py")


def techniques_for(mutant):
    """What may find it, and what each is given: its argument and its seconds."""
    files = {patch.file for patch in mutant.patches}
    if any(file.startswith("stores/") for file in files):
        return STORE
    if any(file.startswith("testing/") for file in files):
        return {name: ELECTION[name] for name in ("simulation", "hypothesis")}
    if any(file.startswith(CARRIES_OUT) for file in files):
        return DRIVER
    return ELECTION


def columns_of(group):
    """Every technique that is tried on any of a group."""
    return list(dict.fromkeys(technique for mutant in group for technique in techniques_for(mutant)))


def main():
    """Run all, write the page."""
    text = PAGE.read_text("utf-8").partition(MARK)[0]
    parts, evidence = [], []
    with Bench() as one, Bench() as other, ThreadPoolExecutor(2) as pool:
        free = SimpleQueue()
        for bench in (one, other):
            free.put(bench)
        for technique, given in {**ELECTION, **STORE, **DRIVER}.items():
            verdict = one.run("", technique, *given)
            if verdict.found:
                raise SystemExit(f"{technique} finds something in the real code: {verdict.found}")
        for title, group in GROUPS.items():
            parts += [f"\n## {title}\n\n", *_head(columns_of(group))]
            for mutant, verdicts in zip(group, pool.map(partial(_try_all, free), group), strict=True):
                parts.append(_row(mutant, columns_of(group), verdicts))
                evidence.append(_evidence(mutant, verdicts))
                print(parts[-1], end="", flush=True)
    parts += ["\n## Where each comes from, and what gave it away\n\n", *evidence]
    PAGE.write_text(text + MARK + "".join(parts), "utf-8")


def _try_all(free, mutant):
    bench = free.get()
    try:
        techniques = techniques_for(mutant).items()
        return {technique: bench.run(mutant.name, technique, *given) for technique, given in techniques}
    finally:
        free.put(bench)


def _head(columns):
    yield f"| it does this | against | {' | '.join(columns)} |\n"
    yield f"| --- | --- | {' | '.join('---' for _ in columns)} |\n"


def _row(mutant, columns, verdicts):
    cells = [_cell(verdicts.get(technique)) for technique in columns]
    return f"| {mutant.name} | {mutant.rule} | {' | '.join(cells)} |\n"


def _cell(verdict):
    if verdict is None:
        return ""
    return f"{verdict.seconds:.1f} s" if verdict.found else "-"


def _evidence(mutant, verdicts):
    found = [
        (verdict.seconds, technique, verdict.found)
        for technique, verdict in verdicts.items()
        if verdict.found
    ]
    lines = [f"- **{mutant.name}** ({mutant.origin}).\n"]
    if mutant.harmless:
        lines.append(f"  Harmless to exclusion: {mutant.harmless}.\n")
    for _, technique, what in sorted(found)[:2]:
        lines.append(f"  By {technique}: `{what[:90].replace('`', '')}`\n")
    return "".join(lines) if found else "".join([*lines, f"  {NOTHING}\n"])


if __name__ == "__main__":
    main()
