"""Check the Spin model: `python specs/check.py` runs all of it, `--quick` what takes seconds.

Each row is one model with the verdict that is expected of it: the protocol is safe and live, it is safe just
up to the bound of P6 and not beyond, and each broken rule is caught. Prints one table; ends with 1 if any
verdict is another. Needs `spin` and a C compiler (Debian: `apt-get install spin gcc`).
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from incumbent.tracked import tracked

MODEL = Path(__file__).with_name("lease.pml")
SAFE, LIVE, BROKEN = "safe", "live", "broken"


AGAINST = {SAFE: r"assertion violated +!\( ?!", LIVE: r"acceptance cycle"}
"""What the verifier says of a model that breaks `ltl exclusion`, or `ltl again`. Else the model is defect."""


class Run(NamedTuple):
    """A model: how long, how many, which flags, and what is expected."""

    title: str
    timing: tuple[int, int, int]  # lease duration, renew deadline, skew
    flags: tuple[str, ...]
    expected: str
    candidates: int = 2
    is_quick: bool = True


class Verdict(NamedTuple):
    """What came out."""

    found: str
    states: int
    depth: int
    seconds: float
    megabytes: float


def within_bound(lease: int, deadline: int, skew: int) -> bool:
    """P6, where clocks are never more than `skew` apart: over a lease that is twice of it, there and back."""
    return deadline + 2 * skew <= lease


SWEEP = tuple(
    Run(
        f"the bound of P6: {'kept' if within_bound(lease, deadline, skew) else 'exceeded by one'}",
        (lease, deadline, skew),
        (),
        SAFE if within_bound(lease, deadline, skew) else BROKEN,
    )
    for deadline, skew in ((1, 0), (2, 0), (1, 1), (2, 1), (1, 2))
    for lease in (deadline + 2 * skew, deadline + 2 * skew - 1)
    if lease > 0
)

MODELS = (
    Run("loss, delay, pause, drift", (4, 2, 1), (), SAFE),
    Run("and crash, release", (4, 2, 1), ("CRASH", "RELEASE"), SAFE),
    Run("and stale writes, read back (P7)", (2, 1, 0), ("STALE",), SAFE),
    Run("and all of it", (2, 1, 0), ("STALE", "RELEASE", "CRASH"), SAFE, is_quick=False),
    Run("and stale writes, read back (P7)", (2, 2, 0), ("STALE", "RELEASE"), SAFE, is_quick=False),
    Run("and stale writes, read back (P7)", (3, 1, 1), ("STALE",), SAFE, is_quick=False),
    Run("and all of it, with drift", (3, 1, 1), ("STALE", "RELEASE", "CRASH"), SAFE, is_quick=False),
    Run("and touches (P15)", (3, 1, 1), ("TOUCH",), SAFE),
    Run("and touches (P15)", (4, 2, 1), ("TOUCH", "RELEASE"), SAFE, is_quick=False),
    Run("and touches, and stale writes", (2, 1, 0), ("TOUCH", "STALE"), SAFE, is_quick=False),
    Run("three candidates", (2, 1, 0), (), SAFE, candidates=3, is_quick=False),
    Run("three candidates", (2, 2, 0), (), SAFE, candidates=3, is_quick=False),
    Run("a leader again and again (L1)", (3, 2, 0), ("LIVE", "RELEASE"), LIVE),
    Run("a leader again and again, whoever touches", (3, 2, 0), ("LIVE", "TOUCH"), LIVE, is_quick=False),
    Run("a leader again and again (L1)", (3, 1, 1), ("LIVE", "RELEASE", "CRASH"), LIVE, is_quick=False),
)

RULES = (
    ("P1: a write takes effect on any version", "UNCONDITIONAL", ()),
    ("P2: a read of one's own name renews", "NAME", ()),
    ("P3: validity counts from the reply", "REPLY_TIME", ()),
    ("P3: a flag, and no look at the clock", "FLAG_ONLY", ()),
    ("P4: the wait counts from the send of the read", "READ_SENT", ()),
    ("P4: a renewal does not start the wait anew", "HOLDER", ()),
    ("P7: a refusal is success", "REFUSED_IS_DONE", ()),
    ("P7: what is read back counts from the reading", "READ_BACK_TIME", ("STALE",)),
    ("P9: the release comes before the end of the term", "RELEASE_FIRST", ("RELEASE",)),
    ("P9: a release replaces whatever is there", "BLIND_RELEASE", ("RELEASE",)),
    ("P10: an answer to an older write is the answer", "NO_ID", ("STALE",)),
)

MUTANTS = (
    *(Run(title, (4, 2, 1), (f"BROKEN_{flag}", *flags), BROKEN) for title, flag, flags in RULES),
    Run("P15: validity counts from the touch", (3, 2, 0), ("TOUCH", "BROKEN_TOUCH_RENEWS"), BROKEN),
    Run("P15: a touch begins the wait anew", (3, 2, 0), ("LIVE", "TOUCH", "BROKEN_TOUCH_WAITS"), BROKEN),
    Run(
        "P15: the first version of a write is claimed over",
        (3, 2, 0),
        ("LIVE", "TOUCH", "BROKEN_FIRST_VERSION"),
        BROKEN,
    ),
    Run("P12: a follower does not wake", (3, 2, 0), ("LIVE", "BROKEN_NEVER_WAKES"), BROKEN),
    Run("P13: a request without answer is the last", (3, 2, 0), ("LIVE", "BROKEN_NO_SECOND_TRY"), BROKEN),
)

RUNS = (*MODELS, *SWEEP, *MUTANTS)


def what_is_missing() -> str:
    """What must be installed first, or ""."""
    absent = [tool for tool in ("spin", "gcc") if shutil.which(tool) is None]
    return f"the Spin model needs {' and '.join(absent)}: apt-get install spin gcc" if absent else ""


def check(run: Run, folder: Path) -> Verdict:
    """Generate, compile and run one verifier.

    Raises:
        RuntimeError: Spin, the compiler or the verifier gave no verdict.
    """
    lease, deadline, skew = run.timing
    settings = (f"-DN={run.candidates}", f"-DLD={lease}", f"-DRD={deadline}", f"-DSKEW={skew}")
    _call(["spin", *settings, *(f"-D{flag}" for flag in run.flags), "-a", str(MODEL)], folder)
    is_live = "LIVE" in run.flags
    options = ["-DNFAIR=4"] if is_live else ["-DSAFETY", "-DBFS"]
    _call(
        [
            "gcc",
            "-O1" if run.is_quick else "-O2",
            "-w",
            "-DCOLLAPSE",
            "-DMEMLIM=16000",
            *options,
            "-o",
            "pan",
            "pan.c",
        ],
        folder,
    )
    began = time.perf_counter()
    printed = _call(["./pan", "-w22", "-m1000000", *(["-a", "-f"] if is_live else [])], folder)
    seconds = time.perf_counter() - began
    numbers = [
        re.search(pattern, printed)
        for pattern in (
            r"errors: (\d+)",
            r"(\d+) states, stored",
            r"depth reached (\d+)",
            r"([\d.]+)\s+total actual",
        )
    ]
    if None in numbers or "max search depth too small" in printed:
        raise RuntimeError(f"{run.title}: no verdict\n{printed}")
    errors, states, depth, megabytes = (float(number.group(1)) for number in numbers if number)
    good = LIVE if is_live else SAFE
    if errors and not re.search(AGAINST[good], printed):
        raise RuntimeError(f"{run.title}: an error of the model itself\n{printed}")
    return Verdict(BROKEN if errors else good, int(states), int(depth), seconds, megabytes)


def _call(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 (ours)
    if done.returncode != 0 or "Error:" in done.stdout:
        raise RuntimeError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


def main(arguments: list[str]) -> int:
    """Run the table; 1 if a verdict is not the expected one, 2 if there are no tools."""
    missing = what_is_missing()
    if missing:
        print(missing)
        return 2
    runs = [run for run in RUNS if run.is_quick or "--quick" not in arguments]
    print(f"{'model':52} {'N':1} {'LD,RD,skew':10} {'states':>10} {'depth':>7} {'s':>6} {'MB':>6}  verdict")
    surprises = 0
    with tracked(runs, "checking") as models:
        for run in models:
            with tempfile.TemporaryDirectory() as folder:
                verdict = check(run, Path(folder))
            is_surprise = verdict.found != run.expected
            surprises += is_surprise
            numbers = (
                f"{verdict.states:10,} {verdict.depth:7,} {verdict.seconds:6.1f} {verdict.megabytes:6.0f}"
            )
            end = f"{verdict.found}{', EXPECTED ' + run.expected if is_surprise else ''}"
            timing = ",".join(map(str, run.timing))
            print(f"{run.title:52} {run.candidates} {timing:10} {numbers}  {end}", flush=True)
    print(f"{len(runs)} models, {surprises} surprises")
    return 1 if surprises else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
