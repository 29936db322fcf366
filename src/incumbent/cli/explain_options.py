"""The arguments of `incumbent explain`, which are read before any of it is loaded."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

FORMATS: Final = ("text", "svg", "html")

TEXT: Final = """\
Say what happened in an election, from what its contenders wrote down: by
`incumbent run --trace DIR`, which INCUMBENT_TRACE=DIR says too, or by
`Campaign(trace=...)`. It joins the traces of all of them into one timeline,
says in words who led when and why each term ended, how long nobody led, and
what was slow or failed, and holds each step to the protocol. It exits with 1,
and names the rule, the file and the line, if one does not conform.
"""


def add_to(parser: argparse.ArgumentParser) -> None:
    """Tell the parser."""
    parser.add_argument(
        "traces", metavar="TRACE", nargs="+", type=Path, help="a trace, or a folder of traces"
    )
    parser.add_argument("--lease", metavar="NAME", help="the lease, if the traces are of several")
    parser.add_argument(
        "--format",
        metavar="F",
        choices=FORMATS,
        default="text",
        help="text, svg: a drawing, or html: a page to zoom and move in (default: text)",
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", type=Path, help="where to (default: standard output)"
    )
