"""Programs that tests run in an interpreter, or in a child, of their own."""

import ast
import subprocess
import sys
import textwrap

from support.driving import in_child


def run_script(script, tmp_path):
    path = tmp_path / "script.py"
    path.write_text(textwrap.dedent(script))
    return subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=250, check=False)


def from_child(check):
    """The value, a literal, that `check` returns in a forked child."""
    return ast.literal_eval(in_child(check))
