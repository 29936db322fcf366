"""Stores: one file each, all alike. `open_store` picks one by its URL and imports only that one."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module
from typing import Final, TypeAlias

from incumbent.errors import ConfigurationError
from incumbent.lease import LONGEST_NAME, check_text
from incumbent.shown import redacted, shown
from incumbent.store import LeaseStore
from incumbent.stores._kinds import SCHEMES

__all__ = ["ENTRY_POINTS", "check_lease_name", "open_store"]

ENTRY_POINTS: Final = "incumbent.stores"
"""The group of entry points by which a package makes its store known: each is named as a URL's scheme, and
leads to what opens a URL of it, a function of the URL and the lease's name."""

Opener: TypeAlias = Callable[[str, str], LeaseStore]

_LONGEST_URL: Final = 8192
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def open_store(url: str, *, lease: str) -> LeaseStore:
    """The store at `url`, for the lease of that name.

    - `memory:` is shared by all who open it in this process, and by nobody else.
    - `sqlite:///state/leases.db` is a path relative to the working directory, `sqlite:////var/lib/leases.db`
      an absolute one (three slashes and four, as in SQLAlchemy), `sqlite:///~/leases.db` one in the user's
      home. The path is taken as it is written: nothing in it is percent-decoded. The file is created if it is
      missing, its directory is not.
    - The others are on servers; `incumbent stores` shows their URLs, and their modules in
      `incumbent.stores` say what the parts mean. Their clients are extras: `pip install incumbent[redis]`.
    - A package of yours may make another scheme known by an entry point; see `ENTRY_POINTS`.

    Raises:
        ConfigurationError: The URL or the name is wrong, the client is not installed, or there can be no
            store at that URL. A store that is only unavailable for now is opened: its first call says so.
    """
    check_lease_name(lease)
    return opener(url)(url, lease)


def _check_url(url: object) -> None:
    if not isinstance(url, str):
        raise ConfigurationError(
            f"store is {shown(url)}: give a URL, such as sqlite:///relative/path.db or "
            f"sqlite:////absolute/path.db for a file"
        )
    if len(url) > _LONGEST_URL or _CONTROLS.search(url):
        raise ConfigurationError(
            f"store {redacted(url)!r} is no URL: it has control characters, or over {_LONGEST_URL} others"
        )


def opener(url: str) -> Opener:
    """Return what opens this URL.

    Raises:
        ConfigurationError: It is none, or the client for it is not installed.
    """
    _check_url(url)
    scheme, colon, _ = url.partition(":")
    kind = SCHEMES.get(scheme) if colon else None
    if kind is None:
        opener = _from_another_package(scheme) if colon else None
        if opener is None:
            raise ConfigurationError(f"store {redacted(url)!r} {_unknown(scheme)}")
        return opener
    try:
        module = import_module(f"incumbent.stores.{kind.name}")
    except ModuleNotFoundError as error:
        if not kind.client or (error.name or "").partition(".")[0] != kind.client:
            raise
        raise ConfigurationError(
            f"store {redacted(url)!r} needs a client that is not installed: "
            f"pip install 'incumbent[{kind.name}]'"
        ) from error
    found: Opener = module.open_url
    return found


def _from_another_package(scheme: str) -> Opener | None:
    from importlib.metadata import entry_points  # noqa: PLC0415 - the stores of this package need none

    for entry_point in entry_points(group=ENTRY_POINTS, name=scheme):
        opener: Opener = entry_point.load()
        return opener
    return None


def _unknown(scheme: str) -> str:
    """Explain why the scheme is refused, without quoting it: it may be a piece of a password."""
    from difflib import get_close_matches  # noqa: PLC0415 - takes 1 ms to import, and most schemes are known

    base, plus, _ = scheme.partition("+")
    near = [each for each in get_close_matches(scheme.lower(), SCHEMES, 1) if ("+" in each) == bool(plus)]
    if base in SCHEMES and not near:
        return f"names a driver in its scheme, as SQLAlchemy has it: give {SCHEMES[base].example}"
    hint = f" (is it to be {near[0]}:?)" if near else ""
    known = ", ".join(f"{scheme}:" for scheme in SCHEMES)
    return f"has no scheme known here{hint}: give one of {known}"


def check_lease_name(name: str) -> None:
    """Refuse what cannot name a lease in every store.

    Raises:
        ConfigurationError: Empty, not a string, longer than `LONGEST_NAME` bytes, or with characters that
            some store cannot hold.
    """
    check_text("lease", name, longest=LONGEST_NAME)
    if name == "":
        raise ConfigurationError("lease is '': give the lease a name; candidates of one name contend")
