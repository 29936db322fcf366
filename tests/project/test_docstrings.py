"""Code in the docstrings of modules runs, and prints what they say."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys

import pytest

from support.project import SOURCE, files, name_of

DOCSTRING = re.compile(r'r?"""(.*?)"""', re.DOTALL)
"""Each module begins with one; found so in a moment, as all that run some of the tests need it."""

MODULES = {
    name_of(path): DOCSTRING.match(path.read_text("utf-8"))[1]
    for path in files(".py")
    if path.is_relative_to(SOURCE)
}


def blocks(docstring):
    """Each block that is indented by four spaces after a line that ends with two colons."""
    found, inside = [], None
    for line in docstring.splitlines():
        if inside is not None and (line.startswith("    ") or not line):
            inside.append(line[4:])
        else:
            inside = [] if line.endswith("::") else None
            if inside is not None:
                found.append(inside)
    return ["\n".join(lines).strip() for lines in found]


def programs():
    """The blocks that are code, with the output that the next block says, if it does."""
    for name, docstring in MODULES.items():
        texts = blocks(docstring)
        for at, text in enumerate(texts):
            if re.search(r"^(from|import|simulation = |class) ?", text, re.MULTILINE):
                says = texts[at + 1] if at + 1 < len(texts) and "It prints::" in docstring else None
                yield pytest.param(text, says, id=name)


PROLOGUE = """
from incumbent import *
from incumbent.testing import *
"""


@pytest.mark.parametrize(("program", "says"), list(programs()))
def test_it_runs(program, says):
    """As a reader would who copies it into a file."""
    run = subprocess.run(
        [sys.executable, "-c", PROLOGUE + program], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    if says is not None:
        assert run.stdout.split() == says.split()


def test_the_driver_loop_is_one_of_them():
    """Otherwise nothing would be tested here when the form of a docstring changes."""
    assert any(each.id == "incumbent.core" for each in programs())
    assert inspect.cleandoc(MODULES["incumbent.core"]).count("::") >= 2
