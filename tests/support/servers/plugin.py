"""An exec plugin of a kubeconfig, that does as a test tells it."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from support.servers.kubernetes import ADMIN

API = "client.authentication.k8s.io/v1"
LATER, BEFORE = 3600.0, -3600.0


class Plugin:
    """A command that counts its runs, and does as it is told by a file."""

    CODE = f"""
import datetime, json, os, subprocess, sys, time
folder = sys.argv[1]
with open(folder + "/runs", "a") as runs:
    print(os.getpid(), file=runs)
with open(folder + "/seen", "w") as seen:
    json.dump([sys.stdin.read(), os.environ], seen, default=dict)
told = json.load(open(folder + "/told"))
if told["hangs"]:
    subprocess.run(["sleep", "1000"])
if told["status"]:
    sys.exit(told["status"])
status = dict(told["grant"])
if told["lasts"] is not None:
    end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=told["lasts"])
    status["expirationTimestamp"] = end.strftime("%Y-%m-%dT%H:%M:%SZ")
print(json.dumps({{"apiVersion": "{API}", "kind": "ExecCredential", "status": status}}))
"""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.settings = {
            "apiVersion": API,
            "command": sys.executable,
            "args": ["-c", self.CODE, str(folder)],
            "interactiveMode": "Never",
        }
        self.tell(ADMIN)

    def tell(
        self,
        token: str = "",
        *,
        lasts: float = LATER,
        hangs: bool = False,
        status: int = 0,
        **grant: str,
    ) -> None:
        """What to do from now on: give that token, or what else is given, for so many seconds; or fail."""
        told = {"grant": grant or {"token": token}, "lasts": lasts, "hangs": hangs, "status": status}
        (self.folder / "told~").write_text(json.dumps(told))
        (self.folder / "told~").replace(self.folder / "told")

    @property
    def runs(self) -> list[int]:
        """The processes that it was, by their ids."""
        with suppress(FileNotFoundError):
            return [int(line) for line in (self.folder / "runs").read_text().split()]
        return []

    def seen(self) -> Any:
        """What stood on the standard input of the last one, and its environment."""
        return json.loads((self.folder / "seen").read_text())

    def kill(self) -> None:
        """End what of it still runs."""
        for pid in self.runs:
            with suppress(psutil.Error):
                for process in (*psutil.Process(pid).children(recursive=True), psutil.Process(pid)):
                    process.kill()


def is_over(pid: int) -> bool:
    """Neither it nor what it started is there any more."""
    return not any(os.getpgid(process.pid) == pid for process in psutil.process_iter() if has_group(process))


def has_group(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE and os.getpgid(process.pid) >= 0
    except (psutil.Error, OSError):
        return False
