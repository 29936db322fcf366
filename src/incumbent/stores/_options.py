"""Parse the options behind the question mark of a store's URL."""

from __future__ import annotations

from collections.abc import Callable, Collection
from difflib import get_close_matches
from pathlib import Path
from urllib.parse import parse_qsl

from incumbent.errors import ConfigurationError


def options_of(
    query: str, known: Collection[str], wrong: Callable[[str], ConfigurationError]
) -> dict[str, str]:
    """The options by their names, decoded. Nothing that is wrong is quoted: it may be half a password.

    Args:
        query: What stands behind the question mark.
        known: The names that there are.
        wrong: Makes the error of the rest of a sentence about the URL.

    Raises:
        ConfigurationError: Malformed, or with a name that there is not, or one that comes twice.
    """
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True) if query else []
    except ValueError:
        pairs = [("", "")]
    found = dict[str, str]()
    for number, (name, value) in enumerate(pairs, 1):
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f"; is it to be {near[0]}?" if near else ""
            there_is = f"there are only {', '.join(known)}" if known else "there are none here"
            raise wrong(f"has an option that is not known, number {number} of {len(pairs)}: {there_is}{hint}")
        if name in found:
            raise wrong(f"gives the option {name} twice: give it once")
        found[name] = value
    return found


def check_path(url: str, wrong: Callable[[str], ConfigurationError]) -> None:
    """Refuse an @ behind the first slash: what stands before it is a password that was not encoded.

    Raises:
        ConfigurationError: There is one.
    """
    if "@" in url.partition("://")[2].partition("/")[2].partition("?")[0]:
        raise wrong(
            "has an @ behind its host: in a password, / ? # @ are percent-encoded, as %2F %3F %23 %40"
        )


def is_file(path: str) -> bool:
    """Whether there is a file, without an exception for a path that is none."""
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False
