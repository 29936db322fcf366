"""What the URL of a Redis store says."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from incumbent.errors import ConfigurationError
from incumbent.shown import redacted

Address: TypeAlias = tuple[str, int]

DEFAULT_PREFIX: Final = "incumbent:"
_DEFAULT_PORTS: Final = {"": 6379, "sentinel": 26379, "cluster": 6379}
_TLS_OPTIONS: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_SENTINEL_OPTIONS: Final = ("sentinel_username", "sentinel_password")


@dataclass(frozen=True)
class Place:
    """Where leases are, and who asks for them. A value, whose repr tells no secret.

    Attributes:
        kind: "" for one server, "sentinel" or "cluster".
        addresses: The server; the sentinels; or some nodes of the cluster.
        service: What the sentinels call the server.
        credentials: The keyword arguments by which a client logs in to the server.
        sentinel_credentials: To the sentinels.
        tls: The keyword arguments of a connection by TLS; None for one without.
        db: The number of the database.
        prefix: What every key begins with.
        wait: How many replicas must have what is written or read.
        shown: The URL without secrets.
    """

    kind: str
    addresses: tuple[Address, ...]
    service: str
    credentials: tuple[tuple[str, str], ...] = field(repr=False)
    sentinel_credentials: tuple[tuple[str, str], ...] = field(repr=False)
    tls: tuple[tuple[str, str], ...] | None
    db: int
    prefix: str
    wait: int
    shown: str

    def key(self, lease: str) -> str:
        """Where the lease of that name is, and on which channel its changes are told."""
        return f"{self.prefix}{{{lease}}}"


def place_of(url: str) -> Place:
    """What the URL says; the docstring of `incumbent.stores.redis` has its parts.

    Raises:
        ConfigurationError: It is malformed, or has an option that there is not.
    """
    try:
        split = urlsplit(url)
    except ValueError:  # whose text may hold the password
        raise _wrong(url, "is no URL: an IPv6 address is written [::1]") from None
    if "@" in split.path + split.query + split.fragment:
        harmless = f"{split.scheme}://{url.rpartition('@')[2]}"
        raise _wrong(harmless, "has an @ behind its host: in a password, / ? # @ are written %2F %3F %23 %40")
    scheme, _, kind = split.scheme.partition("+")
    if scheme not in ("redis", "rediss") or kind not in _DEFAULT_PORTS or split.fragment:
        raise _wrong(url, "is no Redis URL: see incumbent.stores.redis")
    userinfo, _, hosts = split.netloc.rpartition("@")
    username, _, password = userinfo.partition(":")
    addresses = tuple(_address(url, host, _DEFAULT_PORTS[kind]) for host in hosts.split(","))
    if kind == "" and len(addresses) > 1:
        raise _wrong(url, "names several hosts: that is for redis+sentinel:// and redis+cluster://")
    options = _options(url, split, kind)
    service, db = _path(url, split, kind)
    wait = options.get("wait", "0")
    if not (wait.isascii() and wait.isdecimal()):
        raise _wrong(url, f"has wait={wait!r}: give how many replicas must have what is written")
    return Place(
        kind=kind,
        addresses=addresses,
        service=service,
        credentials=_given(username=unquote(username), password=unquote(password)),
        sentinel_credentials=_given(
            username=options.get("sentinel_username", ""), password=options.get("sentinel_password", "")
        ),
        tls=_given(**{name: options.get(name, "") for name in _TLS_OPTIONS}) if scheme == "rediss" else None,
        db=db,
        prefix=options.get("prefix", DEFAULT_PREFIX),
        wait=int(wait),
        shown=redacted(url),
    )


def _address(url: str, text: str, default_port: int) -> Address:
    try:
        split = urlsplit(f"//{text}")
        host, port = split.hostname, split.port
    except ValueError as error:
        raise _wrong(url, f"has the host {text!r} ({error}): give host:port") from error
    if not host or split.path or port == 0:
        raise _wrong(url, f"has the host {text!r}: give host:port")
    return unquote(host), port or default_port


def _path(url: str, split: SplitResult, kind: str) -> tuple[str, int]:
    """The service that sentinels know, and the number of the database."""
    parts = split.path.strip("/").split("/")
    service = unquote(parts.pop(0)) if kind == "sentinel" else ""
    if kind == "sentinel" and not service:
        raise _wrong(url, "names no service: give redis+sentinel://host:26379/service")
    db = "".join(parts) or "0"
    if len(parts) > 1 or not (db.isascii() and db.isdecimal()):
        raise _wrong(url, f"has the path {split.path!r}: give the number of a database, such as /0")
    if kind == "cluster" and int(db) != 0:
        raise _wrong(url, f"names database {db}: a cluster has only database 0")
    return service, int(db)


def _options(url: str, split: SplitResult, kind: str) -> dict[str, str]:
    known = ["wait", "prefix", *(_TLS_OPTIONS if split.scheme.startswith("rediss") else ())]
    known += _SENTINEL_OPTIONS if kind == "sentinel" else ()
    pairs = parse_qsl(split.query, keep_blank_values=True)
    names = [name for name, _ in pairs]
    for name in names:
        if name not in known:
            raise _wrong(url, f"has the option {name!r}: here there are only {', '.join(known)}")
        if names.count(name) > 1:
            raise _wrong(url, f"gives the option {name!r} twice: give it once")
    for name, value in pairs:
        if name in _TLS_OPTIONS and not Path(value).is_file():
            raise _wrong(url, f"has {name}={value!r}: there is no such file")
    return dict(pairs)


def _given(**values: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in values.items() if value)


def _wrong(url: str, what: str) -> ConfigurationError:
    return ConfigurationError(f"store {redacted(url)!r} {what}")
