"""`incumbent stores`: every kind of store, and what it truthfully promises."""

from __future__ import annotations

import argparse
import json
from importlib.util import find_spec

from incumbent.stores._kinds import KINDS, Kind


def main(arguments: argparse.Namespace) -> int:
    """Print a paragraph, or a JSON object, for each kind."""
    if arguments.json:
        print(json.dumps([as_json(kind) for kind in KINDS.values()], indent=2))
    else:
        print("\n\n".join(as_text(kind) for kind in KINDS.values()))
    return 0


def is_installed(kind: Kind) -> bool:
    """Whether what its module imports is there."""
    return not kind.client or find_spec(kind.client) is not None


def as_json(kind: Kind) -> dict[str, object]:
    """Return the declared guarantees by the names of `StoreGuarantees`."""
    return {
        "store": kind.name,
        "url": kind.example,
        "installed": is_installed(kind),
        "durable": kind.guarantees.durable,
        "resolution": kind.guarantees.resolution,
        "can_watch": kind.guarantees.can_watch,
        "promise": kind.promise,
        "operator": kind.operator,
    }


def as_text(kind: Kind) -> str:
    """A few lines for people."""
    missing = "" if is_installed(kind) else f"   (not installed: pip install 'incumbent[{kind.name}]')"
    rows = {
        "URL": kind.example + missing,
        "promises": kind.promise,
        "never forgets": "yes" if kind.guarantees.durable else "no: a missing lease is waited for",
        "notifies": "yes" if kind.guarantees.can_watch else "no: it is polled",
        "lease duration": f"in steps of {kind.guarantees.resolution:g} s",
        "see to": kind.operator,
    }
    return "\n".join([kind.name, *(f"  {label:<15} {value}" for label, value in rows.items())])
