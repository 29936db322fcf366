"""What the image starts, as PID 1 of a PID namespace, as a container has one."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
DOCKERFILE = (HERE / "Dockerfile").read_text()
NAMESPACE = ["unshare", "--fork", "--pid", "--mount-proc", "--kill-child"]


def can_unshare():
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not can_unshare(), reason="it takes a PID namespace of its own: Linux, as root")
def test_it_ends_in_order_when_the_container_is_stopped(tmp_path):
    program, *arguments = json.loads(re.search(r"^ENTRYPOINT (.*)$", DOCKERFILE, re.MULTILINE)[1])
    assert program == "incumbent"
    settings = dict(pair.split("=") for pair in re.search(r"^ENV (.*)$", DOCKERFILE, re.MULTILINE)[1].split())
    settings["INCUMBENT_STORE"] = f"sqlite:///{tmp_path}/leases.db"
    python = [sys.executable if word == "python" else word for word in arguments]
    container = subprocess.Popen(
        [*NAMESPACE, sys.executable, "-m", "incumbent", *python],
        cwd=HERE,
        env=os.environ | settings,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert container.stdout.readline() == "working, fenced by 1\n"
    (first,) = Path(f"/proc/{container.pid}/task/{container.pid}/children").read_text().split()
    os.kill(int(first), signal.SIGTERM)  # as `docker stop` does to PID 1
    rest, _ = container.communicate(timeout=60)
    assert rest == "done\n"
    assert container.returncode == 0
