"""The options of the commands that meet a store: one table for command line, environment and docs.

Every option is an environment variable as well: `--lease-duration` is INCUMBENT_LEASE_DURATION. What the
command line says wins. A variable that is set is read, even if it is empty.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, NoReturn

from incumbent.cli.durations import address, duration, positive_duration, time_to_come

PREFIX: Final = "INCUMBENT_"

_SWITCH: Final = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}
_PLACES: Final = ("store", "store_file")
_NESTED: Final = frozenset({"INCUMBENT_LEASE", "INCUMBENT_TOKEN"})
"""Variables that `run` sets for its command. The first alone is also a setting."""


class Option(NamedTuple):
    """An option of a command.

    Attributes:
        flag: As it is written on the command line.
        value: What its value is called, or "" for a switch.
        text: What it does, in a few words.
        default: What is used where nothing is said.
        default_text: The same in words; "" where `text` says it.
        read: Turns the text given into a value, or raises `argparse.ArgumentTypeError`.
        words: How many words make the value: None for one, "+" for one or more.
        choices: The values allowed, if they can be listed.
        group: The heading in the help.
    """

    flag: str
    value: str
    text: str
    default: object = None
    default_text: str = ""
    read: Callable[[str], object] = str
    words: str | None = None
    choices: tuple[str, ...] | None = None
    group: str = "options"

    @property
    def name(self) -> str:
        """The attribute of the parsed arguments."""
        return self.flag.removeprefix("--").replace("-", "_")

    @property
    def variable(self) -> str:
        """The environment variable that says the same."""
        return PREFIX + self.name.upper()

    @property
    def help(self) -> str:
        """The text of `--help`."""
        return f"{self.text} (default: {self.default_text})" if self.default_text else self.text


def switch(text: str) -> bool:
    """Read a switch from the environment.

    Raises:
        argparse.ArgumentTypeError: It is neither on nor off.
    """
    if text.lower() not in _SWITCH:
        from incumbent.shown import typed  # noqa: PLC0415 - only a mistake needs it

        raise argparse.ArgumentTypeError(f"{typed(text)} is neither on nor off: give 1 or 0")
    return _SWITCH[text.lower()]


_STORE: Final = (
    Option("--store", "URL", "where leases are kept", None, "a file of this user on this machine"),
    Option("--store-file", "FILE", "a file that the URL is in, so that no password is seen"),
)
_LOGS: Final = (
    Option("--log-format", "F", "the log on stderr: text or json", "text", "text", choices=("text", "json")),
    Option("--quiet", "", "log warnings and errors only", default=False, read=switch),
)


_BY: Final = Option("--by", "WHO", "who asks, for the holder's log", None, "user@host")


def _lease(default_text: str) -> Option:
    return Option("--lease", "NAME", "the lease", None, default_text)


def _time(flag: str, text: str, default: float | None, default_text: str) -> Option:
    return Option(flag, "T", text, default, default_text, duration, group="timing: 15, 15s, 2m, 1h or 500ms")


_RUN: Final = (
    *_STORE,
    _lease("from directory and command line"),
    Option("--id", "ID", "this contender's name", None, "host-pid-random"),
    Option(
        "--once",
        "",
        "exit with 75 if another holds the lease, after two lease durations at most",
        default=False,
        read=switch,
    ),
    Option(
        "--restart",
        "",
        "start the command again when it ends by itself, at most once a second",
        default=False,
        read=switch,
    ),
    Option(
        "--pass-fds",
        "",
        "leave descriptors from 3 on open for the command (sockets of systemd are in any case)",
        default=False,
        read=switch,
    ),
    *_LOGS,
    Option("--trace", "DIR", "keep a record there, for `incumbent explain`"),
    Option(
        "--health",
        "ADDR",
        "serve /livez, /readyz and /leader at [HOST]:PORT, without HOST at 127.0.0.1",
        read=address,
    ),
    Option("--metrics", "", "serve /metrics there, too, for Prometheus", default=False, read=switch),
    _time("--lease-duration", "how long others wait for a sign of life", 15.0, "15s"),
    _time("--renew-deadline", "how long a leader works without a renewal", None, "2/3 of the lease"),
    _time(
        "--retry-period",
        "from one look or renewal to the next",
        None,
        "1/5 of the deadline, at most 2s",
    ),
    _time("--takeover-delay", "wait so much longer before taking over", 0.0, "0"),
    _time(
        "--hold-for",
        "if the command succeeds, nobody runs it again for so long from its start",
        0.0,
        "0",
    ),
    _time("--stop-timeout", "from SIGTERM to SIGKILL if the lease lasts", 5.0, "5s"),
)

OPTIONS: Final[dict[str, tuple[Option, ...]]] = {
    "run": _RUN,
    "status": (
        *_STORE,
        _lease("every lease in a SQLite file"),
        Option("--json", "", "as JSON: a list of leases, times in ISO 8601", default=False, read=switch),
        Option(
            "--check",
            "WHAT",
            "exit with 0 if it is so and with 1 if not: `held`, `held-by ID`, or `leads`, who is "
            "INCUMBENT_IDENTITY with INCUMBENT_TOKEN, as `run` tells its command, or else INCUMBENT_ID",
            read=str.split,
            words="+",
        ),
        *_LOGS,
    ),
    "resign": (
        *_STORE,
        _lease("the one that is held in a SQLite file"),
        Option(
            "--to", "ID", "the contender that is to lead next: the others leave it to that one for a while"
        ),
        _BY,
        *_LOGS,
    ),
    "pause": (
        *_STORE,
        _lease("the only one in a SQLite file"),
        Option(
            "--until",
            "TIME",
            "an ISO 8601 time, of this machine's zone unless it says another",
            None,
            "until `incumbent resume`",
            time_to_come,
        ),
        _BY,
        *_LOGS,
    ),
    "resume": (*_STORE, _lease("the one that is held back in a SQLite file"), *_LOGS),
    "watch": (
        *_STORE,
        _lease("every lease in a SQLite file"),
        Option("--every", "T", "look so often", 0.5, "500ms", positive_duration),
        *_LOGS,
    ),
    "check-store": (
        Option("--store", "URL", "the same as URL, from a safer place: INCUMBENT_STORE"),
        _STORE[1],
        Option(
            "--scratch-lease",
            "NAME",
            "a lease to overwrite, which nobody contends for",
            None,
            "a new one, deleted afterwards if that is allowed",
        ),
        *_LOGS,
    ),
}
"""By command. What is not listed here, such as `demo`, meets no store and reads no variable."""


def add_options(parser: argparse.ArgumentParser, command: str) -> None:
    """Tell the parser all options of the command. None of them has a default yet: see `settle`."""
    groups: dict[str, Any] = {"options": parser}
    for option in OPTIONS[command]:
        if option.group not in groups:
            groups[option.group] = parser.add_argument_group(option.group)
        add = groups[option.group].add_argument
        if option.value:
            read = str if option.words else option.read
            add(
                option.flag,
                metavar=option.value,
                type=read,
                nargs=option.words,
                choices=option.choices,
                help=option.help,
            )
        else:
            add(option.flag, action="store_true", default=None, help=option.help)


def settle(
    command: str,
    arguments: argparse.Namespace,
    environment: Mapping[str, str],
    error: Callable[[str], NoReturn],
) -> None:
    """Complete what the command line left open: from the environment, then by the defaults.

    Args:
        command: Whose options these are.
        arguments: What the command line said; completed in place.
        environment: The variables.
        error: Ends the program with a message about wrong usage.
    """
    if command == "run" and arguments.lease is None and _NESTED.issubset(environment):
        error(
            "INCUMBENT_LEASE names the lease of the `incumbent run` that has started this one, which would "
            "wait for it for ever: name another lease by --lease"
        )
    stores = [name for name in ("url", *_PLACES) if getattr(arguments, name, None) is not None]
    is_silent = bool(stores)  # the environment, where the command line says where the leases are
    for option in OPTIONS[command]:
        given = getattr(arguments, option.name)
        if given == []:  # what argparse makes of `--store=--`
            error(f"argument {option.flag}: expected one argument")
        if given is not None:
            continue
        value = option.default
        if option.variable in environment and not (is_silent and option.name in _PLACES):
            value = _read(option, environment[option.variable], error)
            stores += [option.name] * (option.name in _PLACES)
        setattr(arguments, option.name, value)
    if len(stores) > 1:
        error("the store is given more than once: give one of --store, --store-file and their variables")


def _read(option: Option, text: str, error: Callable[[str], NoReturn]) -> object:
    try:
        value = option.read(text)
    except argparse.ArgumentTypeError as wrong:
        error(f"{option.variable}: {wrong}")
    if option.choices is not None and value not in option.choices:
        error(f"{option.variable}: give one of {', '.join(option.choices)}")
    return value
