"""Parse the URL of a PostgreSQL store: libpq's syntax, and one option of ours."""

from __future__ import annotations

import re
from functools import partial
from typing import Final

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict

from incumbent.errors import ConfigurationError
from incumbent.shown import redacted
from incumbent.stores._options import check_path, options_of

_HOST: Final = re.compile(r"[\w.:%-]*|/[^@]*|@[^@]*")
"""A name, an address, or a socket of this machine."""


def parse_url(url: str) -> tuple[dict[str, str], bool]:
    """Return libpq's parameters, and whether its server can be listened to.

    Raises:
        ConfigurationError: The URL is none, or has an option that is none.
    """
    wrong = partial(_wrong, url)
    check_path(url, wrong)
    # Behind the last question mark: libpq allows some in a password.
    address, mark, query = url.rpartition("?")
    options = query.split("&") if mark else []
    watch = [option.partition("=")[2] for option in options if option.startswith("watch=")]
    if any(value not in {"on", "off"} for value in watch):
        raise wrong("has a watch= that is neither on nor off")
    if watch:
        rest = "&".join(option for option in options if not option.startswith("watch="))
        url = f"{address}?{rest}" if rest else address
    params = _parsed(url)
    if params is None:
        if mark:
            options_of(query, _known_options(), wrong)
        raise wrong("is malformed")
    if not all(_HOST.fullmatch(host) for host in params.get("host", "").split(",")):
        # libpq ends a password at its first @: what follows would be the name of a host.
        raise wrong("has a host that is none, or an @ in its password")
    return params, "off" not in watch


def _parsed(url: str) -> dict[str, str] | None:
    """None if libpq refuses it. What it says may quote the password."""
    try:
        params = {key: str(value) for key, value in conninfo_to_dict(url).items() if value is not None}
        for number in (*params.get("port", "").split(","), params.get("connect_timeout", "")):
            int(number or 0)
    except (psycopg.Error, ValueError):
        return None
    return params


def _known_options() -> list[str]:
    return sorted({option.keyword.decode() for option in pq.Conninfo.get_defaults()} | {"ssl", "watch"})


def _wrong(url: str, what: str) -> ConfigurationError:
    form = "give postgresql://user@host:port/database?option=value, percent-encoded"
    return ConfigurationError(f"store {redacted(url)!r} {what}: {form}")
