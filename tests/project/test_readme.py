"""What the README shows is so."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from incumbent.core.states import mermaid
from support.picture import PICTURE, drawn

README = Path(__file__).parents[2] / "README.md"


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README.read_text(), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_the_examples_run_as_they_stand(number, tmp_path):
    """Each Python block is a whole program that ends well."""
    script = tmp_path / "example.py"
    script.write_text(blocks("python")[number])
    outcome = subprocess.run(
        [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, timeout=250, check=False
    )
    assert outcome.returncode == 0, outcome.stderr
    if number == 0:
        assert re.search(r"^True \S+ leader$", outcome.stdout, re.MULTILINE)


def test_no_example_is_left_out():
    assert len(blocks("python")) == 3


def test_the_diagram_is_the_table():
    """Write the output of `incumbent.core.states.mermaid()` there when the table changes."""
    assert blocks("mermaid") == [mermaid() + "\n"]


def test_the_picture_is_drawn():
    """Run `python tests/support/picture.py` when what is drawn, or the simulation, changes."""
    assert PICTURE.read_text() == drawn()


def test_two_commands_do_all_set_up():
    """One elects before your eyes, the other one runs the tests; both begin with nothing but Python."""
    set_up = [block for block in blocks("sh") if block.startswith("python3 -m venv .venv")]
    assert len(set_up) == 2
    assert set_up[0].rstrip().endswith("incumbent demo")
    assert set_up[1].rstrip().endswith(".venv/bin/pytest -n 4")


def test_every_link_leads_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README.read_text()):
        assert target.startswith("https://") or (README.parent / target).exists(), target
