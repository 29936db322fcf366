"""What each exit code means: the one table of it, which docs/reference/exit-codes.md is made from."""

from __future__ import annotations

from typing import Final, NamedTuple

from incumbent.cli import (
    EXIT_INTERRUPTED,
    EXIT_NO_READER,
    EXIT_NOT_NOW,
    EXIT_SYSTEM,
    EXIT_UNAVAILABLE,
    EXIT_USAGE,
)


class Exit(NamedTuple):
    """An exit code of `incumbent run`.

    Attributes:
        code: The number, or which numbers.
        when: It ends so.
        advice: To a manager of services.
    """

    code: str
    when: str
    advice: str


OF_RUN: Final = (
    Exit(
        "0",
        "the command exited with 0; or TERM or QUIT came while no command ran",
        "success: done, or a clean stop",
    ),
    Exit(
        f"{EXIT_USAGE}",
        "wrong usage or configuration; the guard cannot see processes (no `/proc`)",
        "do not restart",
    ),
    Exit(
        f"{EXIT_UNAVAILABLE}",
        "the store cannot be used: at the start, or with `--once` at the first look",
        "restart later",
    ),
    Exit(
        f"{EXIT_SYSTEM}",
        "with `--once`, the guard cannot be started: no more processes, descriptors or memory",
        "restart later",
    ),
    Exit(
        f"{EXIT_NOT_NOW}",
        "`--once`, and another holds the lease, or has done the work and holds it back",
        "success: somebody else does the work",
    ),
    Exit("126", "the command cannot be executed", "do not restart"),
    Exit("127", "the command was not found", "do not restart"),
    Exit("129", "HUP came from a terminal while no command ran", "-"),
    Exit(f"{EXIT_INTERRUPTED}", "INT came while no command ran", "-"),
    Exit(
        "137",
        "the command was killed: it did not end within `--stop-timeout`, or by another's SIGKILL",
        "it was cut off",
    ),
    Exit("143", "the command was ended by TERM", "clean, if it handles TERM by ending"),
    Exit("any other", "is the command's own; 128+n if signal n ended it", "as the command says"),
)

OF_OTHERS: Final = (
    ("0", "done"),
    (
        "1",
        (
            "`resign`: nobody was asked; `pause`: there is no lease; `resume`: there is no hold; `status`: "
            "there is no lease, or it is not as `--check` asks; `demo`, `simulate`, `check-store`: not as "
            "promised; `explain`: a trace does not conform to the protocol; `timings`: too tight"
        ),
    ),
    (f"{EXIT_USAGE}", "wrong usage or configuration"),
    (f"{EXIT_UNAVAILABLE}", "the store cannot be used, or the record is no lease"),
    (
        f"{EXIT_SYSTEM}",
        "the system refused something, such as room on a full disk for what is printed",
    ),
    (f"{EXIT_INTERRUPTED}", "INT came"),
    (f"{EXIT_NO_READER}", "the reader of standard output went away"),
)
"""The code, and when the other commands end so."""
