"""The command `incumbent`. Each subcommand is a module of its own, imported when it is used."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from typing import Any, Final

from incumbent.errors import ConfigurationError, StoreError

EXIT_USAGE: Final = 2
EXIT_UNAVAILABLE: Final = 69  # EX_UNAVAILABLE
EXIT_NOT_NOW: Final = 75  # EX_TEMPFAIL
EXIT_INTERRUPTED: Final = 130
EXIT_NO_READER: Final = 141  # what a shell says of a program that SIGPIPE ended

_EXIT_CODES: Final = """\
exit codes:
    0  done
    1  `resign`: nobody was asked; `demo`, `simulate`, `check-store`: not as
       promised
    2  wrong usage or configuration
   69  the store cannot be used
   75  `run --once`: another holds the lease
  `run` exits with its command's own code: 126 if it cannot be executed,
  127 if it was not found, 128+n if signal n ended it; and with 128+n if
  signal n ended this contender while no command ran.

`incumbent COMMAND --help` tells all about a command.
"""

_RUN: Final = """\
Run a command on exactly one of many contenders. Start this on each of them:
the one that is elected runs the command, the others wait. When the command
ends by itself the lease is released, and its exit code is ours.

The command is dead before anybody else can hold the lease. If the lease
cannot be renewed, its whole process tree is sent SIGTERM at the renew deadline
and SIGKILL halfway from there to the end of the lease, by a guard process that
does so even when this process hangs, is stopped or is killed. The command runs
in a session of its own, without a controlling terminal, and what it leaves
behind when it ends is ended too.

It finds INCUMBENT_LEASE, INCUMBENT_IDENTITY and INCUMBENT_TOKEN in its
environment. The token is larger in each term than in all before: send it along
with writes, and have smaller ones refused. The signals HUP INT QUIT TERM USR1
USR2 WINCH and CONT are passed on to the command. While none runs, TERM INT and
QUIT end this contender, and so does the HUP of a terminal; the others are
dropped.
"""

_CHECK_STORE: Final = """\
Hold a live deployment against what an election needs of its store, in a lease
that nobody else uses and that is deleted again. Then measure its round trips,
advise the shortest lease that they allow, and say what could not be verified.
"""

_SIMULATE: Final = """\
Simulate an election in virtual time, with the electors that are shipped: under
faults, then in peace, where a leader is owed. Hold it against every property,
and show who led when. A seed decides everything, and repeats it.

--faults is one of
  drawn  other settings, other faults and other sizes of them for each seed
  none   a perfect world
  all    every fault through which exclusion is owed
or some of these, separated by commas:
  partition flap slow slow_then_isolated lose repeat pause pause_in_flight
  crash twin drift turn_wall_clock resign request_resign stop stall
and of these, near which it is not owed:
  break_clock delete restore
