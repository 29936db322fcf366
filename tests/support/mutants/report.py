"""Which technique finds which mutant, in what time: `PYTHONPATH=tests python -m support.mutants.report`.

Tries every technique on every mutant and writes `docs/reference/mutants.md`, but for its text, which is kept.
With `--new` it tries the mutants of which the page says nothing yet, and keeps what it says of the others: so
an interrupted run goes on, and a new mutant costs no more than itself.
"""

# ruff: noqa: T201 - it takes a while, and shows how far it is

from __future__ import annotations

import argparse
import re
from concurrent.futures import ThreadPoolExecutor, as_completed
from queue import SimpleQueue

from mutants.table import GROUPS, MUTANTS
from support.mutants.bench import ROOT, Bench

PAGE = ROOT / "docs" / "reference" / "mutants.md"
MARK = "<!-- Below this line the page is generated. -->\n"
NOTHING = "**Found by nothing.**"
SECONDS = 6

OF_ELECTORS, OF_TERMS = "tight skew ends touches stale", "term failing patient once bare"
PROVED = {f"core/{name}.py" for name in ("candidacy", "elector", "leaving", "observation", "state")}
"""What the proof of the elector runs; that of its term runs `core/term.py`."""


def techniques_for(mutant):
    """What may find it, and what each is given: its argument and its seconds."""
    if any(file.startswith("stores/") for file in mutant.files):
        return {"stores": ("stores/test_contract.py", 40)}
    tried = {"simulation": ("", SECONDS), "hypothesis": ("", SECONDS)}
    if any(file.startswith("testing/") for file in mutant.files):
        return tried
    named, argument = mutant.killer
    if not mutant.decides:
        return {named: (argument, 60)}
    is_of_terms = mutant.files == {"core/term.py"}
    tried = {
        "unit": ("unit", 30),
        "simulation": ("", SECONDS),
        "exploration": (OF_TERMS if is_of_terms else OF_ELECTORS, 2 * SECONDS),
        **tried,
        "conformance": ("", SECONDS),
    }
    if is_of_terms or mutant.files <= PROVED:
        tried["code proof"] = ("term" if is_of_terms else "elector", 200)
    return tried if named in tried else {**tried, named: (argument, 60)}


def columns_of(group):
    """Every technique that is tried on any of a group."""
    return list(dict.fromkeys(technique for mutant in group for technique in techniques_for(mutant)))


class Page:
    """The page: a text, then the tables, with what is known of each mutant."""

    def __init__(self, *, keeps):
        self.text, _, generated = PAGE.read_text("utf-8").partition(MARK)
        self.rows, self.evidence = {}, {}
        for table in re.split(r"^(?=## )", generated, flags=re.MULTILINE) if keeps else []:
            self._read(table)

    def _read(self, table):
        title = table.partition("\n")[0].removeprefix("## ")
        is_table_of_now = title in GROUPS and "".join(_head(columns_of(GROUPS[title]))) in table
        for row in re.findall(r"^\| .*\n", table, re.MULTILINE) if is_table_of_now else []:
            self.rows[row.split(" | ")[0].removeprefix("| ")] = row
        for name, rest in re.findall(r"^- \*\*(.*?)\*\*(.*\n(?:  .*\n)*)", table, re.MULTILINE):
            self.evidence[name] = f"- **{name}**{rest}"

    def unknown(self):
        """The mutants of which it says nothing."""
        return [mutant for name, mutant in MUTANTS.items() if not {name} <= self.rows.keys() & self.evidence]

    def add(self, mutant, verdicts):
        """Say what finds a mutant."""
        columns = next(columns_of(group) for group in GROUPS.values() if mutant in group)
        self.rows[mutant.name] = _row(mutant, columns, verdicts)
        self.evidence[mutant.name] = _evidence(mutant, verdicts)
        self.write()

    def write(self):
        """All that is known, in the order of the tables."""
        parts, known = [self.text, MARK], [name for name in MUTANTS if name in self.evidence]
        for title, group in GROUPS.items():
            parts += [f"\n## {title}\n\n", *_head(columns_of(group))]
            parts += [self.rows[mutant.name] for mutant in group if mutant.name in self.rows]
        parts += ["\n## Where each comes from, and what gave it away\n\n"]
        PAGE.write_text("".join([*parts, *(self.evidence[name] for name in known)]), "utf-8")


def main(*, keeps=False):
    """Try all, or all that is new, and write the page after each; return what was found of which."""
    page, free, found = Page(keeps=keeps), SimpleQueue(), {}
    mutants = page.unknown()
    with Bench() as one, Bench() as other, ThreadPoolExecutor(2) as pool:
        for bench in (one, other):
            free.put(bench)
        _try_the_real_code(one, mutants)
        tried = {pool.submit(_try_all, free, mutant): mutant for mutant in mutants}
        for done in as_completed(tried):
            mutant = tried[done]
            found[mutant.name] = done.result()
            page.add(mutant, found[mutant.name])
            print(page.rows[mutant.name], end="", flush=True)
    return found


def _try_the_real_code(bench, mutants):
    """What finds a mutant by itself, without a test that is named, finds nothing here."""
    given = {(name, *how) for mutant in mutants for name, how in techniques_for(mutant).items()}
    for technique, argument, seconds in sorted(given):
        if "::" not in argument and technique != "code proof":  # which is a command of its own
            verdict = bench.run("", technique, argument, seconds)
            if verdict.found:
                raise SystemExit(f"{technique} finds something in the real code: {verdict.found}")


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
    parser = argparse.ArgumentParser(prog="python -m support.mutants.report", description=__doc__)
    parser.add_argument("--new", action="store_true", help="only what the page does not tell of yet")
    main(keeps=parser.parse_args().new)
