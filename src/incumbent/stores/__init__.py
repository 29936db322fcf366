"""Stores: one file each, all alike. `open_store` picks one by its URL and imports only that one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from incumbent.errors import ConfigurationError
from incumbent.lease import check_text
from incumbent.store import LeaseStore

__all__ = ["check_lease_name", "open_store", "sqlite_path"]

_SQLITE_PREFIX: Final = "sqlite:///"
_PLANNED: Final = ("postgresql", "redis", "etcd", "consul", "mongodb", "kubernetes")


def open_store(url: str, *, lease: str) -> LeaseStore:
    """The store at `url`, for the lease of that name.

    - `memory:` is shared by all who open it in this process, and by nobody else.
    - `sqlite:///state/leases.db` is a path relative to the working directory, `sqlite:////var/lib/leases.db`
      an absolute one (three slashes and four, as in SQLAlchemy), `sqlite:///~/leases.db` one in the user's
      home. The path is taken as it is written: nothing in it is percent-decoded. The file is created if it is
      missing, its directory is not.

    Raises:
        ConfigurationError: The URL or the name is wrong, or there can be no store at that URL. A store that
            is only unavailable for now is opened: its first call says so.
    """
    check_lease_name(lease)
    scheme, colon, _ = url.partition(":")
    if colon and scheme in _OPENERS:
        return _OPENERS[scheme](url, lease)
    known = "memory: and sqlite:///PATH"
    if colon and scheme in _PLANNED:
        raise ConfigurationError(f"this version has no store for {scheme}: yet; it has {known}")
    raise ConfigurationError(f"store {_shown(url)!r} has no scheme known here: give one of {known}")


def check_lease_name(name: str) -> None:
    """Refuse what cannot name a lease in every store.

    Raises:
        ConfigurationError: Empty, not a string, or with characters that some store cannot hold.
    """
    check_text("lease", name)
    if name == "":
        raise ConfigurationError("lease is '': give the lease a name; candidates of one name contend")


def sqlite_path(url: str) -> str:
    """The path in a `sqlite:///` URL; see `open_store` for what the slashes mean.

    Raises:
        ConfigurationError: It is no such URL, names no file, or carries options.
    """
    path = url[len(_SQLITE_PREFIX) :]
    if not url.startswith(_SQLITE_PREFIX) or path in ("", ":memory:"):
        raise ConfigurationError(
            f"store {url!r} names no file: give sqlite:///relative/path.db or sqlite:////absolute/path.db, "
            f"or memory: for a lease within one process"
        )
    if "?" in path or "#" in path:
        raise ConfigurationError(
            f"store {url!r} has options, but sqlite has none: leave out what follows the path"
        )
    return path


def _open_memory(url: str, lease: str) -> LeaseStore:
    from incumbent.stores.memory import PROCESS_SPACE, MemoryStore  # noqa: PLC0415 - only who uses it pays

    if url != "memory:":
        raise ConfigurationError(f"store {url!r} is more than memory: it has no path and no options")
    return MemoryStore(lease, space=PROCESS_SPACE)


def _open_sqlite(url: str, lease: str) -> LeaseStore:
    from incumbent.stores.sqlite import SqliteStore  # noqa: PLC0415 - only who uses it pays

    return SqliteStore(sqlite_path(url), lease)


def _shown(url: str) -> str:
    """The URL without what may be a password."""
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"


_OPENERS: Final[dict[str, Callable[[str, str], LeaseStore]]] = {
    "memory": _open_memory,
    "sqlite": _open_sqlite,
}
