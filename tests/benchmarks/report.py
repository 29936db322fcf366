"""The measured values as tables, in `docs/reference/speed.md`: in `tests`, `python -m benchmarks.report`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from statistics import median

MEASURED = Path(__file__).with_name("measured.json")
PAGE = Path(__file__).parents[2] / "docs/reference/speed.md"
BEGIN_OF_TABLES, END_OF_TABLES = "<!-- measured -->\n", "<!-- /measured -->\n"

CRASH = "From a crash to the next leader, beyond the lease"
GRACEFUL = "From SIGTERM to the next leader"
RENEWAL = "CPU of a renewal in memory"
ONE_LEASE = "CPU of a renewal, one lease, ten times a second"
LEASES = "CPU of a renewal, 1,000 leases on one server, each two seconds"
THREADS = "Threads for them"
MEMORY = "Memory of a campaign"
START = "CPU to start all"
STOP = "CPU to stop all"
BEGIN = "CPU to begin"

GOALS = {
    CRASH: "10 ms and a round trip",
    GRACEFUL: "5 ms and two round trips",
    RENEWAL: "100 us for one, 30 us in bulk",
    ONE_LEASE: "less than the peer on that server",
    MEMORY: "6 kB",
    START: "2 s for 10,000",
    STOP: "2 s for 10,000",
    BEGIN: "40 ms over bare Python for the import, 150 ms for `run`",
}
UNITS = {
    CRASH: ("ms", 1e3),
    GRACEFUL: ("ms", 1e3),
    RENEWAL: ("us", 1e6),
    ONE_LEASE: ("us", 1e6),
    LEASES: ("us", 1e6),
    THREADS: ("", 1),
    MEMORY: ("kB", 1e-3),
    START: ("s", 1),
    STOP: ("s", 1),
    BEGIN: ("ms", 1e3),
}

PLOTTED = (CRASH, GRACEFUL, ONE_LEASE)
"""Figures that are ours and peers', of one unit and one order of magnitude."""

# Ratios within one run: a faster machine, or a busier one, changes both of their ends.
GUARDS = (
    (f"{RENEWAL}: incumbent, 1,000 in memory", f"{RENEWAL}: the elector alone", 5.0),
    (f"{ONE_LEASE}: incumbent, redis", f"{ONE_LEASE}: redis-py, redis", 3.0),
    (f"{ONE_LEASE}: incumbent, postgres", f"{ONE_LEASE}: advisory-lock, postgres", 4.0),
    (f"{BEGIN}: import incumbent; incumbent.Campaign", f"{BEGIN}: python -c pass", 12.0),
)


def medians(values):
    """One number for each."""
    return {name: median(each) for name, each in values.items()}


def complaints(values):
    """One line for each ratio that has grown beyond any doubt."""
    found = medians(values)
    return [
        f"{above} is {found[above] / found[below]:.1f} times {below}: {most} is allowed"
        for above, below, most in GUARDS
        if found[above] > most * found[below]
    ]


def load():
    """The values by name, and what is known of the machine."""
    written = json.loads(MEASURED.read_text("utf-8"))
    values, machine, loads = {}, {}, []
    for each in written["benchmarks"]:
        runs = each["runs"]
        machine = {**written.get("metadata", {}), **each.get("metadata", {}), **runs[0].get("metadata", {})}
        values[machine["name"]] = [value for run in runs for value in run["values"]]
        loads.append(machine["load_avg_1min"])
    return values, machine | {"least_load": min(loads), "most_load": max(loads)}


def tables(values, machine):
    """As they stand in the page."""
    about = (
        f"{machine['cpu_count']} processors ({machine.get('cpu_model_name', 'of unknown model')}), "
        f"Python {machine['python_version'].split(' ')[0]}, {machine['platform']}; "
        f"a load of {machine['least_load']:.0f} to {machine['most_load']:.0f}; "
        f"by `python -m benchmarks` in `tests`, pyperf {machine['perf_version']}.\n\n"
    )
    lines = [about]
    for figure, (unit, factor) in UNITS.items():
        lines += [f"### {figure}\n\n"]
        if figure in GOALS:
            lines += [f"Goal: {GOALS[figure]}.\n\n"]
        whose = {
            name.removeprefix(f"{figure}: "): each
            for name, each in values.items()
            if name.startswith(f"{figure}: ")
        }
        if figure in PLOTTED:
            lines += [plot(unit, {who: median(each) * factor for who, each in whose.items()})]
        lines += [f"| whose | median{unit and ', '}{unit} | least | most | times |\n"]
        lines += ["| --- | ---: | ---: | ---: | ---: |\n"]
        for who, each in whose.items():
            cells = " | ".join(shown(value * factor) for value in (median(each), min(each), max(each)))
            lines += [f"| {who} | {cells} | {len(each)} |\n"]
        lines += ["\n"]
    return "".join(lines)


def plot(unit, found):
    """The medians as bars, quickest first."""
    ordered = dict(sorted(found.items(), key=lambda each: each[1]))
    names = ", ".join(f'"{who}"' for who in ordered)
    return (
        "```mermaid\nxychart-beta horizontal\n"
        f"    x-axis [{names}]\n"
        f'    y-axis "{unit}" 0 --> {max(ordered.values()):.0f}\n'
        f"    bar [{', '.join(shown(value).replace(',', '') for value in ordered.values())}]\n```\n\n"
    )


def shown(value):
    """Three digits, or the thousands."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def page():
    """The page, with the tables of what is stored."""
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN_OF_TABLES)
    _, _, after = rest.partition(END_OF_TABLES)
    return f"{before}{BEGIN_OF_TABLES}\n{tables(*load())}{END_OF_TABLES}{after}"


def write():
    """Bring the page up to date."""
    PAGE.write_text(page(), "utf-8")


if __name__ == "__main__":
    write()
    print(*complaints(load()[0]), sep="\n")
    sys.exit(1 if complaints(load()[0]) else 0)
