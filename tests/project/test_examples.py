"""The example projects under docs/ pass their own tests, with nothing of ours but the public kit."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "examples"
EXAMPLES = sorted({path.parent for path in FOLDER.rglob("test_*.py")})
PUBLIC = {"incumbent", "incumbent.testing", "incumbent.testing.stores.contract"}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_its_own_tests_pass(example):
    outcome = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-c",
            "/dev/null",
            "--rootdir",
            example,
            example,
        ],
        cwd=example,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stdout


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_it_uses_what_is_public_only(example):
    for file in example.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("incumbent"):
                assert node.module in PUBLIC, f"{file.name} imports {node.module}"
