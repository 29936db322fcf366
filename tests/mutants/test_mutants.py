"""Each mutant is found by its killer: a sample of them in a plain run, all of them at night.

INCUMBENT_MUTANTS=some pytest tests/mutants     all of those of elections and stores
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
SLOW = {"Wrong terms", "Wrong drivers", *list(GROUPS)[-4:]}
"""Groups that are large, or whose killers start threads, loops and processes: some minutes."""

FAST = [mutant for name, group in GROUPS.items() if name not in SLOW for mutant in group]
TRIED = {mutant.name: mutant for mutant in {"few": FAST[::4], "some": FAST}.get(SIZE, MUTANTS.values())}
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


def test_every_mutant_fits_the_code():
    """In a plain run too, in which some are not tried."""
    assert all(mutant.texts() for mutant in MUTANTS.values())


@pytest.mark.skipif(
    SIZE not in {"named", "all"}, reason="a mutant lands before its row: INCUMBENT_MUTANTS=named"
)
def test_the_page_tells_of_every_mutant():
    """`python -m support.mutants.report --new` adds what is missing."""
    assert [mutant.name for mutant in mutant_report.Page(keeps=True).unknown()] == []


NOT_FOR_THE_PROOF = {
    "a back-off doubles for ever": "a power of two without a bound is no term",
    "a claim whose answer is late at a stop is not looked for": "a release may be given up at any time",
}
"""What the code proof does not find, though it is of what is proved."""


@pytest.mark.skipif(SIZE != "all", reason="an hour: INCUMBENT_MUTANTS=all")
@pytest.mark.timeout(14_400)
def test_every_technique_is_tried_on_every_mutant():
    """And the page that says which finds which, in what time, is written anew.

    The code proof finds every mutant of the elector and of its term.
    """
    found = mutant_report.main()
    proved = {name: tried["code proof"] for name, tried in found.items() if "code proof" in tried}

    assert mutant_report.NOTHING not in mutant_report.PAGE.read_text("utf-8")
    assert {name for name, verdict in proved.items() if not verdict.found} == set(NOT_FOR_THE_PROOF)


@pytest.mark.parametrize("old", ["no such text anywhere", "return"])
def test_a_mutant_of_code_that_has_changed_is_refused(old):
    """A table that no longer fits would test nothing, in silence."""
    with pytest.raises(ValueError, match="mend the mutant"):
        Patch("core/elector.py", old, "").apply("return 1\nreturn 2\n")
