"""The command `incumbent`. Each subcommand is a module of its own, imported when it is used."""

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys
from contextlib import suppress
from typing import Any, Final, NoReturn

from incumbent import __version__
from incumbent.cli import descriptors, explain_options
from incumbent.cli.durations import fraction, positive_duration
from incumbent.cli.options import OPTIONS, add_options, settle
from incumbent.errors import ConfigurationError, StoreError

EXIT_USAGE: Final = 2
EXIT_UNAVAILABLE: Final = 69  # EX_UNAVAILABLE
EXIT_SYSTEM: Final = 71  # EX_OSERR
EXIT_NOT_NOW: Final = 75  # EX_TEMPFAIL
EXIT_INTERRUPTED: Final = 130
EXIT_NO_READER: Final = 141  # what a shell says of a program that SIGPIPE ended

_SHELLS: Final = ("bash", "zsh", "tcsh")
_FOR_UNIX: Final = frozenset({"run", "demo"})

_EXIT_CODES: Final = """\
exit codes:
    0  done
    1  `resign`: nobody was asked; `pause`: there is no lease; `resume`: there
       is no hold; `status`: there is no lease, or it is not as --check asks;
       `demo`, `simulate`, `check-store`, `explain`: not as promised;
       `timings`: too tight
    2  wrong usage or configuration
   69  the store cannot be used
   71  the system refused what it was asked for, such as room on a full disk
   75  `run --once`: another holds the lease, or it is held back
  `run` exits with its command's own code: 126 if it cannot be executed,
  127 if it was not found, 128+n if signal n ended it. Ended while no command
  ran, it exits with 0 after TERM or QUIT, 130 after INT, 129 after HUP.

`incumbent COMMAND --help` tells all about a command. Each of its options is an
environment variable, too: `--store URL` is INCUMBENT_STORE=URL.
"""

_RUN: Final = """\
Run a command on exactly one of many contenders. Start this on each of them:
the one that is elected runs the command, the others wait. When the command
ends by itself the lease is released, and its exit code is ours.

The command is dead before anybody else can hold the lease. If the lease
cannot be renewed, its whole process tree is sent SIGTERM at the renew deadline
and SIGKILL halfway from there to the end of the lease, by a guard process that
does so even when this process hangs, is stopped or is killed. What the command
leaves behind when it ends is ended too.

It finds INCUMBENT_LEASE, INCUMBENT_IDENTITY and INCUMBENT_TOKEN in its
environment: the token is larger in each term than in all before. Signals are
passed on to it. TERM INT and QUIT end this contender, too: at once while no
command runs, or when it has ended, which is killed after --stop-timeout.
Each option is a variable, too: --lease-duration is INCUMBENT_LEASE_DURATION.
"""

_PAUSE: Final = """\
Have nobody lead until `incumbent resume`, or until a time of day. A lease that
nobody holds is held back at once. Who holds it is asked to end its work and to
resign, and holds it back by that. Should it crash before it has, its lease
expires and another takes over, since a crash holds nobody back: `incumbent
status` shows what has come of it.
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
  crash twin drift turn_wall_clock resign request_resign stop stall fork
  touch urge
and of these, near which it is not owed:
  break_clock delete restore
"""

_TIMINGS: Final = """\
Explain what a choice of timings means, number by number: how long a failover
takes, how far clocks may drift, how long the store may be away. Exits with 1
where the round trip to the store is too slow for them.
"""

_COMPLETION: Final = """\
Print what has a shell complete this command, its options and their values. It
needs `pip install 'incumbent[cli]'`. For one user, with bash:

  incumbent completion bash > ~/.local/share/bash-completion/completions/incumbent

with zsh, in a folder of its $fpath:

  incumbent completion zsh > ~/.zfunc/_incumbent
"""


class Parser(argparse.ArgumentParser):
    """A parser whose messages quote nothing raw, and no URL: where one is given by mistake it has secrets."""

    def error(self, message: str) -> NoReturn:
        """See `argparse.ArgumentParser.error`."""
        from incumbent.shown import one_line, without_urls  # noqa: PLC0415 - only a mistake needs it

        super().error(one_line(without_urls(message)))


def main(argv: list[str] | None = None) -> int:
    """Run the command `incumbent` and return its exit code."""
    descriptors.open_missing_streams()
    given = sys.argv[1:] if argv is None else argv
    arguments = _parsed(given)
    _prepare_output(arguments)
    try:
        _check_system(arguments.module)
        if hasattr(arguments, "store"):
            arguments.store = importlib.import_module("incumbent.cli.place").store_url(arguments)
        code: int = _module(arguments.module).main(arguments)
        if sys.stdout is not None:  # it was closed when this process started
            sys.stdout.flush()
    except ConfigurationError as error:
        return _failed(error, EXIT_USAGE, arguments)
    except StoreError as error:
        return _failed(error, EXIT_UNAVAILABLE, arguments)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        _write_no_more()  # such as `incumbent watch | head -n 1`
        return EXIT_NO_READER
    except OSError as error:  # such as a standard output that is a file on a full disk
        _write_no_more()
        return _failed(error, EXIT_SYSTEM, arguments)
    return code


