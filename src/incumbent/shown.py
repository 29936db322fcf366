"""Format values for messages, logs and reprs: escaped, cut, and without secrets.

Every text that may come from outside goes through `shown`, and every URL through `redacted`. Nothing else of
a URL is quoted anywhere, not even the piece that is wrong: in a URL with a typo, any piece may be a password.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from reprlib import Repr
from typing import Final, Generic, TypeVar

T = TypeVar("T")

MOST_SHOWN: Final = 80
"""Characters of a value, before they are escaped."""

_SERVERS: Final = (
    "postgres",
    "postgresql",
    "mongodb",
    "etcd",
    "etcds",
    "consul",
    "consuls",
    "redis",
    "rediss",
)
_VARIANTS: Final = ("redis+sentinel", "rediss+sentinel", "redis+cluster", "rediss+cluster", "redis+unix")
SCHEMES: Final = {"memory", "sqlite", "kubernetes", "mongodb+srv", "unix", *_SERVERS, *_VARIANTS}
"""The schemes that may be quoted. What stands before `://` in any other URL may be half a password."""

LONGEST_LINE: Final = 1_000
"""Characters of a message, before they are escaped."""

# Not compiled here: that takes as long as the rest of this module, and most processes quote no URL.
_HOST: Final = r"(?:(?:[A-Za-z0-9._-]|%2[Ff])+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?"
_SERVER: Final = rf"""(?x)
    (?P<scheme>[a-z+]+)://
    (?:[^/?\#@]*@)?                      # who logs in: never shown
    (?P<hosts>(?:{_HOST}(?:,{_HOST})*)?)
    (?P<rest>(?:/[^?\#@:]*)?(?:\?[^\#@]*)?)  # with an @, what comes before it may be a password
"""
_FILE: Final = r"sqlite:///[^?#@:=&]+"
_LONGEST_PLACE: Final = 200
_LAST_PORT: Final = 65535

_repr: Final = Repr()
_repr.maxstring = _repr.maxother = _repr.maxlong = MOST_SHOWN
_repr.maxlevel = 3


@dataclass(frozen=True)
class Secret(Generic[T]):
    """A password, or what holds one, in an object whose repr or attributes may be printed."""

    value: T = field(repr=False)


def shown(value: object) -> str:
    """The value as `repr` has it, in one line, without control characters, and cut where it is long."""
    if isinstance(value, (str, bytes)):
        text, left = repr(value[:MOST_SHOWN]), len(value) - MOST_SHOWN
        return f"{text}... ({len(value)} long)" if left > 0 else text
    try:
        text = _escaped(_repr.repr(value))
    except Exception:  # noqa: BLE001 - an integer of many digits, or anybody's broken __repr__
        return f"<{type(value).__name__}>"
    return text if len(text) <= 2 * MOST_SHOWN else f"{text[: 2 * MOST_SHOWN]}..."


def typed(text: str) -> str:
    """What was given for something else, as `shown` has it; but not if it may be a URL: that has secrets."""
    return "'...'" if may_be_url(text) else shown(text)


def may_be_url(text: str) -> bool:
    """Whether it looks like the URL of a store, or like a mistyped one."""
    return ":/" in text or "password=" in text or "@" in text.partition(":")[2]


def without_urls(message: str) -> str:
    """The message up to the first word that may be a URL: who knows where that ends."""
    for word in re.finditer(r"\S+", message):
        if may_be_url(word[0]):
            return message[: word.start()] + "..."
    return message


def named_path(path: object) -> str:
    """The whole path of a file, if there is one; not what may be the URL that was given for it."""
    return "a file" if path is None else "'...'" if may_be_url(str(path)) else str(path)


def one_line(message: str) -> str:
    """The message in one line, without control characters, and cut where it is long."""
    left = len(message) - LONGEST_LINE
    return _escaped(message[:LONGEST_LINE]) + (f"... ({left} more characters)" if left > 0 else "")


def redacted(url: object) -> str:
    """Reduce a URL to its scheme and hosts, or to the path of a SQLite file. Nothing else is quoted.

    Of a URL that is malformed, only the scheme is quoted, and only if it is one of `SCHEMES`. The result is
    one line of printable characters.
    """
    if not isinstance(url, str):
        return "..."
    scheme, colon, rest = url.partition(":")
    if not colon or scheme not in SCHEMES:
        return "..."
    if scheme == "memory" and not rest:
        return url
    if re.fullmatch(_FILE, url) and len(url) <= _LONGEST_PLACE:
        return _escaped(url)
    found = re.fullmatch(_SERVER, url)
    if scheme == "sqlite" or found is None or not _is_place(found["hosts"]):
        return f"{scheme}:..."
    return f"{scheme}://{found['hosts']}{'/...' if found['rest'].strip('/') else ''}"


def _is_place(hosts: str) -> bool:
    ports = [int(port) for port in re.findall(r":([0-9]+)(?:,|$)", hosts)]
    return len(hosts) <= _LONGEST_PLACE and all(port <= _LAST_PORT for port in ports)


def _escaped(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)
