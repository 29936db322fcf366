"""Write docs/reference/incumbent.1, the manual page, from the parser.

Run `python tests/support/cli/manual.py` after a change of an option. It is the same on every version of
Python, which the help of `argparse` is not.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from incumbent.cli import make_parser

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "incumbent.1"


def page() -> str:
    """The page as it should be."""
    parser = make_parser()
    (commands,) = (each for each in parser._actions if isinstance(each, argparse._SubParsersAction))
    summaries = {each.dest: each.help for each in commands._choices_actions}
    lines = [
        '.TH INCUMBENT 1 "" "incumbent" "User Commands"',
        ".SH NAME",
        r"incumbent \- leader election among processes that share a store",
        ".SH SYNOPSIS",
        ".B incumbent",
        r"\fICOMMAND\fR [\fIOPTIONS\fR]",
        ".SH DESCRIPTION",
        escaped(parser.description),
        ".SH COMMANDS",
    ]
    for name, command in commands.choices.items():
        synopsis = command.usage or f"incumbent {name} [OPTIONS]"
        lines += [f".SS {name} \\- {escaped(summaries[name])}", f".B {escaped(synopsis)}"]
        lines += [".PP", *literal(command.description)]
        for action in command._actions:
            if action.dest != "help":
                lines += [".TP", heading(action), escaped((action.help or "").replace("%%", "%"))]
    return "\n".join([*lines, ".SH EXIT CODES AND ENVIRONMENT", *literal(parser.epilog)]) + "\n"


def heading(action: argparse.Action) -> str:
    """An option with its value, or a positional argument."""
    value = f" \\fI{escaped(action.metavar)}\\fR" if action.metavar else ""
    return f"\\fB{escaped(action.option_strings[0])}\\fR{value}" if action.option_strings else value.strip()


def literal(text: str) -> list[str]:
    """Lines as they stand."""
    return [".nf", *map(escaped, text.strip("\n").split("\n")), ".fi"]


def escaped(text: str) -> str:
    """For roff: no backslash, hyphen, or dot at the beginning means anything."""
    text = text.replace("\\", r"\e").replace("-", r"\-")
    return re.sub(r"^([.'])", r"\\&\1", text)


if __name__ == "__main__":
    PAGE.write_text(page())
