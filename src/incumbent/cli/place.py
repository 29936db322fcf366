"""Where the command finds leases, and how they look to people."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Final

from incumbent.errors import ConfigurationError, CorruptLease, LeaseNotFound
from incumbent.lease import Lease, StoredLease
from incumbent.shown import redacted
from incumbent.store import LeaseStore
from incumbent.stores import open_store

READ_TIMEOUT: Final = 5.0
"""Seconds that a person waits for an answer of the store."""


def default_store() -> str:
    """The URL of this user's own store on this machine; its directory is made if it is missing.

    Raises:
        ConfigurationError: It cannot be made.
    """
    import platformdirs  # noqa: PLC0415 - who names a store does not need it

    directory = Path(platformdirs.user_state_path("incumbent"))
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"the default store's directory {directory} cannot be made ({error.strerror}): "
            f"name a store by --store"
        ) from error
    return f"sqlite:///{directory / 'leases.db'}"


def open_lease(url: str | None, lease: str) -> LeaseStore:
    """The store of one lease, by default in the user's own file."""
    return open_store(default_store() if url is None else url, lease=lease)


def has_no_file(url: str | None) -> bool:
    """Whether it is a SQLite file that is not there: it has no lease, and to look should not create it.

    Raises:
        ConfigurationError: The URL names no file.
    """
    url = default_store() if url is None else url
    if not url.startswith("sqlite:"):
        return False
    from incumbent.stores.sqlite import path_of  # noqa: PLC0415 - only who uses it pays

    return not Path(path_of(url)).exists()


def read_leases(url: str | None, lease: str | None) -> dict[str, StoredLease | CorruptLease]:
    """The lease of that name, if there is one; without a name every lease in a SQLite file.

    Raises:
        ConfigurationError: No name was given, and the store does not list its leases.
        StoreError: The store cannot be used.
    """
    url = default_store() if url is None else url
    if has_no_file(url):
        return {}
    if lease is None:
        if not url.startswith("sqlite:"):
            raise ConfigurationError(f"store {redacted(url)!r} does not list its leases: name one by --lease")
        from incumbent.stores.sqlite import list_leases, path_of  # noqa: PLC0415 - only who uses it pays

        return list_leases(path_of(url), timeout=READ_TIMEOUT)
    store = open_store(url, lease=lease)
    try:
        return {lease: store.get_lease(timeout=READ_TIMEOUT)}
    except CorruptLease as error:
        return {lease: error}
    except LeaseNotFound:
        return {}
    finally:
        store.close()


def looks_expired(lease: Lease) -> bool:
    """Whether it was not renewed for its own duration, by the wall clocks of its writer and of this machine.

    Good enough to show, and to give up by. Whether the lease may be taken is another question (P4).
    """
    return lease.renew_time + timedelta(seconds=lease.lease_duration) < datetime.now(timezone.utc)
