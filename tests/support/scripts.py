"""Programs that tests run in an interpreter, or in a child, of their own."""

import ast
import os
import signal
import subprocess
import sys
import textwrap


def run_script(script, tmp_path):
    path = tmp_path / "script.py"
    path.write_text(textwrap.dedent(script))
    return subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=250, check=False)


def from_child(check):
    """What it returns in a forked child."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(20)
        os.write(write, repr(check()).encode())
        os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    with os.fdopen(read) as pipe:
        return ast.literal_eval(pipe.read())
