"""Stores: one file each, all alike. `open_store` picks one by its URL and imports only that one."""

from __future__ import annotations

from importlib import import_module

from incumbent.errors import ConfigurationError
from incumbent.lease import LONGEST_NAME, check_text
from incumbent.shown import redacted
from incumbent.store import LeaseStore
from incumbent.stores._kinds import SCHEMES

__all__ = ["check_lease_name", "open_store"]


def open_store(url: str, *, lease: str) -> LeaseStore:
    """The store at `url`, for the lease of that name.

    - `memory:` is shared by all who open it in this process, and by nobody else.
    - `sqlite:///state/leases.db` is a path relative to the working directory, `sqlite:////var/lib/leases.db`
      an absolute one (three slashes and four, as in SQLAlchemy), `sqlite:///~/leases.db` one in the user's
      home. The path is taken as it is written: nothing in it is percent-decoded. The file is created if it is
      missing, its directory is not.
    - The others are on servers; `incumbent stores` shows their URLs, and their modules in
      `incumbent.stores` say what the parts mean. Their clients are extras: `pip install incumbent[redis]`.

    Raises:
        ConfigurationError: The URL or the name is wrong, the client is not installed, or there can be no
            store at that URL. A store that is only unavailable for now is opened: its first call says so.
    """
    check_lease_name(lease)
    scheme, colon, _ = url.partition(":")
    kind = SCHEMES.get(scheme) if colon else None
    if kind is None:
        known = ", ".join(f"{scheme}:" for scheme in SCHEMES)
        raise ConfigurationError(f"store {redacted(url)!r} has no scheme known here: give one of {known}")
    try:
        module = import_module(f"incumbent.stores.{kind.name}")
    except ModuleNotFoundError as error:
        if not kind.client or (error.name or "").partition(".")[0] != kind.client:
            raise
        raise ConfigurationError(
            f"store {redacted(url)!r} needs a client that is not installed: "
            f"pip install 'incumbent[{kind.name}]'"
        ) from error
    store: LeaseStore = module.open_url(url, lease)
    return store


def check_lease_name(name: str) -> None:
    """Refuse what cannot name a lease in every store.

    Raises:
        ConfigurationError: Empty, not a string, longer than `LONGEST_NAME` bytes, or with characters that
            some store cannot hold.
    """
    check_text("lease", name, longest=LONGEST_NAME)
    if name == "":
        raise ConfigurationError("lease is '': give the lease a name; candidates of one name contend")
