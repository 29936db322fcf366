"""`incumbent completion`: have a shell complete this command."""

from __future__ import annotations

import argparse
from importlib.util import find_spec

from incumbent.errors import ConfigurationError


def main(arguments: argparse.Namespace) -> int:
    """Print it.

    Raises:
        ConfigurationError: There is nothing installed that writes it.
    """
    if find_spec("shtab") is None:
        raise ConfigurationError("shtab writes completions: pip install 'incumbent[cli]'")
    import shtab  # noqa: PLC0415 - an extra

    from incumbent.cli import make_parser  # noqa: PLC0415 - it imports this module's like

    print(shtab.complete(make_parser(), arguments.shell))
    return 0
