"""The rules of `specs/protocol.md`, the code and the tests speak of the same things."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROTOCOL = (ROOT / "specs" / "protocol.md").read_text(encoding="utf-8")

RULES = {int(number) for number in re.findall(r"^\*\*P(\d+)\. ", PROTOCOL, re.MULTILINE)}


def cited(text: str) -> set[int]:
    """The rules that a text names: P4, P4a, P1..P15 (its two ends), P1 to P15."""
    return {int(number) for number in re.findall(r"\bP(\d{1,2})[a-f]?\b", text)}


def cited_under(folder: str) -> dict[Path, set[int]]:
    files = sorted((ROOT / folder).rglob("*.py"))
    return {path.relative_to(ROOT): cited(path.read_text(encoding="utf-8")) for path in files}


def test_the_rules_are_numbered_without_gaps():
    """The protocol defines P1 to P17, each once."""
    assert sorted(RULES) == list(range(1, 18))


def test_every_rule_is_kept_by_code():
    """A rule that no module of the package cites is a rule that nobody keeps."""
    orphans = RULES - set().union(*cited_under("src").values())

    assert not orphans, f"no module of src/ cites {sorted(orphans)}"


def test_every_rule_is_kept_by_a_test():
    """A rule that no test cites, besides this one, is a rule that nobody would miss."""
    by_file = cited_under("tests")
    by_file.pop(Path(__file__).relative_to(ROOT))
    orphans = RULES - set().union(*by_file.values())

    assert not orphans, f"no test cites {sorted(orphans)}"


def test_nothing_cites_a_rule_that_does_not_exist():
    """A rule that is cited but not defined was renumbered, or never written down."""
    texts = cited_under("src") | cited_under("tests") | cited_under("specs")
    texts |= {path.relative_to(ROOT): cited(path.read_text()) for path in (ROOT / "specs").glob("*.md")}
    unknown = {str(path): sorted(rules - RULES) for path, rules in texts.items() if rules - RULES}

    assert not unknown, f"cited, but not in specs/protocol.md: {unknown}"
