"""What the documentation shows is so: its programs run, its tests pass, its links lead somewhere."""

import os
import re
import shlex
import sqlite3
from pathlib import Path

import pytest

from incumbent.cli import _parsed

ROOT = Path(__file__).parents[2]
PAGES = sorted(page for folder in ("docs", "specs", ".github") for page in (ROOT / folder).rglob("*.md"))
SITE = (ROOT / "docs" / "mkdocs.yml").read_text()
FENCE = re.compile(r"^(```|~~~).*?^\1", re.DOTALL | re.MULTILINE)


def programs():
    for page in PAGES:
        blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
        for number, block in enumerate(blocks):
            yield pytest.param(page, block, id=f"{page.relative_to(ROOT)}[{number}]")


@pytest.mark.parametrize(("page", "program"), list(programs()))
def test_every_program_runs_and_its_tests_pass(page, program, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "documentation"}
    exec(compile(program, str(page), "exec"), names)
    for name, value in names.items():
        if name.startswith("test_"):
            value()
    for database in names.values():
        if isinstance(database, sqlite3.Connection):
            database.close()


def command_lines():
    """Every call of `incumbent` in a block for a shell, without what stands before and behind it."""
    for page in [ROOT / "README.md", *PAGES]:
        for block in re.findall(r"^```sh\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE):
            for line in block.replace("\\\n", " ").splitlines():
                found = re.match(r"\s*(?:\S+=\S* )*(?:\S*/)?incumbent (.*)", line)
                if found:
                    yield pytest.param(found[1], id=f"{page.relative_to(ROOT)} {found[1][:40]}")


@pytest.mark.parametrize("line", list(command_lines()))
def test_every_command_line_is_one_that_is_understood(line, monkeypatch):
    """By the parser, which knows commands, options and what values are like."""
    for name in [name for name in os.environ if name.startswith("INCUMBENT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("INCUMBENT_STORE", "memory:")
    words = shlex.split(line, comments=True)
    ends = [at for at, word in enumerate(words) if word in {"|", "||", "&&", ">", "&"}]
    _parsed(words[: min(ends)] if ends else words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    """To a file that is there, and a heading of it."""
    for target, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)]*))?\)", FENCE.sub("", page.read_text())):
        if target.startswith("https://"):
            continue
        other = page.parent / target if target else page
        assert other.exists(), target
        assert not anchor or anchor in headings(other), f"{target}#{anchor}"


def headings(page):
    """What the headings of a page are linked by."""
    texts = re.findall(r"^#+ (.*)", FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text.lower()).strip().replace(" ", "-") for text in texts}


@pytest.mark.parametrize(
    "page", [page for page in PAGES if ROOT / "docs" in page.parents], ids=lambda page: page.name
)
def test_every_page_is_in_the_navigation(page):
    """Of the site; and the first page leads to it, which is all the navigation that a repository shows."""
    name = page.relative_to(ROOT / "docs").as_posix()
    assert f"- {name}\n" in SITE
    assert name == "index.md" or f"({name}" in (ROOT / "docs" / "index.md").read_text()


def test_the_navigation_names_what_is_there():
    for name in re.findall(r"- (\S+\.md)\n", SITE):
        assert (ROOT / name if name.startswith("specs/") else ROOT / "docs" / name).is_file(), name
