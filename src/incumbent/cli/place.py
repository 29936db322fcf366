"""Find the leases that the command is about, and format them for people."""

from __future__ import annotations

import argparse
import logging
import os
import re
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Final

from incumbent.errors import ConfigurationError, CorruptLease, LeaseNotFound
from incumbent.lease import LATEST_TIME, Lease, StoredLease
from incumbent.shown import may_be_url, one_line, redacted, shown
from incumbent.store import LeaseStore
from incumbent.stores import open_store, opener

READ_TIMEOUT: Final = 5.0
"""Seconds that a person waits for an answer of the store."""

LARGEST_STORE_FILE: Final = 65_536
"""Bytes: far more than any URL needs."""

LONGEST_PATH: Final = 300
"""Characters of a path in a message."""

_PLAIN: Final = re.compile(r"[\w.@:/+=()-]{1,80}")

log: Final = logging.getLogger("incumbent.command")


def store_url(arguments: argparse.Namespace) -> str:
    """The URL that was given, wherever it was given; or that of the default store, which is announced.

    Raises:
        ConfigurationError: It is in a file that cannot be read, or there can be no default store.
    """
    if arguments.store_file is not None:
        return _read_store_file(arguments.store_file)
    if arguments.store is not None:
        given: str = arguments.store
        return given
    path = default_file()
    log.warning(
        "no store is named: using the file %s, which only this user's processes on this machine share; "
        "to elect among machines, name a server by --store",
        quoted(path),
    )
    return f"sqlite:///{path}"


def default_file() -> Path:
    """This user's own file on this machine; its directory is made if it is missing.

    Raises:
        ConfigurationError: It cannot be made.
    """
    import platformdirs  # noqa: PLC0415 - who names a store does not need it

    try:
        directory = Path(platformdirs.user_state_path("incumbent"))
    except RuntimeError:
        directory = Path("~")
    if not directory.is_absolute():  # neither HOME nor a passwd entry; older versions leave `~` as it is
        raise ConfigurationError("there is no home directory for a default store: name a store by --store")
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"the default store's directory {quoted(directory)} cannot be made ({error.strerror}): "
            f"name a store by --store"
        ) from error
    return directory / "leases.db"


