"""What a reader may rely on: short modules and functions, docstrings, nothing half done or lying about."""

from __future__ import annotations

import ast
import re

import pytest

from support.project import ROOT, SOURCE, files

LONGEST_MODULE = 300
LONGEST_FUNCTION = 50
# Modules that are one thing and longer. A length may shrink; who comes down to 300 leaves the list.
LONGER = {
    "src/incumbent/campaign.py": 398,
    "src/incumbent/core/elector.py": 330,
    "src/incumbent/testing/history.py": 370,
    "src/incumbent/testing/simulation/verbs.py": 301,
    "tests/simulation/test_checkers.py": 322,
    "specs/conformance.py": 365,
    "specs/code/proxies.py": 332,
    "specs/proof/actions.py": 357,
    "specs/proof/variants.py": 326,
    "tests/drivers/test_campaign.py": 361,
    "tests/specs/test_comparisons.py": 315,
}
# Lists of conjuncts, which gain nothing from being cut.
LONGER_FUNCTIONS = {
    "specs/proof/endings.py _releases_sent",
    "specs/proof/tokens.py _order",
    "specs/proof/witnesses.py witnesses",
}
TOP_LEVEL = {"pyproject.toml", "README.md", "LICENSE", "src", "tests", "specs", "docs"}
NOT_DONE = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|X" + r"XX)\b")


def relative(path):
    return path.relative_to(ROOT).as_posix()


def functions(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def length(path):
    return len(path.read_text().splitlines())


def test_there_is_something_to_look_at():
    """Otherwise every check below would pass on nothing."""
    assert len(files(".py")) > 20
    assert len(files(".md")) > 1


def test_no_module_is_long():
    limits = {relative(path): LONGER.get(relative(path), LONGEST_MODULE) for path in files(".py")}
    assert {name for name, limit in limits.items() if length(ROOT / name) > limit} == set()


@pytest.mark.parametrize("name", LONGER)
def test_the_exceptions_are_needed(name):
    assert length(ROOT / name) > LONGEST_MODULE, f"{name} is short now: take it off the list"


def test_no_function_is_long():
    long = {
        f"{relative(path)} {node.name}"
        for path in files(".py")
        for node in functions(path)
        if node.end_lineno - node.lineno >= LONGEST_FUNCTION
    }
    assert long == LONGER_FUNCTIONS


def test_nothing_is_left_to_do():
    texts = [path for path in files() if path.suffix in {".py", ".md", ".toml", ".pml", ".yml", ".yaml", ""}]
    assert {relative(path) for path in texts if NOT_DONE.search(path.read_text())} == set()


def is_setter(node):
    """Its getter has the docstring."""
    return any(isinstance(each, ast.Attribute) and each.attr == "setter" for each in node.decorator_list)


def public(node, prefix):
    """All public definitions below a public one, by dotted name."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            if not child.name.startswith("_") and not is_setter(child):
                yield f"{prefix}.{child.name}", child
                if isinstance(child, ast.ClassDef):
                    yield from public(child, f"{prefix}.{child.name}")
        elif isinstance(child, (ast.If, ast.Try)):
            yield from public(child, prefix)


def test_every_public_name_has_a_docstring():
    missing = []
    for path in files(".py"):
        if path.is_relative_to(SOURCE):
            module = ast.parse(path.read_text())
            named = [(relative(path), module), *public(module, relative(path))]
            missing += [name for name, node in named if not ast.get_docstring(node)]
    assert missing == []


def headings(text):
    """The first-level headings, without what stands in code blocks."""
    prose = re.sub(r"^(```|~~~).*?^\1", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"^# .+", prose, flags=re.MULTILINE)


def test_every_page_has_one_title():
    titles = {relative(path): headings(path.read_text()) for path in files(".md")}
    assert {name: found for name, found in titles.items() if len(found) != 1} == {}


def test_the_top_level_is_short():
    entries = {path.relative_to(ROOT).parts[0] for path in files()}
    assert {entry for entry in entries if not entry.startswith(".")} <= TOP_LEVEL
