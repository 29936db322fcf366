"""The example projects under docs/ pass their own tests, with nothing of ours but the public kit."""

import ast
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "examples"
FOLDERS = sorted(path for path in FOLDER.iterdir() if path.is_dir())
EXAMPLES = sorted({path.parent for path in FOLDER.rglob("test_*.py")})
NEEDS = {
    "apscheduler_jobs": ("apscheduler",),
    "celery_beat": ("celery",),
    "django_site": ("django",),
    "fastapi_app": ("fastapi", "httpx"),
    "gunicorn_app": ("gunicorn",),
}
PUBLIC = {"incumbent", "incumbent.testing", "incumbent.testing.stores.contract"}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_its_own_tests_pass(example):
    """Those of frameworks are run where they are installed, as `.ci/nightly` sees to."""
    lacking = [name for name in NEEDS.get(example.name, ()) if find_spec(name) is None]
    if lacking and "INCUMBENT_REQUIRE_FRAMEWORKS" not in os.environ:
        pytest.skip(f"no {' and no '.join(lacking)} here: pip install --group examples")
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


@pytest.mark.parametrize("example", FOLDERS, ids=lambda path: path.name)
def test_it_is_on_the_page_of_examples(example):
    page = (FOLDER.parent / "guides" / "examples.md").read_text()
    assert f"](../examples/{example.name}/)" in page


def test_what_needs_a_framework_is_an_example():
    assert set(NEEDS) <= {example.name for example in EXAMPLES}