def _write_no_more() -> None:
    """Have the interpreter, which flushes once more at its end, complain about nothing."""
    with suppress(OSError):  # there is no descriptor left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parsed(given: list[str]) -> argparse.Namespace:
    """The arguments, completed from the environment; or the end of this program, with a message."""
    parser = make_parser()
    cut = given.index("--") if "--" in given else len(given)
    arguments, others = parser.parse_known_args(given[:cut])
    arguments.argv = given[cut + 1 :]
    command: str = arguments.module
    if others and command == "run" and not others[0].startswith("-") and not arguments.argv:
        options = " ".join(["incumbent run [OPTIONS]", "--", *others])
        parser.error(f"the command to run comes after --, such as: {options}")
    if others:
        parser.error(f"unrecognized arguments: {' '.join(others)}")
    if command == "run" and not arguments.argv:
        parser.error("give the command to run after --, such as: incumbent run -- python worker.py")
    if command != "run" and cut < len(given):
        parser.error(f"only run takes a command after --, {command} does not")
    if command in OPTIONS:
        settle(command, arguments, os.environ, parser.error)
    if command == "check-store":
        arguments.store = arguments.store if arguments.url is None else arguments.url
        if arguments.store is None and arguments.store_file is None:
            parser.error("name the store: by URL, --store-file, INCUMBENT_STORE or INCUMBENT_STORE_FILE")
    return arguments


def _check_system(command: str) -> None:
    if command in _FOR_UNIX and not hasattr(os, "fork"):
        raise ConfigurationError(
            f"incumbent {command} needs a Unix, whose processes it can end in time: here, lead from Python "
            f"by incumbent.Campaign"
        )


def _prepare_output(arguments: argparse.Namespace) -> None:
    from incumbent.cli.logs import log_to_stderr  # noqa: PLC0415 - `--help` needs none

    log_to_stderr(getattr(arguments, "log_format", "text"), quiet=getattr(arguments, "quiet", False))
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal that cannot show a name sees it escaped
        sys.stdout.reconfigure(errors="backslashreplace")


def _module(command: str) -> Any:
    return importlib.import_module(f"incumbent.cli.{command.replace('-', '_')}")


def make_parser() -> argparse.ArgumentParser:
    """Make the parser of the whole command line, for shell completion and the manual, too."""
    parser = Parser(
        prog="incumbent",
        description="Leader election: of many contenders, at most one is ever the incumbent.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"incumbent {__version__}")
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
    add_options(run, "run")
    add_options(add("status", "show who holds the lease"), "status")
    add_options(add("resign", "ask the holder to end its work and step down"), "resign")
    add_options(add("pause", "have nobody lead until `resume`", _PAUSE), "pause")
    add_options(add("resume", "end a hold on a lease: it may be claimed at once"), "resume")
    add_options(add("watch", "print a line at each change of the holder, until interrupted"), "watch")
    stores = add("stores", "show every kind of store, and what it promises")
    stores.add_argument("--json", action="store_true", help="as JSON: a list of stores")
    check = add("check-store", "hold a live store against what an election needs of it", _CHECK_STORE)
    check.add_argument("url", metavar="URL", nargs="?", help="the store, as for `run --store`")
    add_options(check, "check-store")
    _add_timings(add("timings", "explain what a choice of timings means", _TIMINGS))
    _add_simulation(add("simulate", "simulate an election under faults, and draw who led when", _SIMULATE))
    explain_options.add_to(add("explain", "say what happened in recorded elections", explain_options.TEXT))
    completion = add("completion", "print what completes this command in a shell", _COMPLETION)
    completion.add_argument("shell", metavar="SHELL", choices=_SHELLS, help=" ".join(_SHELLS))
    add("demo", "see a leader killed and another frozen, with three contenders, in 20 seconds")
    return parser


def _add_timings(timings: argparse.ArgumentParser) -> None:
    for flag, text in (
        ("--lease-duration", "how long others wait after the last sign of life (default: 15s)"),
        ("--renew-deadline", "how long a leader works without a renewal (default: 2/3 of the lease)"),
        ("--retry-period", "from one look or renewal to the next (default: 1/5 of the deadline, at most 2s)"),
    ):
        timings.add_argument(flag, metavar="T", type=positive_duration, help=text)
    timings.add_argument(
        "--rtt",
        metavar="T",
        type=positive_duration,
        default=0.01,
        help="a round trip to the store (default: 10ms)",
    )
    timings.add_argument(
        "--drift",
        metavar="D",
        type=fraction,
        help="by which any clock may run wrong: 0.01, 1%% (default: 0.1%%)",
    )


def _add_simulation(simulate: argparse.ArgumentParser) -> None:
    simulate.add_argument(
        "--candidates", metavar="N", type=int, choices=range(1, 27), help="how many (default: drawn, or 3)"
    )
    simulate.add_argument(
        "--for",
        dest="duration",
        metavar="T",
        type=positive_duration,
        default=120.0,
        help="how long the faults last, in virtual time: 90, 90s, 10m, 1h (default: 2m)",
    )
    simulate.add_argument("--seed", metavar="S", type=int, help="decides everything (default: a random one)")
    simulate.add_argument("--faults", metavar="F", default="drawn", help="what goes wrong (default: drawn)")
    simulate.add_argument("--html", metavar="FILE", help="write a page to zoom and move in")
    simulate.add_argument("--svg", metavar="FILE", help="write a drawing of the time under faults")
    simulate.add_argument("--json", metavar="FILE", help="write the history as NDJSON, which can be replayed")


def _failed(error: Exception, code: int, arguments: argparse.Namespace) -> int:
    from incumbent.shown import one_line  # noqa: PLC0415 - only a failure needs it

    if getattr(arguments, "log_format", "text") == "json":
        import logging  # noqa: PLC0415 - `--help` needs none

        logging.getLogger("incumbent").error("%s", error, extra={"exit_code": code})
    elif sys.stderr is not None:
        print(f"incumbent: {one_line(str(error))}", file=sys.stderr)
    return code