"""


def main(argv: list[str] | None = None) -> int:
    """Run the command `incumbent` and return its exit code."""
    given = sys.argv[1:] if argv is None else argv
    parser = _parser()
    cut = given.index("--") if "--" in given else len(given)
    arguments = parser.parse_args(given[:cut])
    arguments.argv = given[cut + 1 :]
    if arguments.module == "run" and not arguments.argv:
        parser.error("give the command to run after --, such as: incumbent run -- python worker.py")
    if arguments.module != "run" and cut < len(given):
        parser.error(f"only run takes a command after --, {arguments.module} does not")
    _log_to_stderr()
    try:
        code: int = _module(arguments.module).main(arguments)
        sys.stdout.flush()
    except ConfigurationError as error:
        return _failed(error, EXIT_USAGE)
    except StoreError as error:
        return _failed(error, EXIT_UNAVAILABLE)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Such as `incumbent watch | head -n 1`. The interpreter flushes once more, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_NO_READER
    return code


def _module(command: str) -> Any:
    return importlib.import_module(f"incumbent.cli.{command.replace('-', '_')}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="incumbent",
        description="Leader election: of many contenders, at most one is ever the incumbent.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, dest="module")

    def add(name: str, summary: str, description: str | None = None) -> argparse.ArgumentParser:
        return commands.add_parser(
            name,
            help=summary,
            description=description or f"{summary[0].upper()}{summary[1:]}.",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    run = add("run", "run a command on exactly one of many contenders", _RUN)
    run.usage = "incumbent run [OPTIONS] -- CMD [ARG ...]"
    _add_place(run, "made of the whole command line, so `python a.py` and `python b.py` are two leases")
    _add_timing(run)
    status = add("status", "show who holds the lease")
    _add_place(status, "every lease in the file")
    status.add_argument("--json", action="store_true", help="as JSON: a list of leases, times in ISO 8601")
    resign = add("resign", "ask the holder to end its work and step down")
    _add_place(resign, "the one lease that is held, if there is just one in the file")
    resign.add_argument("--by", metavar="WHO", help="who asks, for the holder's log (default: user@host)")
    watch = add("watch", "print a line at each change of the holder, until interrupted")
    _add_place(watch, "every lease in the file")
    watch.add_argument(
        "--every", metavar="S", type=_seconds, default=0.5, help="look so often (default: 0.5)"
    )
    stores = add("stores", "show every kind of store, and what it promises")
    stores.add_argument("--json", action="store_true", help="as JSON: a list of stores")
    check = add("check-store", "hold a live store against what an election needs of it", _CHECK_STORE)
    check.add_argument("url", metavar="URL", help="the store, as for `run --store`")
    simulate = add("simulate", "simulate an election under faults, and draw who led when", _SIMULATE)
    _add_simulation(simulate)
    add("demo", "see a leader killed and another frozen, with three contenders, in 20 seconds")
    return parser


def _add_place(command: argparse.ArgumentParser, default_lease: str) -> None:
    command.add_argument(
        "--store",
        metavar="URL",
        help="where leases are kept (default: a SQLite file of this user on this machine)",
    )
    command.add_argument("--lease", metavar="NAME", help=f"the lease (default: {default_lease})")


def _add_timing(run: argparse.ArgumentParser) -> None:
    run.add_argument(
        "--id", metavar="ID", help="this contender's name, for people (default: host-pid-random)"
    )
    run.add_argument("--once", action="store_true", help="exit with 75 at once if another holds the lease")
    run.add_argument(
        "--restart",
        action="store_true",
        help="when the command ends by itself, start it again, at most once a second, instead of exiting",
    )
    timing = run.add_argument_group("timing, in seconds")
    settings: tuple[tuple[str, float | None, str], ...] = (
        ("--lease-duration", 15.0, "how long others wait after the last sign of life (default: 15)"),
        ("--renew-deadline", None, "how long a leader works without a renewal (default: 2/3 of the lease)"),
        (
            "--retry-period",
            None,
            "from one look or renewal to the next (default: 1/5 of the deadline, at most 2)",
        ),
        ("--takeover-delay", 0.0, "wait so much longer than others before taking over (default: 0)"),
        ("--stop-timeout", 5.0, "from SIGTERM to SIGKILL where no lease is at stake (default: 5)"),
    )
    for option, default, text in settings:
        timing.add_argument(option, metavar="S", type=_seconds, default=default, help=text)


def _add_simulation(simulate: argparse.ArgumentParser) -> None:
    simulate.add_argument(
        "--candidates", metavar="N", type=int, choices=range(1, 27), help="how many (default: drawn, or 3)"
    )
    simulate.add_argument(
        "--for",
        dest="duration",
        metavar="T",
        type=_duration,
        default=120.0,
        help="how long the faults last, in virtual time: 90, 90s, 10m, 1h (default: 2m)",
    )
    simulate.add_argument("--seed", metavar="S", type=int, help="decides everything (default: a random one)")
    simulate.add_argument("--faults", metavar="F", default="drawn", help="what goes wrong (default: drawn)")
    simulate.add_argument("--html", metavar="FILE", help="write a page to zoom and move in")
    simulate.add_argument("--svg", metavar="FILE", help="write a drawing of the time under faults")
    simulate.add_argument("--json", metavar="FILE", help="write the history as NDJSON, which can be replayed")


def _duration(text: str) -> float:
    factor = {"s": 1, "m": 60, "h": 3600}.get(text[-1:])
    try:
        seconds = float(text[:-1]) * factor if factor else float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no duration: give a number above 0 such as 90, 90s, 10m, 1h"
        )
    return seconds


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds: give 0 or more")
    return seconds


def _log_to_stderr() -> None:
    import logging  # noqa: PLC0415 - `--help` needs none

    logging.basicConfig(format="%(asctime)s incumbent[%(process)d] %(message)s", level=logging.WARNING)
    logging.getLogger("incumbent").setLevel(logging.INFO)


def _failed(error: Exception, code: int) -> int:
    print(f"incumbent: {error}", file=sys.stderr)
    return code
