"""client-go's leader election as it is shipped: a kube-scheduler that contends for a Lease."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

from incumbent import Campaign
from support.driving import eventually
from support.servers import PATIENCE, find_binary, is_running, missing
from support.servers.kubernetes import ADMIN, ApiServer

LEASE, RENEW, RETRY = 3, 2.0, 0.5
"""Its settings in seconds: the shortest lease at which a poll, late by its jitter of 120 %, is no matter."""
LEASES = "/apis/coordination.k8s.io/v1/namespaces/default/leases"


class Scheduler:
    """One process. What it believes, and since when, is read in its log: a line is written as it happens."""

    prefix = f"{socket.gethostname()}_"
    """What its identity begins with; a UUID follows."""

    def __init__(self, server: ApiServer, lease: str, log: Path, *, lease_duration: int = LEASE) -> None:
        binary = find_binary("kube-scheduler")
        if binary is None:
            missing("no kube-scheduler here: .ci/servers kubernetes builds it beside kube-apiserver")
        self._log = log
        self._ended_at: float | None = None
        command = [
            f"{binary}",
            f"--kubeconfig={server.kubeconfig(ADMIN, server.port)}",
            "--port=0",  # it serves nothing
            "--secure-port=0",
            "--leader-elect=true",
            f"--leader-elect-lease-duration={lease_duration}s",
            f"--leader-elect-renew-deadline={RENEW}s",
            f"--leader-elect-retry-period={RETRY}s",
            "--leader-elect-resource-lock=leases",
            "--leader-elect-resource-namespace=default",
            f"--leader-elect-resource-name={lease}",
            "--vmodule=leaderelection=4",  # it tells of each look at a lease that is another's
        ]
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env={**os.environ, "TZ": "UTC"}
            )

    def leads(self) -> bool:
        """Whether it has ever begun to."""
        return self.said("successfully acquired lease") > 0

    def said(self, words: str) -> int:
        """In how many lines."""
        return len(self._times(words))

    def term(self) -> tuple[float, float] | None:
        """From when to when, in Unix time, it led as far as it knew. Who is frozen or dead knows nothing."""
        began, lost = self._times("successfully acquired lease"), self._times("failed to renew lease")
        if not began:
            return None
        ends = [end for end in (*lost, self._ended_at) if end is not None]
        return began[0], min(ends, default=float("inf"))

    def freeze(self) -> None:
        """SIGSTOP: it does nothing from now on."""
        self._process.send_signal(signal.SIGSTOP)
        eventually(lambda: not is_running(self._process.pid))
        self._ended_at = time.time()

    def thaw(self) -> float:
        """SIGCONT: it goes on as if nothing had been. When that was."""
        thawed_at, self._ended_at = time.time(), None
        self._process.send_signal(signal.SIGCONT)
        return thawed_at

    def wait(self) -> int:
        """Until it ends by itself: its exit code."""
        return self._process.wait(PATIENCE)

    def kill(self) -> None:
        """SIGKILL. It is dead when this returns."""
        self._process.kill()
        self._process.wait(PATIENCE)
        if self._ended_at is None:
            self._ended_at = time.time()

    def _times(self, words: str) -> list[float]:
        """Of the lines with these words. Such a line begins with, say, `I1124 19:52:21.123456`."""
        year, found = datetime.now(timezone.utc).year, list[float]()
        for line in self._log.read_text(errors="replace").splitlines():
            if words in line and (stamp := re.match(r"[IWEF](\d{4} [\d:]+\.\d{6}) ", line)):
                moment = datetime.strptime(f"{year}{stamp[1]} +0000", "%Y%m%d %H:%M:%S.%f %z")
                found.append(moment.timestamp())
        return found


class Write(NamedTuple):
    """One state of the Lease object, with the times its writer gave it, in Unix time."""

    holder: str
    transitions: int
    acquired: float
    renewed: float


def write_of(found: Any) -> Write:
    """The write that made that object."""
    spec = found["spec"]
    times = (datetime.fromisoformat(spec[key].replace("Z", "+00:00")) for key in ("acquireTime", "renewTime"))
    return Write(spec["holderIdentity"], spec["leaseTransitions"], *(each.timestamp() for each in times))


class History:
    """All writes of a Lease, as the API server remembers them: it replays the last minute to any watch."""

    def __init__(self, server: ApiServer, lease: str) -> None:
        self._server, self._lease = server, lease
        self._since = _version(json.loads(server.ask(LEASES)))

    def writes(self) -> list[Write]:
        """Those since this history was begun up to now, in order."""
        now, writes = _version(json.loads(self._server.ask(f"{LEASES}/{self._lease}"))), list[Write]()
        query = f"?watch=true&fieldSelector=metadata.name%3D{self._lease}&resourceVersion={self._since}"
        with self._server.open(LEASES + query) as answer:
            for line in answer:
                found = json.loads(line)["object"]
                writes.append(write_of(found))
                if _version(found) >= now:
                    break
        return writes

    def terms(self) -> list[Write]:
        """The first write of each holder; a release is one of nobody's."""
        writes = self.writes()
        return [
            new
            for old, new in zip((None, *writes), writes, strict=False)
            if old is None or old.holder != new.holder
        ]


def _version(found: Any) -> int:
    """Of an object, or of a list of them: it grows with every write."""
    return int(found["metadata"]["resourceVersion"])


class Sample(NamedTuple):
    """The answer to `is_leader`, and Unix time before and after the question."""

    before: float
    leads: bool
    after: float


@contextmanager
def asked(campaign: Campaign) -> Iterator[list[Sample]]:
    """Ask it whether it leads, hundreds of times a second."""
    samples, is_over = list[Sample](), threading.Event()

    def ask() -> None:
        while not is_over.wait(0.002):
            samples.append(Sample(time.time(), campaign.is_leader(), time.time()))

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield samples
    finally:
        is_over.set()
        thread.join()
