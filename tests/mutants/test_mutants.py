"""Each mutant is found by its killer: those of elections and stores in a plain run, all of them at night.

INCUMBENT_MUTANTS=named pytest tests/mutants    every mutant, by the killer that its table names
INCUMBENT_MUTANTS=all pytest tests/mutants      every technique on every mutant, too
"""

from __future__ import annotations

import os

import pytest

from mutants.table import GROUPS, MUTANTS
from support.mutants import report as mutant_report
from support.mutants.bench import Bench
from support.mutants.patch import Patch

SECONDS = 250
"""Far more than any takes: what is too slow here is a machine that does too much."""

SIZE = os.environ.get("INCUMBENT_MUTANTS", "few")
SLOW = {"Wrong drivers", "Wrong terms, and wrong campaigns for asyncio", "Wrong threads", "Wrong campaigns"}
"""Groups that are large, or whose killers start threads, loops and processes: some minutes."""

TRIED = {
    mutant.name: mutant
    for name, group in GROUPS.items()
    if SIZE in {"named", "all"} or name not in SLOW
    for mutant in group
}
PROVED = {f"core/{name}.py" for name in ("candidacy", "elector", "leaving", "observation", "state")}
OF_ELECTORS = [
    mutant.name for mutant in MUTANTS.values() if all(patch.file in PROVED for patch in mutant.patches)
]
USED = sorted({mutant.killer for mutant in TRIED.values()})


@pytest.fixture(scope="module")
def bench():
    with Bench() as bench:
        yield bench


@pytest.mark.parametrize("technique", dict(USED))
def test_a_killer_finds_nothing_in_the_real_code(bench, technique):
    """Else what it finds in a mutant would mean nothing."""
    arguments = [argument for used, argument in USED if used == technique]
    all_at_once = max(arguments, key=int) if arguments[0].isdigit() else " ".join(arguments)
    verdict = bench.run("", technique, all_at_once, SECONDS)
    assert (verdict.found, verdict.fault) == ("", "")


@pytest.mark.parametrize("name", TRIED)
def test_a_mutant_is_found(bench, name):
    """By a promise, a checker or an assertion that it breaks; not by its inability to run."""
    verdict = bench.run(name, *MUTANTS[name].killer, SECONDS)
    assert verdict.fault == ""
    assert verdict.found, f"nothing found {name!r} with {MUTANTS[name].killer}"


@pytest.mark.skipif(SIZE != "all", reason="minutes: INCUMBENT_MUTANTS=all")
@pytest.mark.parametrize("name", OF_ELECTORS)
def test_the_code_proof_finds_every_mutant_of_the_elector(bench, name):
    """Whatever else finds it."""
    verdict = bench.run(name, "code proof", "", SECONDS)
    assert verdict.fault == ""
    assert verdict.found


@pytest.mark.skipif(SIZE != "all", reason="minutes: INCUMBENT_MUTANTS=all")
@pytest.mark.timeout(3600)
def test_every_technique_is_tried_on_every_mutant():
    """And the page that says which finds which, in what time, is written anew."""
    mutant_report.main()
    assert mutant_report.NOTHING not in mutant_report.PAGE.read_text("utf-8")


@pytest.mark.parametrize("old", ["no such text anywhere", "return"])
def test_a_mutant_of_code_that_has_changed_is_refused(old):
    """A table that no longer fits would test nothing, in silence."""
    with pytest.raises(ValueError, match="mend the mutant"):
        Patch("core/elector.py", old, "").apply("return 1\nreturn 2\n")
