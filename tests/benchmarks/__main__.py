"""Measure ours and peers in one run, on this machine, on real servers: from `tests`, `python -m benchmarks`.

Each figure is measured in processes of its own. The values, with what pyperf says of the machine, go to
`benchmarks/measured.json`, and from there into `docs/reference/speed.md`. `--quick` leaves out 10,000
campaigns, measures everything else fewer times, for a look, and writes nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pyperf

from benchmarks import report
from benchmarks.failover import handovers
from support.servers import running
from support.servers.etcd import EtcdServer
from support.servers.postgres import PostgresServer
from support.servers.redis import RedisServer

PYTHON = sys.executable
STARTS = {
    "python -c pass": [PYTHON, "-c", "pass"],
    "import incumbent; incumbent.Campaign": [PYTHON, "-c", "import incumbent; incumbent.Campaign"],
    "import tooz.coordination": [PYTHON, "-c", "import tooz.coordination"],
    "import kubernetes.leaderelection": [
        *(PYTHON, "-c", "import kubernetes.leaderelection.leaderelection"),
    ],
    "incumbent --help": [PYTHON, "-m", "incumbent", "--help"],
}


KEPT = ("cpu_count", "cpu_model_name", "platform", "python_version", "perf_version", "load_avg_1min")
"""Of what pyperf knows of a machine; the rest, its name and its folders, is nobody's concern."""


class Measured:
    """Collects values by figure and whose they are."""

    def __init__(self):
        self.suite = []
        self.values = {}

    def add(self, figure, who, values, *, unit="second"):
        """The values of one figure; also a line, for whoever waits."""
        shown = ", ".join(f"{value:.4g}" for value in values)
        print(f"{figure}: {who}: {shown} {unit}", flush=True)
        machine = pyperf.Run([1.0]).get_metadata()
        metadata = {key: machine[key] for key in KEPT if key in machine}
        metadata |= {"name": f"{figure}: {who}", "unit": unit}
        runs = [pyperf.Run([float(value)], metadata=metadata, collect_metadata=False) for value in values]
        self.suite.append(pyperf.Benchmark(runs))
        self.values[f"{figure}: {who}"] = values


def said(*arguments):
    """What a module of the benchmarks measured, in a process of its own."""
    command = [PYTHON, "-m", *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=900).stdout)


def cpu_of(command):
    """CPU seconds of a process and its children, from start to end; of modules that may be kept compiled."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    # As the modules of an installed package are: not compiled anew by each process.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def many(measured, rounds, sizes):
    """Campaigns in memory, and the elector alone."""
    alone = [said("benchmarks.peers", "elector", "")["renewal_cpu"] for _ in range(rounds)]
    measured.add(report.RENEWAL, "the elector alone", alone)
    peer = [said("benchmarks.peers", "kubernetes", "")["renewal_cpu"] for _ in range(rounds)]
    measured.add(report.RENEWAL, "kubernetes client, 1 lock in memory, each second", peer)
    for size in sizes:
        period = {1: 0.1, 1000: 2}.get(size, 10)
        found = [
            said("benchmarks.bulk", size, "memory:", period) for _ in range(1 if size > 1000 else rounds)
        ]
        measured.add(
            report.RENEWAL, f"incumbent, {size:,} in memory", [each["renewal_cpu"] for each in found]
        )
        if size > 1:
            size_of = [each["campaign_bytes"] for each in found]
            measured.add(report.MEMORY, f"incumbent, {size:,} in memory", size_of, unit="byte")
            for deed, figure in (("start", report.START), ("stop", report.STOP)):
                values = [each[f"{deed}_cpu"] for each in found]
                measured.add(figure, f"incumbent, {size:,} in memory", values)


def on_servers(measured, rounds, urls):
    """One lease ten times a second, and 1,000 leases each two seconds."""
    for name, url in urls.items():
        one = [said("benchmarks.bulk", 1, url, 0.1)["renewal_cpu"] for _ in range(rounds)]
        measured.add(report.ONE_LEASE, f"incumbent, {name}", one)
        if name != "etcd":
            all_at_once = said("benchmarks.bulk", 1000, url, 2)
            measured.add(report.LEASES, f"incumbent, {name}", [all_at_once["renewal_cpu"]])
            measured.add(report.THREADS, f"incumbent, {name}", [all_at_once["threads"]], unit="integer")
    for peer, server in (("redis-py", "redis"), ("tooz", "redis"), ("advisory-lock", "postgres")):
        values = [said("benchmarks.peers", peer, urls[server])["renewal_cpu"] for _ in range(rounds)]
        measured.add(report.ONE_LEASE, f"{peer}, {server}", values)


def failovers(measured, rounds, urls):
    """From a leader's end to the next one."""
    whose = [("incumbent", name) for name in urls]
    whose += [("redis-py", "redis"), ("tooz", "redis"), ("advisory-lock", "postgres")]
    for kind, name in whose:
        for number, figure in ((signal.SIGKILL, report.CRASH), (signal.SIGTERM, report.GRACEFUL)):
            measured.add(figure, f"{kind}, {name}", handovers(kind, urls[name], number, rounds))


def starts(measured, rounds, folder):
    """Of an interpreter, with what it imports."""
    run = [PYTHON, "-m", "incumbent", "run", "--store", f"sqlite:///{folder}/start.db", "--", "true"]
    for who, command in {**STARTS, "incumbent run -- true": run}.items():
        cpu_of(command)  # what is compiled is on the disk from now on
        measured.add(report.BEGIN, who, [cpu_of(command) for _ in range(2 * rounds)])


def main():
    """All figures, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    rounds = 1 if quick else 3
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[1])
    measured = Measured()
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory())
        kinds = {"redis": RedisServer, "postgres": PostgresServer, "etcd": EtcdServer}
        urls = {name: stack.enter_context(running(kind)).url for name, kind in kinds.items()}
        urls["sqlite"] = f"sqlite:///{folder}/leases.db"
        starts(measured, rounds, folder)
        failovers(measured, rounds, urls)
        on_servers(measured, rounds, urls)
        many(measured, rounds, (1, 1000) if quick else (1, 1000, 10_000))
    if not quick:
        pyperf.BenchmarkSuite(measured.suite).dump(str(report.MEASURED), replace=True)
        report.write()
    return "\n".join(report.complaints(measured.values)) or 0


if __name__ == "__main__":
    sys.exit(main())