def _read_store_file(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            content = file.read(LARGEST_STORE_FILE + 1)
    except (OSError, ValueError) as error:
        if may_be_url(path):
            raise ConfigurationError(
                "--store-file is to name a file that the store's URL is in, and seems to be the URL itself: "
                "give that by INCUMBENT_STORE or --store"
            ) from None
        why = getattr(error, "strerror", None) or "there can be no such file"
        raise ConfigurationError(f"--store-file {quoted(path)} cannot be read: {why}") from error
    try:
        lines = content.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError:
        lines = []
    urls = [line.strip() for line in lines if line.strip()]
    if len(urls) != 1 or len(content) > LARGEST_STORE_FILE:
        raise ConfigurationError(
            f"--store-file {quoted(path)} is to hold a store's URL, in one line of its own"
        )
    return urls[0]


def default_lease(command: list[str]) -> str:
    """A name for people, made of the whole command line and the working directory.

    It differs where one of them does, and is valid in every store, Kubernetes included.

    Raises:
        ConfigurationError: The working directory was deleted, or may not be read.
    """
    try:
        directory = bytes(Path.cwd())
    except OSError as error:
        raise ConfigurationError(
            f"the working directory, after which the lease is named by default, is not to be found "
            f"({error.strerror}): name the lease by --lease"
        ) from error
    words = b"\0".join([directory, *map(os.fsencode, command)])
    readable = re.sub(r"[^a-z0-9]+", "-", " ".join(command).lower())[:40].strip("-")
    from hashlib import sha256  # noqa: PLC0415 - takes 3 ms to import, and whoever names the lease needs none

    return f"{readable or 'command'}-{sha256(words).hexdigest()[:8]}"


def lacking_file(url: str) -> Path | None:
    """The SQLite file that is not there: it has no lease, and to look should not create it.

    Raises:
        ConfigurationError: The URL names no file, or one that nobody could find.
    """
    if not url.startswith("sqlite:"):
        return None
    # Only who uses SQLite pays for it.
    from incumbent.stores._sqlite_schema import absolute, check_path  # noqa: PLC0415
    from incumbent.stores.sqlite import path_of  # noqa: PLC0415

    path = Path(absolute(path_of(url)))
    check_path(str(path))
    try:
        path.stat()
    except FileNotFoundError:
        return path
    except OSError:
        pass  # opening it tells more
    return None


def read_leases(url: str, lease: str | None) -> dict[str, StoredLease | CorruptLease]:
    """The lease of that name, if there is one; without a name every lease in a SQLite file.

    Raises:
        ConfigurationError: The URL is wrong, or no name was given, and the store does not list its leases.
        StoreError: The store cannot be used.
    """
    if lacking_file(url) is not None:
        return {}
    if lease is None:
        if not url.startswith("sqlite:"):
            opener(url)  # what is wrong with the URL itself is said first
            raise ConfigurationError(f"store {redacted(url)} does not list its leases: name one by --lease")
        from incumbent.stores.sqlite import list_leases, path_of  # noqa: PLC0415 - only who uses it pays

        return list_leases(path_of(url), timeout=READ_TIMEOUT)
    with closing(open_store(url, lease=lease)) as store:
        found = read_lease(store)
    return {} if found is None else {lease: found}


def read_lease(store: LeaseStore) -> StoredLease | CorruptLease | None:
    """The lease, or why it is none; None if it is not there.

    Raises:
        StoreError: The store cannot be used.
    """
    try:
        return store.get_lease(timeout=READ_TIMEOUT)
    except CorruptLease as error:
        return error
    except LeaseNotFound:
        return None


def nothing(url: str, lease: str | None) -> str:
    """Say that there is no lease, or not even the file for it."""
    path = lacking_file(url)
    if path is not None:
        return f"there is no file {quoted(path)}: nobody has contended there yet, or the path is wrong"
    return (
        f"there is no lease {shown(lease)}" if lease is not None else f"there is no lease in {redacted(url)}"
    )


def open_lease(url: str, lease: str) -> LeaseStore:
    """The store of one lease."""
    return open_store(url, lease=lease)


def named(value: str) -> str:
    """A name as it is, if it is plain; otherwise quoted, escaped and cut."""
    return value if _PLAIN.fullmatch(value) else shown(value)


def quoted(path: str | Path) -> str:
    """A path, escaped. Its end matters most: so it is cut only where no sensible one is so long."""
    return one_line(repr(str(path))) if len(str(path)) <= LONGEST_PATH else shown(str(path))


def age(lease: Lease) -> timedelta:
    """The time since the renewal, by the wall clocks of its writer and this machine; may be negative."""
    return datetime.now(timezone.utc) - lease.renew_time


def looks_expired(lease: Lease) -> bool:
    """Whether it was not renewed for its own duration, as far as wall clocks can tell.

    Good enough to show, and to give up by. Whether the lease may be taken is another question (P4).
    """
    return age(lease).total_seconds() > lease.lease_duration


def is_held_back(lease: Lease) -> bool:
    """Whether it was released and should not be claimed yet, by this machine's clock (P16)."""
    return lease.is_vacant and lease.not_before > datetime.now(timezone.utc)


def moment(time: datetime) -> str:
    """A time of day as this machine's user reads it."""
    try:
        return time.astimezone().isoformat(" ", "seconds")
    except (ArithmeticError, ValueError, OSError):  # years that this machine's time zone does not reach
        return time.isoformat(" ", "seconds")


def how_long(not_before: datetime) -> str:
    """Until when nobody should claim it, as the rest of a sentence."""
    return "until `incumbent resume`" if not_before == LATEST_TIME else f"before {moment(not_before)}"


def is_ahead(lease: Lease) -> bool:
    """Whether it was renewed in the future: then wall clocks tell nothing about it."""
    return age(lease).total_seconds() < 0
